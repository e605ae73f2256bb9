//! What happened in histories: each kind of event must happen often enough, or the simulation proves nothing about it.

use std::fmt::{self, Debug};
use std::marker::PhantomData;

/// What can happen: made by [`happenings!`](crate::happenings).
pub trait Happening: Copy + Debug + PartialEq + Send + 'static {
    /// Each with the lowest percentage of histories in which it must happen.
    const EXPECTED: &'static [(Self, u64)];

    /// Its place in [`EXPECTED`](Self::EXPECTED).
    fn index(self) -> usize;
}

/// Makes the type of what can happen, from names and the lowest percentage of histories in which each must happen.
#[macro_export]
macro_rules! happenings {
    ($($name:ident $percent:literal),* $(,)?) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Happened { $($name),* }

        impl $crate::Happening for Happened {
            const EXPECTED: &'static [(Self, u64)] = &[$((Self::$name, $percent)),*];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

/// Of one history, or of many.
#[derive(Debug, Clone)]
pub struct Statistics<H> {
    histories: u64,
    /// Of all histories together.
    pub steps: u64,
    pub(crate) fewest_steps: u64,
    counts: Vec<u64>,
    /// Histories in which it happened.
    shares: Vec<u64>,
    happened: PhantomData<H>,
}

impl<H: Happening> Statistics<H> {
    /// Of a history that begins.
    pub fn of_a_history() -> Self {
        Self { histories: 1, ..Self::of_none() }
    }

    pub(crate) fn of_none() -> Self {
        let zeros = vec![0; H::EXPECTED.len()];
        Self { histories: 0, steps: 0, fewest_steps: 0, counts: zeros.clone(), shares: zeros, happened: PhantomData }
    }

    /// Notes that it happened.
    pub fn happened(&mut self, what: H) {
        self.counts[what.index()] += 1;
    }

    /// Adds a history's.
    pub(crate) fn add(&mut self, history: &Self) {
        self.fewest_steps = if self.histories == 0 { history.steps } else { self.fewest_steps.min(history.steps) };
        self.histories += history.histories;
        self.steps += history.steps;
        for (index, count) in history.counts.iter().enumerate() {
            self.counts[index] += count;
            self.shares[index] += u64::from(*count > 0);
        }
    }

    /// What happened too rarely.
    pub(crate) fn missing(&self) -> Vec<H> {
        let is_seldom = |what: H, percent: u64| self.shares[what.index()] * 100 < percent * self.histories;
        H::EXPECTED.iter().filter(|(what, percent)| is_seldom(*what, *percent)).map(|(what, _)| *what).collect()
    }
}

impl<H: Happening> fmt::Display for Statistics<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} histories, {} steps, at least {}", self.histories, self.steps, self.fewest_steps)?;
        for (what, percent) in H::EXPECTED {
            let (count, share) = (self.counts[what.index()], self.shares[what.index()] * 100 / self.histories.max(1));
            let name = format!("{what:?}");
            writeln!(f, "{name:<20} {count:>10}  in {share:>3} % of the histories, at least {percent} %")?;
        }
        Ok(())
    }
}
