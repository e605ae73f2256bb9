//! The settings of publishing: Kafka and its own bounds. A publisher in any order and an ordered one have the same.

use std::time::Duration;

pub use rskafka::client::partition::Compression;
use service::cluster::Cluster;

/// The wait for an acknowledgement ends this long before `PRODUCER_TIMEOUT`, so that the client has its answer by then.
const ANSWER_MARGIN: Duration = Duration::from_millis(50);

/// Bytes in flight for each of `PRODUCER_MAX_IN_FLIGHT`. A valid post or order is smaller; a record of a kind that a
/// file describes need not be, so that fewer of them may be in flight.
const RECORD_BYTES: usize = 8 << 10;

/// The least bytes in flight, so that there is room for any one record.
const LEAST_BYTES: usize = 32 << 20;

/// Where Kafka is, how the topic is created, and how records are published to it.
#[derive(Debug, Clone)]
pub struct PublishConfig {
    /// What the records are, in one word: the label `kind` of the metrics.
    pub kind: &'static str,
    /// `KAFKA_BROKER`, and what secures the connections to it.
    pub cluster: Cluster,
    /// `KAFKA_TOPIC`: the topic's name.
    pub topic: String,
    /// `KAFKA_PARTITIONS`: the topic's partitions if it is created here.
    pub partitions: i32,
    /// `KAFKA_REPLICATION`: the topic's replicas if it is created here.
    pub replication: i16,
    /// `PRODUCER_LINGER`: longest wait of a batch's first record for company.
    pub linger: Duration,
    /// `PRODUCER_LINGER_ADAPTIVE`: a batch is sent at once while few others are on their way. An ordered publisher
    /// leaves this to librdkafka.
    pub linger_adaptive: bool,
    /// `PRODUCER_BATCH_BYTES`: upper bound of a batch's encoded size.
    pub batch_bytes: usize,
    /// `PRODUCER_COMPRESSION`: codec of the batches.
    pub compression: Compression,
    /// `PRODUCER_MAX_IN_FLIGHT`: records awaiting acknowledgement; beyond it, or beyond
    /// [`Self::max_in_flight_bytes`], none is admitted.
    pub max_in_flight: usize,
    /// `PRODUCER_TIMEOUT`: longest wait for an acknowledgement.
    pub timeout: Duration,
    /// `PRODUCER_IDEMPOTENCY_KEYS`: latest keys of clients that are remembered. An ordered publisher remembers none.
    pub idempotency_keys: usize,
}

impl PublishConfig {
    /// The most bytes awaiting acknowledgement: 8 KiB for each record of `max_in_flight`, and at least 32 MiB.
    pub fn max_in_flight_bytes(&self) -> usize {
        self.max_in_flight.saturating_mul(RECORD_BYTES).max(LEAST_BYTES)
    }

    /// How long a request waits for its records' acknowledgements.
    pub(super) fn longest_wait(&self) -> Duration {
        self.timeout - ANSWER_MARGIN.min(self.timeout / 10)
    }
}
