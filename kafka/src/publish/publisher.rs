//! Hands a record to the lanes of its partition and waits for the acknowledgement. Fails at once when a try is
//! pointless: too much in flight, or Kafka away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use service::Registry;
use tokio::sync::{Semaphore, oneshot};

use super::config::PublishConfig;
use super::keys::Keys;
use super::metrics::{IN_FLIGHT, IN_FLIGHT_LIMIT};
use super::partitioner;
use super::queue::{QueueReceiver, QueueSender, queue};
use super::record::Record;
use super::submission::{Submission, WaitingRequest};

/// The wait for an acknowledgement ends this long before `PRODUCER_TIMEOUT`, so that the client has its answer by then.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// Why a record was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishError {
    /// Kafka is known to be away, or was never reached.
    Away,
    /// Too many records await acknowledgement.
    Full,
    /// The client's key stands for another value.
    Conflict,
    /// It was sent on to Kafka, but not acknowledged in time: it may be stored or not.
    Unacknowledged,
}

/// The entrance to Kafka, shared by all requests.
pub struct Publisher {
    topic: String,
    pub(super) timeout: Duration,
    pub(super) admission: Arc<Semaphore>,
    max_in_flight: usize,
    /// Once the topic is known.
    pub(super) partitions: OnceLock<Vec<Partition>>,
    batch_bytes: usize,
    linger: Duration,
    pub(super) keys: Keys,
}

/// A partition as the publisher sees it.
pub(super) struct Partition {
    pub(super) queue: QueueSender,
    /// Whether its records are let through to the lanes.
    available: AtomicBool,
}

impl Partition {
    pub(super) fn is_available(&self) -> bool {
        self.available.load(Ordering::Relaxed)
    }
}

impl Publisher {
    /// An entrance that is closed until a [`super::Supervisor`] has reached Kafka.
    pub fn new(config: &PublishConfig, registry: &Registry) -> Self {
        let admission = Arc::new(Semaphore::new(config.max_in_flight));
        let (admitting, max_in_flight) = (Arc::clone(&admission), config.max_in_flight);
        registry.observe(&IN_FLIGHT, move |rows| rows.row(&[], taken(&admitting, max_in_flight) as f64));
        registry.gauge(&IN_FLIGHT_LIMIT, &[]).set(max_in_flight as f64);
        Self {
            topic: config.topic.clone(),
            timeout: config.timeout - ANSWER_MARGIN.min(config.timeout / 10),
            admission,
            max_in_flight,
            partitions: OnceLock::new(),
            batch_bytes: config.batch_bytes,
            linger: config.linger,
            keys: Keys::new(config.idempotency_keys),
        }
    }

    /// Opens a queue for each partition, the first time the topic is seen; `None` if they are open already.
    pub(super) fn open(&self, partitions: usize) -> Option<Vec<QueueReceiver>> {
        let open = |_| {
            let (queue, receiver) = queue(self.batch_bytes, self.linger);
            (Partition { queue, available: AtomicBool::new(false) }, receiver)
        };
        let (opened, receivers) = (0..partitions).map(open).unzip();
        self.partitions.set(opened).ok().map(|()| receivers)
    }

    /// Whether records of this partition are let through to the lanes.
    pub(super) fn set_available(&self, partition: i32, available: bool) {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(partition) = self.partitions.get().and_then(|partitions| partitions.get(index)) {
            partition.available.store(available, Ordering::Relaxed);
        }
    }

    /// Whether records of any partition are let through.
    pub(super) fn is_any_available(&self) -> bool {
        self.partitions.get().into_iter().flatten().any(Partition::is_available)
    }

    /// Whether each partition's records are let through; empty before the topic is known.
    pub fn availability(&self) -> Vec<bool> {
        self.partitions.get().into_iter().flatten().map(Partition::is_available).collect()
    }

    /// The topic that it publishes to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Records awaiting acknowledgement.
    pub fn in_flight(&self) -> usize {
        taken(&self.admission, self.max_in_flight)
    }

    /// The most records that may await acknowledgement.
    pub fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// Lets no more records through.
    pub(super) fn set_away(&self) {
        for partition in self.partitions.get().into_iter().flatten() {
            partition.available.store(false, Ordering::Relaxed);
        }
    }

    /// Returns once Kafka has acknowledged the record, with its partition and its offset.
    ///
    /// # Errors
    /// Why there is no acknowledgement.
    pub async fn publish(&self, record: Record) -> Result<(usize, i64), PublishError> {
        let partitions = self.partitions.get().ok_or(PublishError::Away)?;
        let partition = partitioner::partition_of(&record.key, partitions.len());
        if !partitions[partition].is_available() {
            return Err(PublishError::Away);
        }
        let admission = Arc::clone(&self.admission).try_acquire_owned().map_err(|_| PublishError::Full)?;
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
        if !partitions[partition].queue.send(submission) {
            return Err(PublishError::Away);
        }
        match tokio::time::timeout(self.timeout, acknowledgement).await {
            Ok(Ok(offset)) => Ok((partition, offset)),
            Ok(Err(_)) | Err(_) => Err(PublishError::Unacknowledged),
        }
    }
}

/// How many permits are taken.
fn taken(permits: &Semaphore, all: usize) -> usize {
    all - permits.available_permits().min(all)
}
