//! Changes that people ask for.

use sqlx::Row;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::row::submission;
use super::sql::{clock, counted, notify};
use crate::scope::Scope;
use crate::status::Status;
use crate::store::Changed;
use crate::store::row::columns;
use crate::submission::Submission;

/// Where [`FIND`] has the fence, behind the columns of a submission.
const FENCE: usize = 16;

pub(super) const FIND: &str = concat!("SELECT ", columns!(""), ", fence FROM submissions WHERE id = $1");

/// Takes it out of `waiting` first, as a claim does.
pub(super) const CANCEL_PENDING: &str = concat!(
    "WITH ",
    clock!(),
    ", taken AS (DELETE FROM waiting WHERE run_at = $2 AND id = $1 RETURNING id), cancelled AS MATERIALIZED (
        UPDATE submissions s SET status = 4, changed_at = now, processed_at = now
        FROM clock WHERE s.id = $1 AND EXISTS (SELECT FROM taken) RETURNING ",
    columns!("s."),
    "), ",
    counted!("pending = status_counts.pending - n, cancelled = cancelled + n", "count(*), 0, 0, 0, 0 FROM cancelled"),
    " SELECT * FROM cancelled"
);

pub(super) const CANCEL_PROCESSING: &str = concat!(
    "WITH ",
    clock!(),
    ", cancelled AS MATERIALIZED (
        UPDATE submissions s SET status = 4, fence = 0, changed_at = now, processed_at = now
        FROM clock WHERE s.id = $1 AND s.fence = $2 RETURNING ",
    columns!("s."),
    "), ",
    counted!("processing = processing - n, cancelled = cancelled + n", "count(*), 0, 0, 0, 0 FROM cancelled"),
    ", closed AS (UPDATE claims SET open = open - 1 FROM cancelled WHERE number = $2)
    SELECT * FROM cancelled"
);

/// A new series of the submissions that a condition chooses, all of them with the status `$2`, and what is returned.
macro_rules! retry {
    ($condition:literal, $returned:literal) => {
        concat!(
            "WITH ",
            clock!(),
            ", retried AS MATERIALIZED (
                UPDATE submissions s SET status = 0, fence = 0, series = s.series + 1, begun = 0, failures = 0,
                    losses = 0, given_back = 0, reason = NULL, is_cached = false, changed_at = now, run_at = now,
                    processed_at = NULL
                FROM clock WHERE ",
            $condition,
            " RETURNING ",
            columns!("s."),
            "), ",
            counted!(
                "pending = status_counts.pending + n,
                 failed = status_counts.failed - CASE WHEN $2::smallint = 3 THEN n ELSE 0 END,
                 cancelled = cancelled - CASE WHEN $2::smallint = 4 THEN n ELSE 0 END",
                "count(*), 0, 0, 0, 0 FROM retried"
            ),
            ", waits AS (INSERT INTO waiting (run_at, id) SELECT run_at, id FROM retried) SELECT ",
            $returned,
            ", CASE WHEN EXISTS (SELECT FROM retried) THEN ",
            notify!(),
            " END FROM retried"
        )
    };
}

pub(super) const RETRY: &str = retry!("s.id = $1 AND s.status = $2", "retried.*");

pub(super) const RETRY_ALL: &str = retry!(
    "s.id = ANY (ARRAY(SELECT id FROM submissions WHERE unsuccessful = $2 ORDER BY id LIMIT $1
                       FOR UPDATE SKIP LOCKED))",
    "count(*)"
);
pub(super) const RETRY_ALL_OF: &str = retry!(
    "s.id = ANY (ARRAY(SELECT id FROM submissions WHERE owner = $3 AND unsuccessful = $2 ORDER BY id LIMIT $1
                       FOR UPDATE SKIP LOCKED))",
    "count(*)"
);

/// Looks at a submission, and again if it has changed before it could be changed: each time somebody else made
/// progress.
const MOST_LOOKS: usize = 10;

pub(super) async fn cancel(connection: &mut PgConnection, scope: Scope, id: Uuid) -> sqlx::Result<Changed> {
    for _ in 0..MOST_LOOKS {
        let Some((before, fence)) = find(connection, &scope, id).await? else { return Ok(Changed::Missing) };
        let cancel = match before.status {
            Status::Pending => sqlx::query(CANCEL_PENDING).bind(id).bind(before.run_at),
            Status::Processing => sqlx::query(CANCEL_PROCESSING).bind(id).bind(fence),
            Status::Passed | Status::Failed | Status::Cancelled => return Ok(Changed::NotAllowed(before)),
        };
        if let Some(row) = cancel.fetch_optional(&mut *connection).await? {
            return Ok(Changed::Made(submission(&row)?));
        }
    }
    Err(changes_too_often(id))
}

pub(super) async fn retry(connection: &mut PgConnection, scope: Scope, id: Uuid) -> sqlx::Result<Changed> {
    for _ in 0..MOST_LOOKS {
        let Some((before, _)) = find(connection, &scope, id).await? else { return Ok(Changed::Missing) };
        if !matches!(before.status, Status::Failed | Status::Cancelled) {
            return Ok(Changed::NotAllowed(before));
        }
        let retry = sqlx::query(RETRY).bind(id).bind(before.status as i16);
        if let Some(row) = retry.fetch_optional(&mut *connection).await? {
            return Ok(Changed::Made(submission(&row)?));
        }
    }
    Err(changes_too_often(id))
}

/// The submission, if it can be reached, and its fence.
async fn find(connection: &mut PgConnection, scope: &Scope, id: Uuid) -> sqlx::Result<Option<(Submission, i64)>> {
    let Some(row) = sqlx::query(FIND).bind(id).fetch_optional(connection).await? else { return Ok(None) };
    let found = submission(&row)?;
    let fence = row.try_get(FENCE)?;
    Ok(scope.reaches(found.owner.as_deref()).then_some((found, fence)))
}

fn changes_too_often(id: Uuid) -> sqlx::Error {
    sqlx::Error::Protocol(format!("the submission {id} changes too often"))
}

pub(super) async fn retry_all(
    connection: &mut PgConnection,
    scope: Scope,
    from: Status,
    limit: u32,
) -> sqlx::Result<u64> {
    let retry = |sql| sqlx::query_scalar::<_, i64>(sql).bind(i64::from(limit)).bind(from as i16);
    let retried = match &scope {
        Scope::All => retry(RETRY_ALL),
        Scope::Of(owner) => retry(RETRY_ALL_OF).bind(&**owner),
    };
    retried.fetch_one(connection).await.map(i64::unsigned_abs)
}
