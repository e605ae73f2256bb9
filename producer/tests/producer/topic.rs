//! Topics and what is in them, as another client of Kafka sees it.

use std::time::Instant;

use contract::PostId;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::client::PATIENCE;

/// A name that no other test has.
pub(crate) fn fresh_topic() -> String {
    format!("post-{}", PostId::fresh())
}

/// A record as it was read back.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: String,
    pub(crate) value: String,
    /// In the topic's order.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) timestamp_ms: i64,
}

/// Every record that is in the topic now, in each partition's order.
pub(crate) async fn records(broker: &str, topic: &str) -> Vec<Record> {
    let (broker, topic) = (broker.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || read(&consumer(&broker), &topic)).await.unwrap()
}

/// How many partitions the topic has.
pub(crate) async fn partitions(broker: &str, topic: &str) -> usize {
    let (broker, topic) = (broker.to_owned(), topic.to_owned());
    tokio::task::spawn_blocking(move || count_partitions(&consumer(&broker), &topic)).await.unwrap()
}

/// The number of the broker that leads the topic's first partition; `None` while none does.
pub(crate) async fn leader(brokers: &str, topic: &str) -> Option<u32> {
    let (brokers, topic) = (brokers.to_owned(), topic.to_owned());
    let ask = move || {
        let metadata = consumer(&brokers).fetch_metadata(Some(&topic), PATIENCE).unwrap();
        u32::try_from(metadata.topics()[0].partitions()[0].leader()).ok()
    };
    tokio::task::spawn_blocking(ask).await.unwrap()
}

/// A broker that is gone sometimes shows as an error, which passes.
fn read(consumer: &BaseConsumer, topic: &str) -> Vec<Record> {
    let deadline = Instant::now() + PATIENCE;
    let mut assigned = TopicPartitionList::new();
    let mut count = 0;
    for partition in 0..i32::try_from(count_partitions(consumer, topic)).unwrap() {
        let (low, end) = loop {
            match consumer.fetch_watermarks(topic, partition, PATIENCE) {
                Ok(watermarks) => break watermarks,
                Err(error) => assert!(Instant::now() < deadline, "Kafka does not name the topic's end: {error}"),
            }
        };
        assigned.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
        count += end - low;
    }
    consumer.assign(&assigned).unwrap();
    let mut records = Vec::new();
    while (records.len() as i64) < count {
        match consumer.poll(PATIENCE).expect("a record that is there comes") {
            Ok(message) => records.push(Record::of(&message)),
            Err(error) => assert!(Instant::now() < deadline, "a record that is there does not come: {error}"),
        }
    }
    records
}

impl Record {
    fn of(message: &BorrowedMessage<'_>) -> Self {
        let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap().to_vec()).unwrap();
        let headers = message.headers().map(|headers| headers.iter());
        Self {
            partition: message.partition(),
            key: text(message.key()),
            value: text(message.payload()),
            headers: headers.into_iter().flatten().map(|header| (header.key.to_owned(), text(header.value))).collect(),
            timestamp_ms: message.timestamp().to_millis().unwrap(),
        }
    }
}

fn consumer(broker: &str) -> BaseConsumer {
    // It joins no group, but cannot be assigned partitions without naming one.
    ClientConfig::new().set("bootstrap.servers", broker).set("group.id", "test").create().unwrap()
}

fn count_partitions(consumer: &BaseConsumer, topic: &str) -> usize {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).unwrap();
    metadata.topics()[0].partitions().len()
}
