//! The keys that were written last. A key that is not among them is probably new, and inserting a document is cheaper
//! for a store than replacing one that may be there: some make each replacement of a command durable by itself. A wrong
//! guess costs one more statement and nothing else, so a hash stands for a key. Pure.
//!
//! Memory is bounded by two generations: a key goes into the younger one; when that is full, the older one is forgotten
//! and they change places.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// Keys of a generation. With eight bytes and one of the table for each of 131,072 places, both together take 2.4 MB.
const GENERATION: usize = 100_000;

/// The keys that were written last: at least [`GENERATION`] of them, and at most twice as many.
#[derive(Debug, Default)]
pub(super) struct KnownKeys {
    hasher: RandomState,
    younger: HashSet<u64>,
    older: HashSet<u64>,
}

impl KnownKeys {
    /// Notes that the key is written now. Returns whether it was among them before.
    pub(super) fn note(&mut self, key: &str) -> bool {
        let hash = self.hasher.hash_one(key);
        if self.younger.contains(&hash) {
            return true;
        }
        let was_known = self.older.contains(&hash);
        if self.younger.len() == GENERATION {
            std::mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        self.younger.insert(hash);
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
        for number in 0..2 * GENERATION {
            keys.note(&number.to_string());
            if number % (GENERATION / 2) == 0 {
                assert_eq!(keys.note("used"), number > 0);
            }
        }
        assert!(keys.note("used"));
        assert!(!keys.note("unused"));
        assert!(keys.younger.len() <= GENERATION && keys.older.len() <= GENERATION);
    }
}
