//! Leases that begin.

use std::sync::LazyLock;

use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};
use uuid::Uuid;

use super::counts::Changes;
use super::pack::{Pack, rows};
use crate::status::Status;
use crate::store::Job;
use crate::store::row::{JobRow, jobs};
use crate::store::time::now;

/// What a claim at `now` for this worker, which must be there, can take.
macro_rules! find {
    ($worker:literal, $now:literal, $index:literal, $condition:literal) => {
        concat!(
            "SELECT id, fence + 1, content, failures, losses, begun + 1, run_at FROM submissions ",
            $index,
            " WHERE status = 0 AND run_at <= ",
            $now,
            " AND EXISTS (SELECT 1 FROM workers WHERE workers.id = ",
            $worker,
            ") ",
            $condition
        )
    };
}

pub(super) const FIND: &str = find!("?1", "?2", "INDEXED BY submissions_pending", "ORDER BY run_at, id LIMIT ?3");

pub(super) static FIND_THESE: LazyLock<String> = LazyLock::new(|| {
    let find = find!("?4", "?5", "", "AND id IN (SELECT id FROM batch)");
    format!("WITH RECURSIVE {} {find}", rows(&[]))
});

/// Apart from what finds them: one statement that changes them and returns them takes a fifth longer.
pub(super) static TAKE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH RECURSIVE {} UPDATE submissions SET
            status = 1, fence = fence + 1, begun = begun + 1, worker = ?4, started_at = ?5, changed_at = ?5
         WHERE id IN (SELECT id FROM batch)",
        rows(&[])
    )
});

/// What was claimed.
pub(super) struct Claimed {
    rows: Vec<SqliteRow>,
    at: i64,
}

impl Claimed {
    /// Reads the rows. It takes a while, so the next write should not have to wait for it.
    pub(super) fn jobs(self) -> sqlx::Result<Vec<Job>> {
        let claimed = self.rows.iter().map(JobRow::from_row).collect::<sqlx::Result<_>>()?;
        Ok(jobs(claimed, self.at))
    }
}

pub(super) async fn claim(connection: &mut SqliteConnection, worker: Uuid, limit: u32) -> sqlx::Result<Claimed> {
    let at = now();
    let found = sqlx::query(FIND).bind(worker).bind(at).bind(limit).fetch_all(&mut *connection).await?;
    take(connection, found, worker, at).await
}

pub(super) async fn claim_these(
    connection: &mut SqliteConnection,
    worker: Uuid,
    ids: Vec<Uuid>,
) -> sqlx::Result<Claimed> {
    let at = now();
    let find = Pack::of(ids).bind(sqlx::query(&FIND_THESE)).bind(worker).bind(at);
    let found = find.fetch_all(&mut *connection).await?;
    take(connection, found, worker, at).await
}

/// What was found is still so, because nobody else writes.
async fn take(
    connection: &mut SqliteConnection,
    found: Vec<SqliteRow>,
    worker: Uuid,
    at: i64,
) -> sqlx::Result<Claimed> {
    let count = found.len() as i64;
    if count > 0 {
        let ids = found.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<Vec<Uuid>>>()?;
        Pack::of(ids).bind(sqlx::query(&TAKE)).bind(worker).bind(at).execute(&mut *connection).await?;
        Changes::default().add(Status::Pending, -count).add(Status::Processing, count).apply(connection).await?;
    }
    Ok(Claimed { rows: found, at })
}
