//! New submissions.

use std::collections::HashSet;
use std::sync::LazyLock;

use sqlx::{Row, SqliteConnection};
use uuid::Uuid;

use super::counts::Changes;
use super::pack::{Pack, rows};
use crate::status::Status;
use crate::store::Created;
use crate::store::row::{again, columns, created, submission};
use crate::store::time::now;
use crate::submission::NewSubmission;

static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH RECURSIVE {}
         INSERT INTO submissions (id, content, idempotency_key, created_at, changed_at, run_at)
         SELECT id, content, idempotency_key, ?4, ?4, ?4 FROM batch WHERE true
         ON CONFLICT DO NOTHING RETURNING id",
        rows(&["content", "idempotency_key"])
    )
});

/// By its key, or else by its id: a submission whose creation is repeated, because nobody knows what came of it.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    columns!(""),
    " FROM submissions WHERE idempotency_key = ?2
      UNION ALL SELECT ",
    columns!(""),
    " FROM submissions WHERE id = ?1 LIMIT 1"
);

pub(super) async fn create(connection: &mut SqliteConnection, new: Vec<NewSubmission>) -> sqlx::Result<Vec<Created>> {
    let now = now();
    let mut pack = Pack::default();
    for new in &new {
        pack.row(new.id).text(Some(&new.content)).text(new.idempotency_key.as_deref());
    }
    let inserted = pack.bind(sqlx::query(&INSERT)).bind(now).fetch_all(&mut *connection).await?;
    let mut inserted = inserted.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<HashSet<Uuid>>>()?;
    Changes::default().add(Status::Pending, inserted.len() as i64).apply(&mut *connection).await?;
    let mut results = Vec::with_capacity(new.len());
    for new in &new {
        results.push(if inserted.remove(&new.id) {
            Created::New(created(new, now))
        } else {
            let find = sqlx::query(FIND).bind(new.id).bind(&new.idempotency_key);
            again(new, submission(&find.fetch_one(&mut *connection).await?)?)
        });
    }
    Ok(results)
}
