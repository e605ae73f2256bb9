//! Attempts that have ended, until the store has them. Pure; the worker and the sweeper have one each.
//!
//! One batch is written at a time, and what ends meanwhile goes with the next one. A settlement that got an error may
//! have been done all the same. It is sent again, and the fence makes that harmless; but if it was done, the store
//! refuses it now like one that comes too late. So what is refused after an error is in *doubt*, until the submission
//! itself shows whether this settlement made it what it is.

use std::collections::VecDeque;
use std::time::Instant;

use uuid::Uuid;

use crate::lease::{Lease, Next, Series, Setback, Terms};
use crate::metrics::RetryCause;
use crate::mistake::{Mistake, Mistakes};
use crate::pace::Pace;
use crate::status::Status;
use crate::store::{Counted, Outcome, Settlement, StoreError};
use crate::submission::Submission;

/// An attempt that has ended.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) settlement: Settlement,
    /// What had happened in its series before.
    pub(crate) before: Series,
    /// Why it is tried again or given up, if it is.
    pub(crate) cause: Option<RetryCause>,
    /// What its worker knows of it; the sweeper knows nothing.
    pub(crate) attempt: Option<Attempt>,
    /// Its settlement was sent before and got an error.
    pub(crate) is_doubtful: bool,
}

/// An attempt, as its worker knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt {
    /// The id under which it was claimed.
    pub(crate) worker: Uuid,
    /// Its number in the series.
    pub(crate) number: i32,
    /// When its worker learned of the claim.
    pub(crate) claimed_at: Instant,
}

/// What became of an attempt that had ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) ended: Ended,
    /// Its lease had ended before, so nothing was changed.
    pub(crate) is_late: bool,
}

impl Ended {
    /// It ended with a verdict.
    pub(crate) fn with_verdict(lease: Lease, outcome: Outcome, before: Series, attempt: Attempt) -> Self {
        let settlement = Settlement { lease, outcome };
        Self { settlement, before, cause: None, attempt: Some(attempt), is_doubtful: false }
    }

    /// It ended without one.
    pub(crate) fn with_setback(
        lease: Lease,
        setback: &Setback,
        before: Series,
        terms: &Terms,
        attempt: Option<Attempt>,
    ) -> Self {
        let counted = match setback {
            Setback::Failed(_) | Setback::TimedOut => Counted::Failure,
            Setback::WorkerGone => Counted::Loss,
            Setback::GivenBack => Counted::GivenBack,
        };
        let outcome = match setback.next(before, terms) {
            Next::Again(after) => Outcome::Again { counted, reason: setback.reason(terms), after },
            Next::GiveUp(reason) => Outcome::GivenUp { counted, reason },
        };
        let settlement = Settlement { lease, outcome };
        Self { settlement, before, cause: Some(RetryCause::of(setback)), attempt, is_doubtful: false }
    }

    /// Whether the submission, as it is now, shows that this settlement was done. For a series that was retried by hand
    /// meanwhile the answer may be wrong; no more than a counter depends on it.
    fn is_seen_in(&self, row: &Submission) -> bool {
        let is_last = self.attempt.is_none_or(|attempt| attempt.number == row.begun);
        match &self.settlement.outcome {
            Outcome::Passed { .. } => row.status == Status::Passed && is_last,
            Outcome::Failed { reason, .. } => {
                row.status == Status::Failed && is_last && row.reason.as_ref() == Some(reason)
            }
            Outcome::Again { counted, reason, .. } | Outcome::GivenUp { counted, reason } => {
                let is_counted = match counted {
                    Counted::Failure => i64::from(row.failures) > i64::from(self.before.failures),
                    Counted::Loss => i64::from(row.losses) > i64::from(self.before.losses),
                    Counted::GivenBack => row.given_back > 0,
                };
                // The reason is that of the last attempt, so it says nothing of earlier ones.
                let is_known_as_last = self.attempt.is_some() && is_last;
                is_counted && (!is_known_as_last || row.reason.as_ref() == Some(reason))
            }
        }
    }
}

/// Those of these submissions that became PENDING and can be claimed at once.
pub(crate) fn claimable(finished: &[Finished]) -> Vec<Uuid> {
    let of = |finished: &Finished| match &finished.ended.settlement {
        Settlement { lease, outcome: Outcome::Again { after, .. } } if after.is_zero() && !finished.is_late => {
            Some(lease.id)
        }
        _ => None,
    };
    finished.iter().filter_map(of).collect()
}

/// Attempts that have ended and are not in the store, as far as is known.
#[derive(Debug)]
pub(crate) struct Settling {
    /// The most in a batch.
    most: usize,
    waiting: VecDeque<Ended>,
    /// The batch that is being written.
    sent: Vec<Ended>,
    settle: Pace,
    /// In doubt.
    doubts: VecDeque<Ended>,
    /// Those of them that are being looked up.
    looking: Vec<Ended>,
    look_up: Pace,
    mistakes: Mistakes,
}

impl Settling {
    pub(crate) fn new(most: usize, seed: u64, now: Instant, mistakes: Mistakes) -> Self {
        Self {
            most,
            waiting: VecDeque::new(),
            sent: Vec::new(),
            settle: Pace::new(seed, now),
            doubts: VecDeque::new(),
            looking: Vec::new(),
            look_up: Pace::new(seed.rotate_left(32), now),
            mistakes,
        }
    }

    pub(crate) fn push(&mut self, ended: Ended) {
        self.waiting.push_back(ended);
    }

    /// When the next batch can be written, if there is one.
    pub(crate) fn settle_at(&self) -> Option<Instant> {
        if self.waiting.is_empty() { None } else { self.settle.ready() }
    }

    /// When the next doubts can be looked up, if there are any.
    pub(crate) fn look_up_at(&self) -> Option<Instant> {
        if self.doubts.is_empty() { None } else { self.look_up.ready() }
    }

    /// The next batch, which is sent now.
    pub(crate) fn start_settling(&mut self) -> Vec<Settlement> {
        self.settle.asked();
        let count = self.waiting.len().min(self.most);
        self.sent = self.waiting.drain(..count).collect();
        self.sent.iter().map(|ended| ended.settlement.clone()).collect()
    }

    /// The next submissions to look up.
    pub(crate) fn start_looking_up(&mut self) -> Vec<Uuid> {
        self.look_up.asked();
        let count = self.doubts.len().min(self.most);
        self.looking = self.doubts.drain(..count).collect();
        self.looking.iter().map(|ended| ended.settlement.lease.id).collect()
    }

    /// The batch that is being written.
    pub(crate) fn sent(&self) -> &[Ended] {
        &self.sent
    }

    /// The store has answered the batch.
    pub(crate) fn settled(&mut self, outcome: Result<Vec<bool>, StoreError>, now: Instant) -> Vec<Finished> {
        let sent = std::mem::take(&mut self.sent);
        match outcome {
            Ok(were_in_force) => {
                self.settle.answered();
                let mut finished = Vec::with_capacity(sent.len());
                for (ended, was_in_force) in sent.into_iter().zip(were_in_force) {
                    if !was_in_force && ended.is_doubtful && !self.mistakes.make(Mistake::DoubtIgnored) {
                        self.doubts.push_back(ended);
                    } else {
                        finished.push(Finished { ended, is_late: !was_in_force });
                    }
                }
                finished
            }
            Err(error) => {
                self.settle.failed(error, now);
                if !self.mistakes.make(Mistake::FailedSettlementForgotten) {
                    for ended in sent.into_iter().rev() {
                        self.waiting.push_front(Ended { is_doubtful: true, ..ended });
                    }
                }
                Vec::new()
            }
        }
    }

    /// The store has answered what was looked up. A submission that is not there any more was pruned, so it was final.
    pub(crate) fn looked_up(
        &mut self,
        outcome: Result<Vec<Option<Submission>>, StoreError>,
        now: Instant,
    ) -> Vec<Finished> {
        let looking = std::mem::take(&mut self.looking);
        match outcome {
            Ok(rows) => {
                self.look_up.answered();
                let judge = |(ended, row): (Ended, Option<Submission>)| {
                    let is_late = row.is_some_and(|row| !ended.is_seen_in(&row));
                    Finished { ended, is_late }
                };
                looking.into_iter().zip(rows).map(judge).collect()
            }
            Err(error) => {
                self.look_up.failed(error, now);
                self.doubts.extend(looking);
                Vec::new()
            }
        }
    }

    /// Keeps of what waits only what was claimed under an id that is still known. What may have been done before is in
    /// doubt; the rest can only come too late, and is dropped.
    pub(crate) fn keep_only(&mut self, is_known: impl Fn(Uuid) -> bool) {
        let is_kept = |ended: &Ended| ended.attempt.is_none_or(|attempt| is_known(attempt.worker));
        let (kept, dropped): (VecDeque<Ended>, VecDeque<Ended>) =
            std::mem::take(&mut self.waiting).into_iter().partition(is_kept);
        self.waiting = kept;
        self.doubts.extend(dropped.into_iter().filter(|ended| ended.is_doubtful));
    }

    /// Whether everything is finished.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty() && self.doubts.is_empty() && self.looking.is_empty()
    }

    /// Why the store's last answer was an error, if it was.
    pub(crate) fn error(&self) -> Option<&str> {
        self.settle.error().or(self.look_up.error())
    }
}

#[cfg(test)]
mod tests;
