//! What happened in histories: each kind of event must happen often enough, or the simulation proves nothing about it.

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
    Fetched 100,
    PausedAsFull 50,
    ResumedAfterFull 50,
    PausedAsAhead 80,
    PauseFailed 8,
    Assigned 100,
    RevokeSettled 40,
    RevokeTimedOut 12,
    PartitionsLost 30,
    StaleRecordDropped 4,
    Flushed 100,
    FlushedInPart 25,
    FlushFailed 30,
    WrittenLate 7,
    DuplicateAbsorbed 80,
    Refused 90,
    LetterAppended 90,
    LetterTooLarge 12,
    LetterTooOld 20,
    LetterFailed 15,
    LetterCopied 30,
    Committed 100,
    CommitFailed 25,
    CommitLate 5,
    CommitFenced 25,
    CommittedInPart 12,
    Killed 60,
    Stopped 18,
    FrozenShortly 20,
    Expelled 10,
    FrozenTooLong 40,
    RetentionSkipped 30,
    SkipReported 30,
    PartitionAdded 30,
    SetBack 25,
    BrakeEngaged 12,
    BrakeReleased 10,
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
                "{:<20} {count:>10}  in {share:>3} % of the histories, at least {percent} %",
                format!("{what:?}")
            )?;
        }
        Ok(())
    }
}
