//! What is done regularly: lost leases, announcements, pruning.

use std::sync::LazyLock;

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::counts::Changes;
use super::pack::{Pack, rows};
use crate::lease::Lease;
use crate::store::LostLease;
use crate::store::row::{series, status};
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

pub(super) static REMOVE: LazyLock<String> = LazyLock::new(|| {
    format!("WITH RECURSIVE {} DELETE FROM submissions WHERE id IN (SELECT id FROM batch)", rows(&[]))
});

static REMOVE_LETTERS: LazyLock<String> = LazyLock::new(|| {
    format!("WITH RECURSIVE {} DELETE FROM dead_letters WHERE id IN (SELECT id FROM batch)", rows(&[]))
});

/// Submissions to look at for each one that a prune may remove. What is not final yet must not hold a prune up for
/// longer and longer, so it continues behind it the next time.
const WINDOW: i64 = 10;

pub(super) async fn lost_leases(
    connection: &mut SqliteConnection,
    silence: i64,
    work_timeout: i64,
    limit: u32,
) -> sqlx::Result<Vec<LostLease>> {
    let now = now();
    sqlx::query(REMOVE_SILENT).bind(now - silence).execute(&mut *connection).await?;
    let leases = sqlx::query(LOST).bind(now - silence).bind(now - work_timeout).bind(limit);
    let mut lost = Vec::new();
    for row in leases.fetch_all(connection).await? {
        lost.push(LostLease {
            lease: Lease { id: row.try_get(0)?, fence: row.try_get(1)? },
            series: series(row.try_get(2)?, row.try_get(3)?),
            is_worker_gone: row.try_get(4)?,
        });
    }
    Ok(lost)
}

pub(super) async fn announce(connection: &mut SqliteConnection, overdue: i64, limit: u32) -> sqlx::Result<Vec<Uuid>> {
    let now = now();
    let rows = sqlx::query(ANNOUNCE).bind(now).bind(now - overdue).bind(limit).fetch_all(connection).await?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// What a prune did.
pub(super) struct Pruned {
    /// Submissions that it removed.
    pub(super) count: u64,
    /// The id behind which the next one begins.
    pub(super) after: Uuid,
}

pub(super) async fn prune(
    connection: &mut SqliteConnection,
    retention: i64,
    after: Uuid,
    limit: u32,
) -> sqlx::Result<Pruned> {
    let until = now() - retention;
    let window = i64::from(limit).saturating_mul(WINDOW);
    let look = sqlx::query(LOOK).bind(after).bind(first_id(until)).bind(until).bind(window);
    let rows = look.fetch_all(&mut *connection).await?;

    let mut changes = Changes::default();
    let mut pruned = Pruned { count: 0, after: Uuid::nil() };
    let (mut submissions, mut letters) = (Pack::default(), Pack::default());
    for (number, row) in (1..).zip(&rows) {
        let id: Uuid = row.try_get(0)?;
        if row.try_get::<Option<bool>, _>(2)?.unwrap_or_default() {
            submissions.row(id);
            letters.row(id);
            changes.add(status(row.try_get(1)?)?, -1);
            pruned.count += 1;
        }
        if number == window || pruned.count == u64::from(limit) {
            pruned.after = id;
            break;
        }
    }
    submissions.bind(sqlx::query(&REMOVE)).execute(&mut *connection).await?;
    let letters = letters.bind(sqlx::query(&REMOVE_LETTERS)).execute(&mut *connection).await?;
    changes.add_dead_letters(-(letters.rows_affected() as i64)).apply(connection).await?;
    Ok(pruned)
}
