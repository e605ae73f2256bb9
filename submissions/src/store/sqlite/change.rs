//! Changes that people ask for.

use sqlx::SqliteConnection;
use uuid::Uuid;

use super::counts::Changes;
use crate::status::Status;
use crate::store::Changed;
use crate::store::row::{columns, submission};
use crate::store::time::now;

pub(super) const FIND: &str = concat!("SELECT ", columns!(""), " FROM submissions WHERE id = ?1");

pub(super) const CANCEL: &str = concat!(
    "UPDATE submissions SET status = 4, fence = fence + 1, worker = NULL, changed_at = ?2, processed_at = ?2
     WHERE id = ?1 AND status IN (0, 1) RETURNING ",
    columns!("")
);

/// A new series of the submissions that a condition chooses, at the time of the second parameter.
macro_rules! retry {
    ($condition:literal) => {
        concat!(
            "UPDATE submissions SET status = 0, fence = fence + 1, series = series + 1, begun = 0, failures = 0,
                losses = 0, given_back = 0, reason = NULL, is_cached = 0, changed_at = ?2, run_at = ?2,
                announced_at = NULL, processed_at = NULL
             WHERE ",
            $condition
        )
    };
}

pub(super) const RETRY: &str = concat!(retry!("id = ?1 AND status IN (3, 4)"), " RETURNING ", columns!(""));
/// `status >= 3` lets SQLite see that the index has them.
pub(super) const RETRY_ALL: &str = retry!(
    "id IN (SELECT id FROM submissions INDEXED BY submissions_unsuccessful WHERE status = ?1 AND status >= 3
            ORDER BY id LIMIT ?3)"
);

pub(super) async fn cancel(connection: &mut SqliteConnection, id: Uuid) -> sqlx::Result<Changed> {
    change(connection, CANCEL, id).await
}

pub(super) async fn retry(connection: &mut SqliteConnection, id: Uuid) -> sqlx::Result<Changed> {
    change(connection, RETRY, id).await
}

async fn change(connection: &mut SqliteConnection, sql: &'static str, id: Uuid) -> sqlx::Result<Changed> {
    let Some(before) = sqlx::query(FIND).bind(id).fetch_optional(&mut *connection).await? else {
        return Ok(Changed::Missing);
    };
    let before = submission(&before)?;
    let Some(after) = sqlx::query(sql).bind(id).bind(now()).fetch_optional(&mut *connection).await? else {
        return Ok(Changed::NotAllowed(before));
    };
    let after = submission(&after)?;
    Changes::default().add(before.status, -1).add(after.status, 1).apply(connection).await?;
    Ok(Changed::Made(after))
}

pub(super) async fn retry_all(connection: &mut SqliteConnection, from: Status, limit: u32) -> sqlx::Result<u64> {
    let retried = sqlx::query(RETRY_ALL).bind(from as i16).bind(now()).bind(limit).execute(&mut *connection).await?;
    let count = retried.rows_affected();
    Changes::default().add(from, -(count as i64)).add(Status::Pending, count as i64).apply(connection).await?;
    Ok(count)
}
