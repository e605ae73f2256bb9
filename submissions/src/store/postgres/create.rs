//! New submissions.

use std::collections::{HashMap, HashSet};

use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments, Row};
use uuid::Uuid;

use super::row::submission;
use super::sql::{clock, counted, notify};
use crate::store::Created;
use crate::store::row::{again, columns, created};
use crate::submission::{NewSubmission, Submission};

macro_rules! insert {
    ($on_conflict:literal) => {
        concat!(
            "WITH ",
            clock!(),
            ", made AS (
                INSERT INTO submissions (id, content, idempotency_key, owner, created_at, changed_at, run_at)
                SELECT id, content, idempotency_key, owner, now, now, now
                FROM clock, unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
                     AS new (id, content, idempotency_key, owner) ",
            $on_conflict,
            " RETURNING id
            ), ",
            counted!("pending = status_counts.pending + n", "count(*), 0, 0, 0, 0 FROM made"),
            ", waits AS (INSERT INTO waiting (run_at, id) SELECT now, id FROM clock, made)
            SELECT now, ids, CASE WHEN ids IS NOT NULL THEN ",
            notify!(),
            " END FROM clock, (SELECT array_agg(id) FROM made) AS made (ids)"
        )
    };
}

/// Costs the server a third less than [`INSERT_WHAT_IS_NEW`], but fails if one of them is there already.
pub(super) const INSERT: &str = insert!("");
pub(super) const INSERT_WHAT_IS_NEW: &str = insert!("ON CONFLICT DO NOTHING");

/// Those that have one of these keys or ids: the creation of a submission may be repeated, because nobody knows what
/// came of it.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    columns!(""),
    ", idempotency_key FROM submissions WHERE idempotency_key = ANY($1)
      UNION ALL SELECT ",
    columns!(""),
    ", NULL FROM submissions WHERE id = ANY($2)"
);

/// Where [`FIND`] has the key, behind the columns of a submission.
const KEY: usize = 16;

pub(super) async fn create(connection: &mut PgConnection, new: Vec<NewSubmission>) -> sqlx::Result<Vec<Created>> {
    let row = insert(connection, &new).await?;
    let now: i64 = row.try_get(0)?;
    let made: Option<Vec<Uuid>> = row.try_get(1)?;
    let mut made: HashSet<Uuid> = made.unwrap_or_default().into_iter().collect();
    let is_new: Vec<bool> = new.iter().map(|new| made.remove(&new.id)).collect();

    let rest = new.iter().zip(&is_new).filter(|(_, is_new)| !**is_new).map(|(new, _)| new);
    let found = find(connection, rest.collect()).await?;
    let results = new.iter().zip(is_new).map(|(new, is_new)| {
        if is_new {
            return Ok(Created::New(created(new, now)));
        }
        // It may have been pruned just now.
        found.get(new).map(|found| again(new, found)).ok_or(sqlx::Error::RowNotFound)
    });
    results.collect()
}

async fn insert(connection: &mut PgConnection, new: &[NewSubmission]) -> sqlx::Result<PgRow> {
    if new.iter().all(|new| new.idempotency_key.is_none()) {
        match sqlx::query_with(INSERT, arguments(new)?).fetch_one(&mut *connection).await {
            // A creation is repeated.
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {}
            inserted => return inserted,
        }
    }
    sqlx::query_with(INSERT_WHAT_IS_NEW, arguments(new)?).fetch_one(connection).await
}

/// In the order in which they are inserted: two transactions with the same keys must not wait for each other. Of those
/// with one key the first of the batch stays the first.
fn arguments(new: &[NewSubmission]) -> sqlx::Result<PgArguments> {
    let mut ordered: Vec<&NewSubmission> = new.iter().collect();
    ordered.sort_by(|one, other| one.idempotency_key.cmp(&other.idempotency_key));
    let ids: Vec<Uuid> = ordered.iter().map(|new| new.id).collect();
    let contents: Vec<&str> = ordered.iter().map(|new| new.content.as_str()).collect();
    let keys: Vec<Option<&str>> = ordered.iter().map(|new| new.idempotency_key.as_deref()).collect();
    let owners: Vec<Option<&str>> = ordered.iter().map(|new| new.owner.as_deref()).collect();
    let mut arguments = PgArguments::default();
    arguments.add(ids).map_err(sqlx::Error::Encode)?;
    arguments.add(contents).map_err(sqlx::Error::Encode)?;
    arguments.add(keys).map_err(sqlx::Error::Encode)?;
    arguments.add(owners).map_err(sqlx::Error::Encode)?;
    Ok(arguments)
}

/// Submissions by what may stand in the way of new ones.
#[derive(Default)]
struct Found {
    by_key: HashMap<String, Submission>,
    by_id: HashMap<Uuid, Submission>,
}

impl Found {
    fn get(&self, new: &NewSubmission) -> Option<Submission> {
        let by_key = new.idempotency_key.as_ref().and_then(|key| self.by_key.get(key));
        by_key.or_else(|| self.by_id.get(&new.id)).cloned()
    }
}

async fn find(connection: &mut PgConnection, new: Vec<&NewSubmission>) -> sqlx::Result<Found> {
    let mut found = Found::default();
    if new.is_empty() {
        return Ok(found);
    }
    let keys: Vec<&str> = new.iter().filter_map(|new| new.idempotency_key.as_deref()).collect();
    let ids: Vec<Uuid> = new.iter().map(|new| new.id).collect();
    for row in sqlx::query(FIND).bind(keys).bind(ids).fetch_all(connection).await? {
        let there = submission(&row)?;
        match row.try_get::<Option<String>, _>(KEY)? {
            Some(key) => found.by_key.insert(key, there),
            None => found.by_id.insert(there.id, there),
        };
    }
    Ok(found)
}
