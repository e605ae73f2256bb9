//! The keys that are known, by their hashes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::auth::caller::Identity;
use crate::auth::key::KeyHash;

/// The keys that are known. A look-up finds a key by a part of its hash, which nobody can choose, and then compares the
/// whole in constant time.
#[derive(Debug, Default)]
pub struct KeyTable {
    by_start: HashMap<u64, Vec<(KeyHash, Arc<Identity>)>>,
    keys: usize,
}

impl KeyTable {
    /// Adds a key; returns whether it is new.
    pub(super) fn add(&mut self, hash: KeyHash, identity: Identity) -> bool {
        let same_start = self.by_start.entry(hash.start()).or_default();
        if same_start.iter().any(|(known, _)| known.is(&hash)) {
            return false;
        }
        same_start.push((hash, Arc::new(identity)));
        self.keys += 1;
        true
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Whose key this is.
    pub fn find(&self, key: &[u8]) -> Option<Arc<Identity>> {
        let hash = KeyHash::of(key);
        let same_start = self.by_start.get(&hash.start())?;
        same_start.iter().find(|(known, _)| known.is(&hash)).map(|(_, identity)| Arc::clone(identity))
    }
}
