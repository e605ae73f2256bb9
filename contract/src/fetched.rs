//! A record as it comes from Kafka, before it is decoded.

use crate::{PostId, TraceContext};

/// A record as fetched. Its key and value stay untouched, in case it becomes a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its partition of the topic.
    pub partition: i32,
    /// Its offset in the partition.
    pub offset: i64,
    /// Its timestamp: when the request was accepted, in ms since 1970.
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
    /// The id that the record has, or would have, in this topic.
    pub fn id(&self, topic: &str) -> PostId {
        PostId::of_record(self.key.as_deref(), topic, self.partition, self.offset, self.timestamp_ms)
    }
}
