//! The keys that were written last. A key that is not among them is probably new, and inserting a document is cheaper
//! for a store than replacing one that may be there: some make each replacement of a command durable by itself. A wrong
//! guess costs one more statement and nothing else, so a hash stands for a key. Pure.

use std::hash::{BuildHasher, RandomState};

use service::Recent;

/// This many keys are known at least, and twice as many at most. With eight bytes and one of the table for each, in two
/// tables of 131,072 places, they take 2.4 MB.
const KEYS: usize = 100_000;

/// The keys that were written last.
#[derive(Debug)]
pub(super) struct KnownKeys {
    hasher: RandomState,
    recent: Recent<u64, ()>,
}

impl Default for KnownKeys {
    fn default() -> Self {
        Self { hasher: RandomState::new(), recent: Recent::new(KEYS) }
    }
}

impl KnownKeys {
    /// Notes that the key is written now. Returns whether it was among them before.
    pub(super) fn note(&mut self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key);
        let was_known = self.recent.get(&hash).is_some();
        self.recent.put(hash, ());
        was_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_once_it_was_written() {
        let mut keys = KnownKeys::default();
        assert!(!keys.note("A"));
        assert!(keys.note("A"));
        assert!(!keys.note("B"));
    }

    #[test]
    fn what_is_used_stays_and_what_is_not_is_forgotten() {
        let mut keys = KnownKeys::default();
        keys.note("unused");
        for number in 0..2 * KEYS {
            keys.note(&number.to_string());
            if number % (KEYS / 2) == 0 {
                assert_eq!(keys.note("used"), number > 0);
            }
        }
        assert!(keys.note("used"));
        assert!(!keys.note("unused"));
    }
}
