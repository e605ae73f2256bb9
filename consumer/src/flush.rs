//! A flush: every record of one batch is stored or dead-lettered when it is over. It does not give up; what fails for a
//! reason that may pass is tried again, with backoff.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use contract::dead_letter::Reason;
use service::{Backoff, Readiness};

use crate::buffer::Trigger;
use crate::config::Config;
use crate::dead_letters::DeadLetters;
use crate::decode::{Decoded, Fault};
use crate::metrics::Metrics;
use crate::store::{NotStored, Store};

/// The readiness condition that is set here: what is written gets through.
const CONDITION: &str = "flush";

/// Writes batches. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Flusher {
    topic: String,
    store: Store,
    dead_letters: DeadLetters,
    metrics: Arc<Metrics>,
    readiness: Readiness,
}

/// What became of a batch's records.
#[derive(Default)]
struct Summary {
    stored: u64,
    duplicates: u64,
    dead_lettered: u64,
}

impl Flusher {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        dead_letters: DeadLetters,
        metrics: Arc<Metrics>,
        readiness: Readiness,
    ) -> Self {
        Self { topic: config.kafka.topic.clone(), store, dead_letters, metrics, readiness }
    }

    /// Returns once every record of the batch is stored or acknowledged as a dead letter.
    pub(crate) async fn flush(&self, batch: Vec<Decoded>, trigger: Trigger) {
        let started = Instant::now();
        let mut summary = Summary::default();
        let refused = self.store(&batch, &mut summary).await;
        let undecodable =
            batch.iter().filter_map(|record| record.outcome.as_ref().err().map(|fault| (record, fault.clone())));
        for (record, fault) in undecodable.chain(refused) {
            self.dead_letter(record, &fault).await;
            summary.dead_lettered += 1;
        }
        self.metrics.flushed(trigger, batch.len(), started.elapsed());
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64;
        for record in batch.iter().filter(|record| record.outcome.is_ok()) {
            self.metrics.accept_to_store.record((now_ms - record.fetched.timestamp_ms as f64).max(0.0) / 1000.0);
        }
        tracing::debug!(
            records = batch.len(),
            stored = summary.stored,
            duplicates = summary.duplicates,
            dead_lettered = summary.dead_lettered,
            trigger = trigger.as_str(),
            milliseconds = started.elapsed().as_millis(),
            "batch flushed"
        );
    }

    /// Inserts the batch's documents until each is stored or refused; returns the refused ones.
    async fn store<'a>(&self, batch: &'a [Decoded], summary: &mut Summary) -> Vec<(&'a Decoded, Fault)> {
        let mut waiting: Vec<&Decoded> = batch.iter().filter(|record| record.outcome.is_ok()).collect();
        let mut refused = Vec::new();
        let mut backoff = Backoff::for_servers();
        while !waiting.is_empty() {
            let documents: Vec<_> = waiting.iter().filter_map(|record| record.outcome.as_ref().ok()).collect();
            let not_now = match self.store.insert(&documents).await {
                Ok(not_stored) => {
                    let mut later = Vec::new();
                    let mut why_later = None;
                    let newly_stored = (waiting.len() - not_stored.len()) as u64;
                    summary.stored += newly_stored;
                    self.metrics.stored.increment(newly_stored);
                    for (index, not_stored) in not_stored {
                        match not_stored {
                            NotStored::Duplicate => {
                                summary.duplicates += 1;
                                self.metrics.duplicates.increment(1);
                            }
                            NotStored::Refused(fault) => refused.push((waiting[index], fault)),
                            NotStored::NotNow(reason) => {
                                why_later = Some(reason);
                                later.push(waiting[index]);
                            }
                        }
                    }
                    waiting = later;
                    why_later
                }
                Err(reason) => Some(reason),
            };
            match not_now {
                None => self.recovered(),
                Some(reason) => {
                    self.metrics.store_retries.increment(1);
                    self.in_trouble(&format!("MongoDB does not take documents: {reason}"));
                    backoff.wait().await;
                }
            }
        }
        refused
    }

    /// Sends the record to the dead-letter topic until that is acknowledged.
    async fn dead_letter(&self, record: &Decoded, fault: &Fault) {
        let letter = record.dead_letter(&self.topic, fault);
        let mut backoff = Backoff::for_servers();
        while let Err(error) = self.dead_letters.send(&letter, &record.fetched).await {
            self.in_trouble(&format!("Kafka does not take dead letters: {error}"));
            backoff.wait().await;
        }
        self.recovered();
        self.metrics.dead_lettered(fault.reason);
        tracing::warn!(
            id = %record.id,
            partition = letter.partition,
            offset = letter.offset,
            reason = fault.reason.as_str(),
            message = log_line(fault),
            "record dead-lettered"
        );
    }

    fn in_trouble(&self, reason: &str) {
        if self.readiness.unmet(CONDITION, reason) {
            tracing::warn!(reason, "flush held up, trying again");
        }
    }

    fn recovered(&self) {
        self.readiness.met(CONDITION);
    }
}

/// What MongoDB says of a conflict repeats the value in question, which belongs into the dead letter, not into the logs.
fn log_line(fault: &Fault) -> &str {
    match fault.reason {
        Reason::Refused | Reason::Conflict => "see the dead letter's headers",
        Reason::Undecodable | Reason::Invalid => &fault.message,
    }
}
