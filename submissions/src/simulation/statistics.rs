//! What happened in the histories: a simulation proves nothing about what never happens in it.

use std::fmt;

macro_rules! happenings {
    ($($name:ident $percent:literal),* $(,)?) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Happened { $($name),* }

        /// Each with the lowest percentage of histories in which it must happen.
        pub(super) const EXPECTED: &[(Happened, u64)] = &[$((Happened::$name, $percent)),*];
    };
}

happenings! {
    Claimed 90,
    Passed 90,
    FailedByRule 60,
    Cached 15,
    Failed 20,
    TimedOut 2,
    WorkerGone 40,
    GivenBack 6,
    GivenUp 15,
    Finished 90,
    FinishedLate 20,
    DoneInDoubt 10,
    HeardGone 10,
    ClaimedUnknown 15,
    Cancelled 10,
    CancelledInWork 5,
    Retried 10,
    Killed 30,
    Frozen 20,
    Stopped 10,
    Announced 15,
    AnnouncementLost 10,
    AnnouncedAgain 10,
    HandedBack 1,
    OutageOver 10,
}

/// Of one history, or of many.
#[derive(Debug, Clone, Default)]
pub(super) struct Statistics {
    pub(super) histories: u64,
    pub(super) steps: u64,
    pub(super) fewest_steps: u64,
    counts: Vec<u64>,
    /// Histories in which it happened.
    shares: Vec<u64>,
}

impl Statistics {
    pub(super) fn of_a_history() -> Self {
        Self { histories: 1, counts: vec![0; EXPECTED.len()], ..Self::default() }
    }

    pub(super) fn happened(&mut self, what: Happened) {
        self.counts[what as usize] += 1;
    }

    /// Adds a history's.
    pub(super) fn add(&mut self, history: &Statistics) {
        self.counts.resize(EXPECTED.len(), 0);
        self.shares.resize(EXPECTED.len(), 0);
        self.fewest_steps = if self.histories == 0 { history.steps } else { self.fewest_steps.min(history.steps) };
        self.histories += history.histories;
        self.steps += history.steps;
        for (index, count) in history.counts.iter().enumerate() {
            self.counts[index] += count;
            self.shares[index] += u64::from(*count > 0);
        }
    }

    /// What happened too rarely.
    pub(super) fn missing(&self) -> Vec<Happened> {
        let is_seldom = |what: Happened, percent: u64| self.shares[what as usize] * 100 < percent * self.histories;
        EXPECTED.iter().filter(|(what, percent)| is_seldom(*what, *percent)).map(|(what, _)| *what).collect()
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} histories, {} steps, at least {}", self.histories, self.steps, self.fewest_steps)?;
        for (what, percent) in EXPECTED {
            let (count, share) =
                (self.counts[*what as usize], self.shares[*what as usize] * 100 / self.histories.max(1));
            writeln!(
                f,
                "{:<16} {count:>10}  in {share:>3} % of the histories, at least {percent} %",
                format!("{what:?}")
            )?;
        }
        Ok(())
    }
}
