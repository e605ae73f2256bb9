//! Changes that people ask for.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::counts::Changes;
use super::read::get;
use crate::scope::Scope;
use crate::status::Status;
use crate::store::Changed;
use crate::store::time::now;

pub(super) const CANCEL: &str = "UPDATE submissions
    SET status = 4, fence = fence + 1, worker = NULL, changed_at = ?2, processed_at = ?2
    WHERE id = ?1 AND status IN (0, 1)";

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

pub(super) const RETRY: &str = retry!("id = ?1 AND status IN (3, 4)");
/// `status >= 3` lets SQLite see that the index has them.
pub(super) const RETRY_ALL: &str = retry!(
    "id IN (SELECT id FROM submissions INDEXED BY submissions_unsuccessful WHERE status = ?1 AND status >= 3
            ORDER BY id LIMIT ?3)"
);
pub(super) const RETRY_ALL_OF: &str = retry!(
    "id IN (SELECT id FROM submissions INDEXED BY submissions_owner_unsuccessful
            WHERE owner = ?4 AND status = ?1 AND status >= 3 ORDER BY id LIMIT ?3)"
);

pub(super) fn cancel(connection: &Connection, scope: &Scope, id: Uuid) -> rusqlite::Result<Changed> {
    change(connection, CANCEL, scope, id)
}

pub(super) fn retry(connection: &Connection, scope: &Scope, id: Uuid) -> rusqlite::Result<Changed> {
    change(connection, RETRY, scope, id)
}

fn change(connection: &Connection, sql: &str, scope: &Scope, id: Uuid) -> rusqlite::Result<Changed> {
    let Some(before) = get(connection, scope, id)? else {
        return Ok(Changed::Missing);
    };
    let mut change = connection.prepare_cached(sql)?;
    if change.execute(params![id, now()])? == 0 {
        return Ok(Changed::NotAllowed(before));
    }
    let after = get(connection, scope, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    Changes::default().add(before.status, -1).add(after.status, 1).apply(connection)?;
    Ok(Changed::Made(after))
}

pub(super) fn retry_all(connection: &Connection, scope: &Scope, from: Status, limit: u32) -> rusqlite::Result<u64> {
    let (from_number, now) = (from as i16, now());
    let count = match scope {
        Scope::All => connection.prepare_cached(RETRY_ALL)?.execute(params![from_number, now, limit])?,
        Scope::Of(owner) => {
            connection.prepare_cached(RETRY_ALL_OF)?.execute(params![from_number, now, limit, &**owner])?
        }
    };
    Changes::default().add(from, -(count as i64)).add(Status::Pending, count as i64).apply(connection)?;
    Ok(count as u64)
}
