//! Hands a record to the lanes and waits for the acknowledgement. Fails at once when a try is pointless: too much in
//! flight, or no partition that takes it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use service::Registry;
use service::rate::Held;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::admission::Admission;
use super::batch::BatchLimits;
use super::config::PublishConfig;
use super::error::PublishError;
use super::keys::Keys;
use super::queue::{QueueReceiver, QueueSender, QueueSettings, queue};
use super::record::Record;
use super::router::Router;
use super::submission::{Submission, WaitingRequest};

/// A batch has at most this share of the records that may be in flight, so that what waits for one broker leaves most
/// of the room to the others.
const BATCH_SHARE: usize = 16;

/// The entrance to Kafka, shared by all requests.
pub struct BatchedPublisher {
    topic: String,
    pub(super) timeout: Duration,
    pub(super) admission: Admission,
    pub(super) queue: QueueSender,
    /// For the supervisor.
    receiver: Mutex<Option<QueueReceiver>>,
    pub(super) router: Arc<Router>,
    pub(super) keys: Arc<Keys>,
    /// Shows the lanes when nothing more comes.
    closed: DropGuard,
}

impl BatchedPublisher {
    /// An entrance that is closed until a [`super::Supervisor`] has reached Kafka.
    pub fn new(config: &PublishConfig, registry: &Registry) -> Self {
        let items = config.max_in_flight.div_ceil(BATCH_SHARE);
        let (queue, receiver) = queue(QueueSettings {
            limits: BatchLimits { bytes: config.batch_bytes, items },
            linger: config.linger,
            is_adaptive: config.linger_adaptive,
        });
        Self {
            topic: config.topic.clone(),
            timeout: config.longest_wait(),
            admission: Admission::new(config, registry),
            queue,
            receiver: Mutex::new(Some(receiver)),
            router: Arc::new(Router::new(config.timeout)),
            keys: Arc::new(Keys::new(config.idempotency_keys)),
            closed: CancellationToken::new().drop_guard(),
        }
    }

    /// The end of the queue that returns batches, once.
    pub(super) fn take_receiver(&self) -> Option<QueueReceiver> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Cancelled when nothing more is published.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.token().clone()
    }

    /// Each partition, and why it takes no records if it does not; empty before the topic is known.
    pub fn partitions(&self) -> Vec<(i32, Option<String>)> {
        let partitions = self.router.partitions().into_iter();
        partitions.map(|(partition, trouble)| (partition, trouble.map(|trouble| trouble.reason))).collect()
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
    pub fn publish(&self, record: Record) -> impl Future<Output = Result<(i32, i64), PublishError>> + Send {
        self.publish_of(record, None)
    }

    /// The same for a caller who holds this much of what is in flight: it gets no more than its share.
    ///
    /// # Errors
    /// Why there is no acknowledgement.
    pub async fn publish_of(&self, record: Record, held: Option<&Arc<Held>>) -> Result<(i32, i64), PublishError> {
        if self.router.is_closed() {
            return Err(PublishError::Away);
        }
        let size_bytes = record.encoded_bytes();
        let admission = self.admission.admit(size_bytes, held)?;
        // Only here, just before the record is on its way: what is rejected earlier has not used its key, and of two
        // requests at the same time one finds it used. It stays used if nobody knows what became of the record; a lane
        // gives it back if Kafka will never take the record.
        if !self.keys.take(&record) {
            return Err(PublishError::Conflict);
        }
        let (stored, place) = oneshot::channel();
        let submission = Submission {
            size_bytes,
            queued_at: Instant::now(),
            record,
            request: WaitingRequest::Single { stored, _admission: admission },
        };
        if !self.queue.send(submission) {
            return Err(PublishError::Away);
        }
        match tokio::time::timeout(self.timeout, place).await {
            Ok(Ok(stored)) => stored,
            Ok(Err(_)) | Err(_) => Err(PublishError::Unacknowledged),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use service::cluster::Cluster;
    use smallvec::SmallVec;

    use super::*;
    use crate::broker::topology::Topology;
    use crate::publish::Compression;
    use crate::publish::metrics::METRICS;

    const MIB: usize = 1 << 20;

    fn record() -> Record {
        let (key, value) = (SmallVec::from_slice(b"key"), vec![b'x'; MIB]);
        Record { key, value, is_json: true, timestamp_ms: 1, trace: None, client_key: None }
    }

    #[tokio::test]
    async fn the_bytes_in_flight_are_bounded_for_records_of_any_size() {
        let config = PublishConfig {
            kind: "record",
            cluster: Cluster::plaintext(""),
            topic: "records".to_owned(),
            partitions: 1,
            replication: 1,
            linger: Duration::ZERO,
            linger_adaptive: true,
            batch_bytes: 1,
            compression: Compression::NoCompression,
            max_in_flight: 1_000,
            timeout: Duration::from_millis(200),
            idempotency_keys: 0,
        };
        let publisher = BatchedPublisher::new(&config, &Registry::new(&[METRICS]));
        let receiver = publisher.take_receiver();
        assert_eq!(publisher.publish(record()).await, Err(PublishError::Away), "no partition is known");
        let topology = Topology { brokers: [(1, String::new())].into(), leaders: [(0, Some(1))].into() };
        publisher.router.update(&topology);
        publisher.router.answers(0);
        // No lane takes them: one is in flight as long as it is in the queue, also when its client has gone away.
        for _ in 0..31 {
            assert!(publisher.publish(record()).now_or_never().is_none());
        }
        assert_eq!(publisher.publish(record()).now_or_never(), Some(Err(PublishError::Full)));
        let keyed = |value: &[u8]| Record { value: value.to_vec(), client_key: Some([1; 16]), ..record() };
        let large = Record { value: vec![b'x'; MIB], ..keyed(b"") };
        assert_eq!(publisher.publish_bulk(vec![large]).await, Err(PublishError::Full), "none until its deadline");
        assert!(publisher.keys.take(&keyed(b"another")), "what found no room has not used its key");
        assert_eq!(publisher.in_flight(), 31);
        drop(receiver);
        assert_eq!(publisher.in_flight(), 0);
    }
}
