//! Reads ranges of partitions, each to its end.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::time::Instant;

use anyhow::{Context, bail};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};

use super::Reader;
use crate::topics::record::ReadRecord;

impl Reader {
    /// Visits the records at these offsets of these partitions, in each partition's order, until `visit` breaks;
    /// returns what it broke with.
    ///
    /// # Errors
    /// When Kafka cannot be reached, or no record has come for a while. Also when a partition has become shorter: what
    /// was not read is never passed over in silence.
    pub fn read<B>(
        &self,
        topic: &str,
        offsets: &[(i32, Range<i64>)],
        visit: impl FnMut(ReadRecord<'_>) -> ControlFlow<B>,
    ) -> anyhow::Result<Option<B>> {
        let read = self.try_read(topic, offsets, visit);
        self.consumer.unassign().context("cannot end reading a topic")?;
        read
    }

    fn try_read<B>(
        &self,
        topic: &str,
        offsets: &[(i32, Range<i64>)],
        mut visit: impl FnMut(ReadRecord<'_>) -> ControlFlow<B>,
    ) -> anyhow::Result<Option<B>> {
        let ranges = offsets.iter().filter(|(_, offsets)| !offsets.is_empty());
        let mut unread: BTreeMap<i32, Unread> =
            ranges.map(|(partition, offsets)| (*partition, Unread::new(offsets.clone()))).collect();
        let mut assignment = TopicPartitionList::new();
        for (partition, rest) in &unread {
            assignment.add_partition_offset(topic, *partition, Offset::Offset(rest.offsets.start))?;
        }
        self.consumer.assign(&assignment).with_context(|| format!("cannot read the topic {topic}"))?;
        let patience = self.config.patience;
        let (mut deadline, mut last_error) = (Instant::now() + patience, None);
        while !unread.is_empty() {
            let wait = deadline.saturating_duration_since(Instant::now());
            if wait.is_zero() {
                let why = last_error.map_or(String::new(), |error: KafkaError| format!(": {error}"));
                bail!("{}: no record of {topic} within {patience:?}{why}", self.unreachable());
            }
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let record = ReadRecord::new(&message);
                    let (partition, offset) = (record.partition(), record.offset());
                    // One before the range comes where the partition has become shorter, and is no progress.
                    let Some(rest) = unread.get_mut(&partition).filter(|rest| rest.offsets.start <= offset) else {
                        continue;
                    };
                    if rest.offsets.contains(&offset)
                        && let ControlFlow::Break(found) = visit(record)
                    {
                        return Ok(Some(found));
                    }
                    if rest.is_over_after(offset) {
                        unread.remove(&partition);
                    }
                    // Last, because handling a record may take as long.
                    deadline = Instant::now() + patience;
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    let Some(rest) = unread.get_mut(&partition) else { continue };
                    let asked = self.consumer.fetch_watermarks(topic, partition, wait);
                    if asked.as_ref().is_ok_and(|(_, end)| rest.is_over_at_end(*end)) {
                        unread.remove(&partition);
                        deadline = Instant::now() + patience;
                        continue;
                    }
                    // librdkafka says it once at each place, unless it is sent there again.
                    let sent = self.consumer.seek(topic, partition, Offset::Offset(rest.offsets.start), wait);
                    last_error = asked.err().or(sent.err()).or(last_error);
                }
                // librdkafka itself retries what may pass, for instance a lost connection.
                Some(Err(error)) => last_error = Some(error),
                None => {}
            }
        }
        Ok(None)
    }
}

/// What is left to read of a partition.
#[derive(Debug)]
struct Unread {
    offsets: Range<i64>,
    /// Kafka has said that it has all of them, and since then they were asked for again.
    are_there: bool,
}

impl Unread {
    fn new(offsets: Range<i64>) -> Self {
        Self { offsets, are_there: false }
    }

    /// A record has come. Returns whether it is the last.
    fn is_over_after(&mut self, offset: i64) -> bool {
        self.offsets.start = self.offsets.start.max(offset + 1);
        self.offsets.is_empty()
    }

    /// Nothing more has come for now, and then Kafka has said where the partition ends. Returns whether nothing more is
    /// left. Offsets have gaps, so the last record may never come. But a new leader may show less than it has for a
    /// moment, and more by the time it is asked. So the end must be there before and after nothing more has come.
    fn is_over_at_end(&mut self, end: i64) -> bool {
        let were_there = std::mem::replace(&mut self.are_there, end >= self.offsets.end);
        were_there && self.are_there
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_over_with_its_last_record() {
        let mut rest = Unread::new(3..6);
        assert_eq!([3, 4, 5].map(|offset| rest.is_over_after(offset)), [false, false, true]);
        assert!(Unread::new(3..6).is_over_after(9), "one beyond it comes where the last ones are gone");
    }

    /// Otherwise an erasure would delete what it has not read.
    #[test]
    fn a_leader_that_shows_less_than_it_has_does_not_end_a_range() {
        let mut rest = Unread::new(0..10);
        assert_eq!([5, 5, 10, 5, 10].map(|end| rest.is_over_at_end(end)), [false; 5]);
        assert!(!rest.is_over_after(7));
        assert!(rest.is_over_at_end(10), "a gap at the end, seen twice");
    }

    #[test]
    fn a_gap_at_the_end_ends_a_range_once_it_is_seen_again() {
        let mut rest = Unread::new(0..10);
        assert_eq!([10, 12].map(|end| rest.is_over_at_end(end)), [false, true]);
    }
}
