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

    /// The most bytes that may await acknowledgement, see [`super::encoded_bytes`]; a larger bulk is admitted only
    /// while nothing else is in flight.
    pub fn max_in_flight_bytes(&self) -> usize {
        self.admission.max_in_flight_bytes()
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
        let size_bytes = record.encoded_bytes();
        let admission = self.admission.admit(1, size_bytes)?;
        // Only here, just before the record is on its way: what is rejected earlier has not used its key, and of two
        // requests at the same time one finds it used. It stays used if nobody knows what became of the record.
        if !self.keys.take(&record) {
            return Err(PublishError::Conflict);
        }
        let (acknowledged, acknowledgement) = oneshot::channel();
        let submission = Submission {
            size_bytes,
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

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use smallvec::SmallVec;

    use super::*;
    use crate::publish::Compression;
    use crate::publish::metrics::METRICS;

    const MIB: usize = 1 << 20;

    fn record() -> Record {
        let (key, value) = (SmallVec::from_slice(b"key"), vec![b'x'; MIB]);
        Record { key, value, is_json: true, timestamp_ms: 1, trace: None, client_key: None }
    }

    #[test]
    fn the_bytes_in_flight_are_bounded_for_records_of_any_size() {
        let config = PublishConfig {
            kind: "record",
            brokers: Vec::new(),
            topic: "records".to_owned(),
            partitions: 1,
            replication: 1,
            linger: Duration::ZERO,
            batch_bytes: 1,
            compression: Compression::NoCompression,
            max_in_flight: 1_000,
            timeout: Duration::from_secs(5),
            idempotency_keys: 0,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let _entered = runtime.enter();
        let publisher = BatchedPublisher::new(&config, &Registry::new(&[METRICS]));
        let queues = publisher.open(1).unwrap();
        publisher.availability.open(1);
        publisher.availability.set(0, true);
        // No lane takes them: one is in flight as long as it is in the queue, also when its client has gone away.
        for _ in 0..31 {
            assert!(publisher.publish(record()).now_or_never().is_none());
        }
        assert_eq!(publisher.max_in_flight_bytes(), 32 * MIB);
        assert_eq!(publisher.publish(record()).now_or_never(), Some(Err(PublishError::Full)));
        assert_eq!(publisher.publish_bulk(vec![record()]).now_or_never(), Some(Err(PublishError::Full)));
        assert_eq!(publisher.in_flight(), 31);
        drop(queues);
        assert_eq!(publisher.in_flight(), 0);
    }
}
