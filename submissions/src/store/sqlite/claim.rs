//! Leases that begin.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::counts::Changes;
use super::workers::is_known;
use crate::status::Status;
use crate::store::Job;
use crate::store::row::{JobRow, jobs};
use crate::store::time::now;

/// What a claim can take at the time of the first parameter.
macro_rules! find {
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT id, fence + 1, content, failures, losses, begun + 1, run_at, owner FROM submissions ",
            $index,
            " WHERE status = 0 AND run_at <= ?1 ",
            $condition
        )
    };
}

pub(super) const FIND: &str = find!("INDEXED BY submissions_pending", "ORDER BY run_at, id LIMIT ?2");
pub(super) const FIND_THIS: &str = find!("", "AND id = ?2");

/// Apart from what finds them, so that no statement changes what it walks through.
pub(super) const TAKE: &str = "UPDATE submissions SET
    status = 1, fence = fence + 1, begun = begun + 1, worker = ?2, started_at = ?3, changed_at = ?3 WHERE id = ?1";

pub(super) fn claim(connection: &Connection, worker: Uuid, limit: u32) -> rusqlite::Result<Vec<Job>> {
    let at = now();
    if !is_known(connection, worker)? {
        return Ok(Vec::new());
    }
    let mut find = connection.prepare_cached(FIND)?;
    let found = find.query_map(params![at, limit], |row| row.try_into())?.collect::<rusqlite::Result<Vec<JobRow>>>()?;
    // What was found is still so, because nobody else writes.
    let mut take = connection.prepare_cached(TAKE)?;
    for (id, ..) in &found {
        take.execute(params![id, worker, at])?;
    }
    claimed(connection, found, at)
}

pub(super) fn claim_these(connection: &Connection, worker: Uuid, ids: &[Uuid]) -> rusqlite::Result<Vec<Job>> {
    let at = now();
    if !is_known(connection, worker)? {
        return Ok(Vec::new());
    }
    let (mut find, mut take) = (connection.prepare_cached(FIND_THIS)?, connection.prepare_cached(TAKE)?);
    let mut found = Vec::new();
    for id in ids {
        // Taken at once, because the same id may come again.
        if let Some(row) = find.query_row(params![at, id], |row| row.try_into()).optional()? {
            take.execute(params![id, worker, at])?;
            found.push(row);
        }
    }
    claimed(connection, found, at)
}

fn claimed(connection: &Connection, found: Vec<JobRow>, at: i64) -> rusqlite::Result<Vec<Job>> {
    let count = found.len() as i64;
    Changes::default().add(Status::Pending, -count).add(Status::Processing, count).apply(connection)?;
    Ok(jobs(found, at))
}
