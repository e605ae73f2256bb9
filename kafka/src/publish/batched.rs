//! Hands a record to the lanes of its partition and waits for the acknowledgement. Fails at once when a try is
//! pointless: too much in flight, or Kafka away.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use service::Registry;
use tokio::sync::oneshot;

use super::admission::Admission;
use super::availability::Availability;
use super::config::PublishConfig;
use super::error::PublishError;
use super::keys::Keys;
use super::partitioner;
use super::queue::{QueueReceiver, QueueSender, queue};
use super::record::Record;
use super::submission::{Submission, WaitingRequest};

/// The entrance to Kafka, shared by all requests.
pub struct BatchedPublisher {
    topic: String,
    pub(super) timeout: Duration,
    pub(super) admission: Admission,
    /// A queue for each partition, once the topic is known.
    pub(super) queues: OnceLock<Vec<QueueSender>>,
    /// Which queues take records.
    pub(super) availability: Availability,
    batch_bytes: usize,
    linger: Duration,
    pub(super) keys: Keys,
}

impl BatchedPublisher {
    /// An entrance that is closed until a [`super::Supervisor`] has reached Kafka.
    pub fn new(config: &PublishConfig, registry: &Registry) -> Self {
        Self {
            topic: config.topic.clone(),
            timeout: config.longest_wait(),
            admission: Admission::new(config, registry),
            queues: OnceLock::new(),
            availability: Availability::default(),
            batch_bytes: config.batch_bytes,
            linger: config.linger,
            keys: Keys::new(config.idempotency_keys),
        }
    }

    /// Opens a queue for each partition, the first time the topic is seen; `None` if they are open already.
    pub(super) fn open(&self, partitions: usize) -> Option<Vec<QueueReceiver>> {
        let (opened, receivers) = (0..partitions).map(|_| queue(self.batch_bytes, self.linger)).unzip();
        self.queues.set(opened).ok().map(|()| receivers)
    }

    /// Whether each partition's records are let through; empty before the topic is known.
    pub fn availability(&self) -> Vec<bool> {
        self.availability.all()
    }

    /// The topic that it publishes to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Records awaiting acknowledgement.
    pub fn in_flight(&self) -> usize {
        self.admission.in_flight()
    }

    /// The most records that may await acknowledgement.
    pub fn max_in_flight(&self) -> usize {
        self.admission.max_in_flight()
    }

    /// Returns once Kafka has acknowledged the record, with its partition and its offset.
    ///
    /// # Errors
    /// Why there is no acknowledgement.
    pub async fn publish(&self, record: Record) -> Result<(usize, i64), PublishError> {
        let queues = self.queues.get().ok_or(PublishError::Away)?;
        let partition = partitioner::partition_of(&record.key, queues.len());
        if !self.availability.is_available(partition) {
            return Err(PublishError::Away);
        }
        let admission = self.admission.one()?;
        // Only here, just before the record is on its way: what is rejected earlier has not used its key, and of two
        // requests at the same time one finds it used. It stays used if nobody knows what became of the record.
        if !self.keys.take(&record) {
            return Err(PublishError::Conflict);
        }
        let (acknowledged, acknowledgement) = oneshot::channel();
        let submission = Submission {
            size_bytes: record.encoded_bytes(),
            queued_at: Instant::now(),
            record,
            request: WaitingRequest::Single { acknowledged, _admission: admission },
        };
        if !queues[partition].send(submission) {
            return Err(PublishError::Away);
        }
        match tokio::time::timeout(self.timeout, acknowledgement).await {
            Ok(Ok(offset)) => Ok((partition, offset)),
            Ok(Err(_)) | Err(_) => Err(PublishError::Unacknowledged),
        }
    }
}
