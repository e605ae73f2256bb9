//! A member's settings: Kafka and its own bounds.

use std::time::Duration;

use super::core::GroupLimits;

/// Longest wait for an answer from Kafka.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Where Kafka is, and how the group works.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// What the records are, in one word: the label `kind` of the metrics.
    pub kind: &'static str,
    /// `KAFKA_BROKER`: bootstrap addresses, host:port, comma-separated.
    pub brokers: String,
    /// `KAFKA_TOPIC`: the topic of the records.
    pub topic: String,
    /// `KAFKA_GROUP`: the consumer group.
    pub group: String,
    /// `DLQ_TOPIC`: the topic of the dead letters.
    pub dead_letter_topic: String,
    /// `CONSUMER_SESSION_TIMEOUT`: a member that is silent for this long is considered dead.
    pub session_timeout: Duration,
    /// `CONSUMER_MAX_POLL_INTERVAL`: a member that does not fetch for this long is considered stuck.
    pub max_poll_interval: Duration,
    /// `CONSUMER_BUFFER_BYTES`: bound of all records held; beyond it fetching pauses.
    pub buffer_bytes: usize,
    /// The bounds of the work.
    pub limits: GroupLimits,
}
