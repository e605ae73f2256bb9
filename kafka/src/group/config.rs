//! A member's settings: Kafka and its own bounds. The bound of what it holds is not among them, because the members of
//! one process share it.

use std::time::Duration;

use service::cluster::Cluster;

use super::core::GroupLimits;

/// Longest wait for an answer from Kafka.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Where Kafka is, and how the group works.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// What the records are, in one word: the label `kind` of the metrics.
    pub kind: &'static str,
    /// `KAFKA_BROKER`, and what secures the connections to it.
    pub cluster: Cluster,
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
    /// `KAFKA_AUTO_OFFSET_RESET`: where the group starts in a partition that it has never committed.
    pub offset_reset: OffsetReset,
    /// The bounds of the work.
    pub limits: GroupLimits,
}

/// Where a group starts in a partition for which it has no committed offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetReset {
    /// At the first record.
    Earliest,
    /// Behind the last record: it never sees what is there already.
    Latest,
}

impl OffsetReset {
    /// Every value.
    pub const ALL: [OffsetReset; 2] = [OffsetReset::Earliest, OffsetReset::Latest];

    /// Its name in Kafka.
    pub fn as_str(self) -> &'static str {
        match self {
            OffsetReset::Earliest => "earliest",
            OffsetReset::Latest => "latest",
        }
    }
}
