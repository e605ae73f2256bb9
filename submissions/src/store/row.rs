//! Rows of `submissions`, as far as they look the same in both stores.

use uuid::Uuid;

use super::{Created, DeadLetterKey, Job};
use crate::lease::{Lease, Series};
use crate::status::Status;
use crate::submission::{NewSubmission, Submission};

/// The columns that both stores read a submission from, in this order, each with this prefix.
macro_rules! columns {
    ($prefix:literal) => {
        concat!(
            $prefix,
            "id, ",
            $prefix,
            "content, ",
            $prefix,
            "status, ",
            $prefix,
            "series, ",
            $prefix,
            "begun, ",
            $prefix,
            "failures, ",
            $prefix,
            "losses, ",
            $prefix,
            "given_back, ",
            $prefix,
            "reason, ",
            $prefix,
            "is_cached, ",
            $prefix,
            "created_at, ",
            $prefix,
            "started_at, ",
            $prefix,
            "processed_at, ",
            $prefix,
            "changed_at, ",
            $prefix,
            "run_at, ",
            $prefix,
            "owner"
        )
    };
}
pub(super) use columns;

/// Before the first dead letter of a list.
pub(super) const FIRST_DEAD_LETTER: DeadLetterKey = DeadLetterKey { id: Uuid::max(), series: i32::MAX };

/// What [`jobs`] reads, in its order.
pub(super) type JobRow = (Uuid, i64, String, i32, i32, i32, i64, Option<String>);

/// Jobs, the longest waiting first, of rows that a claim at `now` returned in any order: id, fence, content, failures,
/// losses, begun, run_at, owner.
pub(super) fn jobs(mut rows: Vec<JobRow>, now: i64) -> Vec<Job> {
    rows.sort_unstable_by_key(|(id, .., run_at, _)| (*run_at, *id));
    let job = |(id, fence, content, failures, losses, begun, run_at, owner): JobRow| Job {
        lease: Lease { id, fence },
        content,
        series: series(failures, losses),
        begun,
        waited: super::time::since(now, run_at),
        owner: owner.map(Into::into),
    };
    rows.into_iter().map(job).collect()
}

/// What has happened in a series, of columns that never fall below 0.
pub(super) fn series(failures: i32, losses: i32) -> Series {
    Series { failures: failures.unsigned_abs(), losses: losses.unsigned_abs() }
}

/// What a submission that was created at `now` looks like.
pub(super) fn created(new: &NewSubmission, now: i64) -> Submission {
    Submission {
        id: new.id,
        content: new.content.clone(),
        status: Status::Pending,
        series: 1,
        begun: 0,
        failures: 0,
        losses: 0,
        given_back: 0,
        reason: None,
        is_cached: false,
        created_at: now,
        started_at: None,
        processed_at: None,
        changed_at: now,
        run_at: now,
        owner: new.owner.clone(),
    }
}

/// What came of a submission that could not be created because `found` has its key, or its id. The keys of two owners
/// differ, so nobody gets another one's submission here unless something is wrong, and then it is a conflict. A process
/// of the version before noted the key and no owner.
pub(super) fn again(new: &NewSubmission, found: Submission) -> Created {
    let is_same = found.content == new.content && (found.owner.is_none() || found.owner == new.owner);
    if is_same { Created::Again(found) } else { Created::Conflict }
}
