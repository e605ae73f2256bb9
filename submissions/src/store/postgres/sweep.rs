//! What is done regularly: lost leases, announcements, pruning. Every process does it, and one at a time.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::sql::{clock, counted};
use crate::lease::Lease;
use crate::store::LostLease;
use crate::store::row::series;
use crate::store::time::{first_id, now};

/// Whether no other process sweeps just now, as a part of a `WITH`. The lock ends with the statement, so a process that
/// freezes or dies keeps it no longer. The number means nothing; another program's must differ.
macro_rules! mine {
    () => {
        "mine AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(8319664108697026562) AS is_mine)"
    };
}

/// A lease whose worker is not known is lost, too: the worker was removed while it claimed. `OFFSET 0` makes PostgreSQL
/// look up each submission by its id, even if it considers `submissions` empty when it makes the plan.
pub(super) const LOST: &str = concat!(
    "WITH ",
    clock!(),
    ", ",
    mine!(),
    ", emptied AS (DELETE FROM claims USING mine WHERE is_mine AND open <= 0),
    removed AS (
        DELETE FROM workers USING mine, clock WHERE is_mine AND beat_at < now - $1
        AND NOT EXISTS (SELECT FROM claims WHERE claims.worker = workers.id AND open > 0)
    )
    SELECT s.*, is_gone FROM (
        SELECT number, ids, w.id IS NULL OR w.beat_at < now - $1 AS is_gone, c.started_at < now - $2 AS is_late
        FROM mine, clock, claims c LEFT JOIN workers w ON w.id = c.worker WHERE is_mine AND open > 0
    ) AS claim, unnest(ids) AS leased (leased), LATERAL (
        SELECT id, fence, failures, losses FROM submissions WHERE id = leased AND fence = number OFFSET 0
    ) AS s WHERE is_gone OR is_late LIMIT $3"
);

/// Each pause is as long as the time waited before it, and at most five minutes long.
pub(super) const ANNOUNCE: &str = concat!(
    "WITH ",
    clock!(),
    " UPDATE waiting SET announced_at = now FROM clock WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM waiting, clock WHERE run_at < now - $1 AND coalesce(announced_at, run_at) < now - $1
        AND coalesce(announced_at, run_at) <= now - least(coalesce(announced_at, run_at) - run_at, 300000)
        ORDER BY run_at, id LIMIT $2 FOR UPDATE OF waiting SKIP LOCKED
    )) RETURNING id"
);

/// Looks at the submissions of a window of ids, and removes those that have been final for long enough.
pub(super) const PRUNE: &str = concat!(
    "WITH ",
    clock!(),
    ", ",
    mine!(),
    ", looked AS MATERIALIZED (
        SELECT id, processed_at FROM submissions
        WHERE (SELECT is_mine FROM mine) AND id > $1 AND id < $2 ORDER BY id LIMIT $3
    ), chosen AS MATERIALIZED (
        SELECT id FROM looked, clock WHERE processed_at < now - $4 ORDER BY id LIMIT $5
    ), pruned AS MATERIALIZED (
        DELETE FROM submissions s USING clock
        WHERE s.id = ANY (ARRAY(SELECT id FROM chosen)) AND s.processed_at < now - $4 RETURNING s.id, s.status
    ), gone AS MATERIALIZED (
        DELETE FROM dead_letters WHERE id = ANY (ARRAY(SELECT id FROM pruned)) RETURNING id
    ), ",
    counted!(
        "passed = status_counts.passed - sums.passed, failed = status_counts.failed - sums.failed,
         cancelled = cancelled - sums.pending, dead_letters = dead_letters - letters",
        "count(*), count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3),
         count(*) FILTER (WHERE status = 4), (SELECT count(*) FROM gone) FROM pruned"
    ),
    " SELECT (SELECT count(*) FROM pruned), (SELECT count(*) FROM looked),
        (SELECT id FROM looked ORDER BY id DESC LIMIT 1), (SELECT id FROM chosen ORDER BY id DESC LIMIT 1)"
);

/// Submissions to look at for each one that a prune may remove. What is not final yet must not hold a prune up for
/// longer and longer, so it continues behind it the next time.
const WINDOW: i64 = 10;

pub(super) async fn lost_leases(
    connection: &mut PgConnection,
    silence: i64,
    work_timeout: i64,
    limit: u32,
) -> sqlx::Result<Vec<LostLease>> {
    let leases = sqlx::query(LOST).bind(silence).bind(work_timeout).bind(i64::from(limit));
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

pub(super) async fn announce(connection: &mut PgConnection, overdue: i64, limit: u32) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar(ANNOUNCE).bind(overdue).bind(i64::from(limit)).fetch_all(connection).await
}

/// What a prune did.
pub(super) struct Pruned {
    /// Submissions that it removed.
    pub(super) count: u64,
    /// The id behind which the next one begins.
    pub(super) after: Uuid,
}

pub(super) async fn prune(
    connection: &mut PgConnection,
    retention: i64,
    after: Uuid,
    limit: u32,
) -> sqlx::Result<Pruned> {
    let window = i64::from(limit).saturating_mul(WINDOW);
    // This machine's clock only says how far to look: it made the ids, or one like it.
    let prune = sqlx::query(PRUNE).bind(after).bind(first_id(now() - retention)).bind(window).bind(retention);
    let row = prune.bind(i64::from(limit)).fetch_one(connection).await?;
    let (count, looked): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let (last_looked, last_chosen): (Option<Uuid>, Option<Uuid>) = (row.try_get(2)?, row.try_get(3)?);
    let after = if count == i64::from(limit) {
        last_chosen
    } else if looked == window {
        last_looked
    } else {
        None
    };
    Ok(Pruned { count: count.unsigned_abs(), after: after.unwrap_or_default() })
}
