//! Pseudo-random numbers for what the records of a run are like: each follows from the one that a sequence starts with,
//! so a record is the same in every run with its seed, and in every build.

use crate::ledger::mix::mix;

/// A sequence of numbers.
pub(crate) struct Draws {
    last: u64,
}

impl Draws {
    /// The sequence that follows from `first`.
    pub(crate) fn new(first: u64) -> Self {
        Self { last: first }
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.last = mix(self.last);
        below(bound, self.last)
    }

    /// A number in `shortest..=longest`.
    pub(crate) fn between(&mut self, shortest: usize, longest: usize) -> usize {
        shortest + self.below(longest + 1 - shortest)
    }

    /// True once in this many draws, on average.
    pub(crate) fn one_in(&mut self, draws: usize) -> bool {
        self.below(draws) == 0
    }

    /// One of these.
    pub(crate) fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// A number below `bound`.
pub(crate) fn below(bound: usize, random: u64) -> usize {
    usize::try_from(random % bound as u64).expect("less than a usize")
}

/// True for this share of all random numbers.
pub(crate) fn is_within(random: u64, share: f64) -> bool {
    // The upper 53 bits are what a fraction can hold exactly.
    ((random >> 11) as f64 / (1_u64 << 53) as f64) < share
}
