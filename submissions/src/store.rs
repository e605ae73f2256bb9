//! Where submissions are kept: the single source of truth about their states. [`sqlite`] and [`postgres`] are the two
//! stores, and `tests/store/` holds both to what is said here.
//!
//! A batch is one transaction, durable when it returns. Times are the store's own: no two processes compare clocks.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::lease::{Lease, Series};
use crate::scope::Scope;
use crate::status::Status;
use crate::submission::{NewSubmission, Submission};

mod batch;
mod open;
pub mod postgres;
mod row;
pub mod sqlite;
mod time;

pub use open::open;
pub(crate) use postgres::reach_postgres;

/// Why the store could not do what it was asked to. It may have done it all the same: a caller that asks again must be
/// ready for that.
#[derive(Debug, Clone)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Error for StoreError {}

/// What came of a submission to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is there now.
    New(Submission),
    /// Its `Idempotency-Key` was used before, with the same content: this is what was created then.
    Again(Submission),
    /// Its `Idempotency-Key` was used before, with another content.
    Conflict,
}

/// What came of a change that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// It was made; this is what it made of the submission.
    Made(Submission),
    /// The submission is in a status that does not allow it.
    NotAllowed(Submission),
    /// There is no such submission.
    Missing,
}

/// Which submissions to list, from the newest to the oldest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listing {
    /// Only those with this status.
    pub status: Option<Status>,
    /// Only those that are older than this one: the last one of the page before.
    pub after: Option<Uuid>,
    /// At most this many.
    pub limit: u32,
}

/// A submission that a worker has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// What allows to settle it.
    pub lease: Lease,
    /// What to work on.
    pub content: String,
    /// What has happened in its series so far.
    pub series: Series,
    /// Attempts begun in its series, this one included.
    pub begun: i32,
    /// How long it had waited since it could be claimed.
    pub waited: Duration,
    /// The caller that submitted it, if it was asked who it is.
    pub owner: Option<Arc<str>>,
}

/// How an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The lease, which ends.
    pub lease: Lease,
    /// What becomes of the submission.
    pub outcome: Outcome,
}

/// What becomes of a submission when an attempt ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// PASSED.
    Passed {
        /// Whether the verdict came from the cache.
        is_cached: bool,
    },
    /// FAILED by the rule.
    Failed {
        /// What the rule says.
        reason: String,
        /// Whether the verdict came from the cache.
        is_cached: bool,
    },
    /// PENDING again.
    Again {
        /// How the attempt ended, which says where it is counted.
        counted: Counted,
        /// Why.
        reason: String,
        /// Not before so much time.
        after: Duration,
    },
    /// FAILED because its attempts are used up. A dead letter is kept of it.
    GivenUp {
        /// How the last attempt ended.
        counted: Counted,
        /// Why.
        reason: String,
    },
}

/// Where an attempt without a verdict is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Counted {
    /// In [`Submission::failures`].
    Failure,
    /// In [`Submission::losses`].
    Loss,
    /// In [`Submission::given_back`].
    GivenBack,
}

/// A lease whose time is over, or whose worker is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostLease {
    /// The lease, which is in force until it is settled.
    pub lease: Lease,
    /// What has happened in the series before.
    pub series: Series,
    /// Whether the worker is gone; otherwise the attempt lasts too long.
    pub is_worker_gone: bool,
}

/// A worker as the store knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its id, which no other process ever has.
    pub id: Uuid,
    /// Host and process, for people.
    pub name: String,
    /// The most submissions that it works on at a time.
    pub concurrency: i32,
    /// Those that it said it was working on when it last beat.
    pub running: i32,
    /// When it started, in milliseconds since 1970.
    pub started_at: i64,
    /// How long ago it last beat.
    pub silent: Duration,
}

/// Whether a worker that beats is still known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// It is.
    Known,
    /// It was taken for gone: it holds no lease any more, and must begin again under another id.
    Gone,
}

/// The figures of a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stats {
    /// Submissions in each status, by its number.
    pub in_status: [i64; 5],
    /// How long the pending submission has waited that may be claimed for the longest time.
    pub oldest_pending: Option<Duration>,
    /// Submissions in PROCESSING for longer than asked.
    pub stuck: i64,
    /// Dead letters kept.
    pub dead_letters: i64,
}

/// A series of attempts that ended because they were used up, without a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Which one it is.
    pub key: DeadLetterKey,
    /// Attempts begun in the series.
    pub attempts: i32,
    /// Why the last of them ended.
    pub reason: String,
    /// When that was, in milliseconds since 1970.
    pub at: i64,
    /// The status of the submission now: a later series may have done better.
    pub status: Status,
}

/// What a dead letter is known by. Lists of them are in this order, from the greatest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeadLetterKey {
    /// The submission.
    pub id: Uuid,
    /// The series of its attempts.
    pub series: i32,
}

/// Keeps submissions. A question about them, or a change that somebody asks for, has a [`Scope`]: what it does not
/// reach does not exist for it. What workers and sweepers do reaches everything.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Creates these, one result for each. Two of one batch with the same key are like two requests, and one whose id
    /// is there already is like one whose key is: its creation is repeated.
    async fn create(&self, new: &[NewSubmission]) -> Result<Vec<Created>, StoreError>;

    /// The submission with this id.
    async fn get(&self, scope: &Scope, id: Uuid) -> Result<Option<Submission>, StoreError>;

    /// One page of submissions.
    async fn list(&self, scope: &Scope, listing: Listing) -> Result<Vec<Submission>, StoreError>;

    /// At most `limit` dead letters, of the newest submissions and of their latest series first; only those that come
    /// after this one in that order.
    async fn dead_letters(
        &self,
        scope: &Scope,
        after: Option<DeadLetterKey>,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError>;

    /// Makes it CANCELLED, if it is not final. A worker's lease on it ends.
    async fn cancel(&self, scope: &Scope, id: Uuid) -> Result<Changed, StoreError>;

    /// Makes it PENDING in a new series, if it is FAILED or CANCELLED.
    async fn retry(&self, scope: &Scope, id: Uuid) -> Result<Changed, StoreError>;

    /// The same for at most `limit` of those that have this status, which is FAILED or CANCELLED. Returns how many it
    /// were.
    async fn retry_all(&self, scope: &Scope, status: Status, limit: u32) -> Result<u64, StoreError>;

    /// The figures, with what is in PROCESSING for longer than `stuck_after` as stuck. Those of one owner are counted
    /// each time, from its own rows alone.
    async fn stats(&self, scope: &Scope, stuck_after: Duration) -> Result<Stats, StoreError>;

    /// All workers that have neither left nor been removed, by their names.
    async fn workers(&self) -> Result<Vec<WorkerRow>, StoreError>;

    /// A worker begins; its first beat.
    async fn join(&self, worker: Uuid, name: &str, concurrency: u32) -> Result<(), StoreError>;

    /// A worker says that it lives, and how many submissions it works on.
    async fn beat(&self, worker: Uuid, running: u32) -> Result<Beat, StoreError>;

    /// A worker ends; it holds no lease any more.
    async fn leave(&self, worker: Uuid) -> Result<(), StoreError>;

    /// Leases for this worker on at most `limit` submissions that may be claimed, the longest waiting first. None
    /// for a worker that is not known.
    async fn claim(&self, worker: Uuid, limit: u32) -> Result<Vec<Job>, StoreError>;

    /// Leases for this worker on those of these submissions that may be claimed.
    async fn claim_these(&self, worker: Uuid, ids: &[Uuid]) -> Result<Vec<Job>, StoreError>;

    /// Ends these attempts; for each whether its lease was still in force. Where it was not, nothing is changed.
    async fn settle(&self, settlements: &[Settlement]) -> Result<Vec<bool>, StoreError>;

    /// At most `limit` leases of workers that have been silent for longer than `silence` or are not known, and leases
    /// that have lasted longer than `work_timeout`. Workers that were silent for this long and hold no lease are
    /// removed.
    async fn lost_leases(
        &self,
        silence: Duration,
        work_timeout: Duration,
        limit: u32,
    ) -> Result<Vec<LostLease>, StoreError>;

    /// At most `limit` submissions that have waited for longer than `overdue` since they could be claimed, and notes
    /// them as announced now. They are announced again whenever the time that they have waited has doubled, and at the
    /// latest after five minutes: what waits because there is much to do must not become ever more announcements.
    async fn announce(&self, overdue: Duration, limit: u32) -> Result<Vec<Uuid>, StoreError>;

    /// Removes at most `limit` submissions, with their dead letters, that became final longer ago than `retention`.
    /// Returns their number. It looks at a limited number of submissions, the oldest first, and continues there the
    /// next time: a call that removes less than `limit`, or nothing, does not say that nothing is left.
    async fn prune(&self, retention: Duration, limit: u32) -> Result<u64, StoreError>;

    /// Notified when there may be something to claim. It may be notified for nothing, and it is no promise: a worker
    /// that waits also looks now and then.
    fn arrivals(&self) -> Arc<Notify>;

    /// Waits for what runs and closes.
    async fn close(&self);
}
