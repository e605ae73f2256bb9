//! Questions that change nothing.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::row::{dead_letter, submission};
use super::sql::clock;
use crate::scope::Scope;
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

/// A page of an owner's submissions that a condition chooses, in the order of their ids.
macro_rules! walk_own {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            columns!(""),
            " FROM submissions WHERE owner = $3 AND id < $1 AND ",
            $condition,
            " ORDER BY id DESC LIMIT $2"
        )
    };
}

pub(super) const ALL_OF: &str = walk_own!("true");
pub(super) const WITH_STATUS_OF: &str = walk_own!("status = $4");
pub(super) const UNSUCCESSFUL_OF: &str = walk_own!("unsuccessful = $4");

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

/// The same figures, counted from the owner's own submissions. Only one that is FAILED, or was retried, may have a dead
/// letter.
pub(super) const STATS_OF: &str = concat!(
    "WITH ",
    clock!(),
    " SELECT count(*) FILTER (WHERE status = 0), count(*) FILTER (WHERE status = 1),
        count(*) FILTER (WHERE status = 2), count(*) FILTER (WHERE status = 3), count(*) FILTER (WHERE status = 4),
        coalesce(sum(CASE WHEN status = 3 OR series > 1
            THEN (SELECT count(*) FROM dead_letters d WHERE d.id = s.id) END), 0)::bigint,
        count(*) FILTER (WHERE status = 1 AND started_at < (SELECT now FROM clock) - $1),
        min(run_at) FILTER (WHERE status = 0),
        (SELECT now FROM clock)
     FROM submissions s WHERE owner = $2"
);

/// `OFFSET 0` as in `pick`.
pub(super) const DEAD_LETTERS: &str = "
    SELECT d.*, status FROM (
        SELECT id, series, attempts, reason, at FROM dead_letters WHERE (id, series) < ($1, $2)
        ORDER BY id DESC, series DESC LIMIT $3
    ) AS d, LATERAL (SELECT status FROM submissions WHERE submissions.id = d.id OFFSET 0) AS s
    ORDER BY d.id DESC, d.series DESC";

/// Those of one owner, found by its submissions.
pub(super) const DEAD_LETTERS_OF: &str = "
    SELECT d.*, status FROM (
        SELECT id, status FROM submissions WHERE owner = $4 AND id <= $1 AND (status = 3 OR series > 1)
        ORDER BY id DESC
    ) AS s, LATERAL (
        SELECT id, series, attempts, reason, at FROM dead_letters
        WHERE dead_letters.id = s.id AND (dead_letters.id, series) < ($1, $2) OFFSET 0
    ) AS d
    ORDER BY s.id DESC, d.series DESC LIMIT $3";

pub(super) async fn get(connection: &mut PgConnection, scope: Scope, id: Uuid) -> sqlx::Result<Option<Submission>> {
    let found = sqlx::query(GET).bind(id).fetch_optional(connection).await?.as_ref().map(submission).transpose()?;
    Ok(found.filter(|found| scope.reaches(found.owner.as_deref())))
}

pub(super) async fn list(
    connection: &mut PgConnection,
    scope: Scope,
    listing: Listing,
) -> sqlx::Result<Vec<Submission>> {
    let Scope::Of(owner) = scope else { return list_all(connection, listing).await };
    let after = listing.after.unwrap_or(Uuid::max());
    let list = |sql| sqlx::query(sql).bind(after).bind(i64::from(listing.limit)).bind(&*owner);
    let rows = match listing.status {
        None => list(ALL_OF),
        Some(status @ (Status::Failed | Status::Cancelled)) => list(UNSUCCESSFUL_OF).bind(status as i16),
        Some(status) => list(WITH_STATUS_OF).bind(status as i16),
    };
    rows.fetch_all(connection).await?.iter().map(submission).collect()
}

async fn list_all(connection: &mut PgConnection, listing: Listing) -> sqlx::Result<Vec<Submission>> {
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
    scope: Scope,
    after: Option<DeadLetterKey>,
    limit: u32,
) -> sqlx::Result<Vec<DeadLetter>> {
    let DeadLetterKey { id, series } = after.unwrap_or(FIRST_DEAD_LETTER);
    let letters = |sql| sqlx::query(sql).bind(id).bind(series).bind(i64::from(limit));
    let letters = match &scope {
        Scope::All => letters(DEAD_LETTERS),
        Scope::Of(owner) => letters(DEAD_LETTERS_OF).bind(&**owner),
    };
    letters.fetch_all(connection).await?.iter().map(dead_letter).collect()
}

pub(super) async fn stats(connection: &mut PgConnection, scope: Scope, stuck_after: i64) -> sqlx::Result<Stats> {
    let stats = match &scope {
        Scope::All => sqlx::query(STATS).bind(stuck_after),
        Scope::Of(owner) => sqlx::query(STATS_OF).bind(stuck_after).bind(&**owner),
    };
    let row = stats.fetch_one(connection).await?;
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
