//! A member's state, the next action, and the queries it answers.

use std::time::{Duration, Instant};

use super::assignments::Assignments;
use super::brake::{Brake, Exceeded};
use super::buffer::{Buffer, Trigger};
use super::commits::Commits;
use super::exchange::{Action, PartitionState};
use super::flushes::{Flush, Flushes};
use super::letters::Letters;
use super::limits::GroupLimits;
use super::mistake::Mistakes;
use super::received::Received;
use super::revoking::Revoking;
use super::trouble::{Trouble, Troubles};
use crate::group::budget::Budget;
use crate::group::fetching::Wish;

/// A member's state. `R` is what the records carry.
#[derive(Debug)]
pub struct Core<R> {
    pub(super) limits: GroupLimits,
    pub(super) budget: Budget,
    pub(super) assignments: Assignments,
    pub(super) buffer: Buffer<R>,
    pub(super) flushes: Flushes<R>,
    pub(super) letters: Letters<R>,
    pub(super) brake: Brake,
    /// Records that can never be stored, held back by the brake.
    pub(super) braked: Vec<Received<R>>,
    pub(super) commits: Commits,
    pub(super) revoking: Option<Revoking>,
    pub(super) wish: Wish,
    pub(super) is_wish_new: bool,
    pub(super) skipped: Vec<(i32, i64, i64)>,
    pub(super) troubles: Troubles,
    pub(super) stale_records: u64,
    /// Operators want nothing fetched.
    pub(super) is_paused: bool,
    pub(super) is_stopping: bool,
    pub(super) mistakes: Mistakes,
}

impl<R> Core<R> {
    /// Holds nothing yet. The fetcher's half takes from the same budget.
    pub fn new(limits: GroupLimits, budget: Budget) -> Self {
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
            is_paused: false,
            is_stopping: false,
            mistakes: Mistakes::default(),
        }
    }

    /// The same, but one batch is written at a time, and none before what is left of an earlier one of its partitions.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { flushes: Flushes::in_order(), ..self }
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
        let revoke = self.revoking.as_ref().map(|revoking| revoking.deadline);
        let others = [self.flushes.deadline(), self.letters.deadline(), self.commits.deadline(), revoke];
        others.into_iter().chain([flush]).flatten().min()
    }

    /// Whether everything received is finished and committed, apart from what the brake holds.
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
    pub fn flush_age(&self, batch: u64, now: Instant) -> Option<Duration> {
        self.flushes.age(batch, now)
    }

    /// Records dropped so far because their assignment is no longer in force.
    pub fn stale_records(&self) -> u64 {
        self.stale_records
    }

    /// The write that has been failing for longest, among batches and dead letters.
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

    /// The limit that the dead letters exceed, with a record that is held because of it.
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

    fn next_batch(&mut self, now: Instant) -> Option<Flush<R>> {
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
