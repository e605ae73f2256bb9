//! New submissions.

use rusqlite::{Connection, params};

use super::counts::Changes;
use super::row::submission;
use crate::status::Status;
use crate::store::Created;
use crate::store::row::{again, columns, created};
use crate::store::time::now;
use crate::submission::NewSubmission;

const INSERT: &str = "INSERT INTO submissions (id, content, idempotency_key, created_at, changed_at, run_at, owner)
    VALUES (?1, ?2, ?3, ?4, ?4, ?4, ?5) ON CONFLICT DO NOTHING";

/// By its key, or else by its id: a submission whose creation is repeated, because nobody knows what came of it.
pub(super) const FIND: &str = concat!(
    "SELECT ",
    columns!(""),
    " FROM submissions WHERE idempotency_key = ?2
      UNION ALL SELECT ",
    columns!(""),
    " FROM submissions WHERE id = ?1 LIMIT 1"
);

pub(super) fn create(connection: &Connection, new: &[NewSubmission]) -> rusqlite::Result<Vec<Created>> {
    let now = now();
    let mut insert = connection.prepare_cached(INSERT)?;
    let (mut results, mut count) = (Vec::with_capacity(new.len()), 0);
    for new in new {
        let inserted = params![new.id, new.content, new.idempotency_key, now, new.owner.as_deref()];
        results.push(if insert.execute(inserted)? == 1 {
            count += 1;
            Created::New(created(new, now))
        } else {
            let mut find = connection.prepare_cached(FIND)?;
            again(new, find.query_row(params![new.id, new.idempotency_key], submission)?)
        });
    }
    Changes::default().add(Status::Pending, count).apply(connection)?;
    Ok(results)
}
