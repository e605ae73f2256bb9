//! Sends records of a topic to it once more, as they are: key, value, headers and time, to their own partition.

use anyhow::bail;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{BorrowedHeaders, Message, OwnedMessage};
use rdkafka::producer::FutureRecord;
use service::cluster::Cluster;

use super::record::ReadRecord;
use super::sender::{Sender, Sending};
use super::window::Window;

/// Sends records once more, several at a time.
pub struct Repeater {
    sender: Sender,
    in_flight: Window,
}

impl Repeater {
    /// Connects when the first record is sent.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub fn new(cluster: &Cluster, client_id: &str) -> anyhow::Result<Self> {
        Ok(Self { sender: Sender::new(cluster, client_id)?, in_flight: Window::default() })
    }

    /// Sends a record to the end of its partition. Waits for others if too many are on their way.
    ///
    /// # Errors
    /// Why this one, or another one, is not acknowledged.
    pub async fn repeat(&mut self, record: ReadRecord<'_>) -> anyhow::Result<()> {
        let bytes = record.value().map_or(0, <[u8]>::len);
        while let Some(sending) = self.in_flight.pop_for(bytes) {
            self.wait_for(sending).await?;
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
        self.in_flight.push(bytes, self.sender.start(again)?);
        Ok(())
    }

    /// Waits until everything is acknowledged.
    ///
    /// # Errors
    /// Why something is not.
    pub async fn finish(mut self) -> anyhow::Result<()> {
        while let Some(sending) = self.in_flight.pop() {
            self.wait_for(sending).await?;
        }
        Ok(())
    }

    async fn wait_for(&self, sending: Sending) -> anyhow::Result<()> {
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
