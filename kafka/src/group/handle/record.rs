//! A record as a program gets it.

use std::sync::Arc;

use contract::Fetched;
use serde::Deserialize;

/// A record that a group has fetched. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConsumerRecord {
    pub(super) topic: Arc<str>,
    pub(super) fetched: Arc<Fetched>,
}

impl ConsumerRecord {
    /// Its topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Its partition of the topic.
    pub fn partition(&self) -> i32 {
        self.fetched.partition
    }

    /// Its offset in the partition.
    pub fn offset(&self) -> i64 {
        self.fetched.offset
    }

    /// Its time, in ms since 1970.
    pub fn timestamp_ms(&self) -> i64 {
        self.fetched.timestamp_ms
    }

    /// Its key, if it has one.
    pub fn key(&self) -> Option<&[u8]> {
        self.fetched.key.as_deref()
    }

    /// Its value, if it has one.
    pub fn value(&self) -> Option<&[u8]> {
        self.fetched.value.as_deref()
    }

    /// Its value, read as JSON.
    ///
    /// # Errors
    /// When it is not the JSON of a `T`; without a value it is not JSON.
    pub fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(self.value().unwrap_or_default())
    }
}
