//! Leases that end.

use rusqlite::{Connection, params};

use super::counts::Changes;
use crate::lease::Lease;
use crate::status::Status;
use crate::store::batch::{Ending, endings};
use crate::store::time::now;
use crate::store::{Counted, Settlement};

/// Ends a lease that is in force. Its fence belongs to a submission that is PROCESSING, because each end of a lease
/// changes it.
pub(super) const SETTLE: &str = "UPDATE submissions SET
        status = ?3,
        is_cached = ?4,
        failures = failures + (?5 = 1),
        losses = losses + (?5 = 2),
        given_back = given_back + (?5 = 3),
        fence = fence + 1,
        worker = NULL,
        reason = ?6,
        changed_at = ?7,
        announced_at = NULL,
        processed_at = CASE WHEN ?3 THEN ?7 END,
        run_at = CASE WHEN ?3 THEN run_at ELSE ?7 + ?8 END
    WHERE id = ?1 AND fence = ?2";

const KEEP_LETTER: &str = "INSERT INTO dead_letters (id, series, attempts, reason, at)
    SELECT id, series, begun, reason, ?2 FROM submissions WHERE id = ?1";

/// What came of a batch.
pub(super) struct Ended {
    /// The leases that were in force.
    pub(super) leases: Vec<Lease>,
    /// Whether a submission is PENDING again.
    pub(super) is_any_pending: bool,
}

pub(super) fn settle(connection: &Connection, batch: &[Settlement]) -> rusqlite::Result<Ended> {
    let now = now();
    let mut settle = connection.prepare_cached(SETTLE)?;
    let mut changes = Changes::default();
    let mut ended = Ended { leases: Vec::with_capacity(batch.len()), is_any_pending: false };
    for Ending { lease, status, reason, is_cached, counted, after, is_given_up } in endings(batch) {
        let counted = match counted {
            None => 0,
            Some(Counted::Failure) => 1,
            Some(Counted::Loss) => 2,
            Some(Counted::GivenBack) => 3,
        };
        let Lease { id, fence } = lease;
        if settle.execute(params![id, fence, status as i16, is_cached, counted, reason, now, after])? == 0 {
            continue;
        }
        ended.leases.push(lease);
        ended.is_any_pending |= status == Status::Pending;
        changes.add(Status::Processing, -1).add(status, 1);
        if is_given_up {
            connection.prepare_cached(KEEP_LETTER)?.execute(params![id, now])?;
            changes.add_dead_letters(1);
        }
    }
    changes.apply(connection)?;
    Ok(ended)
}
