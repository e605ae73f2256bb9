//! Workers, from their first beat to their end.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::sql::clock;
use crate::store::time::since;
use crate::store::{Beat, WorkerRow};

/// A join may be repeated, because nobody knows what came of the first one.
const JOIN: &str = concat!(
    "WITH ",
    clock!(),
    " INSERT INTO workers (id, name, concurrency, started_at, beat_at)
      SELECT $1::uuid, $2::text, $3::integer, now, now FROM clock
      ON CONFLICT (id) DO UPDATE SET beat_at = excluded.beat_at"
);

pub(super) const BEAT: &str =
    concat!("WITH ", clock!(), " UPDATE workers SET beat_at = now, running = $2 FROM clock WHERE id = $1");

const ALL: &str = concat!(
    "WITH ",
    clock!(),
    " SELECT id, name, concurrency, running, started_at, beat_at, now FROM workers, clock ORDER BY name, id"
);

pub(super) async fn join(
    connection: &mut PgConnection,
    worker: Uuid,
    name: String,
    concurrency: u32,
) -> sqlx::Result<()> {
    sqlx::query(JOIN).bind(worker).bind(name).bind(number(concurrency)).execute(connection).await?;
    Ok(())
}

pub(super) async fn beat(connection: &mut PgConnection, worker: Uuid, running: u32) -> sqlx::Result<Beat> {
    let beat = sqlx::query(BEAT).bind(worker).bind(number(running)).execute(connection).await?;
    Ok(if beat.rows_affected() == 1 { Beat::Known } else { Beat::Gone })
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

pub(super) async fn leave(connection: &mut PgConnection, worker: Uuid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM workers WHERE id = $1").bind(worker).execute(connection).await?;
    Ok(())
}

pub(super) async fn all(connection: &mut PgConnection) -> sqlx::Result<Vec<WorkerRow>> {
    let rows = sqlx::query(ALL).fetch_all(connection).await?;
    let mut workers = Vec::with_capacity(rows.len());
    for row in &rows {
        workers.push(WorkerRow {
            id: row.try_get(0)?,
            name: row.try_get(1)?,
            concurrency: row.try_get(2)?,
            running: row.try_get(3)?,
            started_at: row.try_get(4)?,
            silent: since(row.try_get(6)?, row.try_get(5)?),
        });
    }
    Ok(workers)
}
