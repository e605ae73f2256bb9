//! The brake: how many dead letters are normal. A few bad records among many good ones are dead-lettered and forgotten;
//! when nearly every record is bad, the cause is more likely in the producer, in the store's rules or in these
//! settings, and emptying the topic into the dead letters would only move the work there. Pure.

use std::collections::VecDeque;
use std::fmt;

/// The share is taken over this many records, the latest judged.
pub const WINDOW: usize = 1_000;

/// How many dead letters are normal; beyond either limit the consumer pauses.
#[derive(Debug, Clone, Copy)]
pub struct BrakeLimits {
    /// `DLQ_MAX_SHARE`: largest share of dead letters among the last records, 0 to 1; 1 is no limit.
    pub max_share: f64,
    /// `DLQ_MAX_CONSECUTIVE`: most dead letters in a row; 0 is no limit.
    pub max_consecutive: usize,
}

/// Counts records in the order in which they are judged, and says when to stop dead-lettering. Once a limit is
/// exceeded, it stays so until a release: only people can decide to continue.
#[derive(Debug)]
pub struct Brake {
    settings: BrakeLimits,
    /// The records judged last, at most [`WINDOW`], oldest first: whether each was dead-lettered.
    window: VecDeque<bool>,
    dead_in_window: usize,
    dead_in_a_row: usize,
    exceeded: Option<Exceeded>,
}

/// The limit that one more dead letter would have exceeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Exceeded {
    /// `DLQ_MAX_SHARE`.
    Share(f64),
    /// `DLQ_MAX_CONSECUTIVE`.
    Consecutive(usize),
}

impl Brake {
    /// Nothing is counted yet.
    pub fn new(settings: BrakeLimits) -> Self {
        Self { settings, window: VecDeque::with_capacity(WINDOW), dead_in_window: 0, dead_in_a_row: 0, exceeded: None }
    }

    /// A record is stored.
    pub fn stored(&mut self) {
        self.dead_in_a_row = 0;
        self.note(false);
    }

    /// A record can never be stored: whether it may be dead-lettered. If not, it must be held.
    ///
    /// # Errors
    /// The limit that is exceeded.
    pub fn dead_letter(&mut self) -> Result<(), Exceeded> {
        if let Some(exceeded) = self.exceeded.or_else(|| self.exceeded_by_one_more()) {
            self.exceeded = Some(exceeded);
            return Err(exceeded);
        }
        self.dead_in_a_row += 1;
        self.note(true);
        Ok(())
    }

    /// The limit that is exceeded.
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded
    }

    /// Starts counting from scratch: the full number of dead letters is normal again.
    pub fn release(&mut self) {
        *self = Self::new(self.settings);
    }

    fn exceeded_by_one_more(&self) -> Option<Exceeded> {
        let BrakeLimits { max_share, max_consecutive } = self.settings;
        if max_consecutive > 0 && self.dead_in_a_row >= max_consecutive {
            return Some(Exceeded::Consecutive(max_consecutive));
        }
        // A window that is not full yet counts as if it began with good records: one bad record alone is not a share.
        let leaving = self.window.front().is_some_and(|oldest| *oldest && self.window.len() == WINDOW);
        let share = (self.dead_in_window + 1 - usize::from(leaving)) as f64 / WINDOW as f64;
        (share > max_share).then_some(Exceeded::Share(max_share))
    }

    fn note(&mut self, is_dead: bool) {
        if self.window.len() == WINDOW {
            self.dead_in_window -= usize::from(self.window.pop_front() == Some(true));
        }
        self.window.push_back(is_dead);
        self.dead_in_window += usize::from(is_dead);
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exceeded::Share(share) => {
                write!(f, "more than DLQ_MAX_SHARE={share} of the last {WINDOW} records cannot be stored")
            }
            Exceeded::Consecutive(count) => {
                write!(f, "more than DLQ_MAX_CONSECUTIVE={count} records in a row cannot be stored")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(max_share: f64, max_consecutive: usize) -> Brake {
        Brake::new(BrakeLimits { max_share, max_consecutive })
    }

    #[test]
    fn this_many_in_a_row_and_no_more() {
        let mut limit = limit(1.0, 3);
        assert!((0..3).all(|_| limit.dead_letter().is_ok()));
        limit.stored();
        assert!((0..3).all(|_| limit.dead_letter().is_ok()));
        assert_eq!(limit.dead_letter(), Err(Exceeded::Consecutive(3)));
        limit.stored();
        assert_eq!(limit.dead_letter(), Err(Exceeded::Consecutive(3)), "it stays exceeded");
    }

    #[test]
    fn a_release_starts_the_count_from_scratch() {
        let mut limit = limit(1.0, 3);
        assert_eq!((0..4).map(|_| limit.dead_letter()).find_map(Result::err), limit.exceeded());
        limit.release();
        assert!(limit.exceeded().is_none() && (0..3).all(|_| limit.dead_letter().is_ok()));
        assert!(limit.dead_letter().is_err());
    }

    #[test]
    fn a_share_of_the_last_thousand() {
        let mut limit = limit(0.5, 0);
        assert!((0..500).all(|_| limit.dead_letter().is_ok()));
        (0..500).for_each(|_| limit.stored());
        assert!((0..500).all(|_| limit.dead_letter().is_ok()), "one leaves the window for each that comes");
        assert_eq!(limit.dead_letter(), Err(Exceeded::Share(0.5)));
    }

    #[test]
    fn no_limit_and_no_dead_letters_at_all() {
        let mut unlimited = limit(1.0, 0);
        assert!((0..3 * WINDOW).all(|_| unlimited.dead_letter().is_ok()));
        assert_eq!(limit(0.0, 0).dead_letter(), Err(Exceeded::Share(0.0)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_limit_agrees_with_a_naive_model(
            // Phases of some length, in each of which a bad record is more or less likely.
            phases in proptest::collection::vec((0_usize..800, 0_u8..=10), 1..6),
            max_share in prop_oneof![Just(0.0), Just(0.1), Just(0.5), Just(0.9), Just(1.0)],
            max_consecutive in prop_oneof![Just(0_usize), 1_usize..300],
            seed: u64,
        ) {
            let mut limit = limit(max_share, max_consecutive);
            let mut judged: Vec<bool> = Vec::new();
            let mut is_exceeded = false;
            let mut random = seed;
            for (length, tenths) in phases {
                for _ in 0..length {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let is_bad = (random >> 33) % 10 < u64::from(tenths);
                    if !is_bad {
                        limit.stored();
                        judged.push(false);
                        continue;
                    }
                    judged.push(true);
                    let in_a_row = judged.iter().rev().take_while(|bad| **bad).count();
                    let in_window = judged.iter().rev().take(WINDOW).filter(|bad| **bad).count();
                    is_exceeded |= max_consecutive > 0 && in_a_row > max_consecutive;
                    is_exceeded |= in_window as f64 > max_share * WINDOW as f64;
                    prop_assert_eq!(limit.dead_letter().is_err(), is_exceeded);
                }
            }
        }
    }

    #[test]
    fn one_in_ten_shuffled_is_far_under_the_default() {
        let mut limit = limit(0.5, 100);
        let mut random = 1_u64;
        for _ in 0..100_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if (random >> 33).is_multiple_of(10) {
                assert_eq!(limit.dead_letter(), Ok(()));
            } else {
                limit.stored();
            }
        }
    }
}
