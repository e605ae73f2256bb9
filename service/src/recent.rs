//! What was used last, by its key, in bounded memory. Pure.
//!
//! There are two generations. An entry goes into the younger one; when that is full, the older one is forgotten and
//! they change places. So an entry is known until more other keys than a generation holds have been used after it, and
//! none is ever removed alone. An entry takes its own size and one byte in a table that is between 7/16 and 7/8 full.

use std::collections::HashMap;
use std::hash::Hash;

/// The entries that were used last.
#[derive(Debug)]
pub struct Recent<K, V> {
    /// Entries of a generation.
    limit: usize,
    younger: HashMap<K, V>,
    older: HashMap<K, V>,
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// Remembers at least this many entries, and at most twice as many. Its memory is allocated now: nothing waits for
    /// a growing table.
    pub fn new(limit: usize) -> Self {
        Self { limit, younger: HashMap::with_capacity(limit), older: HashMap::with_capacity(limit) }
    }

    /// What is remembered of this key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.younger.get(key).or_else(|| self.older.get(key))
    }

    /// Remembers this of the key, which is used now.
    pub fn put(&mut self, key: K, value: V) {
        if self.limit == 0 {
            return;
        }
        if self.younger.len() == self.limit && !self.younger.contains_key(&key) {
            std::mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        self.younger.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut recent = Recent::new(0);
        recent.put(1, 10);
        assert_eq!(recent.get(&1), None);
    }

    proptest! {
        /// The model is the list of all uses.
        #[test]
        fn nothing_is_forgotten_early_or_confused_and_memory_is_bounded(
            limit in 0_usize..8,
            uses in proptest::collection::vec((0_u8..20, 0_u8..3), 0..300),
        ) {
            let mut recent = Recent::new(limit);
            let mut used: Vec<(u8, u8)> = Vec::new();
            for (key, value) in uses {
                recent.put(key, value);
                used.push((key, value));
                let mut known = 0;
                for key in 0..20 {
                    let last = used.iter().rposition(|(other, _)| *other == key);
                    let Some(value) = recent.get(&key) else {
                        let others = used[last.map_or(used.len(), |last| last + 1)..].iter().map(|(other, _)| other);
                        let others = others.collect::<HashSet<_>>().len();
                        prop_assert!(last.is_none() || others >= limit, "forgotten after {others} others");
                        continue;
                    };
                    prop_assert_eq!(Some(*value), last.map(|last| used[last].1));
                    known += 1;
                }
                prop_assert!(known <= 2 * limit, "{known} are remembered");
            }
        }
    }
}
