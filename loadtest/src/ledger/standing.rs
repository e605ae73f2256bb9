//! Which records of a topic a group has finished, by its committed offsets, and what is wrong with these offsets. Pure.

use std::ops::Range;

use kafka::topics::Progress;

/// How far a group is in a topic.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// The offsets that the group has finished and the topic still has, by partition.
    pub(crate) finished: Vec<(i32, Range<i64>)>,
    /// The other offsets that the topic has.
    pub(crate) unfinished: Vec<(i32, Range<i64>)>,
    /// Partitions from which older records were removed.
    pub(crate) cut: Vec<i32>,
    /// Partitions that have records and no committed offset, and how many records.
    pub(crate) uncommitted: Vec<(i32, u64)>,
    /// Why the committed offsets cannot be right, or that records were removed unread, in sentences.
    pub(crate) errors: Vec<String>,
}

impl Standing {
    /// Judges a group's progress in all partitions of a topic.
    pub(crate) fn of(group: &str, topic: &str, progress: &[Progress]) -> Self {
        let mut standing = Self::default();
        if progress.iter().all(|progress| progress.committed.is_none()) {
            standing.errors.push(format!(
                "group {group} has no committed offsets for topic {topic}: check KAFKA_GROUP (or --group) and \
                 KAFKA_TOPIC (or --topic), and that the consumer has run"
            ));
        }
        for progress in progress {
            standing.add(group, topic, *progress);
        }
        standing
    }

    /// Records that the group has not finished.
    pub(crate) fn lag(&self) -> u64 {
        self.unfinished.iter().map(|(_, offsets)| length(offsets)).sum()
    }

    /// At least the number of records that the group has finished; offsets may have gaps.
    pub(crate) fn most_finished(&self) -> u64 {
        self.finished.iter().map(|(_, offsets)| length(offsets)).sum()
    }

    fn add(&mut self, group: &str, topic: &str, progress: Progress) {
        let Progress { partition, committed, low, end } = progress;
        if low > 0 {
            self.cut.push(partition);
        }
        let next = match committed {
            Some(committed) if committed > end => {
                self.errors.push(format!(
                    "partition {partition} of topic {topic} ends at offset {end}, but group {group} has committed \
                     {committed}: the topic was recreated since, so it is unknown which records the group has finished"
                ));
                low
            }
            Some(committed) if committed < low => {
                self.errors.push(format!(
                    "partition {partition} of topic {topic} starts at offset {low}, but group {group} has committed \
                     only {committed}: retention has removed records that the group had not finished"
                ));
                low
            }
            Some(committed) => committed,
            None => {
                if end > low {
                    self.uncommitted.push((partition, length(&(low..end))));
                }
                low
            }
        };
        if next > low {
            self.finished.push((partition, low..next));
        }
        if end > next {
            self.unfinished.push((partition, next..end));
        }
    }
}

fn length(offsets: &Range<i64>) -> u64 {
    u64::try_from(offsets.end - offsets.start).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(partitions: &[(Option<i64>, i64, i64)]) -> Standing {
        let progress = (0..).zip(partitions);
        let progress = progress.map(|(partition, &(committed, low, end))| Progress { partition, committed, low, end });
        Standing::of("store", "post", &progress.collect::<Vec<_>>())
    }

    #[test]
    fn what_is_finished_ends_at_the_commit() {
        let standing = of(&[(Some(7), 0, 9), (Some(5), 5, 5), (None, 2, 6), (None, 0, 0), (Some(3), 1, 3)]);
        assert_eq!(standing.finished, [(0, 0..7), (4, 1..3)]);
        assert_eq!(standing.unfinished, [(0, 7..9), (2, 2..6)]);
        assert_eq!((standing.lag(), standing.most_finished()), (6, 9));
        assert_eq!(standing.uncommitted, [(2, 4)], "an empty partition needs no commit");
        assert_eq!(standing.cut, [1, 2, 4]);
        assert_eq!(standing.errors, [""; 0]);
    }

    #[test]
    fn a_group_without_commits_is_named() {
        for partitions in [&[(None, 0, 9), (None, 0, 0)][..], &[(None, 0, 0)]] {
            let standing = of(partitions);
            assert_eq!(standing.errors.len(), 1);
            assert!(
                standing.errors[0]
                    .starts_with("group store has no committed offsets for topic post: check KAFKA_GROUP")
            );
            assert!(standing.finished.is_empty());
        }
    }

    #[test]
    fn a_commit_beyond_the_end_or_before_the_start_is_named() {
        let standing = of(&[(Some(10), 0, 9), (Some(4), 5, 9), (Some(9), 0, 9)]);
        assert_eq!(standing.errors.len(), 2);
        assert!(
            standing.errors[0].contains("partition 0 of topic post ends at offset 9, but group store has committed 10")
        );
        assert!(standing.errors[1].contains("partition 1 of topic post starts at offset 5"));
        assert!(standing.errors[1].contains("committed only 4"));
        assert_eq!(standing.finished, [(2, 0..9)]);
        assert_eq!(standing.unfinished, [(0, 0..9), (1, 5..9)]);
    }
}
