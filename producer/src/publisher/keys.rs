//! Whether a post may have the id that its `Idempotency-Key` stands for: not if this producer has lately used it for another
//! post. Of two such posts only one could be stored, and the other would be a dead letter.
//!
//! What is compared is the record's value, so neither whitespace nor a field that is dropped counts. Of the value only a hash
//! is kept, with a key of this process. Two posts that share it, 1 pair in 2^64, are taken for one: then the second is a dead
//! letter, as it would be after the key was forgotten.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use crate::recent_keys::RecentKeys;
use crate::record::Publishing;

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

    /// Uses the post's key for this post; false if it stands for another one.
    pub(super) fn take(&self, post: &Publishing) -> bool {
        let hash = self.hasher.hash_one(&post.value);
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).remember(post.id, hash)
    }
}
