//! A record as it comes from Kafka, before it is decoded.

use crate::{Place, PostId, RecordId, TraceContext};

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
    /// Where it stood first, if it was sent back from the dead letters.
    pub origin: Option<Place>,
    /// The trace it belongs to, if its producer named one.
    pub trace: Option<TraceContext>,
    /// The key, if it has one.
    pub key: Option<Vec<u8>>,
    /// The value, if it has one.
    pub value: Option<Vec<u8>>,
}

impl Fetched {
    /// Its place among the records of its key: where it stood first, however often it was sent back.
    pub fn place(&self) -> Place {
        let Self { partition, offset, timestamp_ms, .. } = *self;
        self.origin.unwrap_or(Place { partition, offset, timestamp_ms })
    }

    /// The id that the record has, or would have, as a post of this topic.
    pub fn post_id(&self, topic: &str) -> PostId {
        PostId::of_record(self.key.as_deref(), topic, self.partition, self.offset, self.timestamp_ms)
    }

    /// The id that the record has in this topic as one of a kind with one document for each key, by its key alone.
    pub fn keyed_id(&self, topic: &str) -> RecordId {
        RecordId::of_keyed(self.key.as_deref(), topic, self.partition, self.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_sent_back_keeps_its_first_place() {
        let first = Place { partition: 3, offset: 17, timestamp_ms: 1_000 };
        let fresh = Fetched {
            partition: 1,
            offset: 40,
            timestamp_ms: 1_000,
            replay_attempts: 0,
            origin: None,
            trace: None,
            key: None,
            value: None,
        };
        assert_eq!(fresh.place(), Place { partition: 1, offset: 40, timestamp_ms: 1_000 });
        assert_eq!(Fetched { replay_attempts: 2, origin: Some(first), ..fresh }.place(), first);
    }
}
