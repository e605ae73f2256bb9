//! Leases that begin.

use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::counts::Changes;
use super::pack::{Pack, rows};
use crate::status::Status;
use crate::store::Job;
use crate::store::row::jobs;
use crate::store::time::now;

/// A claim, for the worker and at the time of these parameters, of the submissions that a condition chooses.
macro_rules! claim {
    ($worker:literal, $now:literal, $condition:literal) => {
        concat!(
            "UPDATE submissions SET status = 1, fence = fence + 1, begun = begun + 1, worker = ",
            $worker,
            ", started_at = ",
            $now,
            ", changed_at = ",
            $now,
            " WHERE EXISTS (SELECT 1 FROM workers WHERE workers.id = ",
            $worker,
            ") AND ",
            $condition,
            " RETURNING id, fence, content, failures, losses, begun, run_at"
        )
    };
}

pub(super) const CLAIM: &str = claim!(
    "?1",
    "?2",
    "id IN (SELECT id FROM submissions INDEXED BY submissions_pending WHERE status = 0 AND run_at <= ?2
            ORDER BY run_at, id LIMIT ?3)"
);

pub(super) static CLAIM_THESE: LazyLock<String> = LazyLock::new(|| {
    let claim = claim!("?4", "?5", "id IN (SELECT id FROM batch) AND status = 0 AND run_at <= ?5");
    format!("WITH RECURSIVE {} {claim}", rows(&[]))
});

pub(super) async fn claim(connection: &mut SqliteConnection, worker: Uuid, limit: u32) -> sqlx::Result<Vec<Job>> {
    let now = now();
    let taken = sqlx::query(CLAIM).bind(worker).bind(now).bind(limit).fetch_all(&mut *connection).await?;
    begin(connection, &taken, now).await
}

pub(super) async fn claim_these(
    connection: &mut SqliteConnection,
    worker: Uuid,
    ids: Vec<Uuid>,
) -> sqlx::Result<Vec<Job>> {
    let now = now();
    let mut pack = Pack::default();
    for id in ids {
        pack.row(id);
    }
    let claim = pack.bind(sqlx::query(&CLAIM_THESE)).bind(worker).bind(now);
    let taken = claim.fetch_all(&mut *connection).await?;
    begin(connection, &taken, now).await
}

async fn begin(connection: &mut SqliteConnection, taken: &[SqliteRow], now: i64) -> sqlx::Result<Vec<Job>> {
    let count = taken.len() as i64;
    Changes::default().add(Status::Pending, -count).add(Status::Processing, count).apply(connection).await?;
    let mut rows = Vec::with_capacity(taken.len());
    for row in taken {
        rows.push((
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
            row.try_get(4)?,
            row.try_get(5)?,
            row.try_get(6)?,
        ));
    }
    Ok(jobs(rows, now))
}
