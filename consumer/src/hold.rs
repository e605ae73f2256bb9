//! The brake: what all flushes and the fetcher share to stop dead-lettering together. Bad records beyond the limit are held,
//! that is neither dead-lettered nor committed, and nothing more is fetched until the service is started anew.

use std::sync::{Arc, Mutex, PoisonError};

use service::Readiness;
use service::trace::{span_id, trace_id};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::dead_letter_limit::{DeadLetterLimit, Exceeded};
use crate::decode::{Decoded, Fault};

/// The readiness condition that is set here: dead letters are within their limits.
pub(crate) const CONDITION: &str = "dead_letters";

/// Whether to go on. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Hold {
    limit: Arc<Mutex<DeadLetterLimit>>,
    is_set: CancellationToken,
    readiness: Readiness,
}

/// Records of a batch that can never be stored: position and fault, in the order of the batch.
pub(crate) type Faults = Vec<(usize, Fault)>;

impl Hold {
    pub(crate) fn new(config: &Config, readiness: Readiness) -> Self {
        readiness.met(CONDITION);
        let limit = DeadLetterLimit::new(config.dead_letters);
        Self { limit: Arc::new(Mutex::new(limit)), is_set: CancellationToken::new(), readiness }
    }

    /// Nothing more is to be fetched.
    pub(crate) fn is_set(&self) -> bool {
        self.is_set.is_cancelled()
    }

    /// Judges a batch whose other records are stored: returns the faults to dead-letter, and the positions of the records
    /// to hold, ascending. The whole batch is judged at once, so that "in a row" does not depend on other flushes.
    pub(crate) fn judge(&self, batch: &[Decoded], faults: Faults) -> (Faults, Vec<usize>) {
        let (mut allowed, mut held) = (Vec::new(), Vec::new());
        let mut limit = self.limit.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = 0;
        for (position, fault) in faults {
            (next..position).for_each(|_| limit.stored());
            next = position + 1;
            match limit.dead_letter() {
                Ok(()) => allowed.push((position, fault)),
                Err(exceeded) => {
                    self.set(exceeded, &batch[position], &fault);
                    held.push(position);
                }
            }
        }
        (next..batch.len()).for_each(|_| limit.stored());
        (allowed, held)
    }

    fn set(&self, exceeded: Exceeded, record: &Decoded, fault: &Fault) {
        if self.is_set() {
            return;
        }
        self.is_set.cancel();
        let (partition, offset) = (record.fetched.partition, record.fetched.offset);
        let (reason, message) = (fault.reason.as_str(), fault.log_line());
        let why = format!(
            "consuming is paused, {exceeded}, the last one at partition {partition}, offset {offset}: {reason}, {message}. \
             Mend the cause and restart the consumer, which then allows as many again, or raise the limit"
        );
        let trace = record.fetched.trace;
        tracing::warn!(id = %record.id, trace_id = trace_id(trace), span_id = span_id(trace), "{why}");
        self.readiness.unmet(CONDITION, why);
    }
}
