//! Hands a post to the lanes of its partition and waits for the acknowledgement. Says at once when there is no use in
//! trying: too much in flight, or Kafka away.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use service::Registry;
use service::metrics::Metric;
use service::trace::{span_id, trace_id};
use tokio::sync::{Semaphore, oneshot};

use crate::config::Config;
use crate::partitioner;
use crate::queue::{QueueReceiver, QueueSender, queue};
use crate::record::Publishing;
use crate::refusal::Refusal;
use crate::waiting_request::WaitingRequest;

mod bulk;
mod keys;

pub(crate) use bulk::Fate;

pub(crate) const IN_FLIGHT: Metric = Metric::gauge("ingest_in_flight_posts", "Posts awaiting acknowledgement by Kafka");

pub(crate) const IN_FLIGHT_LIMIT: Metric = Metric::gauge(
    "ingest_in_flight_posts_limit",
    "Limit of ingest_in_flight_posts (PRODUCER_MAX_IN_FLIGHT); beyond it a post gets 503",
);

/// A refusal is decided this much before `PRODUCER_TIMEOUT` is over, so that it is with the client by then.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// A post in a lane's queue, with the way back to its request.
pub(crate) struct Submission {
    pub(crate) post: Publishing,
    /// Upper bound of the record's encoded size.
    pub(crate) size_bytes: usize,
    /// From when on the linger time counts.
    pub(crate) queued_at: Instant,
    pub(crate) request: WaitingRequest,
}

/// The entrance to Kafka, shared by all requests.
pub(crate) struct Publisher {
    topic: String,
    timeout: Duration,
    admission: Arc<Semaphore>,
    max_in_flight: usize,
    /// Once the topic is known.
    partitions: OnceLock<Vec<Partition>>,
    batch_bytes: usize,
    linger: Duration,
    keys: keys::Keys,
}

/// A partition as posts see it.
struct Partition {
    queue: QueueSender,
    /// Whether its posts are let through to the lanes or refused at once.
    available: AtomicBool,
}

impl Publisher {
    pub(crate) fn new(config: &Config, registry: &Registry) -> Self {
        let admission = Arc::new(Semaphore::new(config.max_in_flight));
        let (admitting, max_in_flight) = (Arc::clone(&admission), config.max_in_flight);
        registry.observe(&IN_FLIGHT, move |rows| rows.row(&[], taken(&admitting, max_in_flight) as f64));
        registry.gauge(&IN_FLIGHT_LIMIT, &[]).set(max_in_flight as f64);
        Self {
            topic: config.kafka.topic.clone(),
            timeout: config.timeout - ANSWER_MARGIN.min(config.timeout / 10),
            admission,
            max_in_flight,
            partitions: OnceLock::new(),
            batch_bytes: config.batch_bytes,
            linger: config.linger,
            keys: keys::Keys::new(config.idempotency_keys),
        }
    }

    /// Opens a queue for each partition, the first time the topic is seen; `None` if they are open already.
    pub(crate) fn open(&self, partitions: usize) -> Option<Vec<QueueReceiver>> {
        let open = |_| {
            let (queue, receiver) = queue(self.batch_bytes, self.linger);
            (Partition { queue, available: AtomicBool::new(false) }, receiver)
        };
        let (opened, receivers) = (0..partitions).map(open).unzip();
        self.partitions.set(opened).ok().map(|()| receivers)
    }

    /// Whether posts of this partition are let through to the lanes or refused at once.
    pub(crate) fn set_available(&self, partition: i32, available: bool) {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(partition) = self.partitions.get().and_then(|partitions| partitions.get(index)) {
            partition.available.store(available, Ordering::Relaxed);
        }
    }

    /// Whether posts of any partition are let through.
    pub(crate) fn is_any_available(&self) -> bool {
        let mut partitions = self.partitions.get().into_iter().flatten();
        partitions.any(|partition| partition.available.load(Ordering::Relaxed))
    }

    /// For each partition whether its posts are let through; none before the topic is known.
    pub(crate) fn availability(&self) -> Vec<bool> {
        let partitions = self.partitions.get().into_iter().flatten();
        partitions.map(|partition| partition.available.load(Ordering::Relaxed)).collect()
    }

    /// Posts awaiting acknowledgement.
    pub(crate) fn in_flight(&self) -> usize {
        taken(&self.admission, self.max_in_flight)
    }

    /// As many posts may await it.
    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    /// Refuses all posts at once.
    pub(crate) fn set_away(&self) {
        for partition in self.partitions.get().into_iter().flatten() {
            partition.available.store(false, Ordering::Relaxed);
        }
    }

    /// Returns once Kafka has acknowledged; `is_keyed` says that the post's id stands for an `Idempotency-Key`.
    pub(crate) async fn publish(&self, post: Publishing, is_keyed: bool) -> Result<(), Refusal> {
        let partitions = self.partitions.get().ok_or(Refusal::KafkaAway)?;
        let (id, trace) = (post.id, post.trace);
        let partition = partitioner::partition_of(&id.to_key(), partitions.len());
        if !partitions[partition].available.load(Ordering::Relaxed) {
            return Err(Refusal::KafkaAway);
        }
        let admission = Arc::clone(&self.admission).try_acquire_owned().map_err(|_| Refusal::Full)?;
        // Only here, where the record is on its way at once: what is refused before it has not used its key, and of two
        // requests at the same time one finds it used. It stays used if nobody knows what became of the record.
        if is_keyed && !self.keys.take(&post) {
            return Err(Refusal::KeyConflict);
        }
        let (acknowledged, acknowledgement) = oneshot::channel();
        let submission = Submission {
            size_bytes: post.encoded_bytes(),
            queued_at: Instant::now(),
            post,
            request: WaitingRequest::Post { acknowledged, _admission: admission },
        };
        if !partitions[partition].queue.send(submission) {
            return Err(Refusal::KafkaAway);
        }
        match tokio::time::timeout(self.timeout, acknowledgement).await {
            Ok(Ok(offset)) => {
                tracing::debug!(
                    %id,
                    topic = self.topic,
                    partition,
                    offset,
                    trace_id = trace_id(trace),
                    span_id = span_id(trace),
                    "Message sent to topic"
                );
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(Refusal::Unacknowledged),
        }
    }
}

/// How many of all permits are taken.
fn taken(permits: &Semaphore, all: usize) -> usize {
    all - permits.available_permits().min(all)
}
