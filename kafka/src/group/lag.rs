//! How far behind the group is, for the partitions that this member holds: end offset − committed offset, and the age
//! of the oldest record not yet committed. Both are shown for as long as a partition is held, or lost without a new
//! assignment, whatever fails: they are wrong rather than absent, and too high rather than too low, because a group
//! that is behind must never look fine.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use service::Registry;
use service::metrics::Metric;

use super::core::PartitionState;
use crate::shown::END_OFFSET;

pub(super) const LAG: Metric = Metric::gauge(
    "kafka_consumergroup_lag",
    "End offset minus committed offset, for as long as the member holds the partition; at least the records received \
     and not committed",
)
.labelled(&["consumergroup", "topic", "partition"]);

pub(super) const LAG_SECONDS: Metric = Metric::gauge(
    "kafka_consumergroup_lag_seconds",
    "Age of the oldest record not yet committed, in seconds; if none is received or Kafka does not answer, the time \
     since everything was known to be committed",
)
.labelled(&["consumergroup", "topic", "partition"]);

/// An end that is older than this does not prove that nothing comes after it.
const END_IS_OLD_MS: i64 = 5_000;

/// What is known of the partitions held.
#[derive(Default)]
pub struct Book {
    partitions: Mutex<BTreeMap<i32, Partition>>,
}

/// A held partition, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The partition.
    pub partition: i32,
    /// Its end offset, once Kafka has named it.
    pub end_offset: Option<i64>,
    /// What the group has committed of it.
    pub committed: Committed,
    /// Records not committed: by Kafka's answers, and at least those received.
    pub lag: i64,
    /// Age of the oldest record not committed, in seconds.
    pub lag_seconds: f64,
}

#[derive(Debug, Clone, Copy)]
struct Partition {
    /// Low and high watermark.
    watermarks: Option<(i64, i64)>,
    /// When (ms) Kafka named them.
    named_ms: i64,
    committed: Committed,
    /// Records received and not committed.
    received: usize,
    /// Timestamp (ms) of the oldest of them.
    oldest_received_ms: Option<i64>,
    /// Since when (ms) nothing shows that the partition is caught up: since it was assigned, or since it last was.
    behind_since_ms: i64,
}

/// What the group has committed of a partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Committed {
    /// The group has not been asked yet.
    #[default]
    Unknown,
    /// The group has not committed yet.
    Nothing,
    /// The next offset to read.
    Offset(i64),
}

impl Partition {
    fn held_since(now_ms: i64) -> Self {
        Self {
            watermarks: None,
            named_ms: now_ms,
            committed: Committed::Unknown,
            received: 0,
            oldest_received_ms: None,
            behind_since_ms: now_ms,
        }
    }

    fn lag(&self) -> i64 {
        let received = i64::try_from(self.received).unwrap_or(i64::MAX);
        let committed = match (self.committed, self.watermarks) {
            // Retention may have deleted what was not committed.
            (Committed::Offset(offset), Some((low, _))) => offset.max(low),
            (Committed::Nothing, Some((low, _))) => low,
            _ => return received,
        };
        self.watermarks.map_or(received, |(_, end)| (end - committed).max(received))
    }

    fn is_caught_up(&self, now_ms: i64) -> bool {
        let is_end_known = self.watermarks.is_some() && now_ms - self.named_ms <= END_IS_OLD_MS;
        is_end_known && self.committed != Committed::Unknown && self.lag() == 0
    }

    fn lag_seconds(&self, now_ms: i64) -> f64 {
        if self.is_caught_up(now_ms) {
            return 0.0;
        }
        // Without a record at hand nobody knows the oldest record's age, only since when the partition is behind.
        (now_ms - self.oldest_received_ms.unwrap_or(self.behind_since_ms)).max(0) as f64 / 1000.0
    }
}

impl Book {
    /// Writes the book's series at each render of the metrics.
    pub(super) fn publish(self: &Arc<Self>, topic: &str, group: &str, registry: &Registry) {
        let (book, labels) = (Arc::clone(self), topic.to_owned());
        registry.observe(&END_OFFSET, move |rows| {
            for Standing { partition, end_offset, .. } in book.standings() {
                end_offset.into_iter().for_each(|end| rows.row(&[&labels, &partition.to_string()], end as f64));
            }
        });
        let observe = |metric, value: fn(&Standing) -> f64| {
            let (book, group, topic) = (Arc::clone(self), group.to_owned(), topic.to_owned());
            registry.observe(metric, move |rows| {
                for standing in book.standings() {
                    rows.row(&[&group, &topic, &standing.partition.to_string()], value(&standing));
                }
            });
        };
        observe(&LAG, |standing| standing.lag as f64);
        observe(&LAG_SECONDS, |standing| standing.lag_seconds);
    }

    /// The standing of each held partition.
    pub fn standings(&self) -> Vec<Standing> {
        let now_ms = now_ms();
        let standing = |(partition, known): (&i32, &Partition)| Standing {
            partition: *partition,
            end_offset: known.watermarks.map(|(_, end)| end),
            committed: known.committed,
            lag: known.lag(),
            lag_seconds: known.lag_seconds(now_ms),
        };
        self.partitions().iter().map(standing).collect()
    }

    /// Adds the partitions. One that was lost before has been waiting since then.
    pub(super) fn hold(&self, partitions: &[i32]) {
        let (mut known, now_ms) = (self.partitions(), now_ms());
        for partition in partitions {
            let since_ms = known.get(partition).map_or(now_ms, |lost| lost.behind_since_ms);
            known.insert(*partition, Partition::held_since(since_ms));
        }
    }

    /// Keeps only these partitions: those that were lost are another member's by now.
    pub(super) fn settle(&self, held: &[i32]) {
        self.partitions().retain(|partition, _| held.contains(partition));
    }

    /// Removes the partitions.
    pub(super) fn give_up(&self, partitions: &[i32]) {
        self.partitions().retain(|partition, _| !partitions.contains(partition));
    }

    /// Kafka's answer: the partition's low and high watermark.
    pub(super) fn watermarks(&self, partition: i32, low: i64, high: i64) {
        self.update(partition, |partition| {
            partition.watermarks = Some((low, high));
            partition.named_ms = now_ms();
        });
    }

    /// What is known to be committed of each partition.
    pub(super) fn known_committed(&self) -> BTreeMap<i32, Committed> {
        self.partitions().iter().map(|(id, partition)| (*id, partition.committed)).collect()
    }

    /// A commit is acknowledged.
    pub(super) fn committed(&self, partition: i32, next: i64) {
        self.update(partition, |partition| partition.committed = Committed::Offset(next));
    }

    /// Kafka's answer to what the group has committed, asked while `before` was known. A commit since then takes
    /// precedence.
    pub(super) fn seen_committed(&self, partition: i32, before: Committed, seen: Option<i64>) {
        self.update(partition, |partition| {
            if partition.committed == before {
                partition.committed = seen.map_or(Committed::Nothing, Committed::Offset);
            }
        });
    }

    /// What the core has received and not committed.
    pub(super) fn received(&self, state: &PartitionState) {
        self.update(state.partition, |partition| {
            partition.received = state.uncommitted;
            partition.oldest_received_ms = state.oldest_uncommitted_ms;
        });
    }

    fn update(&self, partition: i32, update: impl FnOnce(&mut Partition)) {
        if let Some(partition) = self.partitions().get_mut(&partition) {
            update(partition);
            if partition.is_caught_up(now_ms()) {
                partition.behind_since_ms = partition.named_ms;
            }
        }
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<i32, Partition>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(watermarks: Option<(i64, i64)>, committed: Committed) -> Partition {
        Partition { watermarks, committed, ..Partition::held_since(1_000) }
    }

    #[test]
    fn lag_is_end_minus_committed_and_at_least_what_is_received() {
        assert_eq!(partition(Some((0, 9)), Committed::Offset(5)).lag(), 4);
        assert_eq!(partition(Some((3, 9)), Committed::Nothing).lag(), 6, "what retention deleted is not lag");
        assert_eq!(partition(Some((7, 9)), Committed::Offset(5)).lag(), 2);
        assert_eq!(partition(Some((0, 9)), Committed::Offset(12)).lag(), 0, "the end offset is a second old");
        for (watermarks, committed) in
            [(None, Committed::Offset(5)), (Some((0, 9)), Committed::Unknown), (Some((0, 9)), Committed::Offset(9))]
        {
            assert_eq!(Partition { received: 7, ..partition(watermarks, committed) }.lag(), 7);
        }
    }

    #[test]
    fn an_age_is_never_absent_and_grows_while_nothing_says_that_all_is_read() {
        assert_eq!(partition(Some((0, 9)), Committed::Offset(9)).lag_seconds(3_500), 0.0);
        assert_eq!(partition(None, Committed::Unknown).lag_seconds(3_500), 2.5, "Kafka has not answered since");
        assert_eq!(
            partition(Some((0, 9)), Committed::Offset(5)).lag_seconds(3_500),
            2.5,
            "behind, but nothing fetched"
        );
        let received = Partition { oldest_received_ms: Some(500), ..partition(Some((0, 9)), Committed::Offset(5)) };
        assert_eq!(received.lag_seconds(3_500), 3.0);
        let silent = partition(Some((0, 9)), Committed::Offset(9));
        assert_eq!(silent.lag_seconds(1_000 + END_IS_OLD_MS), 0.0);
        assert!(silent.lag_seconds(1_001 + END_IS_OLD_MS) > 5.0, "there may be more by now");
    }

    #[test]
    fn the_wait_counts_from_when_all_was_last_read() {
        let book = Book::default();
        book.hold(&[0]);
        book.partitions().get_mut(&0).unwrap().behind_since_ms = 0;
        book.watermarks(0, 0, 5);
        assert!(book.standings()[0].lag_seconds > 1_000.0);
        book.committed(0, 5);
        assert_eq!(book.standings()[0].lag_seconds, 0.0);
        book.watermarks(0, 0, 6);
        assert!(book.standings()[0].lag_seconds < 1_000.0);
        book.give_up(&[0]);
        assert!(book.standings().is_empty());
    }

    #[test]
    fn what_is_lost_is_shown_until_it_is_known_what_is_held() {
        let book = Book::default();
        book.hold(&[0, 1]);
        book.partitions().get_mut(&0).unwrap().behind_since_ms = 0;
        book.settle(&[0]);
        book.hold(&[0]);
        assert_eq!(book.standings().iter().map(|standing| standing.partition).collect::<Vec<_>>(), [0]);
        assert!(book.standings()[0].lag_seconds > 1_000.0, "it has been waiting all the time");
    }
}
