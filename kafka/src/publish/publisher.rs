//! Publishing as a library: one handle that sends to any topics. Each topic gets the publisher that the producer has
//! for a kind of record ([`topic`]), the first time that something is sent to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use serde::Serialize;
use tokio_util::task::TaskTracker;

use super::record::{Key, Record};
use crate::broker::Broker;
use crate::security::Connector;

mod error;
mod options;
mod topic;

pub use error::SendError;
pub use options::PublisherOptions;
use topic::Topic;

/// How often a flush looks whether everything has ended. Nothing on a record's own way is spent on flushes.
const FLUSH_LOOK: Duration = Duration::from_millis(1);

/// Sends records to any topics, each acknowledged by all replicas in sync. Cheap to clone: clones are one publisher.
///
/// Whether records keep their order is for [`PublisherOptions::batched`] or [`PublisherOptions::ordered`] to say. Where
/// they do, the key decides the partition by Kafka's own rule; else a record goes to any partition that takes it. A
/// topic that is missing is created.
///
/// A send waits for its own acknowledgement. For throughput have many of them under way at the same time, in tasks or
/// in a stream of futures; they then share batches.
///
/// ```no_run
/// # async fn example() -> anyhow::Result<()> {
/// use kafka::publish::{Publisher, PublisherOptions};
///
/// let publisher = Publisher::connect(PublisherOptions::batched("localhost:9092")).await?;
/// let place = publisher.send("readings", "device-7", "21.5").await?;
/// println!("partition {}, offset {}", place.partition, place.offset);
/// publisher.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Publisher {
    shared: Arc<Shared>,
}

struct Shared {
    options: PublisherOptions,
    /// The topics that something was sent to; `None` once the publisher is closed.
    topics: Mutex<Option<HashMap<String, Arc<Topic>>>>,
    /// Counts the sends that have not returned.
    sending: TaskTracker,
}

/// Where an acknowledged record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledged {
    /// Its partition of the topic.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
}

impl Publisher {
    /// A publisher, once one of the brokers has answered. It stays connected from the first record of a topic on,
    /// whatever becomes of Kafka meanwhile.
    ///
    /// # Errors
    /// When no broker answers within two seconds, or an option cannot work.
    pub async fn connect(options: PublisherOptions) -> anyhow::Result<Self> {
        options.check()?;
        let connector = Arc::new(Connector::new(&options.cluster.security));
        let connected = Broker::connect_to_any(&connector, &options.cluster.brokers).await;
        connected.with_context(|| options.cluster.bootstrap())?;
        let topics = Mutex::new(Some(HashMap::new()));
        Ok(Self { shared: Arc::new(Shared { options, topics, sending: TaskTracker::new() }) })
    }

    /// Reaches the topic now instead of with its first record, and creates it if it is missing.
    ///
    /// # Errors
    /// Why it is not reached within the timeout.
    pub async fn open(&self, topic: &str) -> Result<(), SendError> {
        self.topic(topic)?.reached().await
    }

    /// Returns once Kafka has acknowledged the record: any bytes, with the time of now. Fails at once, without sending
    /// anything, while Kafka is away or too many records await acknowledgement.
    ///
    /// Dropping it after its first poll gives up the answer, not always the record. With an ordered publisher the
    /// records of a key keep the order of these first polls.
    ///
    /// # Errors
    /// Why there is no acknowledgement; [`SendError::may_be_stored`] says what that means for the record.
    pub async fn send(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: impl Into<Vec<u8>>,
    ) -> Result<Acknowledged, SendError> {
        self.publish(topic, key.as_ref(), value.into(), false).await
    }

    /// As [`Self::send`], with the value written as JSON and a header that says so.
    ///
    /// # Errors
    /// Also when the value cannot be written as JSON.
    pub async fn send_json(
        &self,
        topic: &str,
        key: impl AsRef<[u8]>,
        value: &impl Serialize,
    ) -> Result<Acknowledged, SendError> {
        let value = serde_json::to_vec(value).map_err(SendError::Json)?;
        self.publish(topic, key.as_ref(), value, true).await
    }

    /// Whether each topic that was opened, or that something was sent to, can be reached at present. What this says
    /// lags behind by up to a second.
    ///
    /// # Errors
    /// One line that names each topic that cannot, and why.
    pub fn check(&self) -> Result<(), String> {
        let topics = self.topics();
        let troubles = topics.iter().flatten().filter_map(|(name, topic)| {
            let trouble = topic.check().err()?;
            Some(format!("{name}: {trouble}"))
        });
        let troubles: Vec<String> = troubles.collect();
        if troubles.is_empty() { Ok(()) } else { Err(troubles.join("; ")) }
    }

    /// Records awaiting acknowledgement, over all topics.
    pub fn in_flight(&self) -> usize {
        self.topics().iter().flat_map(HashMap::values).map(|topic| topic.in_flight()).sum()
    }

    /// Returns once the fate of every record that was sent before is known. What it is, each send says itself.
    pub async fn flush(&self) {
        // By then each send has waited for its topic and for its acknowledgement, even while others follow it.
        let deadline = Instant::now() + 2 * self.shared.options.timeout;
        while self.in_flight() + self.shared.sending.len() > 0 && Instant::now() < deadline {
            tokio::time::sleep(FLUSH_LOOK).await;
        }
    }

    /// Takes no more records, from this and all its clones; waits for those that are under way; and disconnects.
    ///
    /// Without it the connections end when the last clone is dropped, but nothing waits for what is under way.
    ///
    /// # Errors
    /// When records are still without an acknowledgement after the timeout: they may be stored or not.
    pub async fn close(self) -> anyhow::Result<()> {
        let Some(topics) = self.topics().take() else { return Ok(()) };
        let deadline = Instant::now() + 2 * self.shared.options.timeout;
        let mut unfinished = Vec::new();
        for (name, topic) in topics {
            while topic.in_flight() + self.shared.sending.len() > 0 && Instant::now() < deadline {
                tokio::time::sleep(FLUSH_LOOK).await;
            }
            if !topic.close(self.shared.options.timeout).await {
                unfinished.push(name);
            }
        }
        ensure!(unfinished.is_empty(), "records are without an acknowledgement: topic {}", unfinished.join(", "));
        Ok(())
    }

    async fn publish(&self, topic: &str, key: &[u8], value: Vec<u8>, is_json: bool) -> Result<Acknowledged, SendError> {
        let topic = self.topic(topic)?;
        let _sending = self.shared.sending.token();
        let timestamp_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        let key = Key::from_slice(key);
        let record = Record { key, value, is_json, timestamp_ms, trace: None, client_key: None };
        let (partition, offset) = topic.publish(record).await?;
        Ok(Acknowledged { partition, offset })
    }

    fn topic(&self, name: &str) -> Result<Arc<Topic>, SendError> {
        let mut topics = self.topics();
        let topics = topics.as_mut().ok_or(SendError::Closed)?;
        if let Some(topic) = topics.get(name) {
            return Ok(Arc::clone(topic));
        }
        let Shared { options, .. } = &*self.shared;
        let topic = Arc::new(Topic::start(options.of_topic(name), options.keeps_order)?);
        topics.insert(name.to_owned(), Arc::clone(&topic));
        Ok(topic)
    }

    fn topics(&self) -> MutexGuard<'_, Option<HashMap<String, Arc<Topic>>>> {
        self.shared.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
