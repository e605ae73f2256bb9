//! What happened in histories: each kind of event must happen often enough, or the simulation proves nothing about it.

use std::fmt;

macro_rules! happenings {
    ($($name:ident $percent:literal),* $(,)?) => {
        /// What can happen.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Happened { $($name),* }

        /// Each with the least percentage of histories in which it must happen.
        pub(super) const EXPECTED: &[(Happened, u64)] = &[$((Happened::$name, $percent)),*];
    };
}

happenings! {
    Fetched 100,
    PausedAsFull 10,
    ResumedAfterFull 10,
    PausedAsAhead 10,
    PauseFailed 3,
    Assigned 100,
    RevokeSettled 50,
    RevokeTimedOut 10,
    PartitionsLost 10,
    StaleRecordDropped 1,
    Flushed 100,
    FlushedInPart 20,
    FlushFailed 20,
    WrittenLate 10,
    DuplicateAbsorbed 20,
    Refused 50,
    LetterAppended 50,
    LetterTooLarge 20,
    LetterFailed 20,
    LetterCopied 10,
    Committed 100,
    CommitFailed 10,
    CommitLate 10,
    CommitFenced 5,
    CommittedInPart 5,
    Killed 50,
    Stopped 20,
    FrozenShortly 20,
    FrozenTooLong 20,
    RetentionSkipped 10,
    SkipReported 10,
    PartitionAdded 20,
    SetBack 5,
    BrakeEngaged 20,
    BrakeReleased 20,
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

    pub(super) fn count(&self, what: Happened) -> u64 {
        self.counts[what as usize]
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

    /// What happened too seldom.
    pub(super) fn missing(&self) -> Vec<Happened> {
        let is_seldom = |what: Happened, percent: u64| self.shares[what as usize] * 100 < percent * self.histories;
        EXPECTED.iter().filter(|(what, percent)| is_seldom(*what, *percent)).map(|(what, _)| *what).collect()
    }
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} histories, {} steps, at least {}", self.histories, self.steps, self.fewest_steps)?;
        for (what, percent) in EXPECTED {
            let (count, share) = (self.counts[*what as usize], self.shares[*what as usize] * 100 / self.histories.max(1));
            writeln!(f, "{:<20} {count:>10}  in {share:>3} % of the histories, at least {percent} %", format!("{what:?}"))?;
        }
        Ok(())
    }
}
