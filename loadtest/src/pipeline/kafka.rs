//! Reading from Kafka without being a member of any group: how far a group is, and what is in a topic. All of it blocks
//! the calling thread, every wait with a deadline.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use contract::{DeadLetter, PostId};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::{ClientConfig, Message};

/// Longest wait for an answer, and for the next record, unless something else is asked for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A reader of one Kafka cluster.
pub(crate) struct KafkaReader {
    brokers: String,
    group: String,
    /// Longest wait for an answer, and for the next record.
    patience: Duration,
    consumer: BaseConsumer,
}

/// How far a group is in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// The partition.
    pub(crate) partition: i32,
    /// The group's committed offset, if it has committed.
    pub(crate) committed: Option<i64>,
    /// Offset of the oldest record that is kept.
    pub(crate) low: i64,
    /// Offset that the next record will get.
    pub(crate) end: i64,
}

impl Progress {
    /// The first record that the group has not finished.
    pub(crate) fn next(self) -> i64 {
        self.committed.unwrap_or(self.low).max(self.low)
    }

    /// How many records the group has not finished.
    pub(crate) fn lag(self) -> u64 {
        u64::try_from(self.end - self.next()).unwrap_or(0)
    }
}

impl KafkaReader {
    /// A reader that can tell of this group. Connects when it is first asked.
    pub(crate) fn new(brokers: &str, group: &str) -> anyhow::Result<Self> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("client.id", "loadtest")
            // Only so that the group's offsets can be asked for: it never subscribes nor commits.
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .create()
            .context("cannot make a Kafka client")?;
        Ok(Self { brokers: brokers.to_owned(), group: group.to_owned(), patience: ANSWER_TIMEOUT, consumer })
    }

    /// The same, which waits so long for an answer.
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Another reader of the same that knows nothing yet. The client takes a topic that was deleted and made again for
    /// the one that it knew, whose leader's epoch was higher, and then reads nothing of it any more.
    pub(crate) fn anew(&self) -> anyhow::Result<Self> {
        Ok(Self::new(&self.brokers, &self.group)?.with_patience(self.patience))
    }

    /// The id of the broker that leads a topic's first partition.
    pub(crate) fn leader(&self, topic: &str) -> anyhow::Result<i32> {
        let metadata = self.consumer.fetch_metadata(Some(topic), self.patience).with_context(|| self.unreachable())?;
        let partition = metadata.topics().first().and_then(|topic| topic.partitions().first());
        partition.map(|partition| partition.leader()).with_context(|| format!("there is no topic {topic}"))
    }

    /// The number of replicas of each of a topic's partitions; empty if there is no such topic.
    pub(crate) fn replicas(&self, topic: &str) -> anyhow::Result<Vec<usize>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), self.patience).with_context(|| self.unreachable())?;
        let topic = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        let partitions = topic.map(|topic| topic.partitions()).unwrap_or_default();
        Ok(partitions.iter().map(|partition| partition.replicas().len()).collect())
    }

    /// How far the group is in each partition of a topic; empty if there is no such topic.
    pub(crate) fn progress(&self, topic: &str) -> anyhow::Result<Vec<Progress>> {
        self.try_progress(topic).with_context(|| self.unreachable())
    }

    fn try_progress(&self, topic: &str) -> anyhow::Result<Vec<Progress>> {
        let partitions = self.partitions(topic)?;
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let mut asked = TopicPartitionList::new();
        for partition in &partitions {
            asked.add_partition(topic, *partition);
        }
        let committed: HashMap<i32, i64> = self
            .consumer
            .committed_offsets(asked, self.patience)?
            .elements()
            .iter()
            .filter_map(|element| Some((element.partition(), element.offset().to_raw().filter(|offset| *offset >= 0)?)))
            .collect();
        let mut progress = Vec::new();
        for partition in partitions {
            let (low, end) = self.consumer.fetch_watermarks(topic, partition, self.patience)?;
            progress.push(Progress { partition, committed: committed.get(&partition).copied(), low, end });
        }
        Ok(progress)
    }

    /// Visits every record of a topic that is there now, oldest first in each partition, until `visit` breaks. A topic
    /// that does not exist has none.
    pub(crate) fn scan(
        &self,
        topic: &str,
        visit: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let ends = || {
            let mut ends = Vec::new();
            for partition in self.partitions(topic)? {
                ends.push((partition, self.consumer.fetch_watermarks(topic, partition, self.patience)?.1));
            }
            anyhow::Ok(ends)
        };
        let ends = ends().with_context(|| self.unreachable())?;
        self.scan_until(topic, ends, visit)
    }

    /// Visits every record of these partitions that lies before the offset given with each.
    pub(crate) fn scan_until(
        &self,
        topic: &str,
        ends: Vec<(i32, i64)>,
        visit: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let scanned = self.try_scan(topic, ends.into_iter().collect(), visit).with_context(|| self.unreachable());
        self.consumer.unassign().context("cannot end reading a topic")?;
        scanned
    }

    fn try_scan(
        &self,
        topic: &str,
        mut unfinished: HashMap<i32, i64>,
        mut visit: impl FnMut(&BorrowedMessage<'_>) -> ControlFlow<()>,
    ) -> anyhow::Result<()> {
        let mut assignment = TopicPartitionList::new();
        for partition in unfinished.keys() {
            assignment.add_partition_offset(topic, *partition, Offset::Beginning)?;
        }
        self.consumer.assign(&assignment)?;
        let mut deadline = Instant::now() + self.patience;
        while !unfinished.is_empty() {
            match self.consumer.poll(deadline.saturating_duration_since(Instant::now())) {
                Some(Ok(record)) => {
                    deadline = Instant::now() + self.patience;
                    let end = unfinished.get(&record.partition()).copied().unwrap_or(0);
                    if record.offset() < end && visit(&record).is_break() {
                        break;
                    }
                    if record.offset() + 1 >= end {
                        unfinished.remove(&record.partition());
                    }
                }
                // Offsets have gaps, so the end may come without the last one.
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(unfinished.remove(&partition)),
                // A lost connection, for instance: the client connects again by itself.
                Some(Err(error)) if Instant::now() >= deadline => return Err(error.into()),
                Some(Err(_)) => {}
                None => bail!("no record of {topic} within {:?}", self.patience),
            }
        }
        Ok(())
    }

    fn partitions(&self, topic: &str) -> anyhow::Result<Vec<i32>> {
        let metadata = self.consumer.fetch_metadata(Some(topic), self.patience)?;
        let topic = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
        Ok(topic.map(|topic| topic.partitions().iter().map(|partition| partition.id()).collect()).unwrap_or_default())
    }

    fn unreachable(&self) -> String {
        format!("cannot read from Kafka at {}: is it there, and is KAFKA_BROKER right?", self.brokers)
    }
}

/// The id that the consumer gives to a record.
pub(crate) fn id_of(record: &BorrowedMessage<'_>) -> PostId {
    record.key().and_then(PostId::from_key).unwrap_or_else(|| {
        let timestamp = record.timestamp().to_millis().unwrap_or(0);
        PostId::from_position(record.topic(), record.partition(), record.offset(), timestamp)
    })
}

/// The dead letter that a record of the dead-letter topic is, if its headers can be read.
pub(crate) fn dead_letter_of(record: &BorrowedMessage<'_>) -> Option<DeadLetter> {
    let headers = record.headers().into_iter().flat_map(Headers::iter);
    DeadLetter::from_headers(headers.filter_map(|header| Some((header.key, header.value?)))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_from_the_commit_or_from_the_oldest_record() {
        let lag = |committed, low, end| Progress { partition: 0, committed, low, end }.lag();
        assert_eq!(lag(Some(90), 0, 100), 10);
        assert_eq!(lag(None, 40, 100), 60);
        assert_eq!(lag(Some(10), 40, 100), 60, "records that are gone are nobody's lag");
        assert_eq!(lag(Some(110), 0, 100), 0);
    }
}
