//! A record as it was fetched.

use contract::{PostId, TraceContext, dead_letter, record};
use rdkafka::message::{BorrowedMessage, Headers, Message};

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

    /// Copies what librdkafka holds.
    pub fn of(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers();
        Self {
            partition: message.partition(),
            offset: message.offset(),
            timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
            replay_attempts: replay_attempts(headers),
            trace: header(headers, record::TRACEPARENT_HEADER).and_then(TraceContext::parse),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
        }
    }
}

/// How often a record with these headers was sent back from the dead letters.
pub fn replay_attempts(headers: Option<&impl Headers>) -> u32 {
    dead_letter::replay_attempts(header(headers, dead_letter::REPLAY_ATTEMPTS_HEADER))
}

/// The value of the first header of this name.
fn header<'a>(headers: Option<&'a impl Headers>, name: &str) -> Option<&'a [u8]> {
    headers?.iter().find(|header| header.key == name).and_then(|header| header.value)
}
