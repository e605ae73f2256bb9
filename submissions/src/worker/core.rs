//! What a worker decides, without a clock, a store or a log: events in, actions out, time as an argument.
//!
//! Each action is a request to the store, and at most one of a sort is on its way. Whatever the store does, these hold:
//! - No more is claimed than there is room for. A submission is *held*, and takes room, until its end is written.
//! - Claims and settlements gather while the previous one is on its way, and wait for nothing else.
//! - A beat waits for no other request. Where none was answered lately, nothing is claimed.
//! - What has ended is settled until the store has answered, except where the worker was removed by the store: then its
//!   leases have ended, and so has its work.
//! - A claim that got an error may have been done. Its worker takes another id ([`Identities`]).

use std::collections::VecDeque;
use std::time::Instant;

use uuid::Uuid;

use super::announced::{Announced, Over};
use super::cache::Verdicts;
use super::identities::Identities;
use super::work::Work;
use crate::mistake::{Mistake, Mistakes};
use crate::pace::Pace;
use crate::settling::{Finished, Settling};
use crate::store::{Beat, StoreError};

mod claiming;
mod messages;

pub(crate) use messages::{Action, Event, Plan};

/// A worker.
#[derive(Debug)]
pub(crate) struct Core {
    plan: Plan,
    identities: Identities,
    verdicts: Verdicts,
    /// What is worked on, in the order in which it will be done: all work takes the same time.
    works: VecDeque<Work>,
    settling: Settling,
    join: Pace,
    join_asked_at: Instant,
    claim: Pace,
    /// How much the claim on its way asked for.
    claim_limit: u32,
    /// Something may have arrived since the last claim was sent, or that claim left something behind.
    may_find_more: bool,
    /// When to look although nothing has arrived.
    poll_at: Instant,
    announced: Announced,
    leave: Pace,
    /// Why the last beat was not answered, if it was not.
    beat_error: Option<String>,
    has_joined: bool,
    is_stopping: bool,
    mistakes: Mistakes,
}

impl Core {
    /// A worker that has not joined yet. What is random in its waits follows from the seed.
    pub(crate) fn new(plan: Plan, seed: u64, now: Instant, mistakes: Mistakes) -> Self {
        Self {
            identities: Identities::new(&plan.terms),
            verdicts: Verdicts::new(plan.cache_entries),
            works: VecDeque::new(),
            settling: Settling::new(plan.most_at_once as usize, seed, now, mistakes),
            join: Pace::new(seed ^ 1, now),
            join_asked_at: now,
            claim: Pace::new(seed ^ 2, now),
            claim_limit: 0,
            may_find_more: true,
            poll_at: now,
            announced: Announced::default(),
            leave: Pace::new(seed ^ 3, now),
            beat_error: None,
            has_joined: false,
            is_stopping: false,
            plan,
            mistakes,
        }
    }

    /// Takes in what happened. Returns what has become of attempts that had ended.
    pub(crate) fn handle(&mut self, event: Event, now: Instant) -> Vec<Finished> {
        match event {
            Event::Joined { worker, outcome: Ok(()) } => {
                self.join.answered();
                self.identities.joined(worker, self.join_asked_at);
                self.has_joined = true;
                self.may_find_more = true;
            }
            Event::Joined { outcome: Err(error), .. } => self.join.failed(error, now),
            Event::Claimed { worker, outcome } => self.claimed(worker, outcome, now),
            Event::Settled(outcome) => return self.settled(outcome, now),
            Event::LookedUp(outcome) => return self.settling.looked_up(outcome, now),
            Event::Beaten { worker, outcome } => self.beaten(worker, outcome, now),
            Event::Left { worker, outcome: Ok(()) } => {
                self.leave.answered();
                self.identities.remove(worker);
            }
            Event::Left { outcome: Err(error), .. } => self.leave.failed(error, now),
            Event::Arrived => self.may_find_more = true,
            Event::Announced { number, ids } => {
                self.announced.push(number, ids);
                if self.is_stopping {
                    self.announced.give_up();
                }
            }
            Event::Stop => self.stop(now),
        }
        Vec::new()
    }

    /// The next request to send now, if there is one.
    pub(crate) fn next_action(&mut self, now: Instant) -> Option<Action> {
        self.finish_due(now);
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.beat_at()) {
            let (worker, running) = self.identities.start_beat(now)?;
            return Some(Action::Beat { worker, running });
        }
        // First, so that what it brings can be worked on while the store settles.
        if is_due(self.claim_at(now)) {
            return self.start_claim();
        }
        if is_due(self.settling.settle_at()) {
            return Some(Action::Settle(self.settling.start_settling()));
        }
        if is_due(self.join_at()) {
            self.join.asked();
            self.join_asked_at = now;
            return Some(Action::Join);
        }
        if is_due(self.settling.look_up_at()) {
            return Some(Action::LookUp(self.settling.start_looking_up()));
        }
        if is_due(self.leave_at()) {
            let worker = self.identities.current()?;
            self.leave.asked();
            return Some(Action::Leave(worker));
        }
        None
    }

    /// The batches of announcements with which the worker is done.
    pub(crate) fn take_over(&mut self) -> Vec<Over> {
        self.announced.take_over()
    }

    /// When [`Self::next_action`] will have something to do if nothing happens before.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let times = [
            self.works.front().map(|work| self.done_at(work)),
            self.beat_at(),
            self.settling.settle_at(),
            self.claim_at(now),
            self.join_at(),
            self.settling.look_up_at(),
            self.leave_at(),
        ];
        times.into_iter().flatten().min()
    }

    /// Whether the worker has stopped.
    pub(crate) fn is_done(&self) -> bool {
        let is_asking = self.join.is_asking() || self.claim.is_asking();
        self.is_stopping && !is_asking && self.settling.is_empty() && self.identities.is_empty()
    }

    /// Submissions that are held.
    pub(crate) fn held(&self) -> u32 {
        self.identities.held()
    }

    /// What the store last answered to some request, if that was an error; and that it has not answered at all.
    pub(crate) fn error(&self) -> Option<&str> {
        let others = self.claim.error().or(self.join.error()).or(self.settling.error()).or(self.leave.error());
        others.or(self.beat_error.as_deref()).or((!self.has_joined).then_some("connecting"))
    }

    fn settled(&mut self, outcome: Result<Vec<bool>, StoreError>, now: Instant) -> Vec<Finished> {
        let is_over = outcome.is_ok() || self.mistakes.make(Mistake::FailedSettlementForgotten);
        if is_over {
            for attempt in self.settling.sent().iter().filter_map(|ended| ended.attempt) {
                self.identities.release(attempt.worker);
            }
        }
        let finished = self.settling.settled(outcome, now);
        if !is_over {
            self.drop_what_is_gone();
        }
        finished
    }

    fn beaten(&mut self, worker: Uuid, outcome: Result<Beat, StoreError>, now: Instant) {
        let (answer, error) = match outcome {
            Ok(answer) => (Some(answer), None),
            Err(error) => (None, Some(error.0)),
        };
        self.beat_error = error;
        if self.identities.beaten(worker, answer, now) {
            self.identities.remove(worker);
            self.drop_what_is_gone();
        }
    }

    /// Drops what was claimed under ids that the store has removed.
    fn drop_what_is_gone(&mut self) {
        let identities = &self.identities;
        self.works.retain(|work| identities.has(work.attempt.worker));
        if !self.mistakes.make(Mistake::SettlesAfterGone) {
            self.settling.keep_only(|worker| identities.has(worker));
        }
    }

    fn stop(&mut self, now: Instant) {
        self.finish_due(now);
        self.is_stopping = true;
        self.announced.give_up();
        for work in std::mem::take(&mut self.works) {
            if self.mistakes.make(Mistake::StopKeepsLeases) {
                self.identities.release(work.attempt.worker);
            } else {
                self.settling.push(work.give_back(&self.plan.terms));
            }
        }
    }

    fn finish_due(&mut self, now: Instant) {
        while self.works.front().is_some_and(|work| self.done_at(work) <= now) {
            let Some(work) = self.works.pop_front() else { return };
            self.settling.push(work.finish(&self.plan.terms, &mut self.verdicts));
        }
    }

    fn done_at(&self, work: &Work) -> Instant {
        work.attempt.claimed_at + self.plan.work_time
    }

    fn beat_at(&self) -> Option<Instant> {
        let waits = self.claim.is_asking() && self.mistakes.make(Mistake::BeatWaitsForClaim);
        if waits { None } else { self.identities.beat_at() }
    }

    fn join_at(&self) -> Option<Instant> {
        // After a claim that got an error, joining waits as the next claim does: the store is probably away.
        let ready = self.join.ready()?.max(self.claim.ready()?);
        (!self.is_stopping && self.identities.current().is_none()).then_some(ready)
    }

    fn leave_at(&self) -> Option<Instant> {
        let ready = self.leave.ready()?;
        let holds_nothing = self.held() == 0 && self.settling.is_empty() && !self.claim.is_asking();
        (self.is_stopping && holds_nothing && self.identities.current().is_some()).then_some(ready)
    }
}

/// What only the simulation looks at.
#[cfg(test)]
impl Core {
    /// Whether the worker still has this id.
    pub(crate) fn is_known_as(&self, id: Uuid) -> bool {
        self.identities.has(id)
    }
}

#[cfg(test)]
mod tests;
