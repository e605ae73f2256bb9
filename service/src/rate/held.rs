//! What a caller holds of something that all share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The items and bytes that a caller holds, of what is bounded for all together.
///
/// A caller gets no more while it holds more than is free. So one that takes all it can get has half; with another one
/// like it, each has a third, and a third stays free: there is always room for those who take little, and no one needs
/// to know how many callers there are.
#[derive(Debug, Default)]
pub struct Held {
    items: AtomicUsize,
    bytes: AtomicUsize,
}

impl Held {
    /// Whether the caller may take an item of this many bytes, where this much is free. Who holds nothing always may.
    pub fn may_take(&self, bytes: usize, free_items: usize, free_bytes: usize) -> bool {
        let items = self.items.load(Ordering::Relaxed);
        let held = self.bytes.load(Ordering::Relaxed);
        items == 0 || items < free_items && held.saturating_add(bytes) <= free_bytes
    }

    /// It takes an item of this many bytes.
    pub fn take(&self, bytes: usize) {
        self.items.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// It gives an item of this many bytes back.
    pub fn give_back(&self, bytes: usize) {
        self.items.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes all that it gets.
    fn fill(held: &Held, free: &mut usize) {
        while held.may_take(0, *free, usize::MAX) && *free > 0 {
            held.take(0);
            *free -= 1;
        }
    }

    #[test]
    fn one_who_takes_all_has_half_and_two_have_a_third_each() {
        let (first, second, mut free) = (Held::default(), Held::default(), 900);
        fill(&first, &mut free);
        assert_eq!(free, 450);
        fill(&second, &mut free);
        assert_eq!(free, 225, "the second one takes half of the rest, until the first gives back");
        for _ in 0..150 {
            first.give_back(0);
            free += 1;
            fill(&second, &mut free);
        }
        assert_eq!((first.items.into_inner(), second.items.into_inner(), free), (300, 300, 300));
    }

    proptest! {
        #[test]
        fn who_holds_nothing_finds_room_however_many_take_all(greedy in 1_usize..50, rounds in 1_usize..5) {
            let callers: Vec<Held> = (0..greedy).map(|_| Held::default()).collect();
            let mut free = 1_000;
            for _ in 0..rounds {
                callers.iter().for_each(|held| fill(held, &mut free));
            }
            let largest = callers.iter().map(|held| held.items.load(Ordering::Relaxed)).max().unwrap_or_default();
            prop_assert!(largest <= 500);
            // Ten modest ones take one each.
            if greedy < 7 {
                prop_assert!(free >= 7, "{free}");
            }
        }

        #[test]
        fn bytes_are_shared_as_items_are(sizes in proptest::collection::vec(1_usize..300, 1..50)) {
            let (held, mut free) = (Held::default(), 1_000);
            for bytes in sizes {
                let may = held.may_take(bytes, 1_000, free);
                let has = held.bytes.load(Ordering::Relaxed);
                prop_assert_eq!(may, has == 0 || has + bytes <= free);
                if may && bytes <= free {
                    held.take(bytes);
                    free -= bytes;
                }
            }
        }
    }
}
