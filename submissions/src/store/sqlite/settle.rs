//! Leases that end.

use std::collections::HashSet;
use std::sync::LazyLock;

use sqlx::{Row, SqliteConnection};

use super::counts::Changes;
use super::pack::{Field, Pack, rows};
use crate::lease::Lease;
use crate::status::Status;
use crate::store::batch::{Ending, endings};
use crate::store::time::now;
use crate::store::{Counted, Settlement};

/// A fence that is in force belongs to a submission that is PROCESSING, because each end of a lease changes it.
/// `ending` is [`packed`].
pub(super) static SETTLE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH RECURSIVE {}
         UPDATE submissions AS s SET
            status = ending & 7,
            is_cached = ending >> 3 & 1,
            failures = s.failures + (ending >> 4 & 1),
            losses = s.losses + (ending >> 5 & 1),
            given_back = s.given_back + (ending >> 6 & 1),
            fence = s.fence + 1,
            worker = NULL,
            reason = batch.reason,
            changed_at = ?4,
            announced_at = NULL,
            processed_at = CASE WHEN ending & 7 THEN ?4 END,
            run_at = CASE WHEN ending & 7 THEN s.run_at ELSE ?4 + batch.after_ms END
         FROM batch WHERE s.id = batch.id AND s.fence = batch.fence
         RETURNING id, fence - 1",
        rows(&[Field::Number("fence"), Field::Number("ending"), Field::Number("after_ms"), Field::Text("reason")])
    )
});

const KEEP_LETTER: &str = "INSERT INTO dead_letters (id, series, attempts, reason, at)
    SELECT id, series, begun, reason, ?2 FROM submissions WHERE id = ?1";

/// What came of a batch.
pub(super) struct Ended {
    /// The leases that were in force.
    pub(super) leases: HashSet<Lease>,
    /// Whether a submission is PENDING again.
    pub(super) is_any_pending: bool,
}

pub(super) async fn settle(connection: &mut SqliteConnection, batch: Vec<Settlement>) -> sqlx::Result<Ended> {
    let now = now();
    let endings = endings(&batch);
    let mut pack = Pack::default();
    for ending in &endings {
        pack.row(ending.lease.id).number(ending.lease.fence).number(packed(ending)).number(ending.after);
        pack.text(ending.reason);
    }
    let ended = pack.bind(sqlx::query(&SETTLE)).bind(now).fetch_all(&mut *connection).await?;
    let mut leases = HashSet::with_capacity(ended.len());
    for row in &ended {
        leases.insert(Lease { id: row.try_get(0)?, fence: row.try_get(1)? });
    }

    let mut changes = Changes::default();
    let mut is_any_pending = false;
    for ending in endings.iter().filter(|ending| leases.contains(&ending.lease)) {
        changes.add(Status::Processing, -1).add(ending.status, 1);
        is_any_pending |= ending.status == Status::Pending;
        if ending.is_given_up {
            sqlx::query(KEEP_LETTER).bind(ending.lease.id).bind(now).execute(&mut *connection).await?;
            changes.add_dead_letters(1);
        }
    }
    changes.apply(connection).await?;
    Ok(Ended { leases, is_any_pending })
}

/// What an ending changes, as bits: the status in the lowest three, then one each for the cache and for where the
/// attempt is counted.
fn packed(ending: &Ending<'_>) -> i64 {
    let counted = match ending.counted {
        None => 0,
        Some(Counted::Failure) => 1 << 4,
        Some(Counted::Loss) => 1 << 5,
        Some(Counted::GivenBack) => 1 << 6,
    };
    ending.status as i64 | i64::from(ending.is_cached) << 3 | counted
}
