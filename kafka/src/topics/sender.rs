//! Sends records one by one with librdkafka, each acknowledged by all replicas and none twice.

use std::time::Duration;

use anyhow::{Context, bail};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::{DeliveryFuture, OwnedDeliveryResult};
use rdkafka::producer::{FutureProducer, FutureRecord};
use service::cluster::Cluster;

use crate::security::librdkafka::{Callbacks, client_config};

/// Longest time to get one record acknowledged.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest record that is sent at all. A topic may allow more than Kafka's default of 1,048,588 bytes, and counts
/// compressed bytes; but a broker closes the connection without a word to a client whose request exceeds 104,857,600
/// (`socket.request.max.bytes`).
const LARGEST_BYTES: &str = "100000000";

/// A record to send.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outgoing<'a> {
    /// The topic.
    pub topic: &'a str,
    /// Its partition; by default the key decides.
    pub partition: Option<i32>,
    /// Its key.
    pub key: &'a [u8],
    /// Its value, if it has one.
    pub value: Option<&'a [u8]>,
    /// Its time, in ms since 1970; by default now.
    pub timestamp_ms: Option<i64>,
    /// Its headers.
    pub headers: &'a [(&'a str, &'a [u8])],
}

/// Sends records.
pub struct Sender {
    producer: FutureProducer<Callbacks>,
}

/// A record on its way.
pub struct Sending(DeliveryFuture);

impl Sender {
    /// Connects when the first record is sent.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(cluster: &Cluster, client_id: &str) -> anyhow::Result<Self> {
        let producer = acknowledged_by_all(cluster, client_id, SEND_TIMEOUT)?
            // Kafka's own rule, as in the publisher: a key keeps its partition.
            .set("partitioner", "murmur2_random")
            // The topic limits the batch: a small limit may allow each of the records, but not many together.
            .set("batch.size", "16384")
            .create_with_context(Callbacks::new(&cluster.security))
            .context("cannot make the Kafka producer")?;
        Ok(Self { producer })
    }

    /// Sends the record without waiting.
    ///
    /// # Errors
    /// When too many are on their way, or it cannot be sent at all.
    pub fn send(&self, record: Outgoing<'_>) -> anyhow::Result<Sending> {
        let mut headers = OwnedHeaders::new();
        for (key, value) in record.headers {
            headers = headers.insert(Header { key, value: Some(&value.to_vec()) });
        }
        let record = FutureRecord {
            topic: record.topic,
            partition: record.partition,
            payload: record.value,
            key: Some(record.key),
            timestamp: record.timestamp_ms,
            headers: Some(headers),
        };
        self.start(record)
    }

    pub(super) fn start(&self, record: FutureRecord<'_, [u8], [u8]>) -> anyhow::Result<Sending> {
        Ok(Sending(self.producer.send_result(record).map_err(|(error, _)| error)?))
    }
}

impl Sending {
    /// Waits for the acknowledgement. Returns the record's partition and offset.
    ///
    /// # Errors
    /// Why it is not acknowledged.
    pub async fn acknowledged(self) -> anyhow::Result<(i32, i64)> {
        let delivery = self.outcome().await?.map_err(|(error, _)| error)?;
        Ok((delivery.partition, delivery.offset))
    }

    /// What became of the record. One that is not acknowledged is there again.
    pub(super) async fn outcome(self) -> anyhow::Result<OwnedDeliveryResult> {
        match self.0.await {
            Ok(outcome) => Ok(outcome),
            Err(_) => bail!("the producer ended"),
        }
    }
}

/// The settings of every client that sends records which must not be lost.
///
/// # Errors
/// When the password cannot be read.
pub(crate) fn acknowledged_by_all(
    cluster: &Cluster,
    client_id: &str,
    timeout: Duration,
) -> anyhow::Result<ClientConfig> {
    let mut client = client_config(cluster, client_id)?;
    client
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("message.max.bytes", LARGEST_BYTES)
        .set("message.timeout.ms", timeout.as_millis().to_string());
    Ok(client)
}
