//! Workers, from their first beat to their end.

use sqlx::{Row, SqliteConnection, SqlitePool};
use uuid::Uuid;

use crate::store::time::{now, since};
use crate::store::{Beat, WorkerRow};

pub(super) async fn join(
    connection: &mut SqliteConnection,
    worker: Uuid,
    name: String,
    concurrency: u32,
) -> sqlx::Result<()> {
    // A join may be repeated, because nobody knows what came of the first one.
    sqlx::query(
        "INSERT INTO workers (id, name, concurrency, started_at, beat_at) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (id) DO UPDATE SET beat_at = ?4",
    )
    .bind(worker)
    .bind(name)
    .bind(concurrency)
    .bind(now())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn beat(connection: &mut SqliteConnection, worker: Uuid, running: u32) -> sqlx::Result<Beat> {
    let beat = sqlx::query("UPDATE workers SET beat_at = ?2, running = ?3 WHERE id = ?1");
    let beat = beat.bind(worker).bind(now()).bind(running).execute(connection).await?;
    Ok(if beat.rows_affected() == 1 { Beat::Known } else { Beat::Gone })
}

pub(super) async fn leave(connection: &mut SqliteConnection, worker: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM workers WHERE id = ?1").bind(worker).execute(connection).await?;
    Ok(())
}

pub(super) async fn all(readers: &SqlitePool) -> sqlx::Result<Vec<WorkerRow>> {
    let now = now();
    let rows = sqlx::query("SELECT id, name, concurrency, running, started_at, beat_at FROM workers ORDER BY name, id")
        .fetch_all(readers)
        .await?;
    let mut workers = Vec::with_capacity(rows.len());
    for row in &rows {
        workers.push(WorkerRow {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            concurrency: row.try_get(2)?,
            running: row.try_get(3)?,
            started_at: row.try_get(4)?,
            silent: since(now, row.try_get(5)?),
        });
    }
    Ok(workers)
}
