//! Reads topics without being a member of any group. All of it blocks the calling thread, every wait with a deadline.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use service::cluster::Cluster;

use super::progress::Progress;
use super::refusal::{TO_KNOW, missing_right};
use crate::security::librdkafka::{Callbacks, client_config};

mod reading;

/// Pause before a request that failed is repeated.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// After this long without an answer of the group's coordinator, it may be that Kafka lets nobody ask it.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(1);

/// What a reader needs to know.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// Where the cluster is, and what secures the connections to it.
    pub cluster: Cluster,
    /// Its name for the brokers.
    pub client_id: &'static str,
    /// The group whose progress it reports. It never joins it or commits.
    pub group: String,
    /// Longest wait for an answer, repeated requests included, and for the next record.
    pub patience: Duration,
    /// Whether it reads single records here and there: then it fetches nothing ahead.
    pub picks_records: bool,
}

/// A reader of one Kafka cluster.
pub struct Reader {
    config: ReaderConfig,
    pub(super) consumer: BaseConsumer<Callbacks>,
    is_group_refused: AtomicBool,
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

impl Reader {
    /// Connects at its first request.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(config: ReaderConfig) -> anyhow::Result<Self> {
        let mut client = client_config(&config.cluster, config.client_id)?;
        client
            .set("group.id", &config.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            // Retention may remove the first record of a range before it is read.
            .set("auto.offset.reset", "earliest");
        if config.picks_records {
            // Only the one batch of records at each place, which a broker sends however large it is.
            client.set("queued.min.messages", "1").set("fetch.message.max.bytes", "1");
        }
        let callbacks = Callbacks::new(&config.cluster.security);
        let consumer: BaseConsumer<Callbacks> =
            client.create_with_context(callbacks).context("cannot make the Kafka consumer")?;
        Ok(Self { config, consumer, is_group_refused: AtomicBool::new(false) })
    }

    /// Another reader with the same settings, which knows nothing yet. A client confuses a recreated topic with the one
    /// that it knew, whose leader's epoch was higher, and then reads nothing more of it.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn fresh(&self) -> anyhow::Result<Self> {
        Self::new(self.config.clone())
    }

    /// The group whose progress it reports.
    pub(super) fn group_name(&self) -> &str {
        &self.config.group
    }

    /// The partitions of a topic; none if there is no such topic.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn partitions(&self, topic: &str) -> anyhow::Result<Vec<Partition>> {
        self.ask(|patience| partitions(&self.consumer, topic, patience)).with_context(|| self.unreachable())
    }

    /// The offsets from a partition's oldest record to its end; `None` if there is no such partition.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn offsets(&self, topic: &str, partition: i32) -> anyhow::Result<Option<Range<i64>>> {
        use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
        match self.ask(|patience| self.consumer.fetch_watermarks(topic, partition, patience)) {
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
        self.partitions(topic)?
            .iter()
            .map(|partition| Ok((partition.id, self.known_offsets(topic, partition.id)?)))
            .collect()
    }

    /// The offsets of a partition that the topic has. librdkafka does not know one that has no leader.
    fn known_offsets(&self, topic: &str, partition: i32) -> anyhow::Result<Range<i64>> {
        self.offsets(topic, partition)?.with_context(|| format!("partition {partition} of {topic} has no leader"))
    }

    /// The group's progress in each partition of a topic; empty if there is no such topic.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn progress(&self, topic: &str) -> anyhow::Result<Vec<Progress>> {
        let partitions = self.partitions(topic)?;
        if partitions.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<i32> = partitions.iter().map(|partition| partition.id).collect();
        // Before the ends, so that a lag is never too small.
        let committed = self.committed(topic, &ids)?.map_err(anyhow::Error::msg)?;
        let progress = |Partition { id, .. }| {
            let offsets = self.known_offsets(topic, id)?;
            let committed = committed.get(&id).copied();
            Ok(Progress { partition: id, committed, low: offsets.start, end: offsets.end })
        };
        partitions.into_iter().map(progress).collect()
    }

    /// The group's committed offset in each of these partitions of a topic where it has one.
    ///
    /// # Errors
    /// When Kafka does not answer. Within it, which right the user lacks.
    pub fn committed(&self, topic: &str, partitions: &[i32]) -> anyhow::Result<Result<HashMap<i32, i64>, String>> {
        if partitions.is_empty() {
            return Ok(Ok(HashMap::new()));
        }
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition(topic, *partition);
        }
        let answer = self.ask(|patience| {
            let answer = self.consumer.committed_offsets(asked.clone(), patience.min(COORDINATOR_PATIENCE));
            let answer = answer.or_else(|error| self.refusal_of_group().map_or(Err(error), Err))?;
            answer.elements().iter().try_for_each(TopicPartitionListElem::error)?;
            Ok(answer)
        });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => match missing_right(&error, TO_KNOW, topic, self.group_name()) {
                Some(missing) => return Ok(Err(missing)),
                None => return Err(error).with_context(|| self.unreachable()),
            },
        };
        let offset = |offset: Offset| offset.to_raw().filter(|offset| *offset >= 0);
        let offsets = answer.elements();
        Ok(Ok(offsets.iter().filter_map(|at| Some((at.partition(), offset(at.offset())?))).collect()))
    }

    pub(super) fn ask<T>(&self, mut request: impl FnMut(Duration) -> KafkaResult<T>) -> KafkaResult<T> {
        until_answered(self.config.patience, |left| {
            if self.consumer.context().tokens.is_needed() {
                // Nothing is assigned, so there is only a token to be asked for, or an error.
                self.poll_for_errors();
            }
            request(left)
        })
    }

    /// Kafka's refusal of the group, if it has said one. librdkafka does not answer a question with it: it asks for the
    /// coordinator again and again, and the error comes by a poll, once.
    fn refusal_of_group(&self) -> Option<KafkaError> {
        self.poll_for_errors();
        let is_refused = self.is_group_refused.load(Ordering::Relaxed);
        is_refused.then_some(KafkaError::OffsetFetch(RDKafkaErrorCode::GroupAuthorizationFailed))
    }

    /// Only while nothing is assigned: otherwise records would be lost.
    fn poll_for_errors(&self) {
        while let Some(polled) = self.consumer.poll(Duration::ZERO) {
            let code = polled.err().and_then(|error| error.rdkafka_error_code());
            if code == Some(RDKafkaErrorCode::GroupAuthorizationFailed) {
                self.is_group_refused.store(true, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn unreachable(&self) -> String {
        format!("cannot read from Kafka at {}, see KAFKA_BROKER", self.config.cluster.bootstrap())
    }
}

/// Repeats a request while the broker cannot be reached, which is often over in a moment, but no longer than this. Each
/// attempt gets the time that is left.
fn until_answered<T>(patience: Duration, mut request: impl FnMut(Duration) -> KafkaResult<T>) -> KafkaResult<T> {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, OperationTimedOut, RequestTimedOut};
    let deadline = Instant::now() + patience;
    let mut left = patience;
    loop {
        let answer = request(left);
        left = deadline.saturating_duration_since(Instant::now() + RETRY_PAUSE);
        let code = answer.as_ref().err().and_then(KafkaError::rdkafka_error_code);
        match code {
            Some(AllBrokersDown | BrokerTransportFailure | OperationTimedOut | RequestTimedOut) if !left.is_zero() => {
                thread::sleep(RETRY_PAUSE);
            }
            _ => return answer,
        }
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

    fn failed<T>(code: RDKafkaErrorCode) -> KafkaResult<T> {
        Err(KafkaError::MetadataFetch(code))
    }

    #[test]
    fn a_request_that_failed_on_its_way_is_repeated_and_any_other_is_not() {
        use RDKafkaErrorCode::{BrokerTransportFailure, OperationTimedOut, UnknownPartition};
        let patience = Duration::from_secs(10);
        let mut answers = vec![Ok(7), failed(OperationTimedOut), failed(BrokerTransportFailure)];
        assert_eq!(until_answered(patience, |left| answers.pop().filter(|_| left <= patience).unwrap()), Ok(7));
        let mut answers = vec![Ok(7), failed(UnknownPartition)];
        assert_eq!(until_answered(patience, |_| answers.pop().unwrap()), failed(UnknownPartition));
    }

    #[test]
    fn without_a_broker_the_error_comes_when_the_patience_is_over() {
        let patience = Duration::from_millis(400);
        let (cluster, group) = (Cluster::plaintext("127.0.0.1:1"), "group".to_owned());
        let config = ReaderConfig { cluster, client_id: "test", group, patience, picks_records: false };
        let (reader, start) = (Reader::new(config).unwrap(), Instant::now());
        let error = reader.partitions("post").unwrap_err();
        assert!(start.elapsed() >= patience - RETRY_PAUSE, "{:?}", start.elapsed());
        assert!(
            format!("{error:#}").starts_with("cannot read from Kafka at 127.0.0.1:1, see KAFKA_BROKER: "),
            "{error:#}"
        );
    }
}
