//! What must hold after every step; what concerns single rows is in the model of the store.

use std::time::Duration;

use uuid::Uuid;

use super::model::Row;
use super::process::Process;
use super::statistics::Happened;
use super::world::World;
use crate::settling::Finished;
use crate::store::{LostLease, Settlement};

/// What does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Violation {
    /// A status follows one that it may not follow: a final one was overwritten, or an attempt ended that nobody made.
    IllegalChange,
    /// A verdict is not the rule's, or attempts ended before they were used up, or did not end then.
    WrongEnd,
    /// Work is begun again, and no end of the attempt before was counted.
    BegunWithoutCause,
    /// A worker that learned that it is gone settles what it had claimed before.
    SettledAfterGone,
    /// A finish counts as late although it was done, or as done although it was not.
    CountedWrong,
    /// A worker that lives and could beat loses its leases.
    TakenFromLiving,
    /// After an outage a worker loses its leases before it could beat.
    TakenAfterOutage,
    /// A worker that is gone keeps its leases for too long, although somebody could notice.
    NoticedLate,
    /// A worker leaves and holds leases.
    LeftWithLeases,
    /// A worker claims although the store has not heard of it for long enough to count it as gone.
    ClaimedUnheard,
    /// A worker holds more than its concurrency.
    HoldsTooMuch,
    /// A core asks to be woken at a time in the past, and then does nothing.
    Spins,
    /// A worker has stopped, and somebody still waits for what it does with an announcement; or it is done with one
    /// twice.
    AnnouncementUnanswered,
    /// With all faults over, a submission does not become final, or a process does not stop.
    NeverSettles,
    /// The code panicked.
    Panicked,
}

/// How long a request may take when all is well, with all that may come before it.
const SLACK: Duration = Duration::from_millis(1_500);

/// How long somebody must have been able to look before a lease that is still there is a fault: until silence may be
/// judged, and after the longest backoffs of whatever went wrong before.
const LOOKING: Duration = Duration::from_secs(10);

impl World {
    /// The worker sends these settlements.
    pub(super) fn check_settlements(&mut self, process: &Process, settlements: &[Settlement]) {
        for settlement in settlements {
            let known = self.store.leases.get(&settlement.lease);
            if known.is_some_and(|known| process.gone.contains(&known.worker)) {
                self.violate(Violation::SettledAfterGone, || format!("{settlement:?}"));
            }
        }
    }

    /// The worker claims.
    pub(super) fn check_claim(&mut self, worker: Uuid) {
        let silence = self.settings.worker.terms.silence();
        let beat_at = self.store.workers.get(&worker).copied();
        if beat_at.is_none_or(|beat_at| self.now - beat_at > silence) {
            let silent = beat_at.map(|beat_at| self.now - beat_at);
            self.violate(Violation::ClaimedUnheard, || format!("worker {} is silent for {silent:?}", worker.as_u128()));
        }
    }

    /// The worker counts these.
    pub(super) fn check_finished(&mut self, finished: &[Finished]) {
        for Finished { ended, is_late } in finished {
            let Settlement { lease, outcome } = &ended.settlement;
            let Some(known) = self.store.leases.get(lease) else { continue };
            let was_done = known.ended.as_ref() == Some(outcome);
            self.statistics.happened(if *is_late { Happened::FinishedLate } else { Happened::Finished });
            if ended.is_doubtful && was_done {
                self.statistics.happened(Happened::DoneInDoubt);
            }
            let is_same_series = self.store.get(lease.id).is_some_and(|it| it.series == known.series);
            // Only an attempt with a verdict leaves all that must be known of it in the row.
            let is_certain = is_same_series && ended.cause.is_none();
            if *is_late == was_done && (is_certain || !ended.is_doubtful) {
                let detail = format!("{outcome:?} is late: {is_late}, but the lease ended by {:?}", known.ended);
                self.violate(Violation::CountedWrong, || detail);
            }
        }
    }

    /// A sweeper finds that these leases are lost.
    pub(super) fn check_lost(&mut self, lost: &[LostLease]) {
        // A look that was sent before an outage may be done in it.
        if self.is_out {
            return;
        }
        for LostLease { lease, .. } in lost.iter().filter(|lost| lost.is_worker_gone) {
            let Some(worker) = self.store.leases.get(lease).map(|known| known.worker) else { continue };
            let Some(known_since) = self.known_since(worker) else { continue };
            let terms = self.settings.worker.terms;
            let was_sent_after = self.sweeps_well_since <= self.outage_began;
            if was_sent_after && self.outage_over + terms.silence() > self.now {
                let over = self.now - self.outage_over;
                self.violate(Violation::TakenAfterOutage, || format!("{lease:?}, {over:?} after an outage"));
            }
            let could_beat = known_since.max(self.beats_well_since).max(self.outage_over);
            if self.now - could_beat > terms.silence() + terms.heartbeat {
                self.violate(Violation::TakenFromLiving, || format!("{lease:?} of worker {}", worker.as_u128()));
            }
        }
    }

    /// Leases of workers that are gone do not last.
    pub(super) fn check_noticed(&mut self) {
        let looking = self.processes.iter().flatten().filter(|process| !process.is_frozen && !process.is_stopping);
        let Some(steady_since) = looking.map(|process| process.steady_since).min() else { return };
        let could_look = steady_since.max(self.sweeps_well_since).max(self.outage_over);
        if self.is_out || self.now - could_look < LOOKING {
            return;
        }
        let bound = 2 * self.settings.worker.terms.heartbeat + SLACK;
        let beat_at = |worker: Uuid| self.store.workers.get(&worker);
        let is_silent = |worker: Uuid| beat_at(worker).is_none_or(|beat_at| self.now - *beat_at > bound);
        let is_overdue = |row: &&Row| self.now - row.started_at > bound && row.worker.is_some_and(is_silent);
        let overdue = self.store.rows.iter().find(is_overdue);
        if let Some(detail) = overdue.map(|row| format!("{:?}", row.it)) {
            self.violate(Violation::NoticedLate, || detail);
        }
    }

    /// The process has nothing more to do now.
    pub(super) fn check_quiet(&mut self, process: &Process) {
        let deadlines = [process.worker.deadline(self.now), process.sweeper.deadline()];
        if deadlines.into_iter().flatten().any(|deadline| deadline <= self.now) {
            self.violate(Violation::Spins, || format!("{deadlines:?}"));
        }
    }

    /// The worker has taken in an answer.
    pub(super) fn check_held(&mut self, process: &Process) {
        let (held, most) = (process.worker.held(), self.settings.worker.concurrency);
        if held > most {
            self.violate(Violation::HoldsTooMuch, || format!("{held} held, at most {most} allowed"));
        }
    }

    /// Whether every submission is final.
    pub(super) fn is_settled(&self) -> bool {
        self.store.rows.iter().all(|row| row.it.status.is_final())
    }

    /// Submissions that are not final.
    pub(super) fn unsettled(&self) -> Vec<String> {
        let unsettled = self.store.rows.iter().filter(|row| !row.it.status.is_final());
        unsettled.map(|row| format!("{:?}", row.it)).collect()
    }

    /// What a claim without its worker's knowledge leaves behind.
    pub(super) fn note_claimed_unknown(&mut self, jobs: usize) {
        (0..jobs).for_each(|_| self.statistics.happened(Happened::ClaimedUnknown));
    }
}
