//! Leases that begin.

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{FromRow, Row};
use uuid::Uuid;

use super::sql::{clock, counted};
use crate::store::Job;
use crate::store::row::{JobRow, jobs};

/// A claim for the worker `$1` of the rows of `waiting` that a query chooses and locks. A row that another transaction
/// holds is passed over.
macro_rules! claim {
    ($choose:literal) => {
        concat!(
            "WITH ",
            clock!(),
            ", taken AS MATERIALIZED (
                DELETE FROM waiting WHERE ctid = ANY (ARRAY(",
            $choose,
            ")) RETURNING run_at, id
            ), numbered AS MATERIALIZED (
                SELECT nextval('claim_numbers') AS number FROM (SELECT FROM taken LIMIT 1) AS any_taken
            ), leased AS MATERIALIZED (
                UPDATE submissions s
                SET status = 1, fence = number, begun = begun + 1, started_at = now, changed_at = now
                FROM numbered, clock WHERE s.id = ANY (ARRAY(SELECT id FROM taken))
                RETURNING s.id, s.fence, s.content, s.failures, s.losses, s.begun, s.run_at, s.owner, now
            ), ",
            counted!(
                "pending = status_counts.pending - n, processing = processing + n",
                "count(*), 0, 0, 0, 0 FROM leased"
            ),
            ", noted AS (
                INSERT INTO claims (number, worker, started_at, open, ids)
                SELECT number, $1::uuid, now, count(*), array_agg(id) FROM leased, numbered GROUP BY number, now
            )
            SELECT id, fence, content, failures, losses, begun, run_at, owner, now FROM leased"
        )
    };
}

pub(super) const CLAIM: &str = claim!(
    "SELECT ctid FROM waiting
     WHERE run_at >= $3 AND run_at <= (SELECT now FROM clock)
     AND EXISTS (SELECT FROM workers WHERE workers.id = $1)
     ORDER BY run_at, id LIMIT $2 FOR UPDATE SKIP LOCKED"
);

pub(super) const CLAIM_THESE: &str = claim!(
    "SELECT w.ctid FROM unnest($2::uuid[]) AS asked (id)
     JOIN submissions s ON s.id = asked.id
     JOIN waiting w ON w.run_at = s.run_at AND w.id = s.id
     WHERE w.run_at <= (SELECT now FROM clock) AND EXISTS (SELECT FROM workers WHERE workers.id = $1)
     FOR UPDATE OF w SKIP LOCKED"
);

/// What a claim gives.
#[derive(Default)]
pub(super) struct Claimed {
    pub(super) jobs: Vec<Job>,
    /// The `run_at` of the last of them.
    pub(super) latest: Option<i64>,
}

/// Claims what may be claimed since `begin` or later.
pub(super) async fn claim(
    connection: &mut PgConnection,
    worker: Uuid,
    limit: u32,
    begin: i64,
) -> sqlx::Result<Claimed> {
    let claim = sqlx::query(CLAIM).bind(worker).bind(i64::from(limit)).bind(begin);
    read(&claim.fetch_all(connection).await?)
}

pub(super) async fn claim_these(connection: &mut PgConnection, worker: Uuid, ids: Vec<Uuid>) -> sqlx::Result<Vec<Job>> {
    // Planned each time, like a settlement.
    let claim = sqlx::query(CLAIM_THESE).persistent(false).bind(worker).bind(ids);
    Ok(read(&claim.fetch_all(connection).await?)?.jobs)
}

fn read(claimed: &[PgRow]) -> sqlx::Result<Claimed> {
    let Some(first) = claimed.first() else { return Ok(Claimed::default()) };
    let now = first.try_get(8)?;
    let rows = claimed.iter().map(JobRow::from_row).collect::<sqlx::Result<Vec<_>>>()?;
    let latest = rows.iter().map(|(.., run_at, _)| *run_at).max();
    Ok(Claimed { jobs: jobs(rows, now), latest })
}
