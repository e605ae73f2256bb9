//! Removes the documents of a kind that are older than its retention, beside the engine's flushes and without holding
//! them up: first the store's index is made as the setting says, then what the store leaves is removed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::Kind;
use kafka::group::Book;
use metrics::Counter;
use service::Backoff;

use crate::clock::Uncertain;
use crate::retention::Retention;
use crate::store::Store;
use crate::store::expiry::{MOST, Removal, date_field};

/// A store that removes by its index may take this long: MongoDB looks once a minute, and removes a while.
const PATIENCE_WITH_INDEX: Duration = Duration::from_secs(180);

/// What removes old documents of one kind.
pub(crate) struct Expiring {
    pub(crate) kind: Kind,
    pub(crate) retention: Option<Retention>,
    pub(crate) store: Store,
    /// Knows the partitions that this member holds.
    pub(crate) book: Arc<Book>,
    pub(crate) expired: Counter,
}

impl Expiring {
    /// Never returns.
    pub(crate) async fn run(self) {
        let removal = self.set_index().await;
        let Some(retention) = self.retention else { return std::future::pending().await };
        let (patience, collection) = (self.announce(retention, &removal), self.kind.collection());
        let (mut has_failed, mut is_index_trusted) = (false, removal == Removal::ByIndex);
        // What was there before the index gets its time, too.
        tokio::time::sleep(patience).await;
        loop {
            let started = Instant::now();
            let removed = match self.time().await {
                Ok(now_ms) => {
                    let held: Vec<i32> = self.book.standings().iter().map(|standing| standing.partition).collect();
                    let before_ms = retention.start_ms(now_ms).saturating_sub(patience.as_millis() as i64);
                    self.store.remove_before(before_ms, self.kind.write(), &held).await
                }
                Err(uncertain) => Err(uncertain.to_string()),
            };
            match &removed {
                Ok(0) => has_failed = false,
                Ok(documents) => {
                    has_failed = false;
                    self.expired.increment(*documents);
                    if std::mem::take(&mut is_index_trusted) {
                        tracing::warn!(
                            collection,
                            "the store's TTL index does not remove old documents in time, removing them from here"
                        );
                    }
                    tracing::info!(collection, documents, "documents beyond the retention removed");
                }
                Err(error) => {
                    if !std::mem::replace(&mut has_failed, true) {
                        tracing::warn!(collection, error, "cannot remove old documents, trying again");
                    }
                }
            }
            let was_full = removed.is_ok_and(|documents| documents >= MOST as u64);
            tokio::time::sleep(retention.pause(started.elapsed(), was_full)).await;
        }
    }

    /// The time, by which nothing is removed while it is not certain. Someone must set a wrong clock, so the log says
    /// so at every look.
    async fn time(&self) -> Result<i64, Uncertain> {
        let time = self.store.time().await;
        if let Err(wrong @ Uncertain::Apart(_)) = &time {
            let (collection, error) = (self.kind.collection(), wrong.to_string());
            tracing::error!(collection, error, "no old documents are removed until the clocks agree");
        }
        time
    }

    /// Tries until the store answers. As long as the clocks differ, the store gets no index by which it would remove.
    async fn set_index(&self) -> Removal {
        let (time, date) = (self.retention.map(Retention::time), date_field(self.kind.write()));
        let mut backoff = Backoff::for_servers();
        loop {
            let outcome = match self.checked().await {
                Ok(()) => self.store.keep_for(time, date).await,
                Err(uncertain) => Err(uncertain.to_string()),
            };
            match outcome {
                Ok(removal) => return removal,
                Err(error) => {
                    if backoff.is_fresh() {
                        let collection = self.kind.collection();
                        tracing::error!(collection, error, "cannot set the retention in the store, trying again");
                    }
                    backoff.wait().await;
                }
            }
        }
    }

    /// Without a retention nothing is removed, so the time does not matter.
    async fn checked(&self) -> Result<(), Uncertain> {
        if self.retention.is_some() { self.store.time().await.map(drop) } else { Ok(()) }
    }

    /// Says how old documents are removed. Returns how long the store has time for it.
    fn announce(&self, retention: Retention, removal: &Removal) -> Duration {
        let (collection, retention) = (self.kind.collection(), format!("{:?}", retention.time()));
        match removal {
            Removal::ByIndex => {
                tracing::info!(collection, retention, "the store removes older documents by its TTL index");
                PATIENCE_WITH_INDEX
            }
            Removal::InBatches(reason) => {
                tracing::info!(collection, retention, reason, "older documents are removed in batches");
                Duration::ZERO
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::RawDocumentBuf;
    use contract::decode::Decoder;
    use contract::{Fetched, PostId};

    use super::*;

    /// The field is contract's; it must be where the store is asked for it.
    #[test]
    fn the_date_of_a_document_is_the_time_of_its_record() {
        let order = br#"{"order_id":"A","customer_id":"c","product_id":"p","quantity":2,"price":"19.99"}"#;
        let post = br#"{"title":"Hello","content":"long enough"}"#;
        let id = PostId::fresh().to_key().to_vec();
        for (kind, key, value) in [(Kind::Post, id, &post[..]), (Kind::Order, b"A".to_vec(), order)] {
            let record = Fetched {
                partition: 1,
                offset: 9,
                timestamp_ms: 1_700_000_000_123,
                replay_attempts: 0,
                origin: None,
                trace: None,
                key: Some(key),
                value: Some(value.to_vec()),
            };
            let document: RawDocumentBuf = Decoder::new(kind, "topic").decode(record).outcome.unwrap();
            let (field, of) = match date_field(kind.write()).split_once('.') {
                Some((outer, field)) => (field, document.get_document(outer).unwrap()),
                None => (date_field(kind.write()), &*document),
            };
            assert_eq!(of.get_datetime(field).unwrap().timestamp_millis(), 1_700_000_000_123);
        }
    }
}
