//! What the group's records are here: records of one kind, which become documents. A flush tries once to write a batch,
//! and says what became of each record; the group decides when to try again, and what to do with those that can never
//! be stored. How a batch is written is in `insert` and `upsert`.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use contract::decode::{Decoded, Decoder, RecordError};
use contract::{DeadLetter, Fetched, Kind, Write};
use kafka::group::core::{Flush, NotStored};
use kafka::group::{RecordHandler, Written};
use service::Tracer;
use service::trace::{Span, span_id, trace_id};

use crate::clock::{Uncertain, now_ms};
use crate::metrics::StoreMetrics;
use crate::retention::Retention;
use crate::spans;
use crate::store::Store;
use crate::summary::Summary;

mod insert;
mod latest;
mod upsert;

/// Stores the records of one kind.
pub(crate) struct Records {
    pub(crate) kind: Kind,
    pub(crate) topic: String,
    pub(crate) store: CurrentStore,
    /// Records beyond it are not stored.
    pub(crate) retention: Option<Retention>,
    pub(crate) metrics: Arc<StoreMetrics>,
    pub(crate) tracer: Option<Tracer>,
}

/// The store as it is connected now. A batch that the previous one does not take is tried again with this one, so
/// nothing waits for a server or a user that is no longer there.
pub(crate) struct CurrentStore(RwLock<Store>);

impl From<Store> for CurrentStore {
    fn from(store: Store) -> Self {
        Self(RwLock::new(store))
    }
}

impl CurrentStore {
    pub(crate) fn replace(&self, store: Store) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = store;
    }

    fn get(&self) -> Store {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What became of a batch's records.
#[derive(Default)]
struct Fates {
    /// Those that are not stored, by position.
    not_stored: Vec<(usize, NotStored)>,
    /// Why some must be tried again later.
    why_later: Option<String>,
    /// Records for which the same, or something as new, was stored before.
    duplicates: u64,
    /// Those of the duplicates that are newer than what is stored by their time, see
    /// [`SetBack`](crate::store::written::NotWritten::SetBack).
    set_back: u64,
    /// Records that a later one of the same batch stands for.
    superseded: u64,
    /// Valid records beyond the retention, which are not stored, by position.
    expired: BTreeSet<usize>,
    /// Records that a tombstone keeps out, by position.
    erased: BTreeSet<usize>,
}

impl RecordHandler for Records {
    type Record = Decoded;

    fn reader(&self) -> impl FnMut(Fetched) -> Decoded + Send + 'static {
        let mut decoder = Decoder::new(self.kind, &self.topic);
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
        let span = self.tracer.as_ref().and_then(|tracer| spans::flush(tracer, self.kind, &self.topic, batch));
        let trace = span.as_ref().map(Span::context);
        let (mut fates, why_later) = match self.expired(batch).await {
            Ok(expired) => {
                let fates = Fates { expired, ..Fates::default() };
                let mut fates = match self.kind.write() {
                    Write::Insert => self.insert(batch, fates).await,
                    Write::Upsert => self.upsert(batch, fates).await,
                };
                let why_later = fates.why_later.take();
                (fates, why_later.map(|reason| format!("MongoDB does not take documents: {reason}")))
            }
            Err(uncertain) => {
                let all_later = (0..batch.records.len()).map(|position| (position, NotStored::Later)).collect();
                let why = format!("it is not certain which records are beyond the retention: {uncertain}");
                (Fates { not_stored: all_later, ..Fates::default() }, Some(why))
            }
        };
        if fates.set_back > 0 {
            tracing::error!(
                kind = self.kind.name(),
                topic = self.topic,
                records = fates.set_back,
                "records are not stored although they are newer than their documents: the topic was recreated, or its \
                 log set back, and the documents' offsets are those of before; see RecordsSetBack in the runbook"
            );
        }
        fates.not_stored.sort_unstable_by_key(|(position, _)| *position);
        let summary = self.count(batch, &fates);
        tracing::debug!(
            kind = self.kind.name(),
            records = batch.records.len(),
            stored = summary.stored,
            duplicates = summary.duplicates,
            superseded = summary.superseded,
            expired = summary.expired,
            erased = summary.erased,
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
        Written { not_stored: fates.not_stored, why_later }
    }

    fn dead_letter(&self, record: &Decoded) -> DeadLetter {
        record.dead_letter(&self.topic)
    }

    fn log_line<'a>(&self, record: &'a Decoded) -> &'a str {
        record.outcome.as_ref().err().map_or("", RecordError::log_line)
    }
}

impl Records {
    /// The positions of valid records that are beyond the retention, also by the store's clock: what is finished as
    /// expired is gone, and so is all that comes while a clock is ahead.
    async fn expired(&self, batch: &Flush<Decoded>) -> Result<BTreeSet<usize>, Uncertain> {
        let Some(retention) = self.retention else { return Ok(BTreeSet::new()) };
        let expired_at = |now_ms| -> BTreeSet<usize> {
            let is_over = |record: &Decoded| retention.is_over(record.fetched.place().timestamp_ms, now_ms);
            let valid = batch.records.iter().enumerate().filter(|(_, record)| record.cargo.outcome.is_ok());
            valid.filter(|(_, record)| is_over(&record.cargo)).map(|(position, _)| position).collect()
        };
        let by_our_clock = expired_at(now_ms());
        if by_our_clock.is_empty() {
            return Ok(by_our_clock);
        }
        Ok(expired_at(self.store.get().time().await?))
    }

    fn count(&self, batch: &Flush<Decoded>, fates: &Fates) -> Summary {
        let Fates { not_stored, duplicates, superseded, expired, erased, .. } = fates;
        let never = not_stored.iter().filter(|(_, what)| *what == NotStored::Never).count() as u64;
        let finished = batch.records.len() - not_stored.len() - expired.len() - erased.len();
        let stored = finished as u64 - duplicates - superseded;
        let later = not_stored.len() as u64 - never;
        let summary = Summary {
            stored,
            duplicates: *duplicates,
            superseded: *superseded,
            expired: expired.len() as u64,
            erased: erased.len() as u64,
            never,
            later,
        };
        self.metrics.stored.increment(summary.stored);
        self.metrics.duplicates.increment(summary.duplicates);
        self.metrics.set_back.increment(fates.set_back);
        self.metrics.superseded.increment(summary.superseded);
        self.metrics.expired.increment(summary.expired);
        self.metrics.erased.increment(summary.erased);
        self.metrics.store_retries.increment(u64::from(summary.later > 0));
        let now_ms = now_ms() as f64;
        let mut not_stored = not_stored.iter().map(|(position, _)| *position).peekable();
        for (position, record) in batch.records.iter().enumerate() {
            let is_kept_out = expired.contains(&position) || erased.contains(&position);
            if not_stored.next_if_eq(&position).is_none() && !is_kept_out {
                self.metrics.accept_to_store.record((now_ms - record.timestamp_ms as f64).max(0.0) / 1000.0);
            }
        }
        summary
    }
}
