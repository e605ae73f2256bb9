//! What the group's records are here: posts, which become documents. A flush tries once to insert a batch, and says
//! what became of each record; the group decides when to try again, and what to do with those that can never be stored.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use contract::decode::{Decoded, Decoder, RecordError};
use contract::{DeadLetter, Fetched, Kind};
use kafka::group::core::{Flush, NotStored};
use kafka::group::{RecordHandler, Written};
use service::Tracer;
use service::failpoint::{self, Step};
use service::trace::{Span, span_id, trace_id};

use crate::metrics::StoreMetrics;
use crate::spans;
use crate::store::{NotInserted, Store};
use crate::summary::Summary;

/// Stores posts.
pub(crate) struct Posts {
    pub(crate) topic: String,
    pub(crate) store: Store,
    pub(crate) metrics: Arc<StoreMetrics>,
    pub(crate) tracer: Option<Tracer>,
}

impl RecordHandler for Posts {
    type Record = Decoded;

    fn reader(&self) -> impl FnMut(Fetched) -> Decoded + Send + 'static {
        let mut decoder = Decoder::new(Kind::Post, &self.topic);
        move |fetched| {
            let decoded = decoder.decode(fetched);
            let Fetched { partition, offset, trace, .. } = decoded.fetched;
            tracing::debug!(
                id = %decoded.id,
                partition,
                offset,
                trace_id = trace_id(trace),
                span_id = span_id(trace),
                "Message added to queue"
            );
            decoded
        }
    }

    fn bytes(&self, record: &Decoded) -> usize {
        record.bytes()
    }

    async fn write(&self, batch: &mut Flush<Decoded>) -> Written {
        let span = self.tracer.as_ref().and_then(|tracer| spans::flush(tracer, &self.topic, batch));
        let trace = span.as_ref().map(Span::context);
        let mut summary = Summary::default();
        let written = self.insert(batch, &mut summary).await;
        tracing::debug!(
            records = batch.records.len(),
            stored = summary.stored,
            duplicates = summary.duplicates,
            rejected = summary.never,
            later = summary.later,
            attempt = batch.attempt,
            trigger = batch.trigger.as_str(),
            milliseconds = batch.started.elapsed().as_millis(),
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "batch flushed"
        );
        spans::flushed(span, &summary, batch.attempt);
        written
    }

    fn dead_letter(&self, record: &Decoded) -> DeadLetter {
        record.dead_letter(&self.topic)
    }

    fn log_line<'a>(&self, record: &'a Decoded) -> &'a str {
        record.outcome.as_ref().err().map_or("", RecordError::log_line)
    }
}

impl Posts {
    /// Inserts the batch's documents. For those that the store refuses, the reason takes the document's place.
    async fn insert(&self, batch: &mut Flush<Decoded>, summary: &mut Summary) -> Written {
        let mut positions = Vec::with_capacity(batch.records.len());
        let mut documents = Vec::with_capacity(batch.records.len());
        let mut not_stored = Vec::new();
        for (position, record) in batch.records.iter().enumerate() {
            match &record.cargo.outcome {
                Ok(document) => {
                    positions.push(position);
                    documents.push(document);
                }
                Err(_) => not_stored.push((position, NotStored::Never)),
            }
        }
        let (mut refused, mut why_later) = (Vec::new(), None);
        if !documents.is_empty() {
            match self.store.insert(&documents).await {
                Ok(failures) => {
                    for (index, what) in failures {
                        let position = positions[index];
                        match what {
                            NotInserted::Duplicate => summary.duplicates += 1,
                            NotInserted::Refused(error) => refused.push((position, error)),
                            NotInserted::NotNow(reason) => {
                                why_later = Some(reason);
                                not_stored.push((position, NotStored::Later));
                            }
                        }
                    }
                }
                Err(reason) => {
                    why_later = Some(reason);
                    not_stored.extend(positions.iter().map(|position| (*position, NotStored::Later)));
                }
            }
            failpoint::reach(Step::Inserted);
        }
        for (position, error) in refused {
            batch.records[position].cargo.outcome = Err(error);
            not_stored.push((position, NotStored::Never));
        }
        not_stored.sort_unstable_by_key(|(position, _)| *position);
        self.count(batch, &not_stored, summary);
        Written { not_stored, why_later: why_later.map(|reason| format!("MongoDB does not take documents: {reason}")) }
    }

    fn count(&self, batch: &Flush<Decoded>, not_stored: &[(usize, NotStored)], summary: &mut Summary) {
        summary.never = not_stored.iter().filter(|(_, what)| *what == NotStored::Never).count() as u64;
        summary.later = not_stored.len() as u64 - summary.never;
        summary.stored = (batch.records.len() - not_stored.len()) as u64 - summary.duplicates;
        self.metrics.stored.increment(summary.stored);
        self.metrics.duplicates.increment(summary.duplicates);
        self.metrics.store_retries.increment(u64::from(summary.later > 0));
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as f64;
        let mut not_stored = not_stored.iter().map(|(position, _)| *position).peekable();
        for (position, record) in batch.records.iter().enumerate() {
            if not_stored.next_if_eq(&position).is_none() {
                self.metrics.accept_to_store.record((now_ms - record.timestamp_ms as f64).max(0.0) / 1000.0);
            }
        }
    }
}
