//! Which value each of the clients' latest keys stands for, so that no key stands for two. Pure: a key is known by the
//! 16 bytes that follow from it, a value by a hash. An entry takes 25 bytes of a table: with 100,000 keys, of which at
//! most twice as many are known, both tables take 6.6 MB.

use std::num::NonZeroU64;

use service::Recent;

/// The keys that were used last. One that stands for nothing has `None`, which takes no memory of its own.
pub(super) struct RecentKeys(Recent<[u8; 16], Option<NonZeroU64>>);

impl RecentKeys {
    /// Remembers at least this many keys, and at most twice as many.
    pub(super) fn new(limit: usize) -> Self {
        Self(Recent::new(limit))
    }

    /// Remembers that the key stands for the value with this hash; false if it stands for another one.
    pub(super) fn remember(&mut self, key: [u8; 16], value: NonZeroU64) -> bool {
        if self.0.get(&key).copied().flatten().is_some_and(|known| known != value) {
            return false;
        }
        self.0.put(key, Some(value));
        true
    }

    /// The key does not stand for the value with this hash anymore. If it stands for another one, it still does.
    pub(super) fn forget(&mut self, key: [u8; 16], value: NonZeroU64) {
        if self.0.get(&key) == Some(&Some(value)) {
            self.0.put(key, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(key: u8) -> [u8; 16] {
        [key; 16]
    }

    fn value(hash: u64) -> NonZeroU64 {
        NonZeroU64::new(hash).unwrap()
    }

    #[test]
    fn a_key_stands_for_one_value() {
        let mut keys = RecentKeys::new(2);
        assert!(keys.remember(id(1), value(10)));
        assert!(keys.remember(id(1), value(10)), "the same value again");
        assert!(!keys.remember(id(1), value(11)));
        assert!(keys.remember(id(2), value(11)), "another key");
        assert!(keys.remember(id(1), value(10)), "a key that was not remembered has changed nothing");
    }

    #[test]
    fn a_key_that_is_forgotten_is_free() {
        let mut keys = RecentKeys::new(2);
        keys.forget(id(1), value(10));
        assert!(keys.remember(id(1), value(10)));
        keys.forget(id(1), value(11));
        assert!(!keys.remember(id(1), value(11)), "it stands for another value");
        keys.forget(id(1), value(10));
        assert!(keys.remember(id(1), value(11)));
        assert!(!keys.remember(id(1), value(10)));
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut keys = RecentKeys::new(2);
        for key in 1..=4 {
            assert!(keys.remember(id(key), value(10)));
        }
        assert!(!keys.remember(id(1), value(11)));
        assert!(keys.remember(id(1), value(10)), "used again, it is one of the latest");
        assert!(keys.remember(id(2), value(11)), "there is no room for this one any more");
        assert!(!keys.remember(id(1), value(11)));
    }

    #[test]
    fn without_room_nothing_is_remembered() {
        let mut keys = RecentKeys::new(0);
        assert!(keys.remember(id(1), value(10)) && keys.remember(id(1), value(11)));
    }
}
