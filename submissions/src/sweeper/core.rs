//! What a sweeper decides, without a clock, a store or a log: events in, actions out, time as an argument.
//!
//! It looks for lost leases every quarter of a heartbeat, and does not look again before those that it found are
//! settled. It announces again what nobody has claimed, removes what is beyond the retention, and reads the figures.
//! None of these waits for another.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::contact::Contact;
use crate::lease::{Setback, Terms};
use crate::mistake::{Mistake, Mistakes};
use crate::pace::Pace;
use crate::settling::{Ended, Finished, Settling};
use crate::store::{LostLease, Settlement, Stats, StoreError};
use crate::submission::Submission;

/// Longer than anything lasts.
pub(crate) const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How often the figures are read.
const COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// Between two looks for what nobody has claimed, if they are quick.
const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(500);

/// The largest share of the time that these looks take, as its reciprocal: where much waits, each may read all of it.
const ANNOUNCE_SHARE: u32 = 20;

/// Between two looks for what is beyond the retention, if there was not much.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a sweeper works.
#[derive(Debug, Clone)]
pub(crate) struct SweepPlan {
    pub(crate) terms: Terms,
    pub(crate) retention: Duration,
    /// What nobody has claimed for this long is announced; `None` if workers look in the store themselves.
    pub(crate) announces_after: Option<Duration>,
    /// The most submissions of one request.
    pub(crate) most_at_once: u32,
}

/// What a sweeper is informed of.
#[derive(Debug)]
pub(crate) enum SweepEvent {
    /// Leases that are lost.
    Found(Result<Vec<LostLease>, StoreError>),
    /// For each settlement, whether its lease was in force.
    Settled(Result<Vec<bool>, StoreError>),
    /// The submissions that were looked up.
    LookedUp(Result<Vec<Option<Submission>>, StoreError>),
    /// How many submissions were announced.
    Announced(Result<usize, StoreError>),
    /// How many submissions were removed.
    Pruned(Result<u64, StoreError>),
    /// The figures, with the number of workers.
    Counted(Result<(Stats, usize), StoreError>),
}

/// What a sweeper asks the store for.
#[derive(Debug)]
pub(crate) enum SweepAction {
    /// Leases of workers that were silent for longer than `silence`, and those that last longer than `work_timeout`.
    Look { silence: Duration, work_timeout: Duration, limit: u32 },
    /// To end leases.
    Settle(Vec<Settlement>),
    /// These submissions as they are.
    LookUp(Vec<Uuid>),
    /// To announce what has waited for longer than this.
    Announce { overdue: Duration, limit: u32 },
    /// To remove what is beyond the retention.
    Prune { retention: Duration, limit: u32 },
    /// The figures.
    Count,
}

/// A sweeper.
#[derive(Debug)]
pub(crate) struct SweepCore {
    plan: SweepPlan,
    contact: Contact,
    look: Pace,
    look_asked_at: Instant,
    settling: Settling,
    announce: Pace,
    announce_asked_at: Instant,
    prune: Pace,
    count: Pace,
    mistakes: Mistakes,
}

impl SweepCore {
    /// What is random in its waits follows from the seed.
    pub(crate) fn new(plan: SweepPlan, seed: u64, now: Instant, mistakes: Mistakes) -> Self {
        // With a longer gap, a beat of a worker in the same process could be overdue.
        let gap = plan.terms.silence() - plan.terms.heartbeat;
        Self {
            contact: Contact::new(gap, now),
            look: Pace::new(seed, now),
            look_asked_at: now,
            settling: Settling::new(plan.most_at_once as usize, seed ^ 1, now, mistakes),
            prune: Pace::new(seed ^ 2, now),
            count: Pace::new(seed ^ 3, now),
            announce: Pace::new(seed ^ 4, now),
            announce_asked_at: now,
            plan,
            mistakes,
        }
    }

    /// Takes in what happened. Returns what has become of the leases that were lost.
    pub(crate) fn handle(&mut self, event: SweepEvent, now: Instant) -> Vec<Finished> {
        match event {
            SweepEvent::Found(outcome) => self.found(outcome, now),
            SweepEvent::Settled(outcome) => return self.settling.settled(outcome, now),
            SweepEvent::LookedUp(outcome) => return self.settling.looked_up(outcome, now),
            SweepEvent::Announced(Ok(announced)) => {
                let took = now.saturating_duration_since(self.announce_asked_at);
                let is_full = announced >= self.plan.most_at_once as usize;
                // Many are announced in steps, and other requests come between them.
                let pause = if is_full { took } else { ANNOUNCE_INTERVAL.max(took * ANNOUNCE_SHARE) };
                self.announce.answered_until(now + pause);
            }
            SweepEvent::Announced(Err(error)) => self.announce.failed(error, now),
            SweepEvent::Pruned(Ok(pruned)) => {
                let is_full = pruned >= u64::from(self.plan.most_at_once);
                let pause = (self.plan.retention / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
                // Many are removed in steps, and other requests come between them.
                let pause = if is_full { self.plan.terms.sweep_interval() } else { pause };
                self.prune.answered_until(now + pause);
            }
            SweepEvent::Pruned(Err(error)) => self.prune.failed(error, now),
            SweepEvent::Counted(Ok(_)) => self.count.answered_until(now + COUNT_INTERVAL),
            SweepEvent::Counted(Err(error)) => self.count.failed(error, now),
        }
        Vec::new()
    }

    /// The next request to send now, if there is one.
    pub(crate) fn next_action(&mut self, now: Instant) -> Option<SweepAction> {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if is_due(self.settling.settle_at()) {
            return Some(SweepAction::Settle(self.settling.start_settling()));
        }
        if is_due(self.look_at()) {
            return Some(self.start_look(now));
        }
        if is_due(self.announce_at()) {
            let overdue = self.plan.announces_after?;
            self.announce.asked();
            self.announce_asked_at = now;
            return Some(SweepAction::Announce { overdue, limit: self.plan.most_at_once });
        }
        if is_due(self.settling.look_up_at()) {
            return Some(SweepAction::LookUp(self.settling.start_looking_up()));
        }
        if is_due(self.count.ready()) {
            self.count.asked();
            return Some(SweepAction::Count);
        }
        if is_due(self.prune.ready()) {
            self.prune.asked();
            return Some(SweepAction::Prune { retention: self.plan.retention, limit: self.plan.most_at_once });
        }
        None
    }

    /// When [`Self::next_action`] will have something to do if nothing happens before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let times = [
            self.settling.settle_at(),
            self.look_at(),
            self.announce_at(),
            self.settling.look_up_at(),
            self.count.ready(),
            self.prune.ready(),
        ];
        times.into_iter().flatten().min()
    }

    /// What the store last answered to some request, if that was an error.
    pub(crate) fn error(&self) -> Option<&str> {
        let others = self.count.error().or(self.prune.error()).or(self.announce.error());
        self.look.error().or(self.settling.error()).or(others)
    }

    fn look_at(&self) -> Option<Instant> {
        if self.settling.is_empty() { self.look.ready() } else { None }
    }

    fn announce_at(&self) -> Option<Instant> {
        self.plan.announces_after.and_then(|_| self.announce.ready())
    }

    fn start_look(&mut self, now: Instant) -> SweepAction {
        self.look.asked();
        self.look_asked_at = now;
        self.contact.asked(now);
        let limit = self.plan.most_at_once;
        let (silence, work_timeout) = (self.plan.terms.silence(), self.plan.terms.work_timeout);
        if self.contact.lasts(now) >= silence || self.mistakes.make(Mistake::SilenceIsTrusted) {
            SweepAction::Look { silence, work_timeout, limit }
        } else {
            // A question all the same: its answer is what the contact lasts by.
            SweepAction::Look { silence: FOREVER, work_timeout: FOREVER, limit }
        }
    }

    fn found(&mut self, outcome: Result<Vec<LostLease>, StoreError>, now: Instant) {
        match outcome {
            Ok(lost) => {
                self.contact.answered(now);
                let is_full = lost.len() as u64 >= u64::from(self.plan.most_at_once);
                let next = self.look_asked_at + self.plan.terms.sweep_interval();
                self.look.answered_until(if is_full { now } else { next });
                for LostLease { lease, series, is_worker_gone } in lost {
                    let setback = if is_worker_gone { Setback::WorkerGone } else { Setback::TimedOut };
                    self.settling.push(Ended::with_setback(lease, &setback, series, &self.plan.terms, None));
                }
            }
            Err(error) => {
                self.contact.failed(now);
                self.look.failed(error, now);
            }
        }
    }
}

#[cfg(test)]
mod tests;
