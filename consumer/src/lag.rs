//! How far behind the group is, for the partitions that this member holds: end offset − committed offset, and the age of
//! the oldest record not yet committed. A series exists only while its partition is held and the value is known.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use service::Registry;
use service::metrics::write_partition_gauge;

use crate::config::Config;

/// What is known of the partitions held.
#[derive(Default)]
pub(crate) struct Book {
    partitions: Mutex<BTreeMap<i32, Partition>>,
}

/// A partition that is held, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) partition: i32,
    pub(crate) end_offset: Option<i64>,
    pub(crate) committed: Committed,
    pub(crate) lag: Option<i64>,
    pub(crate) lag_seconds: Option<f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Partition {
    /// Low and high watermark.
    watermarks: Option<(i64, i64)>,
    committed: Committed,
    /// Timestamp (ms) of the oldest record received and not finished.
    oldest_unfinished_ms: Option<i64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Committed {
    /// The group was not asked yet.
    #[default]
    Unknown,
    /// The group has not committed yet.
    Nothing,
    Offset(i64),
}

impl Partition {
    fn lag(&self) -> Option<i64> {
        let (low, end) = self.watermarks?;
        let committed = match self.committed {
            Committed::Unknown => return None,
            Committed::Nothing => low,
            // Retention may have deleted what was not committed.
            Committed::Offset(offset) => offset.max(low),
        };
        Some((end - committed).max(0))
    }

    fn lag_seconds(&self, now_ms: i64) -> Option<f64> {
        match (self.oldest_unfinished_ms, self.lag()) {
            (Some(oldest_ms), _) => Some((now_ms - oldest_ms).max(0) as f64 / 1000.0),
            (None, Some(0)) => Some(0.0),
            (None, _) => None,
        }
    }
}

impl Book {
    /// Writes the book's series at each render of the metrics.
    pub(crate) fn publish(self: &Arc<Self>, config: &Config, registry: &Registry) {
        let book = Arc::clone(self);
        let topic = format!("topic=\"{}\"", config.kafka.topic);
        let group = format!("consumergroup=\"{}\",{topic}", config.kafka.group);
        registry.add_section(move |text| {
            let standings = book.standings();
            let ends = standings.iter().filter_map(|s| Some((s.partition, s.end_offset? as f64)));
            write_partition_gauge(
                text,
                "kafka_topic_partition_current_offset",
                "End offset of the partition",
                &topic,
                ends,
            );
            let lags = standings.iter().filter_map(|s| Some((s.partition, s.lag? as f64)));
            write_partition_gauge(text, "kafka_consumergroup_lag", "End offset minus committed offset", &group, lags);
            let ages = standings.iter().filter_map(|s| Some((s.partition, s.lag_seconds?)));
            write_partition_gauge(
                text,
                "kafka_consumergroup_lag_seconds",
                "Age of the oldest record not yet committed, in seconds",
                &group,
                ages,
            );
        });
    }

    /// The partitions are held from now on.
    pub(crate) fn hold(&self, partitions: &[i32]) {
        self.partitions().extend(partitions.iter().map(|partition| (*partition, Partition::default())));
    }

    /// The partitions are not held any more.
    pub(crate) fn give_up(&self, partitions: &[i32]) {
        self.partitions().retain(|partition, _| !partitions.contains(partition));
    }

    /// The partitions held, each with what is known of its committed offset.
    pub(crate) fn held(&self) -> Vec<(i32, Committed)> {
        self.partitions().iter().map(|(id, partition)| (*id, partition.committed)).collect()
    }

    /// How each partition stands that is held.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let now_ms = now_ms();
        let partitions = self.partitions();
        let standing = |(partition, known): (&i32, &Partition)| Standing {
            partition: *partition,
            end_offset: known.watermarks.map(|(_, end)| end),
            committed: known.committed,
            lag: known.lag(),
            lag_seconds: known.lag_seconds(now_ms),
        };
        partitions.iter().map(standing).collect()
    }

    /// Kafka told the partition's low and high watermark.
    pub(crate) fn watermarks(&self, partition: i32, low: i64, high: i64) {
        self.update(partition, |partition| partition.watermarks = Some((low, high)));
    }

    /// Kafka told what the group has committed before; a commit since the question counts more.
    pub(crate) fn committed_before(&self, partition: i32, committed: Committed) {
        self.update(partition, |partition| {
            if partition.committed == Committed::Unknown {
                partition.committed = committed;
            }
        });
    }

    /// A commit succeeded.
    pub(crate) fn committed(&self, partition: i32, offset: i64) {
        self.update(partition, |partition| partition.committed = Committed::Offset(offset));
    }

    /// The timestamp (ms) of the oldest record received and not finished.
    pub(crate) fn oldest_unfinished(&self, partition: i32, timestamp_ms: Option<i64>) {
        self.update(partition, |partition| partition.oldest_unfinished_ms = timestamp_ms);
    }

    fn update(&self, partition: i32, update: impl FnOnce(&mut Partition)) {
        if let Some(partition) = self.partitions().get_mut(&partition) {
            update(partition);
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

    #[test]
    fn lag_is_end_minus_committed_and_absent_when_unknown() {
        let partition = |watermarks, committed| Partition { watermarks, committed, oldest_unfinished_ms: None };
        assert_eq!(partition(None, Committed::Offset(5)).lag(), None);
        assert_eq!(partition(Some((0, 9)), Committed::Unknown).lag(), None);
        assert_eq!(partition(Some((0, 9)), Committed::Offset(5)).lag(), Some(4));
        assert_eq!(partition(Some((3, 9)), Committed::Nothing).lag(), Some(6), "what retention deleted is no lag");
        assert_eq!(partition(Some((7, 9)), Committed::Offset(5)).lag(), Some(2));
        assert_eq!(partition(Some((0, 9)), Committed::Offset(12)).lag(), Some(0), "the end offset is a second old");
    }

    #[test]
    fn lag_seconds_is_the_age_of_the_oldest_unfinished_record() {
        let partition = |committed, oldest_unfinished_ms| Partition {
            watermarks: Some((0, 9)),
            committed: Committed::Offset(committed),
            oldest_unfinished_ms,
        };
        assert_eq!(partition(5, Some(1_000)).lag_seconds(3_500), Some(2.5));
        assert_eq!(partition(9, None).lag_seconds(3_500), Some(0.0));
        assert_eq!(partition(5, None).lag_seconds(3_500), None, "behind, but not yet fetched");
    }
}
