//! Looks at a submission again and again, from its acceptance until a while after it is final.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use tokio::time::sleep;
use uuid::Uuid;

use super::client::{Client, Question};
use super::shared::Shared;
use crate::ledger::submissions::row::Row;
use crate::ledger::submissions::sequence::illegal_step;

/// The most submissions that are looked at at a time.
pub(crate) const MOST_WATCHED: usize = 64;

/// There are this many looks while the work lasts, and never more often or more seldom than this.
const LOOKS: u32 = 8;
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Looks after the first final one, and how many pauses are between them: a late finish would show.
const LOOKS_AT_FINAL: u32 = 4;
const PAUSES_AT_FINAL: u32 = 16;

/// Watches submission n.
pub(crate) async fn watch(shared: Arc<Shared>, n: u64, id: Uuid) {
    // Those beyond the limit are not watched.
    let Ok(_permit) = shared.watchers.try_acquire() else { return };
    let mut client = Client::new(&shared.target, shared.request_timeout);
    let path = format!("/api/submissions/{id}");
    let pause = (shared.work_time / LOOKS).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    let mut last: Option<Row> = None;
    let mut looks_at_final = 0;
    while looks_at_final < LOOKS_AT_FINAL {
        if let Some(row) = look(&shared, &mut client, n, &path).await {
            note(&shared, n, last.as_ref(), &row);
            looks_at_final = if row.status.is_final() { looks_at_final + 1 } else { 0 };
            last = Some(row);
        }
        let pauses = if looks_at_final > 0 { PAUSES_AT_FINAL } else { 1 };
        tokio::select! {
            () = sleep(pause * pauses) => {}
            () = shared.no_more_looks.cancelled() => break,
        }
    }
    if let Some(row) = last {
        shared.records.book().seen.push((n, row));
    }
}

/// The submission as it is now, if the service says.
async fn look(shared: &Shared, client: &mut Client, n: u64, path: &str) -> Option<Row> {
    let asked = Instant::now();
    let answer = client.ask(&Question::get(path)).await.ok()?;
    match answer.status {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            shared.records.book().books.seen_wrong(n, "it was accepted, and there is no such submission".to_owned());
            return None;
        }
        _ => return None,
    }
    shared.records.looked(asked.elapsed());
    match serde_json::from_slice(&answer.body) {
        Ok(row) => Some(row),
        Err(error) => {
            shared.records.book().books.seen_wrong(n, format!("it cannot be read: {error}"));
            None
        }
    }
}

fn note(shared: &Shared, n: u64, last: Option<&Row>, row: &Row) {
    let may_be_retried = shared.records.plan.is_retried(n);
    if let Some((last, why)) = last.and_then(|last| Some((last, illegal_step(last, row, may_be_retried)?))) {
        shared.records.book().books.seen_wrong(n, format!("{why}: {last:?} then {row:?}"));
    }
}
