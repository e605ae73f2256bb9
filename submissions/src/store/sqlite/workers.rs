//! Workers, from their first beat to their end.

use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::store::time::{now, since};
use crate::store::{Beat, WorkerRow};

pub(super) fn join(connection: &Connection, worker: Uuid, name: &str, concurrency: u32) -> rusqlite::Result<()> {
    // A join may be repeated, because nobody knows what came of the first one.
    let mut join = connection.prepare_cached(
        "INSERT INTO workers (id, name, concurrency, started_at, beat_at) VALUES (?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (id) DO UPDATE SET beat_at = ?4",
    )?;
    join.execute(params![worker, name, concurrency, now()])?;
    Ok(())
}

/// Whether it has joined, and was not removed.
pub(super) fn is_known(connection: &Connection, worker: Uuid) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM workers WHERE id = ?1")?.exists([worker])
}

pub(super) fn beat(connection: &Connection, worker: Uuid, running: u32) -> rusqlite::Result<Beat> {
    let mut beat = connection.prepare_cached("UPDATE workers SET beat_at = ?2, running = ?3 WHERE id = ?1")?;
    Ok(if beat.execute(params![worker, now(), running])? == 1 { Beat::Known } else { Beat::Gone })
}

pub(super) fn leave(connection: &Connection, worker: Uuid) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM workers WHERE id = ?1")?.execute([worker])?;
    Ok(())
}

pub(super) fn all(connection: &Connection) -> rusqlite::Result<Vec<WorkerRow>> {
    let now = now();
    let mut all = connection
        .prepare_cached("SELECT id, name, concurrency, running, started_at, beat_at FROM workers ORDER BY name, id")?;
    let rows = all.query_map([], |row| {
        Ok(WorkerRow {
            id: row.get(0)?,
            name: row.get(1)?,
            concurrency: row.get(2)?,
            running: row.get(3)?,
            started_at: row.get(4)?,
            silent: since(now, row.get(5)?),
        })
    })?;
    rows.collect()
}
