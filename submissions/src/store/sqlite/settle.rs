//! Leases that end.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Connection, Row, Sqlite, SqliteConnection};
use uuid::Uuid;

use super::counts::Changes;
use super::pack::{Pack, rows};
use crate::lease::Lease;
use crate::status::Status;
use crate::store::batch::{Ending, endings};
use crate::store::time::now;
use crate::store::{Counted, Settlement};

/// Ends leases that end in the same way. A fence that is in force belongs to a submission that is PROCESSING, because
/// each end of a lease changes it. One statement for all ways takes almost twice as long.
pub(super) static SETTLE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH RECURSIVE {}
         UPDATE submissions SET
            status = ?6,
            is_cached = ?7,
            failures = failures + (?8 = 1),
            losses = losses + (?8 = 2),
            given_back = given_back + (?8 = 3),
            fence = fence + 1,
            worker = NULL,
            reason = ?9,
            changed_at = ?4,
            announced_at = NULL,
            processed_at = CASE WHEN ?6 THEN ?4 END,
            run_at = CASE WHEN ?6 THEN run_at ELSE ?4 + ?10 END
         WHERE id IN (SELECT id FROM batch) AND fence = ?5",
        rows(&[])
    )
});

/// The same, with the submissions whose leases ended.
static SETTLE_AND_TELL: LazyLock<String> = LazyLock::new(|| format!("{} RETURNING id", *SETTLE));

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
    let leases = end(connection, &endings, now).await?;

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

/// Ends these leases, and returns which of them were in force.
async fn end(connection: &mut SqliteConnection, endings: &[Ending<'_>], now: i64) -> sqlx::Result<HashSet<Lease>> {
    let mut alike: HashMap<Manner<'_>, Vec<Uuid>> = HashMap::new();
    for ending in endings {
        alike.entry(Manner::of(ending)).or_default().push(ending.lease.id);
    }
    // As a rule all are in force, and the number of them says so, which takes less than to hear of each.
    let mut savepoint = connection.begin().await?;
    let mut ended = 0;
    for (manner, ids) in &alike {
        ended += manner.settle(&SETTLE, ids, now).execute(&mut *savepoint).await?.rows_affected();
    }
    if ended == endings.len() as u64 {
        savepoint.commit().await?;
        return Ok(endings.iter().map(|ending| ending.lease).collect());
    }
    savepoint.rollback().await?;
    let mut leases = HashSet::with_capacity(endings.len());
    for (manner, ids) in &alike {
        for row in manner.settle(&SETTLE_AND_TELL, ids, now).fetch_all(&mut *connection).await? {
            leases.insert(Lease { id: row.try_get(0)?, fence: manner.fence });
        }
    }
    Ok(leases)
}

/// How a lease ends, whichever it is.
#[derive(PartialEq, Eq, Hash)]
struct Manner<'a> {
    fence: i64,
    status: Status,
    is_cached: bool,
    counted: Option<Counted>,
    reason: Option<&'a str>,
    after: i64,
}

impl<'a> Manner<'a> {
    fn of(ending: &Ending<'a>) -> Self {
        let Ending { lease, status, reason, is_cached, counted, after, is_given_up: _ } = *ending;
        Self { fence: lease.fence, status, is_cached, counted, reason, after }
    }

    /// [`SETTLE`] for these submissions.
    fn settle<'q>(&'q self, sql: &'q str, ids: &[Uuid], now: i64) -> Query<'q, Sqlite, SqliteArguments<'q>> {
        let counted = match self.counted {
            None => 0,
            Some(Counted::Failure) => 1,
            Some(Counted::Loss) => 2,
            Some(Counted::GivenBack) => 3,
        };
        let settle = Pack::of(ids.iter().copied()).bind(sqlx::query(sql)).bind(now).bind(self.fence);
        settle.bind(self.status as i64).bind(self.is_cached).bind(counted).bind(self.reason).bind(self.after)
    }
}
