//! Whether a client's key may stand for a record: not if it recently stood for another one here. Of two such records
//! only one could be stored; the other would be a dead letter.
//!
//! Record values are compared. Those of posts are written by the producer, so neither whitespace nor dropped fields of
//! the request count; those of a kind of a file are the client's own bytes, and each of these counts. Only a hash of
//! the value is kept, made with a key of this process. Two values that share it, 1 pair in 2^64, count as one: then
//! the second is a dead letter, as it would be after the key was forgotten.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::recent_keys::RecentKeys;
use super::record::Record;

/// The latest keys, for all requests.
pub(super) struct Keys {
    hasher: RandomState,
    recent: Mutex<RecentKeys>,
}

impl Keys {
    /// See [`RecentKeys::new`].
    pub(super) fn new(limit: usize) -> Self {
        Self { hasher: RandomState::new(), recent: Mutex::new(RecentKeys::new(limit)) }
    }

    /// Uses the client's key, if there is one, for this record; false if it stands for another one.
    pub(super) fn take(&self, record: &Record) -> bool {
        let Some(key) = record.client_key else { return true };
        let hash = self.hash(record);
        self.recent().remember(key, hash)
    }

    /// Kafka will never take this record: its client's key is free for another one, if it still stands for this one.
    pub(super) fn give_back(&self, record: &Record) {
        if let Some(key) = record.client_key {
            let hash = self.hash(record);
            self.recent().forget(key, hash);
        }
    }

    fn hash(&self, record: &Record) -> NonZeroU64 {
        NonZeroU64::new(self.hasher.hash_one(&record.value)).unwrap_or(NonZeroU64::MIN)
    }

    fn recent(&self) -> MutexGuard<'_, RecentKeys> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
