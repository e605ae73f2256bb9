//! Questions that change nothing.

use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::row::{dead_letter, submission};
use crate::scope::Scope;
use crate::status::Status;
use crate::store::row::{FIRST_DEAD_LETTER, columns};
use crate::store::time::{now, since};
use crate::store::{DeadLetter, DeadLetterKey, Listing, Stats};
use crate::submission::Submission;

/// Beyond this number of pending submissions the newest of them are found sooner by walking through all submissions.
const FEW: i64 = 10_000;

pub(super) const GET: &str = concat!("SELECT ", columns!(""), " FROM submissions WHERE id = ?1");

/// A page of the submissions that a condition chooses, in the order of their ids. `NOT INDEXED` means that no index is
/// used besides these.
macro_rules! walk {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(""),
            " FROM submissions NOT INDEXED WHERE id < ?1 AND ",
            $condition,
            " ORDER BY id DESC LIMIT ?2"
        )
    };
}

/// A page of the submissions that an index has.
macro_rules! pick {
    ($index:literal, $status:literal) => {
        concat!(
            "SELECT ",
            columns!(""),
            " FROM submissions WHERE id IN (SELECT id FROM submissions INDEXED BY ",
            $index,
            " WHERE status = ",
            $status,
            " AND id < ?1 ORDER BY id DESC LIMIT ?2) ORDER BY id DESC"
        )
    };
}

pub(super) const ALL: &str = walk!("true");
pub(super) const MANY_PENDING: &str = walk!("status = 0");
pub(super) const FEW_PENDING: &str = pick!("submissions_pending", "0");
pub(super) const PROCESSING: &str = pick!("submissions_leased", "1");
pub(super) const PASSED: &str = walk!("status = 2");
/// `status >= 3` lets SQLite see that the index has them.
pub(super) const FAILED: &str = pick!("submissions_unsuccessful", "3 AND status >= 3");
const CANCELLED: &str = pick!("submissions_unsuccessful", "4 AND status >= 3");

/// A page of an owner's submissions that a condition chooses, in the order of their ids.
macro_rules! walk_own {
    ($index:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            columns!(""),
            " FROM submissions INDEXED BY ",
            $index,
            " WHERE owner = ?3 AND id < ?1 AND ",
            $condition,
            " ORDER BY id DESC LIMIT ?2"
        )
    };
}

pub(super) const ALL_OF: &str = walk_own!("submissions_owner", "true");
pub(super) const WITH_STATUS_OF: &str = walk_own!("submissions_owner", "status = ?4");
pub(super) const UNSUCCESSFUL_OF: &str = walk_own!("submissions_owner_unsuccessful", "status = ?4 AND status >= 3");

/// `CROSS JOIN` makes SQLite read the letters first.
pub(super) const DEAD_LETTERS: &str = "SELECT d.id, d.series, d.attempts, d.reason, d.at, s.status
    FROM dead_letters d CROSS JOIN submissions s ON s.id = d.id
    WHERE (d.id, d.series) < (?1, ?2) ORDER BY d.id DESC, d.series DESC LIMIT ?3";

/// Only a submission that is FAILED, or was retried, may have one.
pub(super) const DEAD_LETTERS_OF: &str = "SELECT d.id, d.series, d.attempts, d.reason, d.at, s.status
    FROM submissions s INDEXED BY submissions_owner CROSS JOIN dead_letters d ON d.id = s.id
    WHERE s.owner = ?4 AND s.id <= ?1 AND (s.status = 3 OR s.series > 1) AND (d.id, d.series) < (?1, ?2)
    ORDER BY s.id DESC, d.series DESC LIMIT ?3";

/// The two look-ups at the end each read the first entries of an index alone.
const STATS: &str = "SELECT pending, processing, passed, failed, cancelled, dead_letters,
    (SELECT count(*) FROM submissions INDEXED BY submissions_leased WHERE status = 1 AND started_at < ?1),
    (SELECT min(run_at) FROM submissions INDEXED BY submissions_pending WHERE status = 0)
    FROM status_counts";

/// The same figures, counted from the owner's own submissions.
pub(super) const STATS_OF: &str = "SELECT
    count(*) FILTER (WHERE status = 0), count(*) FILTER (WHERE status = 1), count(*) FILTER (WHERE status = 2),
    count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4),
    coalesce(sum(CASE WHEN status = 3 OR series > 1
        THEN (SELECT count(*) FROM dead_letters d WHERE d.id = s.id) END), 0),
    count(*) FILTER (WHERE status = 1 AND started_at < ?1),
    min(run_at) FILTER (WHERE status = 0)
    FROM submissions s INDEXED BY submissions_owner WHERE owner = ?2";

pub(super) fn get(connection: &Connection, scope: &Scope, id: Uuid) -> rusqlite::Result<Option<Submission>> {
    let found = connection.prepare_cached(GET)?.query_row([id], submission).optional()?;
    Ok(found.filter(|found| scope.reaches(found.owner.as_deref())))
}

pub(super) fn list(connection: &Connection, scope: &Scope, listing: Listing) -> rusqlite::Result<Vec<Submission>> {
    match scope {
        Scope::All => list_all(connection, listing),
        Scope::Of(owner) => list_own(connection, owner, listing),
    }
}

fn list_own(connection: &Connection, owner: &str, listing: Listing) -> rusqlite::Result<Vec<Submission>> {
    let after = listing.after.unwrap_or(Uuid::max());
    let (sql, status) = match listing.status {
        None => {
            let mut list = connection.prepare_cached(ALL_OF)?;
            return list.query_map(params![after, listing.limit, owner], submission)?.collect();
        }
        Some(status @ (Status::Failed | Status::Cancelled)) => (UNSUCCESSFUL_OF, status),
        Some(status) => (WITH_STATUS_OF, status),
    };
    let mut list = connection.prepare_cached(sql)?;
    list.query_map(params![after, listing.limit, owner, status as i16], submission)?.collect()
}

fn list_all(connection: &Connection, listing: Listing) -> rusqlite::Result<Vec<Submission>> {
    let sql = match listing.status {
        None => ALL,
        Some(Status::Pending) => {
            let pending: i64 = connection.query_row("SELECT pending FROM status_counts", [], |row| row.get(0))?;
            if pending > FEW { MANY_PENDING } else { FEW_PENDING }
        }
        Some(Status::Processing) => PROCESSING,
        Some(Status::Passed) => PASSED,
        Some(Status::Failed) => FAILED,
        Some(Status::Cancelled) => CANCELLED,
    };
    let after = listing.after.unwrap_or(Uuid::max());
    connection.prepare_cached(sql)?.query_map(params![after, listing.limit], submission)?.collect()
}

pub(super) fn dead_letters(
    connection: &Connection,
    scope: &Scope,
    after: Option<DeadLetterKey>,
    limit: u32,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let DeadLetterKey { id, series } = after.unwrap_or(FIRST_DEAD_LETTER);
    match scope {
        Scope::All => {
            connection.prepare_cached(DEAD_LETTERS)?.query_map(params![id, series, limit], dead_letter)?.collect()
        }
        Scope::Of(owner) => {
            let mut letters = connection.prepare_cached(DEAD_LETTERS_OF)?;
            letters.query_map(params![id, series, limit, &**owner], dead_letter)?.collect()
        }
    }
}

pub(super) fn stats(connection: &Connection, scope: &Scope, stuck_after: i64) -> rusqlite::Result<Stats> {
    let now = now();
    let read = |row: &Row<'_>| {
        let mut in_status = [0; 5];
        for (status, count) in in_status.iter_mut().enumerate() {
            *count = row.get(status)?;
        }
        let oldest: Option<i64> = row.get(7)?;
        Ok(Stats {
            in_status,
            oldest_pending: oldest.filter(|run_at| *run_at <= now).map(|run_at| since(now, run_at)),
            stuck: row.get(6)?,
            dead_letters: row.get(5)?,
        })
    };
    match scope {
        Scope::All => connection.prepare_cached(STATS)?.query_row([now - stuck_after], read),
        Scope::Of(owner) => connection.prepare_cached(STATS_OF)?.query_row(params![now - stuck_after, &**owner], read),
    }
}
