//! Which value each of the clients' latest keys stands for, so that no key stands for two. Pure: a key is known by the
//! 16 bytes that follow from it, a value by a hash.
//!
//! Memory is bounded by two generations. A key goes into the younger one; when that is full, the older one is forgotten
//! and they change places. So a key is known until more other keys than a generation holds have been used after it, and
//! no entry is ever removed alone. An entry takes 25 bytes of a table that is between 7/16 and 7/8 full: with 100,000
//! keys a generation, both together are 6.6 MB.

use std::collections::HashMap;

/// The keys that were used last.
pub(super) struct RecentKeys {
    /// Keys of a generation.
    limit: usize,
    younger: HashMap<[u8; 16], u64>,
    older: HashMap<[u8; 16], u64>,
}

impl RecentKeys {
    /// Remembers at least this many keys, and at most twice as many. Its memory is allocated now: no key waits for a
    /// growing table.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, younger: HashMap::with_capacity(limit), older: HashMap::with_capacity(limit) }
    }

    /// Remembers that the key stands for the value with this hash; false if it stands for another one.
    pub(super) fn remember(&mut self, key: [u8; 16], value: u64) -> bool {
        if let Some(known) = self.younger.get(&key) {
            return *known == value;
        }
        if self.older.get(&key).is_some_and(|known| *known != value) {
            return false;
        }
        if self.limit == 0 {
            return true;
        }
        if self.younger.len() == self.limit {
            std::mem::swap(&mut self.younger, &mut self.older);
            self.younger.clear();
        }
        self.younger.insert(key, value);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn id(key: u8) -> [u8; 16] {
        [key; 16]
    }

    #[test]
    fn a_key_stands_for_one_value() {
        let mut keys = RecentKeys::new(2);
        assert!(keys.remember(id(1), 10));
        assert!(keys.remember(id(1), 10), "the same value again");
        assert!(!keys.remember(id(1), 11));
        assert!(keys.remember(id(2), 11), "another key");
        assert!(keys.remember(id(1), 10), "a key that was not remembered has changed nothing");
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut keys = RecentKeys::new(2);
        for key in 1..=4 {
            assert!(keys.remember(id(key), 10));
        }
        assert!(!keys.remember(id(1), 11));
        assert!(keys.remember(id(1), 10), "used again, it is one of the latest");
        assert!(keys.remember(id(2), 11), "there is no room for this one any more");
        assert!(!keys.remember(id(1), 11));
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut keys = RecentKeys::new(0);
        assert!(keys.remember(id(1), 10) && keys.remember(id(1), 11));
    }

    proptest! {
        /// The model is the list of all uses that were let through.
        #[test]
        fn no_key_is_forgotten_early_or_confused_with_another(
            limit in 0_usize..8,
            uses in proptest::collection::vec((0_u8..20, 0_u64..3), 0..300),
        ) {
            let mut keys = RecentKeys::new(limit);
            let capacity = keys.younger.capacity() + keys.older.capacity();
            let mut accepted: Vec<(u8, u64)> = Vec::new();
            for (key, value) in uses {
                let last = accepted.iter().rposition(|(other, _)| *other == key);
                let is_same = last.is_none_or(|last| accepted[last].1 == value);
                let others = accepted[last.map_or(0, |last| last + 1)..].iter().map(|(other, _)| other);
                let others = others.collect::<HashSet<_>>().len();
                if keys.remember(id(key), value) {
                    prop_assert!(is_same || others > limit || limit == 0, "forgotten after {others} others");
                    accepted.push((key, value));
                } else {
                    prop_assert!(!is_same, "nobody used it for another value");
                    prop_assert!(others <= 2 * limit, "remembered after {others} others");
                }
                prop_assert!(keys.younger.len() <= limit && keys.older.len() <= limit);
                prop_assert_eq!(keys.younger.capacity() + keys.older.capacity(), capacity);
            }
        }
    }
}
