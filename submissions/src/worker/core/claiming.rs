//! When the worker claims, what, and what becomes of the answer.

use std::time::Instant;

use uuid::Uuid;

use super::{Action, Core};
use crate::mistake::Mistake;
use crate::store::{Job, StoreError};
use crate::worker::work::Work;

impl Core {
    pub(super) fn start_claim(&mut self) -> Option<Action> {
        let (worker, limit) = (self.identities.current()?, self.room());
        self.claim.asked();
        if self.plan.waits_for_announcements {
            return Some(Action::ClaimThese { worker, ids: self.announced.ask(limit) });
        }
        (self.claim_limit, self.may_find_more) = (limit, false);
        Some(Action::Claim { worker, limit })
    }

    pub(super) fn claimed(&mut self, worker: Uuid, outcome: Result<Vec<Job>, StoreError>, now: Instant) {
        match outcome {
            Ok(jobs) => {
                self.claim.answered();
                self.announced.answered();
                self.poll_at = now + self.plan.poll_interval;
                self.may_find_more |= jobs.len() as u64 >= u64::from(self.claim_limit);
                // Otherwise the store has removed the worker since, and its leases with it.
                if self.identities.current() == Some(worker) {
                    for job in &jobs {
                        self.begin(worker, job, now);
                    }
                }
            }
            Err(error) => {
                self.claim.failed(error, now);
                self.announced.failed();
                self.may_find_more = true;
                if self.identities.current() == Some(worker) && !self.mistakes.make(Mistake::DoubtfulClaimKept) {
                    self.identities.retire();
                }
            }
        }
        if self.is_stopping {
            self.announced.give_up();
        }
    }

    fn begin(&mut self, worker: Uuid, job: &Job, now: Instant) {
        self.identities.hold(worker);
        let work = Work::new(job, worker, self.plan.failures_percent, &mut self.verdicts, now);
        if self.is_stopping {
            self.settling.push(work.give_back(&self.plan.terms));
        } else if work.is_cached() || self.plan.work_time.is_zero() {
            self.settling.push(work.finish(&self.plan.terms, &mut self.verdicts));
        } else {
            self.works.push_back(work);
        }
    }

    fn room(&self) -> u32 {
        if self.mistakes.make(Mistake::ClaimsWithoutRoom) {
            return self.plan.most_at_once;
        }
        self.plan.concurrency.saturating_sub(self.held()).min(self.plan.most_at_once)
    }

    pub(super) fn claim_at(&self, now: Instant) -> Option<Instant> {
        let ready = self.claim.ready()?;
        let is_heard = self.identities.is_heard(now) || self.mistakes.make(Mistake::ClaimsUnheard);
        let can_claim = !self.is_stopping && self.identities.current().is_some() && is_heard && self.room() > 0;
        if self.plan.waits_for_announcements {
            return (can_claim && !self.announced.is_empty()).then_some(ready);
        }
        let wanted = if self.may_find_more { ready } else { ready.max(self.poll_at) };
        can_claim.then_some(wanted)
    }
}
