//! The bound of all records held in memory, in bytes: from the fetch until they are finished or dropped. The members of
//! one process share it, one part each, and so do the two halves of a member, which share nothing else beside the
//! stream of deliveries.
//!
//! Half of the bound is dealt out equally, and a part can always hold its own share of it. The other half goes to the
//! part that asks first. So a member that is stuck, and holds all that it can get, never starves another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

/// One member's part of the bytes that may be held. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Bytes that this part holds.
    held: Arc<AtomicUsize>,
    /// Bytes that this part can hold whatever the others hold.
    own: usize,
    /// Bytes that all parts together hold beyond what is their own. For a moment it may lag behind what they hold.
    beyond: Arc<AtomicI64>,
    /// Bytes that all parts together may hold beyond what is their own.
    common: usize,
}

impl Budget {
    /// An empty budget of a single part; `limit` is in bytes.
    pub fn new(limit: usize) -> Self {
        Self::part(limit, 1, Arc::default())
    }

    /// An empty budget of this many parts, which share `limit` bytes.
    pub fn split(limit: usize, parts: usize) -> Vec<Self> {
        let beyond = Arc::default();
        (0..parts).map(|_| Self::part(limit, parts, Arc::clone(&beyond))).collect()
    }

    fn part(limit: usize, parts: usize, beyond: Arc<AtomicI64>) -> Self {
        let own = limit / 2 / parts;
        Self { held: Arc::default(), own, beyond, common: limit - parts * own }
    }

    /// Whether another record may be fetched. The question comes before the record, so one record may exceed the limit,
    /// however large it is: no fetched record is ever held back.
    pub fn has_room(&self) -> bool {
        let held = self.held();
        held < self.own || held < self.available(held)
    }

    /// Whether enough is free again to continue after a pause: half of what this part may hold now, because each pause
    /// throws away what was fetched ahead.
    pub fn has_recovered(&self) -> bool {
        let held = self.held();
        held <= self.available(held) / 2
    }

    /// A record of this size is fetched.
    pub fn take(&self, bytes: usize) {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        self.move_beyond(before, before + bytes);
    }

    /// A record of this size is finished or dropped.
    pub fn give_back(&self, bytes: usize) {
        let before = self.held.fetch_sub(bytes, Ordering::Relaxed);
        self.move_beyond(before, before - bytes);
    }

    /// The member that held records of this part is gone, and they with it.
    pub fn clear(&self) {
        self.give_back(self.held());
    }

    /// Bytes that this part holds now.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes that this part may hold while the others hold no more than is their own.
    pub fn limit(&self) -> usize {
        self.own + self.common
    }

    /// Bytes that this part may hold now, if it holds this many.
    fn available(&self, held: usize) -> usize {
        let others = self.beyond.load(Ordering::Relaxed) - signed(held.saturating_sub(self.own));
        let common = (signed(self.common) - others.max(0)).max(0);
        self.own.saturating_add(usize::try_from(common).unwrap_or(0))
    }

    fn move_beyond(&self, before: usize, after: usize) {
        let (before, after) = (before.saturating_sub(self.own), after.saturating_sub(self.own));
        if before != after {
            self.beyond.fetch_add(signed(after) - signed(before), Ordering::Relaxed);
        }
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_single_part_has_all_of_it() {
        for limit in [1, 7, 1_000] {
            let budget = Budget::new(limit);
            assert_eq!(budget.limit(), limit);
            budget.take(limit - 1);
            assert!(budget.has_room());
            budget.take(500);
            assert!(!budget.has_room() && !budget.has_recovered());
            budget.give_back(500 + limit - 1 - limit / 2);
            assert!(budget.has_recovered(), "half of {limit} is free");
        }
    }

    #[test]
    fn a_part_that_holds_all_it_can_get_leaves_the_others_their_own() {
        let parts = Budget::split(1_000, 2);
        parts[0].take(750);
        assert_eq!((parts[0].has_room(), parts[1].has_room()), (false, true));
        parts[1].take(249);
        assert!(parts[1].has_room());
        parts[1].take(1);
        assert!(!parts[1].has_room());
        parts[1].give_back(125);
        assert!(parts[1].has_recovered(), "it waits for itself alone, not for the one that is stuck");
        parts[0].give_back(400);
        assert_eq!((parts[0].limit(), parts[1].available(parts[1].held())), (750, 650));
    }

    /// What a part does: fetch a record of this size if it may, or finish this one of those that it holds.
    #[derive(Debug, Clone, Copy)]
    enum Move {
        Fetch(usize),
        Finish(prop::sample::Index),
    }

    fn moves() -> impl Strategy<Value = Vec<(prop::sample::Index, Move)>> {
        let fetch = (1_usize..=LARGEST).prop_map(Move::Fetch);
        let finish = any::<prop::sample::Index>().prop_map(Move::Finish);
        prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![3 => fetch, 1 => finish]), 0..300)
    }

    const LARGEST: usize = 200;

    proptest! {
        #[test]
        fn the_bound_holds_and_no_part_is_ever_starved(
            limit in 100_usize..2_000,
            parts in 1_usize..6,
            moves in moves(),
        ) {
            let budgets = Budget::split(limit, parts);
            let mut held: Vec<Vec<usize>> = vec![Vec::new(); parts];
            for (part, next) in moves {
                let part = part.index(parts);
                match next {
                    Move::Fetch(bytes) if budgets[part].has_room() => {
                        budgets[part].take(bytes);
                        held[part].push(bytes);
                    }
                    Move::Fetch(_) => {}
                    Move::Finish(which) if !held[part].is_empty() => {
                        let which = which.index(held[part].len());
                        budgets[part].give_back(held[part].swap_remove(which));
                    }
                    Move::Finish(_) => {}
                }
                let sums: Vec<usize> = held.iter().map(|records| records.iter().sum()).collect();
                let all: usize = sums.iter().sum();
                prop_assert!(all < limit + parts * LARGEST, "each part exceeds by less than one record: {sums:?}");
                for (budget, sum) in budgets.iter().zip(&sums) {
                    prop_assert_eq!(budget.held(), *sum);
                    prop_assert!(*sum < budget.limit() + LARGEST);
                    prop_assert!(*sum >= limit / 2 / parts || budget.has_room(), "{} of its own, {sums:?}", budget.own);
                    prop_assert!(*sum > limit / 4 / parts || budget.has_recovered(), "a pause ends by itself");
                    prop_assert!(!budget.has_recovered() || budget.has_room());
                }
                // Nothing is refused while there is room for all.
                prop_assert!(all >= limit || budgets.iter().any(Budget::has_room));
            }
            for budget in &budgets {
                budget.clear();
                prop_assert!(budget.held() == 0 && budget.has_room());
            }
            prop_assert_eq!(budgets[0].beyond.load(Ordering::Relaxed), 0);
        }
    }
}
