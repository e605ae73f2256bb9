//! Reads the dead-letter topic from its beginning to the end that it has when the command starts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use contract::DeadLetter;
use contract::dead_letter::{LeftOut, TIMESTAMP_HEADER};
use kafka::group::replay_attempts;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, Timestamp, TopicPartitionList};

use crate::config::KafkaSettings;

/// Longest wait for an answer of Kafka, and for the next record.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest time in one poll.
pub(super) const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// The dead-letter topic as it is when the command starts.
pub(super) struct Archive {
    config: ClientConfig,
    topic: String,
    /// Low and high watermark of each partition.
    watermarks: BTreeMap<i32, (i64, i64)>,
}

/// A dead letter with what it has of its record.
pub(super) struct Archived {
    pub(super) letter: DeadLetter,
    pub(super) left_out: LeftOut,
    /// Partition and offset in the dead-letter topic.
    pub(super) position: (i32, i64),
    pub(super) timestamp_ms: i64,
    /// Whether that is the record's own time. It is unless the letter has no header with it (those before 0.2.0) and the topic
    /// notes when a letter arrived.
    pub(super) is_own_time: bool,
    pub(super) replay_attempts: u32,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
}

impl Archive {
    /// Asks for the topic's partitions and their ends.
    pub(super) fn open(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let config = reader(settings);
        let topic = settings.dead_letter_topic.clone();
        let consumer: BaseConsumer = config.create().context("cannot make the Kafka consumer")?;
        let metadata = consumer
            .fetch_metadata(Some(&topic), ANSWER_TIMEOUT)
            .with_context(|| format!("cannot reach Kafka at {}, see KAFKA_BROKER", settings.brokers))?;
        let found = metadata.topics().iter().filter(|found| found.name() == topic);
        let partitions: Vec<i32> = found.flat_map(|topic| topic.partitions()).map(|partition| partition.id()).collect();
        if partitions.is_empty() {
            bail!("the topic {topic} does not exist: no consumer has run with it, or DLQ_TOPIC is to name another one");
        }
        let mut watermarks = BTreeMap::new();
        for partition in partitions {
            let ends = consumer.fetch_watermarks(&topic, partition, ANSWER_TIMEOUT);
            watermarks.insert(partition, ends.with_context(|| format!("cannot tell the end of {topic}"))?);
        }
        Ok(Self { config, topic, watermarks })
    }

    /// Hands each dead letter to `each`, in the order of its partition. Returns how many records have not the headers of
    /// one.
    pub(super) fn read(&self, mut each: impl FnMut(Archived) -> anyhow::Result<()>) -> anyhow::Result<u64> {
        let mut unread: BTreeMap<i32, i64> =
            self.watermarks.iter().filter(|(_, (low, high))| low < high).map(|(id, (_, high))| (*id, *high)).collect();
        let consumer: BaseConsumer = self.config.create().context("cannot make the Kafka consumer")?;
        let mut list = TopicPartitionList::new();
        for partition in unread.keys() {
            list.add_partition_offset(&self.topic, *partition, Offset::Beginning)?;
        }
        consumer.assign(&list).context("cannot read the dead letters")?;
        let mut unreadable = 0;
        let mut deadline = Instant::now() + ANSWER_TIMEOUT;
        while !unread.is_empty() {
            match consumer.poll(POLL_TIMEOUT) {
                Some(Ok(message)) => {
                    let Some(end) = unread.get(&message.partition()) else { continue };
                    if message.offset() + 1 >= *end {
                        unread.remove(&message.partition());
                    }
                    match archived(&message) {
                        Some(archived) => each(archived)?,
                        None => unreadable += 1,
                    }
                    // Last, because what is done with a letter may take as long.
                    deadline = Instant::now() + ANSWER_TIMEOUT;
                }
                // The last offsets may hold no record.
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    unread.remove(&partition);
                }
                // What may pass is tried again by librdkafka itself.
                Some(Err(error)) if Instant::now() >= deadline => {
                    return Err(error).context("cannot read the dead letters");
                }
                None if Instant::now() >= deadline => bail!("Kafka has sent no dead letter for {ANSWER_TIMEOUT:?}"),
                Some(Err(_)) | None => {}
            }
        }
        Ok(unreadable)
    }
}

/// What reads partitions of its own choice, to their ends.
pub(super) fn reader(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", "consumer")
        // Never joined: partitions are assigned by hand, and nothing is committed.
        .set("group.id", &settings.group)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    config
}

fn archived(message: &BorrowedMessage<'_>) -> Option<Archived> {
    let headers = || {
        let headers = message.headers().into_iter().flat_map(Headers::iter);
        headers.filter_map(|header| Some((header.key, header.value?)))
    };
    let own_time = headers().find(|(name, _)| *name == TIMESTAMP_HEADER);
    let own_time = own_time.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
    Some(Archived {
        letter: DeadLetter::from_headers(headers()).ok()?,
        left_out: LeftOut::from_headers(headers()).ok()?,
        position: (message.partition(), message.offset()),
        timestamp_ms: own_time.or(message.timestamp().to_millis()).unwrap_or_default(),
        is_own_time: own_time.is_some() || matches!(message.timestamp(), Timestamp::CreateTime(_)),
        replay_attempts: replay_attempts(message.headers()),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
    })
}
