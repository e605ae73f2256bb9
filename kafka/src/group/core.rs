//! The middle of a member, without IO: what to flush, what to dead-letter, what to commit, what to fetch, and when to give
//! partitions up. Events go in, actions come out, the time is an argument, and records are cargo that it never looks into.
//!
//! The way of a record: it is delivered under the [`Assignment`] in force, or dropped; it waits in the [`buffer`], goes out with a
//! [`Batch`] ([`flushes`]), and is finished once it is stored, or rejected and acknowledged as a dead letter ([`letters`]) unless
//! the [`brake`] holds it. The unbroken run of finished records of a partition is committed ([`offsets`], [`commits`]).
//!
//! Whoever runs it hands over events as they come, then asks for actions until there are none, and comes back at
//! [`Core::deadline`] at the latest. The simulation beside it does the same with a world that fails in every way.

use std::time::Instant;

use super::budget::Budget;
use super::fetching::Wish;
use assignments::Assignments;
use brake::Brake;
use buffer::Buffer;
use commits::Commits;
use flushes::Flushes;
use letters::Letters;
use mistake::Mistakes;
use revoking::Revoking;
use trouble::{Subject, Troubles};

mod assignments;
pub mod brake;
mod buffer;
mod commits;
mod exchange;
mod flushes;
mod handling;
mod letters;
mod mistake;
mod offsets;
mod revoking;
mod skips;
#[cfg(test)]
pub(super) mod tests;
mod trouble;

pub use assignments::{Assignment, Ticket};
pub use brake::{BrakeLimits, Exceeded};
pub use buffer::{BatchLimits, Trigger};
pub use commits::{COMMIT_INTERVAL, COMMIT_RETRY, FIRST_COMMIT_WAIT};
pub use exchange::{Action, Delivery, Event, NotStored, PartitionState, Received};
pub use flushes::Batch;
pub use letters::{Letter, LetterError};
#[cfg(test)]
pub(super) use mistake::Mistake;
pub use trouble::Trouble;

/// The bounds of a member's work.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// When a batch is flushed.
    pub batch: BatchLimits,
    /// `CONSUMER_CONCURRENT_FLUSHES`: batches that are written at the same time.
    pub concurrent_flushes: usize,
    /// How much of one partition may be received and not committed.
    pub run_ahead: RunAhead,
    /// `CONSUMER_REVOKE_TIMEOUT`: longest time to finish partitions that are taken away.
    pub revoke_timeout: std::time::Duration,
    /// How many dead letters are normal.
    pub brake: BrakeLimits,
}

/// How much of one partition may be received and not committed, finished or not: all of it is read again after a crash. Beyond
/// either bound only this partition is paused, until it is down to half of both.
#[derive(Debug, Clone, Copy)]
pub struct RunAhead {
    /// `CONSUMER_RUN_AHEAD_RECORDS`.
    pub records: usize,
    /// `CONSUMER_RUN_AHEAD_BYTES`: bytes, as they were in memory.
    pub bytes: usize,
}

/// A member's state. `R` is what the records carry.
#[derive(Debug)]
pub struct Core<R> {
    limits: Limits,
    budget: Budget,
    assignments: Assignments,
    buffer: Buffer<R>,
    flushes: Flushes<R>,
    letters: Letters<R>,
    brake: Brake,
    /// Rejected, and held back by the brake.
    braked: Vec<Received<R>>,
    commits: Commits,
    revoking: Option<Revoking>,
    wish: Wish,
    is_wish_new: bool,
    skipped: Vec<(i32, i64, i64)>,
    troubles: Troubles,
    stale_records: u64,
    is_stopping: bool,
    mistakes: Mistakes,
}

impl<R> Core<R> {
    /// Nothing is held yet. The budget is the one that the fetcher's half takes from.
    pub fn new(limits: Limits, budget: Budget) -> Self {
        Self {
            limits,
            budget,
            assignments: Assignments::default(),
            buffer: Buffer::new(limits.batch),
            flushes: Flushes::new(limits.concurrent_flushes),
            letters: Letters::new(),
            brake: Brake::new(limits.brake),
            braked: Vec::new(),
            commits: Commits::default(),
            revoking: None,
            wish: Wish::default(),
            is_wish_new: false,
            skipped: Vec::new(),
            troubles: Troubles::default(),
            stale_records: 0,
            is_stopping: false,
            mistakes: Mistakes::default(),
        }
    }

    /// What to do next, if there is anything to do now.
    pub fn next_action(&mut self, now: Instant) -> Option<Action<R>> {
        if std::mem::take(&mut self.is_wish_new) {
            return Some(Action::Fetch(self.wish.clone()));
        }
        if let Some((partition, from, to)) = self.skipped.pop() {
            return Some(Action::ReportSkipped { partition, from, to });
        }
        if let Some(batch) = self.next_batch(now) {
            return Some(Action::Flush(batch));
        }
        if let Some(letter) = self.letters.next(now) {
            return Some(Action::SendLetter(letter));
        }
        if let Some(offsets) = self.next_commit(now) {
            return Some(Action::Commit(offsets));
        }
        self.may_give_up(now).then(|| {
            self.give_up();
            Action::GiveUp
        })
    }

    /// When to ask for an action again, if no event comes before.
    pub fn deadline(&self) -> Option<Instant> {
        let flush = self.buffer.deadline().filter(|_| self.flushes.has_slot());
        let revoke = self.revoking.as_ref().map(Revoking::deadline);
        let others = [self.flushes.deadline(), self.letters.deadline(), self.commits.deadline(), revoke];
        others.into_iter().chain([flush]).flatten().min()
    }

    /// Whether everything that was received is finished and committed, as far as the brake lets it be.
    pub fn is_done(&self) -> bool {
        self.buffer.is_empty()
            && self.flushes.is_empty()
            && self.letters.is_empty()
            && self.commits.in_flight().is_none()
            && self.revoking.is_none()
            && self.committable().is_empty()
    }

    /// Batches being written now.
    pub fn flushes_in_flight(&self) -> usize {
        self.flushes.in_flight()
    }

    /// How long this batch has been on its way, retries included.
    pub fn flush_age(&self, batch: u64, now: Instant) -> Option<std::time::Duration> {
        self.flushes.age(batch, now)
    }

    /// Records dropped so far because they were fetched under an assignment that is not in force any more.
    pub fn stale_records(&self) -> u64 {
        self.stale_records
    }

    /// What has been failing for longest of all that is to be written: batches and dead letters.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.troubles.of_writes()
    }

    /// The commit that does not get through.
    pub fn commit_trouble(&self) -> Option<&Trouble> {
        self.troubles.of_commits()
    }

    /// Since when the commit that is on its way has not been answered.
    pub fn commit_since(&self) -> Option<Instant> {
        self.commits.in_flight().map(|commit| commit.since)
    }

    /// The limit that the dead letters are beyond, with a record that is held for it.
    pub fn braked(&self) -> Option<(Exceeded, Option<&Received<R>>)> {
        self.brake.exceeded().map(|exceeded| (exceeded, self.braked.first()))
    }

    /// Every partition that is held.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionState> {
        self.assignments.iter().map(|(partition, held)| PartitionState {
            partition,
            uncommitted: held.offsets.uncommitted().0,
            oldest_uncommitted_ms: held.offsets.oldest_uncommitted_ms(),
            is_ahead: held.is_ahead,
        })
    }

    fn next_batch(&mut self, now: Instant) -> Option<Batch<R>> {
        if let Some(batch) = self.flushes.next(now) {
            return Some(batch);
        }
        if self.buffer.is_empty() || !self.flushes.has_slot() {
            return None;
        }
        let trigger = self.buffer.due(now).or(self.is_stopping.then_some(Trigger::Stop))?;
        let records = self.buffer.take();
        Some(self.flushes.start(records, trigger, now))
    }
}

/// A fraction for a backoff's jitter that differs from one batch to the next, without chance.
fn jitter(number: u64, attempt: u32) -> f64 {
    let mixed = (number ^ (u64::from(attempt) << 32)).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
