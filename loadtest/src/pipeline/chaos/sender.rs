//! The way of records that the lab sends past the producer, straight into the topic.

use std::time::Duration;

use anyhow::Context;
use rdkafka::ClientConfig;
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord};

const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// More than any broker takes, so that the broker's limit decides and not the client's.
const LARGEST_RECORD: &str = "2000000";

/// Sends records to one topic.
pub(crate) struct RecordSender {
    producer: FutureProducer,
    topic: String,
}

/// A record that is on its way.
pub(crate) struct Sending(Option<DeliveryFuture>);

/// Where a record lies: partition and offset.
pub(crate) type RecordPosition = (i32, i64);

impl RecordSender {
    /// Connects when the first record is sent.
    pub(crate) fn new(brokers: &str, topic: &str) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("client.id", "loadtest")
            .set("acks", "all")
            .set("message.max.bytes", LARGEST_RECORD)
            .set("message.timeout.ms", SEND_TIMEOUT.as_millis().to_string())
            .create()
            .context("cannot make a Kafka producer")?;
        Ok(Self { producer, topic: topic.to_owned() })
    }

    /// Sends a record, to this partition or to any. Does not wait.
    pub(crate) fn send(&self, key: &[u8], value: Option<&[u8]>, partition: Option<i32>) -> Sending {
        let mut record = FutureRecord::<[u8], [u8]>::to(&self.topic).key(key);
        record.payload = value;
        record.partition = partition;
        // A full queue shows as a record that was not acknowledged.
        Sending(self.producer.send_result(record).ok())
    }
}

impl Sending {
    /// Where it lies, if Kafka has acknowledged it.
    pub(crate) async fn position(self) -> Option<RecordPosition> {
        let delivery = self.0?.await.ok()?.ok()?;
        Some((delivery.partition, delivery.offset))
    }
}
