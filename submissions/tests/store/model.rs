//! What a store should hold, in memory and without a database.

use std::collections::BTreeMap;

use submissions::Submission;
use submissions::lease::Lease;
use submissions::scope::Scope;
use submissions::status::Status;
use submissions::store::{Counted, Outcome};
use uuid::Uuid;

/// A submission, and who holds it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) submission: Submission,
    pub(crate) key: Option<String>,
    pub(crate) lease: Option<(Lease, Uuid)>,
    dead_letters: i64,
}

/// All submissions. Times are those that the store chose.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) entries: BTreeMap<Uuid, Entry>,
    /// Leases that have ended.
    pub(crate) ended: Vec<Lease>,
    pub(crate) workers: Vec<Uuid>,
}

impl Model {
    pub(crate) fn created(&mut self, submission: Submission, key: Option<String>) {
        self.entries.insert(submission.id, Entry { submission, key, lease: None, dead_letters: 0 });
    }

    pub(crate) fn with_key(&self, key: &str) -> Option<&Submission> {
        self.entries.values().find(|entry| entry.key.as_deref() == Some(key)).map(|entry| &entry.submission)
    }

    /// The one at this place of those there are, whatever the number.
    pub(crate) fn pick(&self, number: usize) -> Option<Uuid> {
        let place = number.checked_rem(self.entries.len())?;
        self.entries.keys().nth(place).copied()
    }

    /// What may be claimed, the longest waiting first. `now` is later than the last change, and an attempt's wait is
    /// either over at once or longer than any test.
    pub(crate) fn claimable(&self) -> Vec<Uuid> {
        let may_be_claimed = |found: &&Submission| found.status == Status::Pending && found.run_at <= found.changed_at;
        let all = self.entries.values().map(|entry| &entry.submission);
        let mut found: Vec<&Submission> = all.filter(may_be_claimed).collect();
        found.sort_by_key(|found| (found.run_at, found.id));
        found.into_iter().map(|found| found.id).collect()
    }

    pub(crate) fn claimed(&mut self, lease: Lease, worker: Uuid) {
        let entry = self.entry(lease.id);
        entry.submission.status = Status::Processing;
        entry.submission.begun += 1;
        entry.lease = Some((lease, worker));
    }

    pub(crate) fn leases(&self) -> Vec<(Lease, Uuid)> {
        self.entries.values().filter_map(|entry| entry.lease).collect()
    }

    pub(crate) fn settled(&mut self, lease: Lease, outcome: &Outcome) {
        let entry = self.entry(lease.id);
        entry.lease = None;
        let found = &mut entry.submission;
        found.is_cached = false;
        let count = |counted: &Counted, found: &mut Submission| match counted {
            Counted::Failure => found.failures += 1,
            Counted::Loss => found.losses += 1,
            Counted::GivenBack => found.given_back += 1,
        };
        match outcome {
            Outcome::Passed { is_cached } => {
                (found.status, found.reason, found.is_cached) = (Status::Passed, None, *is_cached);
            }
            Outcome::Failed { reason, is_cached } => {
                (found.status, found.reason, found.is_cached) = (Status::Failed, Some(reason.clone()), *is_cached);
            }
            Outcome::Again { counted, reason, .. } => {
                (found.status, found.reason) = (Status::Pending, Some(reason.clone()));
                count(counted, found);
            }
            Outcome::GivenUp { counted, reason } => {
                (found.status, found.reason) = (Status::Failed, Some(reason.clone()));
                count(counted, found);
                entry.dead_letters += 1;
            }
        }
        self.ended.push(lease);
    }

    pub(crate) fn cancelled(&mut self, id: Uuid) {
        let entry = self.entry(id);
        entry.submission.status = Status::Cancelled;
        let lease = entry.lease.take();
        self.ended.extend(lease.map(|(lease, _)| lease));
    }

    pub(crate) fn retried(&mut self, id: Uuid) {
        let found = &mut self.entry(id).submission;
        found.status = Status::Pending;
        found.series += 1;
        (found.begun, found.failures, found.losses, found.given_back) = (0, 0, 0, 0);
        (found.reason, found.is_cached) = (None, false);
    }

    pub(crate) fn pruned(&mut self) -> usize {
        let before = self.entries.len();
        self.entries.retain(|_, entry| !entry.submission.status.is_final());
        before - self.entries.len()
    }

    fn within<'a>(&'a self, scope: &Scope) -> impl Iterator<Item = &'a Entry> {
        self.entries.values().filter(|entry| scope.reaches(entry.submission.owner.as_deref()))
    }

    pub(crate) fn in_status(&self, scope: &Scope) -> [i64; 5] {
        let mut counts = [0; 5];
        self.within(scope).for_each(|entry| counts[entry.submission.status as usize] += 1);
        counts
    }

    pub(crate) fn dead_letters(&self, scope: &Scope) -> i64 {
        self.within(scope).map(|entry| entry.dead_letters).sum()
    }

    pub(crate) fn entry(&mut self, id: Uuid) -> &mut Entry {
        self.entries.get_mut(&id).unwrap()
    }
}
