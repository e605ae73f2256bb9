//! What the store takes of orders without Kafka: the consumer's own command, with its batches, batches in flight and
//! conditions, so that a document replaces an earlier one of its key.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bson::{Document, RawDocumentBuf, doc};
use contract::{Kind, Place};
use mongodb::Collection;
use tokio::task::JoinSet;

use super::insert::{answer, collection, drop_collection};
use super::orders::{KEYS, order};

/// What is written, and where to.
#[derive(Clone)]
pub(crate) struct Update {
    collection: Collection<RawDocumentBuf>,
    batch_messages: u64,
    concurrent_flushes: usize,
    /// The start of the orders' ids.
    name: String,
}

impl Update {
    /// Into the collection of this name, with the consumer's settings for orders.
    pub(crate) async fn new(
        uri: &str,
        collection_name: &str,
        config: &consumer::ConsumerConfig,
        name: String,
    ) -> anyhow::Result<Self> {
        let limits = config.group(Kind::Order).limits;
        let collection = collection(uri, collection_name, limits.concurrent_flushes).await?;
        let batch_messages = (limits.batch.messages as u64).min(KEYS);
        Ok(Self { collection, batch_messages, concurrent_flushes: limits.concurrent_flushes, name })
    }

    /// Whether the store takes such a command: FerretDB 1 does not replace in one step, and many statements of a
    /// command wait for each other there, so the consumer does not send it any.
    pub(crate) async fn is_possible(&self) -> anyhow::Result<bool> {
        let admin = self.collection.client().database("admin");
        let info = answer("say what it is", admin.run_command(doc! { "buildInfo": 1 })).await?;
        Ok(!info.contains_key("ferretdbVersion"))
    }

    /// Stores a first state of every order, so that all later ones replace something.
    pub(crate) async fn prepare(&self) -> anyhow::Result<()> {
        for start in (0..KEYS).step_by(self.batch_messages as usize) {
            self.write(start..(start + self.batch_messages).min(KEYS)).await?;
        }
        Ok(())
    }

    /// Replaces documents for `duration`, and returns how many were replaced.
    pub(crate) async fn documents(&self, duration: Duration) -> anyhow::Result<u64> {
        let (end, replaced) = (Instant::now() + duration, Arc::new(AtomicU64::new(0)));
        // The orders take turns, so no two batches in flight have one in common.
        let next = Arc::new(AtomicU64::new(KEYS));
        let mut flushes = JoinSet::new();
        for _ in 0..self.concurrent_flushes {
            let (update, replaced, next) = (self.clone(), Arc::clone(&replaced), Arc::clone(&next));
            flushes.spawn(async move {
                while Instant::now() < end {
                    let start = next.fetch_add(update.batch_messages, Ordering::Relaxed);
                    update.write(start..start + update.batch_messages).await?;
                    replaced.fetch_add(update.batch_messages, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = flushes.join_next().await {
            ended.context("replacing failed")??;
        }
        Ok(replaced.load(Ordering::Relaxed))
    }

    /// Removes the collection if it exists.
    pub(crate) async fn drop_collection(&self) -> anyhow::Result<()> {
        drop_collection(&self.collection).await
    }

    async fn write(&self, numbers: Range<u64>) -> anyhow::Result<()> {
        let count = numbers.end - numbers.start;
        let state = |n: u64| {
            let order = order(&self.name, n);
            let place = Place { partition: 0, offset: n as i64, timestamp_ms: order.created_at_ms() };
            (place, order.document(&place))
        };
        let states: Vec<_> = numbers.map(state).collect();
        let command = consumer::guarded_updates(self.collection.name(), &states);
        let database = self.collection.client().database(&self.collection.namespace().db);
        let written = answer("replace a batch", database.run_raw_command(command)).await?;
        ensure!(is_done(&written, count), "the store did not replace a batch of {count} orders: {written}");
        Ok(())
    }
}

/// Whether the store carried out all statements, durably.
fn is_done(answer: &Document, statements: u64) -> bool {
    let is_clean = !answer.contains_key("writeErrors") && !answer.contains_key("writeConcernError");
    let done = answer.get("n").and_then(|n| n.as_i64().or_else(|| n.as_i32().map(i64::from)));
    is_clean && done == i64::try_from(statements).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_done_when_every_statement_is() {
        assert!(is_done(&doc! { "n": 2, "nModified": 2, "ok": 1.0 }, 2));
        assert!(is_done(&doc! { "n": 2_i64, "ok": 1.0 }, 2));
        for answer in [
            doc! { "n": 1, "ok": 1.0 },
            doc! { "n": 2, "writeErrors": [{ "index": 0, "code": 11000 }], "ok": 1.0 },
            doc! { "n": 2, "writeConcernError": { "code": 64 }, "ok": 1.0 },
            doc! { "ok": 1.0 },
        ] {
            assert!(!is_done(&answer, 2), "{answer}");
        }
    }
}
