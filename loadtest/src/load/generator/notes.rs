//! What one thread of the generator notes until it is taken.

use std::time::Instant;

use super::outcome::Outcome;
use super::tally::Tally;
use crate::ledger::audit_book::SentRequest;
use crate::load::pacing::lateness::Lateness;
use crate::load::recorder::Answered;

/// The notes of one thread.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// The counts and latencies.
    pub(crate) tally: Tally,
    /// The posts that were sent, each with what its client got.
    pub(crate) answers: Vec<Answered>,
    /// The requests that were sent, if they are compared with the audit log.
    pub(crate) requests: Vec<SentRequest>,
}

/// A post that has ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EndedPost {
    /// Its number.
    pub(crate) n: u64,
    /// When it was due, how late it left, when that was, and when it ended.
    pub(crate) due: Instant,
    pub(crate) lateness: Lateness,
    pub(crate) left: Instant,
    pub(crate) now: Instant,
    pub(crate) outcome: Outcome,
    /// Whether what became of any of its requests is unknown.
    pub(crate) was_unknown: bool,
    /// Whether it was due during the warm-up.
    pub(crate) is_warm_up: bool,
    /// Whether it broke a rule on purpose.
    pub(crate) is_invalid: bool,
}

impl Notes {
    /// A post has ended.
    pub(crate) fn add(&mut self, ended: EndedPost) {
        let EndedPost { n, due, lateness, left, now, outcome, was_unknown, is_warm_up, is_invalid } = ended;
        self.answers.extend(outcome.reply().map(|reply| Answered { n, reply, was_unknown, sent: left, ended: now }));
        self.tally.waited(lateness.no_free_user);
        if is_warm_up {
            self.tally.record_in_warm_up(outcome, due, now);
        } else {
            self.tally.left(lateness.generator_late);
            self.tally.record(outcome, due, now);
        }
        self.tally.wrong.invalid_accepted += u64::from(is_invalid && matches!(outcome, Outcome::Accepted(_)));
    }
}
