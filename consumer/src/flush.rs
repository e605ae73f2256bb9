//! A flush: when it is over, every record of one batch is stored or dead-lettered, or held since there are too many dead
//! letters. It does not give up; what fails for a reason that may pass is tried again, with backoff.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use contract::TraceContext;
use service::trace::{Span, span_id, trace_id};
use service::{Backoff, Readiness, Tracer};

use crate::buffer::Trigger;
use crate::config::Config;
use crate::dead_letters::DeadLetters;
use crate::decode::{Decoded, Fault};
use crate::hold::{Faults, Hold};
use crate::metrics::Metrics;
use crate::spans;
use crate::store::{NotStored, Store};

/// The readiness condition that is set here: what is written gets through.
pub(crate) const CONDITION: &str = "flush";

/// Writes batches. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Flusher {
    topic: String,
    store: Store,
    dead_letters: DeadLetters,
    hold: Hold,
    metrics: Arc<Metrics>,
    readiness: Readiness,
    tracer: Option<Tracer>,
}

/// What became of a batch's records.
#[derive(Default)]
pub(crate) struct Summary {
    pub(crate) stored: u64,
    pub(crate) duplicates: u64,
    pub(crate) dead_lettered: u64,
    /// Inserts that were tried again.
    pub(crate) retries: u64,
}

impl Flusher {
    pub(crate) fn new(
        config: &Config,
        store: Store,
        dead_letters: DeadLetters,
        hold: Hold,
        metrics: Arc<Metrics>,
        readiness: Readiness,
        tracer: Option<Tracer>,
    ) -> Self {
        Self { topic: config.kafka.topic.clone(), store, dead_letters, hold, metrics, readiness, tracer }
    }

    /// Returns once every record of the batch is stored, acknowledged as a dead letter, or held; the positions of those
    /// held, ascending.
    pub(crate) async fn flush(&self, batch: Vec<Decoded>, trigger: Trigger) -> Vec<usize> {
        let started = Instant::now();
        let mut summary = Summary::default();
        let span = self.tracer.as_ref().and_then(|tracer| spans::flush(tracer, &self.topic, &batch, trigger));
        let trace = span.as_ref().map(Span::context);
        let faults = self.store(&batch, &mut summary, trace).await;
        let (faults, held) = self.hold.judge(&batch, faults);
        for (position, fault) in faults {
            self.dead_letter(&batch[position], &fault, trace).await;
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
            held = held.len(),
            trigger = trigger.as_str(),
            milliseconds = started.elapsed().as_millis(),
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "batch flushed"
        );
        spans::flushed(span, &summary, held.len());
        held
    }

    /// Inserts the batch's documents until each is stored or refused; returns what can never be stored.
    async fn store(&self, batch: &[Decoded], summary: &mut Summary, trace: Option<TraceContext>) -> Faults {
        let mut faults = Vec::new();
        let mut waiting = Vec::new();
        for (position, record) in batch.iter().enumerate() {
            match &record.outcome {
                Ok(document) => waiting.push((position, document)),
                Err(fault) => faults.push((position, fault.clone())),
            }
        }
        let mut backoff = Backoff::for_servers();
        while !waiting.is_empty() {
            let documents: Vec<_> = waiting.iter().map(|(_, document)| *document).collect();
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
                            NotStored::Refused(fault) => faults.push((waiting[index].0, fault)),
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
                    summary.retries += 1;
                    self.metrics.store_retries.increment(1);
                    self.in_trouble(&format!("MongoDB does not take documents: {reason}"), trace);
                    backoff.wait().await;
                }
            }
        }
        faults.sort_by_key(|(position, _)| *position);
        faults
    }

    /// Sends the record to the dead-letter topic until that is acknowledged.
    async fn dead_letter(&self, record: &Decoded, fault: &Fault, trace: Option<TraceContext>) {
        let letter = record.dead_letter(&self.topic, fault);
        let mut backoff = Backoff::for_servers();
        while let Err(error) = self.dead_letters.send(&letter, &record.fetched).await {
            self.in_trouble(&format!("Kafka does not take dead letters: {error}"), trace);
            backoff.wait().await;
        }
        self.recovered();
        self.metrics.dead_lettered(fault.reason);
        tracing::warn!(
            id = %record.id,
            partition = letter.partition,
            offset = letter.offset,
            reason = fault.reason.as_str(),
            message = fault.log_line(),
            trace_id = trace_id(record.fetched.trace),
            span_id = span_id(record.fetched.trace),
            "record dead-lettered"
        );
    }

    fn in_trouble(&self, reason: &str, trace: Option<TraceContext>) {
        if self.readiness.unmet(CONDITION, reason) {
            tracing::warn!(reason, trace_id = trace_id(trace), span_id = span_id(trace), "flush held up, trying again");
        }
    }

    fn recovered(&self) {
        self.readiness.met(CONDITION);
    }
}
