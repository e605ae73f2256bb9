//! What one thread of the generator writes down, until it is taken away.

use std::time::Instant;

use super::outcome::Outcome;
use super::tally::Tally;
use crate::ledger::Told;
use crate::pacing::Lateness;

/// The notes of one thread.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What was counted.
    pub(super) tally: Tally,
    /// The posts that were sent, each with what its client was told.
    pub(super) answers: Vec<(u64, Told)>,
}

/// A post that has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndedPost {
    /// Its number.
    pub(super) n: u64,
    /// When it was due, how late it left, and when it ended.
    pub(super) due: Instant,
    pub(super) lateness: Lateness,
    pub(super) now: Instant,
    pub(super) outcome: Outcome,
    /// Whether it broke a rule on purpose.
    pub(super) is_invalid: bool,
}

impl Notes {
    /// A post has ended.
    pub(super) fn add(&mut self, ended: EndedPost) {
        let EndedPost { n, due, lateness, now, outcome, is_invalid } = ended;
        self.answers.extend(outcome.told().map(|told| (n, told)));
        self.tally.left(lateness);
        self.tally.record(outcome, due, now);
        self.tally.invalid_accepted += u64::from(is_invalid && matches!(outcome, Outcome::Accepted(_)));
    }
}
