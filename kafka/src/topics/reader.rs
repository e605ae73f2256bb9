//! Reads topics without being a member of any group. All of it blocks the calling thread, every wait with a deadline.

use std::collections::{BTreeMap, HashMap};
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::record::ReadRecord;

/// What a reader needs to know.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// Bootstrap addresses, host:port, comma-separated.
    pub brokers: String,
    /// What it calls itself to the brokers.
    pub client_id: &'static str,
    /// The group whose progress it can tell. It never joins it, nor commits.
    pub group: String,
    /// Longest wait for an answer, and for the next record.
    pub patience: Duration,
    /// Whether it reads records here and there: then it fetches nothing ahead.
    pub picks_records: bool,
}

/// A reader of one Kafka cluster.
pub struct Reader {
    config: ReaderConfig,
    consumer: BaseConsumer,
}

/// A partition of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// Its number.
    pub id: i32,
    /// The id of the broker that leads it.
    pub leader: i32,
    /// How many brokers have it.
    pub replicas: usize,
}

/// How far a group is in one partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The partition.
    pub partition: i32,
    /// The group's committed offset, if it has committed.
    pub committed: Option<i64>,
    /// Offset of the oldest record that is kept.
    pub low: i64,
    /// Offset that the next record will get.
    pub end: i64,
}

impl Progress {
    /// The first record that the group has not finished.
    pub fn next(self) -> i64 {
        self.committed.unwrap_or(self.low).max(self.low)
    }

    /// How many records the group has not finished.
    pub fn lag(self) -> u64 {
        u64::try_from(self.end - self.next()).unwrap_or(0)
    }
}

impl Reader {
    /// Connects when it is first asked.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(config: ReaderConfig) -> anyhow::Result<Self> {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &config.brokers)
            .set("client.id", config.client_id)
            .set("group.id", &config.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // Retention may remove the first record of a range before it is read.
            .set("auto.offset.reset", "earliest");
        if config.picks_records {
            // Of each place just the one batch of records there, which a broker sends however large it is.
            client.set("queued.min.messages", "1").set("fetch.message.max.bytes", "1");
        }
        let consumer = client.create().context("cannot make the Kafka consumer")?;
        Ok(Self { config, consumer })
    }

    /// Another reader of the same that knows nothing yet. A client takes a topic that was deleted and made again for
    /// the one that it knew, whose leader's epoch was higher, and then reads nothing of it any more.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn anew(&self) -> anyhow::Result<Self> {
        Self::new(self.config.clone())
    }

    /// The partitions of a topic; none if there is no such topic.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn partitions(&self, topic: &str) -> anyhow::Result<Vec<Partition>> {
        partitions(&self.consumer, topic, self.config.patience).with_context(|| self.unreachable())
    }

    /// The offsets from a partition's oldest record to its end; `None` if there is no such partition.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn offsets(&self, topic: &str, partition: i32) -> anyhow::Result<Option<Range<i64>>> {
        use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
        match self.consumer.fetch_watermarks(topic, partition, self.config.patience) {
            Ok((low, end)) => Ok(Some(low..end)),
            Err(error) => match error.rdkafka_error_code() {
                Some(UnknownPartition | UnknownTopic | UnknownTopicOrPartition) => Ok(None),
                _ => Err(error).with_context(|| self.unreachable()),
            },
        }
    }

    /// The same of each partition of a topic; none if there is no such topic.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn all_offsets(&self, topic: &str) -> anyhow::Result<Vec<(i32, Range<i64>)>> {
        let mut all = Vec::new();
        for partition in self.partitions(topic)? {
            all.extend(self.offsets(topic, partition.id)?.map(|offsets| (partition.id, offsets)));
        }
        Ok(all)
    }

    /// How far the group is in each partition of a topic; empty if there is no such topic.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn progress(&self, topic: &str) -> anyhow::Result<Vec<Progress>> {
        let offsets = self.all_offsets(topic)?;
        if offsets.is_empty() {
            return Ok(Vec::new());
        }
        let mut asked = TopicPartitionList::new();
        for (partition, _) in &offsets {
            asked.add_partition(topic, *partition);
        }
        let answer = self.consumer.committed_offsets(asked, self.config.patience);
        let answer = answer.with_context(|| self.unreachable())?;
        let committed: HashMap<i32, i64> = answer
            .elements()
            .iter()
            .filter_map(|element| Some((element.partition(), element.offset().to_raw().filter(|offset| *offset >= 0)?)))
            .collect();
        let progress = |(partition, offsets): (i32, Range<i64>)| Progress {
            partition,
            committed: committed.get(&partition).copied(),
            low: offsets.start,
            end: offsets.end,
        };
        Ok(offsets.into_iter().map(progress).collect())
    }

    /// Visits the records at these offsets of these partitions, in the order of each partition, until `visit` breaks:
    /// that is what is returned.
    ///
    /// # Errors
    /// When Kafka cannot be reached, or no record has come for a while.
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
        let mut unread: BTreeMap<i32, Range<i64>> =
            offsets.iter().filter(|(_, offsets)| !offsets.is_empty()).cloned().collect();
        let mut assignment = TopicPartitionList::new();
        for (partition, offsets) in &unread {
            assignment.add_partition_offset(topic, *partition, Offset::Offset(offsets.start))?;
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
                    let Some(offsets) = unread.get(&partition).cloned() else { continue };
                    if offsets.contains(&offset)
                        && let ControlFlow::Break(found) = visit(record)
                    {
                        return Ok(Some(found));
                    }
                    if offset + 1 >= offsets.end {
                        unread.remove(&partition);
                    }
                    // Last, because what is done with a record may take as long.
                    deadline = Instant::now() + patience;
                }
                // Offsets have gaps, so the end may come without the last one.
                Some(Err(KafkaError::PartitionEOF(partition))) => drop(unread.remove(&partition)),
                // What may pass, a lost connection for instance, is tried again by librdkafka itself.
                Some(Err(error)) => last_error = Some(error),
                None => {}
            }
        }
        Ok(None)
    }

    fn unreachable(&self) -> String {
        format!("cannot read from Kafka at {}, see KAFKA_BROKER", self.config.brokers)
    }
}

/// The partitions of a topic; none if there is no such topic. Blocks until Kafka has answered.
pub(crate) fn partitions<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topic: &str,
    patience: Duration,
) -> KafkaResult<Vec<Partition>> {
    let metadata = consumer.fetch_metadata(Some(topic), patience)?;
    let found = metadata.topics().iter().filter(|found| found.name() == topic);
    let partitions = found.flat_map(|topic| topic.partitions()).map(|partition| Partition {
        id: partition.id(),
        leader: partition.leader(),
        replicas: partition.replicas().len(),
    });
    Ok(partitions.collect())
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
