//! Sends records of a topic to it once more, as they are: key, value, headers and time, to their own partition.

use std::collections::VecDeque;

use anyhow::bail;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedHeaders, Message, OwnedMessage};
use rdkafka::producer::FutureRecord;
use service::cluster::Cluster;

use super::record::ReadRecord;
use super::sender::{Sender, Sending};

/// Records that are sent and not acknowledged yet.
const MAX_IN_FLIGHT: usize = 500;

/// The most bytes of their values; a larger record is sent alone.
const MAX_BYTES_IN_FLIGHT: usize = 32_000_000;

/// Sends records once more, several at a time.
pub struct Repeater {
    sender: Sender,
    /// With the bytes of their values.
    in_flight: VecDeque<(usize, Sending)>,
    bytes_in_flight: usize,
}

impl Repeater {
    /// Connects when the first record is sent.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(cluster: &Cluster, client_id: &str) -> anyhow::Result<Self> {
        Ok(Self { sender: Sender::new(cluster, client_id)?, in_flight: VecDeque::new(), bytes_in_flight: 0 })
    }

    /// Sends a record to the end of its partition. Waits for others if too many are on their way.
    ///
    /// # Errors
    /// Why this one, or another one, is not acknowledged.
    pub async fn repeat(&mut self, record: ReadRecord<'_>) -> anyhow::Result<()> {
        let bytes = record.value().map_or(0, <[u8]>::len);
        while self.in_flight.len() >= MAX_IN_FLIGHT
            || !self.in_flight.is_empty() && self.bytes_in_flight + bytes > MAX_BYTES_IN_FLIGHT
        {
            self.wait_for_one().await?;
        }
        let message = record.message();
        let headers = message.headers().map(BorrowedHeaders::detach);
        let again = FutureRecord {
            topic: message.topic(),
            partition: Some(message.partition()),
            payload: message.payload(),
            key: message.key(),
            timestamp: message.timestamp().to_millis(),
            headers,
        };
        self.in_flight.push_back((bytes, self.sender.start(again)?));
        self.bytes_in_flight += bytes;
        Ok(())
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// Why something is not.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        while !self.in_flight.is_empty() {
            self.wait_for_one().await?;
        }
        Ok(())
    }

    async fn wait_for_one(&mut self) -> anyhow::Result<()> {
        let Some((bytes, sending)) = self.in_flight.pop_front() else { return Ok(()) };
        self.bytes_in_flight -= bytes;
        let Err((error, message)) = sending.outcome().await? else { return Ok(()) };
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::InvalidTimestamp) {
            return self.send_dated_now(&message).await;
        }
        bail!(error)
    }

    /// The topic takes recent times only (`message.timestamp.before.max.ms`), as a consumer finds for its letters, too.
    async fn send_dated_now(&self, message: &OwnedMessage) -> anyhow::Result<()> {
        let again = FutureRecord {
            topic: message.topic(),
            partition: Some(message.partition()),
            payload: message.payload(),
            key: message.key(),
            timestamp: None,
            headers: message.headers().cloned(),
        };
        self.sender.start(again)?.acknowledged().await.map(drop)
    }
}
