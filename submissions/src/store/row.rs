//! A row of `submissions`, which looks the same in both stores.

use sqlx::{ColumnIndex, Decode, FromRow, Row, Type};
use uuid::Uuid;

use super::{Created, DeadLetter, DeadLetterKey, Job};
use crate::lease::{Lease, Series};
use crate::status::Status;
use crate::submission::{NewSubmission, Submission};

/// The columns that [`submission`] reads, in its order, each with this prefix.
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
            "run_at"
        )
    };
}
pub(super) use columns;

/// The submission of a row that begins with [`columns`].
pub(super) fn submission<R>(row: &R) -> sqlx::Result<Submission>
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> Uuid: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i16: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i32: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    for<'r> bool: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(Submission {
        id: row.try_get(0)?,
        content: row.try_get(1)?,
        status: status(row.try_get(2)?)?,
        series: row.try_get(3)?,
        begun: row.try_get(4)?,
        failures: row.try_get(5)?,
        losses: row.try_get(6)?,
        given_back: row.try_get(7)?,
        reason: row.try_get(8)?,
        is_cached: row.try_get(9)?,
        created_at: row.try_get(10)?,
        started_at: row.try_get(11)?,
        processed_at: row.try_get(12)?,
        changed_at: row.try_get(13)?,
        run_at: row.try_get(14)?,
    })
}

/// The dead letter of a row of: id, series, attempts, reason, at, status of the submission.
pub(super) fn dead_letter<'r, R: Row>(row: &'r R) -> sqlx::Result<DeadLetter>
where
    (Uuid, i32, i32, String, i64, i16): FromRow<'r, R>,
{
    let (id, series, attempts, reason, at, number) = FromRow::from_row(row)?;
    Ok(DeadLetter { key: DeadLetterKey { id, series }, attempts, reason, at, status: status(number)? })
}

/// Before the first dead letter of a list.
pub(super) const FIRST_DEAD_LETTER: DeadLetterKey = DeadLetterKey { id: Uuid::max(), series: i32::MAX };

/// The status of this number.
pub(super) fn status(number: i16) -> sqlx::Result<Status> {
    Status::from_number(number).ok_or_else(|| sqlx::Error::Decode(format!("there is no status {number}").into()))
}

/// What [`jobs`] reads, in its order.
pub(super) type JobRow = (Uuid, i64, String, i32, i32, i32, i64);

/// Jobs, the longest waiting first, of rows that a claim at `now` returned in any order: id, fence, content, failures,
/// losses, begun, run_at.
pub(super) fn jobs(mut rows: Vec<JobRow>, now: i64) -> Vec<Job> {
    rows.sort_unstable_by_key(|(id, .., run_at)| (*run_at, *id));
    let job = |(id, fence, content, failures, losses, begun, run_at): JobRow| Job {
        lease: Lease { id, fence },
        content,
        series: series(failures, losses),
        begun,
        waited: super::time::since(now, run_at),
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
    }
}

/// What came of a submission that could not be created because `found` has its key, or its id.
pub(super) fn again(new: &NewSubmission, found: Submission) -> Created {
    if found.content == new.content { Created::Again(found) } else { Created::Conflict }
}
