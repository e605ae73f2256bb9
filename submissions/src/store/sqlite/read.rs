//! Questions that change nothing.

use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::row::{dead_letter, submission};
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

/// `CROSS JOIN` makes SQLite read the letters first.
pub(super) const DEAD_LETTERS: &str = "SELECT d.id, d.series, d.attempts, d.reason, d.at, s.status
    FROM dead_letters d CROSS JOIN submissions s ON s.id = d.id
    WHERE (d.id, d.series) < (?1, ?2) ORDER BY d.id DESC, d.series DESC LIMIT ?3";

/// The two look-ups at the end each read the first entries of an index alone.
const STATS: &str = "SELECT pending, processing, passed, failed, cancelled, dead_letters,
    (SELECT count(*) FROM submissions INDEXED BY submissions_leased WHERE status = 1 AND started_at < ?1),
    (SELECT min(run_at) FROM submissions INDEXED BY submissions_pending WHERE status = 0)
    FROM status_counts";

pub(super) fn get(connection: &Connection, id: Uuid) -> rusqlite::Result<Option<Submission>> {
    connection.prepare_cached(GET)?.query_row([id], submission).optional()
}

pub(super) fn list(connection: &Connection, listing: Listing) -> rusqlite::Result<Vec<Submission>> {
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
    after: Option<DeadLetterKey>,
    limit: u32,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let DeadLetterKey { id, series } = after.unwrap_or(FIRST_DEAD_LETTER);
    connection.prepare_cached(DEAD_LETTERS)?.query_map(params![id, series, limit], dead_letter)?.collect()
}

pub(super) fn stats(connection: &Connection, stuck_after: i64) -> rusqlite::Result<Stats> {
    let now = now();
    connection.prepare_cached(STATS)?.query_row([now - stuck_after], |row| {
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
    })
}
