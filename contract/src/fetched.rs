//! A record as it comes out of Kafka, before anybody knows what it is.

use crate::{PostId, TraceContext};

/// A record as it was fetched. Key and value are kept untouched, in case it becomes a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Partition of the topic.
    pub partition: i32,
    /// Offset in the partition.
    pub offset: i64,
    /// The record's timestamp: when the request was accepted, in ms since 1970.
    pub timestamp_ms: i64,
    /// How often it was sent back from the dead letters.
    pub replay_attempts: u32,
    /// The trace it belongs to, if its producer named one.
    pub trace: Option<TraceContext>,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value, if it has one.
    pub value: Option<Vec<u8>>,
}

impl Fetched {
    /// The id that the record of this topic has, or would have.
    pub fn id(&self, topic: &str) -> PostId {
        let by_key = self.key.as_deref().and_then(PostId::from_key);
        by_key.unwrap_or_else(|| PostId::from_position(topic, self.partition, self.offset, self.timestamp_ms))
    }
}
