//! The store, as a list of rows. It checks what every change of a row must keep to.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::checks::Violation;
use super::settings::Settings;
use super::statistics::Happened;
use crate::lease::{Lease, MAX_LOSSES, Series};
use crate::mistake::Mistake;
use crate::rules::{Verdict, judge};
use crate::status::Status;
use crate::store::{Beat, Counted, Job, LostLease, Outcome, Settlement};
use crate::submission::Submission;

/// A submission, and when it can be claimed, or since when it is worked on.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) it: Submission,
    fence: i64,
    pub(super) worker: Option<Uuid>,
    pub(super) run_at: Instant,
    pub(super) started_at: Instant,
}

/// What is known of a lease, which it keeps after its end.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) worker: Uuid,
    pub(super) series: i32,
    number: i32,
    /// How it ended, if by a settlement.
    pub(super) ended: Option<Outcome>,
}

#[derive(Debug)]
pub(super) struct Model {
    pub(super) rows: Vec<Row>,
    /// When each worker last beat.
    pub(super) workers: BTreeMap<Uuid, Instant>,
    pub(super) leases: HashMap<Lease, Known>,
    max_attempts: u32,
    mistake: Option<Mistake>,
    pub(super) happened: Vec<Happened>,
    pub(super) violation: Option<(Violation, String)>,
}

impl Model {
    pub(super) fn new(settings: &Settings, mistake: Option<Mistake>) -> Self {
        Self {
            rows: Vec::new(),
            workers: BTreeMap::new(),
            leases: HashMap::new(),
            max_attempts: settings.worker.terms.max_attempts,
            mistake,
            happened: Vec::new(),
            violation: None,
        }
    }

    pub(super) fn create(&mut self, content: String, now: Instant) {
        let it = Submission {
            id: Uuid::from_u128(self.rows.len() as u128 + 1),
            content,
            status: Status::Pending,
            series: 1,
            begun: 0,
            failures: 0,
            losses: 0,
            given_back: 0,
            reason: None,
            is_cached: false,
            created_at: 0,
            started_at: None,
            processed_at: None,
            changed_at: 0,
            run_at: 0,
            owner: None,
        };
        self.rows.push(Row { it, fence: 0, worker: None, run_at: now, started_at: now });
    }

    pub(super) fn get(&self, id: Uuid) -> Option<Submission> {
        self.rows.get(place(id)).map(|row| row.it.clone())
    }

    pub(super) fn cancel(&mut self, place: usize) {
        let Some(row) = self.rows.get(place).filter(|row| !row.it.status.is_final()) else { return };
        let what = if row.it.status == Status::Processing { Happened::CancelledInWork } else { Happened::Cancelled };
        self.happened.push(what);
        self.become_status(place, Status::Cancelled);
    }

    pub(super) fn retry(&mut self, place: usize, now: Instant) {
        let can_be = |row: &&Row| matches!(row.it.status, Status::Failed | Status::Cancelled);
        if self.rows.get(place).filter(can_be).is_none() {
            return;
        }
        self.happened.push(Happened::Retried);
        self.become_status(place, Status::Pending);
        let row = &mut self.rows[place];
        row.it = Submission {
            series: row.it.series + 1,
            begun: 0,
            failures: 0,
            losses: 0,
            given_back: 0,
            reason: None,
            ..row.it.clone()
        };
        row.run_at = now;
    }

    pub(super) fn join(&mut self, worker: Uuid, now: Instant) {
        self.workers.insert(worker, now);
    }

    pub(super) fn beat(&mut self, worker: Uuid, now: Instant) -> Beat {
        match self.workers.get_mut(&worker) {
            Some(beat_at) => {
                *beat_at = now;
                Beat::Known
            }
            None => Beat::Gone,
        }
    }

    pub(super) fn leave(&mut self, worker: Uuid) {
        if let Some(row) = self.rows.iter().find(|row| row.worker == Some(worker)) {
            let detail = format!("worker {} holds {:?}", worker.as_u128(), row.it);
            self.violate(Violation::LeftWithLeases, detail);
        }
        self.workers.remove(&worker);
    }

    pub(super) fn claim(&mut self, worker: Uuid, limit: u32, now: Instant) -> Vec<Job> {
        if !self.workers.contains_key(&worker) {
            return Vec::new();
        }
        let can_be = |place: &usize| {
            let row = &self.rows[*place];
            row.it.status == Status::Pending && row.run_at <= now
        };
        let mut places: Vec<usize> = (0..self.rows.len()).filter(can_be).collect();
        places.sort_by_key(|place| (self.rows[*place].run_at, *place));
        places.truncate(limit as usize);
        places.into_iter().map(|place| self.claim_one(place, worker, now)).collect()
    }

    /// For each settlement whether it was done.
    pub(super) fn settle(&mut self, settlements: &[Settlement], now: Instant) -> Vec<bool> {
        let settle = |settlement: &Settlement| {
            let is_in_force = self.is_in_force(settlement.lease);
            if is_in_force {
                self.settle_one(settlement, now);
            }
            is_in_force
        };
        settlements.iter().map(settle).collect()
    }

    pub(super) fn lost_leases(
        &mut self,
        silence: Duration,
        work_timeout: Duration,
        limit: u32,
        now: Instant,
    ) -> Vec<LostLease> {
        let is_silent = |worker: &Uuid| self.workers.get(worker).is_none_or(|beat_at| now - *beat_at > silence);
        let lost = |row: &Row| {
            let is_worker_gone = is_silent(row.worker.as_ref()?);
            let (failures, losses) = (row.it.failures as u32, row.it.losses as u32);
            let lease = Lease { id: row.it.id, fence: row.fence };
            (is_worker_gone || now - row.started_at > work_timeout).then_some(LostLease {
                lease,
                series: Series { failures, losses },
                is_worker_gone,
            })
        };
        let found: Vec<LostLease> = self.rows.iter().filter_map(lost).take(limit as usize).collect();
        let rows = &self.rows;
        let is_kept = |worker: &Uuid, beat_at: &mut Instant| {
            now - *beat_at <= silence || rows.iter().any(|row| row.worker == Some(*worker))
        };
        self.workers.retain(is_kept);
        found
    }

    pub(super) fn claim_one(&mut self, place: usize, worker: Uuid, now: Instant) -> Job {
        let it = &self.rows[place].it;
        let ended = it.failures + it.losses + it.given_back;
        if it.begun != ended {
            let detail = format!("begun {} times, and {ended} ends are counted: {it:?}", it.begun);
            self.violate(Violation::BegunWithoutCause, detail);
        }
        self.happened.push(Happened::Claimed);
        self.become_status(place, Status::Processing);
        let row = &mut self.rows[place];
        row.it.begun += 1;
        (row.worker, row.started_at) = (Some(worker), now);
        let lease = Lease { id: row.it.id, fence: row.fence };
        let known = Known { worker, series: row.it.series, number: row.it.begun, ended: None };
        self.leases.insert(lease, known);
        Job {
            lease,
            content: row.it.content.clone(),
            series: Series { failures: row.it.failures as u32, losses: row.it.losses as u32 },
            begun: row.it.begun,
            waited: now - row.run_at,
            owner: row.it.owner.clone(),
        }
    }

    fn is_in_force(&self, lease: Lease) -> bool {
        let row = &self.rows[place(lease.id)];
        match self.mistake {
            Some(Mistake::NoFence) => true,
            Some(Mistake::FenceIsAttempt) => {
                !row.it.status.is_final() && self.leases.get(&lease).is_some_and(|known| known.number == row.it.begun)
            }
            _ => row.fence == lease.fence && row.it.status == Status::Processing,
        }
    }

    fn settle_one(&mut self, settlement: &Settlement, now: Instant) {
        let place = place(settlement.lease.id);
        self.check_end(place, &settlement.outcome);
        if let Some(known) = self.leases.get_mut(&settlement.lease) {
            known.ended = Some(settlement.outcome.clone());
        }
        let (status, counted, reason, is_cached) = match &settlement.outcome {
            Outcome::Passed { is_cached } => (Status::Passed, None, None, *is_cached),
            Outcome::Failed { reason, is_cached } => (Status::Failed, None, Some(reason), *is_cached),
            Outcome::Again { counted, reason, after } => {
                self.rows[place].run_at = now + *after;
                (Status::Pending, Some(*counted), Some(reason), false)
            }
            Outcome::GivenUp { counted, reason } => (Status::Failed, Some(*counted), Some(reason), false),
        };
        self.happened.push(match (&settlement.outcome, counted) {
            (_, None) if is_cached => Happened::Cached,
            (Outcome::Passed { .. }, _) => Happened::Passed,
            (Outcome::Failed { .. }, _) => Happened::FailedByRule,
            (Outcome::GivenUp { .. }, _) => Happened::GivenUp,
            (_, Some(Counted::Loss)) => Happened::WorkerGone,
            (_, Some(Counted::GivenBack)) => Happened::GivenBack,
            (Outcome::Again { reason, .. }, _) if reason.starts_with("was not done") => Happened::TimedOut,
            (Outcome::Again { .. }, _) => Happened::Failed,
        });
        self.become_status(place, status);
        let it = &mut self.rows[place].it;
        (it.reason, it.is_cached) = (reason.cloned(), is_cached);
        match counted {
            Some(Counted::Failure) => it.failures += 1,
            Some(Counted::Loss) => it.losses += 1,
            Some(Counted::GivenBack) => it.given_back += 1,
            None => {}
        }
    }

    /// A verdict is the rule's, and attempts end exactly when they are used up.
    fn check_end(&mut self, place: usize, outcome: &Outcome) {
        let it = &self.rows[place].it;
        let (failures, losses) = (it.failures as u32 + 1, it.losses as u32 + 1);
        let are_used_up = |counted: Counted| match counted {
            Counted::Failure => failures >= self.max_attempts,
            Counted::Loss => losses >= MAX_LOSSES,
            Counted::GivenBack => false,
        };
        let is_right = match outcome {
            Outcome::Passed { .. } => judge(&it.content) == Verdict::Passed,
            Outcome::Failed { reason, .. } => judge(&it.content) == Verdict::Failed(reason.clone()),
            Outcome::Again { counted, .. } => !are_used_up(*counted),
            Outcome::GivenUp { counted, .. } => are_used_up(*counted),
        };
        if !is_right {
            let detail = format!("{outcome:?} of {it:?}");
            self.violate(Violation::WrongEnd, detail);
        }
    }

    /// Each change begins or ends a lease, or makes sure that none can end any more.
    fn become_status(&mut self, place: usize, next: Status) {
        let row = &mut self.rows[place];
        let before = std::mem::replace(&mut row.it.status, next);
        row.fence += 1;
        row.worker = None;
        if !before.may_become(next) {
            let detail = format!("{before:?} became {next:?}: {:?}", row.it);
            self.violate(Violation::IllegalChange, detail);
        }
    }

    fn violate(&mut self, violation: Violation, detail: String) {
        self.violation.get_or_insert((violation, detail));
    }
}

/// Where the submission with this id is.
pub(super) fn place(id: Uuid) -> usize {
    id.as_u128() as usize - 1
}
