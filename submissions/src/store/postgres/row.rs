//! Rows of PostgreSQL as what the store returns.

use sqlx::postgres::PgRow;
use sqlx::{FromRow, Row};
use uuid::Uuid;

use crate::status::Status;
use crate::store::{DeadLetter, DeadLetterKey};
use crate::submission::Submission;

/// The submission of a row that begins with [`columns`](crate::store::row::columns).
pub(super) fn submission(row: &PgRow) -> sqlx::Result<Submission> {
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
        owner: row.try_get::<Option<String>, _>(15)?.map(Into::into),
    })
}

/// The dead letter of a row of: id, series, attempts, reason, at, status of the submission.
pub(super) fn dead_letter(row: &PgRow) -> sqlx::Result<DeadLetter> {
    let (id, series, attempts, reason, at, number): (Uuid, _, _, _, _, _) = FromRow::from_row(row)?;
    Ok(DeadLetter { key: DeadLetterKey { id, series }, attempts, reason, at, status: status(number)? })
}

fn status(number: i16) -> sqlx::Result<Status> {
    Status::from_number(number).ok_or_else(|| sqlx::Error::Decode(format!("there is no status {number}").into()))
}
