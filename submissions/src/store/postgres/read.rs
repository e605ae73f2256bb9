//! Questions that change nothing.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::row::{dead_letter, submission};
use super::sql::clock;
use crate::status::Status;
use crate::store::row::{FIRST_DEAD_LETTER, columns};
use crate::store::time::since;
use crate::store::{DeadLetter, DeadLetterKey, Listing, Stats};
use crate::submission::Submission;

/// Beyond this number of pending submissions the newest of them are found sooner by walking through all submissions.
const FEW: i64 = 10_000;

pub(super) const GET: &str = concat!("SELECT ", columns!(""), " FROM submissions WHERE id = $1");

/// A page of the submissions that a condition chooses, in the order of their ids.
macro_rules! walk {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(""),
            " FROM submissions WHERE id < $1 AND ",
            $condition,
            " ORDER BY id DESC LIMIT $2"
        )
    };
}

/// A page of the submissions whose ids, and fences, a query has in their order. `OFFSET 0` makes PostgreSQL look up
/// each of them by its id, even if it considers `submissions` empty when it makes the plan.
macro_rules! pick {
    ($ids:literal) => {
        concat!(
            "SELECT s.* FROM (",
            $ids,
            ") AS picked (picked, number), LATERAL (SELECT ",
            columns!(""),
            " FROM submissions WHERE id = picked AND fence = number OFFSET 0) AS s ORDER BY picked DESC LIMIT $2"
        )
    };
}

pub(super) const ALL: &str = walk!("true");
pub(super) const MANY_PENDING: &str = walk!("status = 0");
pub(super) const FEW_PENDING: &str = pick!("SELECT id, 0 FROM waiting WHERE id < $1 ORDER BY id DESC LIMIT $2");
pub(super) const PROCESSING: &str = pick!(
    "SELECT leased.id, number FROM claims, unnest(ids) AS leased (id) WHERE open > 0 AND leased.id < $1
     ORDER BY leased.id DESC"
);
pub(super) const PASSED: &str = walk!("status = 2");
pub(super) const FAILED: &str = walk!("unsuccessful = 3");
pub(super) const CANCELLED: &str = walk!("unsuccessful = 4");

const PENDING: &str = "SELECT sum(pending)::bigint FROM status_counts";

pub(super) const STATS: &str = concat!(
    "WITH ",
    clock!(),
    " SELECT sum(pending)::bigint, sum(processing)::bigint, sum(passed)::bigint, sum(failed)::bigint,
        sum(cancelled)::bigint, sum(dead_letters)::bigint,
        (SELECT coalesce(sum(open), 0)::bigint FROM claims, clock WHERE started_at < now - $1),
        (SELECT min(run_at) FROM waiting),
        (SELECT now FROM clock)
     FROM status_counts"
);

/// `OFFSET 0` as in `pick`.
pub(super) const DEAD_LETTERS: &str = "
    SELECT d.*, status FROM (
        SELECT id, series, attempts, reason, at FROM dead_letters WHERE (id, series) < ($1, $2)
        ORDER BY id DESC, series DESC LIMIT $3
    ) AS d, LATERAL (SELECT status FROM submissions WHERE submissions.id = d.id OFFSET 0) AS s
    ORDER BY d.id DESC, d.series DESC";

pub(super) async fn get(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<Option<Submission>> {
    sqlx::query(GET).bind(id).fetch_optional(connection).await?.as_ref().map(submission).transpose()
}

pub(super) async fn list(connection: &mut PgConnection, listing: Listing) -> sqlx::Result<Vec<Submission>> {
    let sql = match listing.status {
        None => ALL,
        Some(Status::Pending) => {
            let pending: i64 = sqlx::query_scalar(PENDING).fetch_one(&mut *connection).await?;
            if pending > FEW { MANY_PENDING } else { FEW_PENDING }
        }
        Some(Status::Processing) => PROCESSING,
        Some(Status::Passed) => PASSED,
        Some(Status::Failed) => FAILED,
        Some(Status::Cancelled) => CANCELLED,
    };
    let after = listing.after.unwrap_or(Uuid::max());
    let rows = sqlx::query(sql).bind(after).bind(i64::from(listing.limit)).fetch_all(connection).await?;
    rows.iter().map(submission).collect()
}

pub(super) async fn dead_letters(
    connection: &mut PgConnection,
    after: Option<DeadLetterKey>,
    limit: u32,
) -> sqlx::Result<Vec<DeadLetter>> {
    let DeadLetterKey { id, series } = after.unwrap_or(FIRST_DEAD_LETTER);
    let letters = sqlx::query(DEAD_LETTERS).bind(id).bind(series).bind(i64::from(limit));
    letters.fetch_all(connection).await?.iter().map(dead_letter).collect()
}

pub(super) async fn stats(connection: &mut PgConnection, stuck_after: i64) -> sqlx::Result<Stats> {
    let row = sqlx::query(STATS).bind(stuck_after).fetch_one(connection).await?;
    let mut in_status = [0; 5];
    for (status, count) in in_status.iter_mut().enumerate() {
        *count = row.try_get(status)?;
    }
    let (oldest, now): (Option<i64>, i64) = (row.try_get(7)?, row.try_get(8)?);
    Ok(Stats {
        in_status,
        oldest_pending: oldest.filter(|run_at| *run_at <= now).map(|run_at| since(now, run_at)),
        stuck: row.try_get(6)?,
        dead_letters: row.try_get(5)?,
    })
}
