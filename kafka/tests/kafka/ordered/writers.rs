//! Writers that each own a key, and the judgement on what they wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kafka::publish::PublishError;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::ordered::{Found, Ordered};
use crate::world::wait_until;

/// Running writers.
pub(crate) struct Writers {
    pub(crate) acknowledged: Arc<AtomicUsize>,
    pub(crate) unknown: Arc<AtomicUsize>,
    count: usize,
    stop: CancellationToken,
    running: JoinSet<(String, Written)>,
}

/// What a writer knows of its records.
#[derive(Default)]
struct Written {
    /// Their numbers and places, in order.
    acknowledged: Vec<(u64, (i32, i64))>,
    unknown: BTreeSet<u64>,
}

impl Writers {
    /// This many start. Each waits for the answer to a record before it sends the next one.
    pub(crate) fn start(ordered: &Arc<Ordered>, count: usize) -> Self {
        let (acknowledged, unknown) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (stop, mut running) = (CancellationToken::new(), JoinSet::new());
        for writer in 0..count {
            let (ordered, stop) = (Arc::clone(ordered), stop.clone());
            let (acknowledged, unknown) = (Arc::clone(&acknowledged), Arc::clone(&unknown));
            running.spawn(async move {
                let (key, mut written, mut number) = (format!("key-{writer}"), Written::default(), 0);
                while !stop.is_cancelled() {
                    match ordered.publish(&key, number).await {
                        Ok(place) => {
                            written.acknowledged.push((number, place));
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(PublishError::Unacknowledged) => {
                            written.unknown.insert(number);
                            unknown.fetch_add(1, Ordering::Relaxed);
                        }
                        // It was not sent on, so its number is still free.
                        Err(PublishError::Away) => {
                            tokio::time::sleep(Duration::from_millis(20)).await;
                            continue;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                    number += 1;
                }
                (key, written)
            });
        }
        Self { acknowledged, unknown, count, stop, running }
    }

    /// Waits until some more records of each writer, on average, are acknowledged.
    pub(crate) async fn go_on(&self) {
        let enough = self.acknowledged.load(Ordering::Relaxed) + 20 * self.count;
        wait_until("records are acknowledged", async || self.acknowledged.load(Ordering::Relaxed) >= enough).await;
    }

    /// Stops them, and judges what they wrote by what is `found`: everything that is acknowledged is where it was said
    /// to be, nothing comes after a later record of its key, and nothing else is there.
    pub(crate) async fn judge(self, found: impl FnOnce() -> Vec<Found>) {
        self.stop.cancel();
        let written: BTreeMap<String, Written> = self.running.join_all().await.into_iter().collect();
        let mut stored: BTreeMap<String, Vec<Found>> = BTreeMap::new();
        for found in found() {
            stored.entry(found.key.clone()).or_default().push(found);
        }
        assert!(written.keys().eq(stored.keys()), "{:?}", stored.keys());
        for (key, Written { acknowledged, unknown }) in written {
            let stored = &stored[&key];
            let numbers: Vec<u64> = stored.iter().map(Found::number).collect();
            assert!(numbers.is_sorted(), "an older record of {key} comes after a later one: {numbers:?}");
            for (number, place) in &acknowledged {
                // Kafka does not say where a record is that it had already taken.
                let is_it = |found: &Found| found.number() == *number && (found.place == *place || place.1 < 0);
                let is_there = stored.iter().any(is_it);
                assert!(is_there, "record {number} of {key} is not at {place:?}: {stored:?}");
            }
            let known: BTreeSet<u64> = acknowledged.iter().map(|(number, _)| *number).chain(unknown).collect();
            assert!(numbers.iter().all(|number| known.contains(number)), "{key} has records that nobody sent");
        }
    }
}
