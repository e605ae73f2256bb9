//! Leases that end.

use std::collections::HashSet;

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::{Arguments, Row};
use uuid::Uuid;

use super::sql::{clock, counted, notify};
use crate::lease::Lease;
use crate::store::batch::{Ending, endings};
use crate::store::{Counted, Settlement};

/// The fence alone says whether a lease is in force: it is that of no other claim, and the end of a lease makes it 0.
/// The rows are locked in the order of the arrays, because the only plan left is to look up each of them.
pub(super) const SETTLE: &str = concat!(
    "WITH ",
    clock!(),
    ", settled AS MATERIALIZED (
        UPDATE submissions s SET
            status = a.status, fence = 0, reason = a.reason, is_cached = a.is_cached,
            failures = s.failures + a.failures, losses = s.losses + a.losses, given_back = s.given_back + a.given_back,
            changed_at = now,
            processed_at = CASE WHEN a.status <> 0 THEN now END,
            run_at = CASE WHEN a.status = 0 THEN now + a.after ELSE s.run_at END
        FROM unnest($1::uuid[], $2::bigint[], $3::smallint[], $4::text[], $5::boolean[], $6::integer[], $7::integer[],
                    $8::integer[], $9::bigint[], $10::boolean[])
             AS a (id, fence, status, reason, is_cached, failures, losses, given_back, after, is_given_up), clock
        WHERE s.id = a.id AND s.fence = a.fence
        RETURNING s.id, a.fence, s.status, s.run_at, s.series, s.begun, s.reason, a.is_given_up
    ), ",
    counted!(
        "processing = processing - n, passed = status_counts.passed + sums.passed,
         failed = status_counts.failed + sums.failed, pending = status_counts.pending + sums.pending,
         dead_letters = dead_letters + letters",
        "count(*), count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3),
         count(*) FILTER (WHERE status = 0), count(*) FILTER (WHERE is_given_up) FROM settled"
    ),
    ", closed AS (
        UPDATE claims SET open = open - ended FROM (
            SELECT fence, count(*) AS ended FROM settled GROUP BY fence ORDER BY fence
        ) AS of_claim WHERE number = fence
    ), letters AS (
        INSERT INTO dead_letters (id, series, attempts, reason, at)
        SELECT id, series, begun, reason, now FROM settled, clock WHERE is_given_up
    ), waits AS (
        INSERT INTO waiting (run_at, id) SELECT run_at, id FROM settled WHERE status = 0
    )
    SELECT array_agg(id), array_agg(fence), CASE WHEN count(*) FILTER (WHERE status = 0) > 0 THEN ",
    notify!(),
    " END FROM settled"
);

/// Returns the leases that were in force.
pub(super) async fn settle(connection: &mut PgConnection, batch: Vec<Settlement>) -> sqlx::Result<HashSet<Lease>> {
    // Planned each time: a plan that was made while `submissions` was empty would walk through all of it for each
    // batch.
    let settle = sqlx::query_with(SETTLE, arguments(&endings(&batch))?).persistent(false);
    let row = settle.fetch_one(connection).await?;
    let ids: Vec<Uuid> = row.try_get::<Option<_>, _>(0)?.unwrap_or_default();
    let fences: Vec<i64> = row.try_get::<Option<_>, _>(1)?.unwrap_or_default();
    Ok(ids.into_iter().zip(fences).map(|(id, fence)| Lease { id, fence }).collect())
}

fn arguments(endings: &[Ending<'_>]) -> sqlx::Result<PgArguments> {
    let counted = |as_this: Counted| move |ending: &Ending<'_>| i32::from(ending.counted == Some(as_this));
    let mut arguments = PgArguments::default();
    let mut add = || -> Result<(), sqlx::error::BoxDynError> {
        arguments.add(endings.iter().map(|ending| ending.lease.id).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(|ending| ending.lease.fence).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(|ending| ending.status as i16).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(|ending| ending.reason).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(|ending| ending.is_cached).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(counted(Counted::Failure)).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(counted(Counted::Loss)).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(counted(Counted::GivenBack)).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(|ending| ending.after).collect::<Vec<_>>())?;
        arguments.add(endings.iter().map(|ending| ending.is_given_up).collect::<Vec<_>>())
    };
    add().map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}
