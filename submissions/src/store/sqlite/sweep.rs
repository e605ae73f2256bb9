//! What is done regularly: lost leases, announcements, pruning.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::counts::Changes;
use crate::lease::Lease;
use crate::status::Status;
use crate::store::LostLease;
use crate::store::row::series;
use crate::store::time::{first_id, now};

/// A lease whose worker is not known is lost, too: the worker was removed while it claimed.
pub(super) const LOST: &str = "SELECT id, fence, failures, losses,
        NOT EXISTS (SELECT 1 FROM workers w WHERE w.id = s.worker AND w.beat_at >= ?1) AS is_gone
    FROM submissions s INDEXED BY submissions_leased
    WHERE status = 1 AND (is_gone OR started_at < ?2) LIMIT ?3";

const REMOVE_SILENT: &str = "DELETE FROM workers WHERE beat_at < ?1 AND NOT EXISTS (
    SELECT 1 FROM submissions s INDEXED BY submissions_leased WHERE s.status = 1 AND s.worker = workers.id)";

/// Each pause is as long as the time waited before it, and at most five minutes long.
const ANNOUNCE: &str = "UPDATE submissions SET announced_at = ?1 WHERE id IN (
        SELECT id FROM submissions INDEXED BY submissions_pending
        WHERE status = 0 AND run_at < ?2 AND coalesce(announced_at, run_at) < ?2
        AND coalesce(announced_at, run_at) <= ?1 - min(coalesce(announced_at, run_at) - run_at, 300000)
        ORDER BY run_at, id LIMIT ?3)
    RETURNING id";

/// A window of ids: which of its submissions have been final for long enough, and its last id.
pub(super) const LOOK: &str = "SELECT id, status, processed_at < ?3 FROM submissions NOT INDEXED
    WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?4";

pub(super) const REMOVE: &str = "DELETE FROM submissions WHERE id = ?1";
const REMOVE_LETTERS: &str = "DELETE FROM dead_letters WHERE id = ?1";

/// Submissions to look at for each one that a prune may remove. What is not final yet must not hold a prune up for
/// longer and longer, so it continues behind it the next time.
const WINDOW: i64 = 10;

pub(super) fn lost_leases(
    connection: &Connection,
    silence: i64,
    work_timeout: i64,
    limit: u32,
) -> rusqlite::Result<Vec<LostLease>> {
    let now = now();
    connection.prepare_cached(REMOVE_SILENT)?.execute([now - silence])?;
    let mut lost = connection.prepare_cached(LOST)?;
    let leases = lost.query_map(params![now - silence, now - work_timeout, limit], |row| {
        Ok(LostLease {
            lease: Lease { id: row.get(0)?, fence: row.get(1)? },
            series: series(row.get(2)?, row.get(3)?),
            is_worker_gone: row.get(4)?,
        })
    })?;
    leases.collect()
}

pub(super) fn announce(connection: &Connection, overdue: i64, limit: u32) -> rusqlite::Result<Vec<Uuid>> {
    let now = now();
    let mut announce = connection.prepare_cached(ANNOUNCE)?;
    announce.query_map(params![now, now - overdue, limit], |row| row.get(0))?.collect()
}

/// What a prune did.
pub(super) struct Pruned {
    /// Submissions that it removed.
    pub(super) count: u64,
    /// The id behind which the next one begins.
    pub(super) after: Uuid,
}

pub(super) fn prune(connection: &Connection, retention: i64, after: Uuid, limit: u32) -> rusqlite::Result<Pruned> {
    let until = now() - retention;
    let window = i64::from(limit).saturating_mul(WINDOW);
    let mut look = connection.prepare_cached(LOOK)?;
    let seen = look.query_map(params![after, first_id(until), until, window], |row| {
        let is_due: Option<bool> = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, is_due.unwrap_or_default()))
    })?;
    let seen = seen.collect::<rusqlite::Result<Vec<(Uuid, Status, bool)>>>()?;

    let mut remove = connection.prepare_cached(REMOVE)?;
    let mut remove_letters = connection.prepare_cached(REMOVE_LETTERS)?;
    let mut changes = Changes::default();
    let mut pruned = Pruned { count: 0, after: Uuid::nil() };
    for (number, (id, status, is_due)) in (1..).zip(seen) {
        if is_due {
            remove.execute([id])?;
            let letters = remove_letters.execute([id])?;
            changes.add(status, -1).add_dead_letters(-(letters as i64));
            pruned.count += 1;
        }
        if number == window || pruned.count == u64::from(limit) {
            pruned.after = id;
            break;
        }
    }
    changes.apply(connection)?;
    Ok(pruned)
}
