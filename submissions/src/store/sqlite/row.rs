//! Rows of SQLite as what the store returns.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use crate::status::Status;
use crate::store::{DeadLetter, DeadLetterKey};
use crate::submission::Submission;

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = i64::column_result(value)?;
        let status = i16::try_from(number).ok().and_then(Status::from_number);
        status.ok_or(FromSqlError::OutOfRange(number))
    }
}

/// The submission of a row that begins with [`columns`](crate::store::row::columns).
pub(super) fn submission(row: &Row<'_>) -> rusqlite::Result<Submission> {
    Ok(Submission {
        id: row.get(0)?,
        content: row.get(1)?,
        status: row.get(2)?,
        series: row.get(3)?,
        begun: row.get(4)?,
        failures: row.get(5)?,
        losses: row.get(6)?,
        given_back: row.get(7)?,
        reason: row.get(8)?,
        is_cached: row.get(9)?,
        created_at: row.get(10)?,
        started_at: row.get(11)?,
        processed_at: row.get(12)?,
        changed_at: row.get(13)?,
        run_at: row.get(14)?,
        owner: row.get::<_, Option<String>>(15)?.map(Into::into),
    })
}

/// The dead letter of a row of: id, series, attempts, reason, at, status of the submission.
pub(super) fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let key = DeadLetterKey { id: row.get(0)?, series: row.get(1)? };
    Ok(DeadLetter { key, attempts: row.get(2)?, reason: row.get(3)?, at: row.get(4)?, status: row.get(5)? })
}
