//! When to commit. One commit is on its way at a time, so that offsets never move backwards. Pure.

use std::time::{Duration, Instant};

use super::assignments::Assignment;

/// Finished records are committed together, this long after the first of them.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

/// Wait after a commit that failed.
pub const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// Longest wait for what the group had committed before. Without an answer the commit is sent all the same.
pub const FIRST_COMMIT_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Commits {
    /// When what is finished must be committed.
    due: Option<Instant>,
    /// The last commit failed: the next one comes no earlier.
    not_before: Option<Instant>,
    in_flight: Option<CommitInFlight>,
}

/// What can be committed of one partition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committable {
    pub(super) partition: i32,
    pub(super) assignment: Assignment,
    /// See [`Ticket`](super::Ticket): in another epoch the same offset is another record.
    pub(super) epoch: u32,
    /// The next offset to read.
    pub(super) next: i64,
}

/// A commit that Kafka has not answered.
#[derive(Debug)]
pub(super) struct CommitInFlight {
    pub(super) offsets: Vec<Committable>,
    pub(super) since: Instant,
}

impl Commits {
    /// Something can be committed that could not be before.
    pub(super) fn wanted(&mut self, now: Instant) {
        let due = now + COMMIT_INTERVAL;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    /// Something can be committed, and somebody waits for it.
    pub(super) fn urgent(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.min(now)));
    }

    /// When a commit may be sent, if one is due at all.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let due = self.due.filter(|_| self.in_flight.is_none())?;
        Some(self.not_before.map_or(due, |not_before| due.max(not_before)))
    }

    /// A commit is sent now; the next one is due at `next_due` unless something else comes first.
    pub(super) fn sent(&mut self, offsets: Vec<Committable>, next_due: Option<Instant>, now: Instant) {
        self.due = next_due;
        self.not_before = None;
        self.in_flight = (!offsets.is_empty()).then_some(CommitInFlight { offsets, since: now });
    }

    /// The commit is answered; returns it.
    pub(super) fn answered(&mut self) -> Option<CommitInFlight> {
        self.in_flight.take()
    }

    /// What was sent is not committed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.due.get_or_insert(now);
        self.not_before = Some(now + COMMIT_RETRY);
    }

    pub(super) fn in_flight(&self) -> Option<&CommitInFlight> {
        self.in_flight.as_ref()
    }
}
