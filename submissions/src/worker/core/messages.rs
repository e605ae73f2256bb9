//! What goes into the core of a worker, and what comes out of it.

use std::time::Duration;

use uuid::Uuid;

use crate::lease::Terms;
use crate::store::{Beat, Job, Settlement, StoreError};
use crate::submission::Submission;

/// How a worker works.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) terms: Terms,
    /// The most submissions held at a time.
    pub(crate) concurrency: u32,
    /// The most submissions of one request.
    pub(crate) most_at_once: u32,
    pub(crate) work_time: Duration,
    pub(crate) failures_percent: u8,
    pub(crate) poll_interval: Duration,
    pub(crate) cache_entries: usize,
    /// It claims what is announced to it, and nothing else.
    pub(crate) waits_for_announcements: bool,
}

/// What a worker is informed of.
#[derive(Debug)]
pub(crate) enum Event {
    /// The worker has joined under this id, or perhaps not.
    Joined { worker: Uuid, outcome: Result<(), StoreError> },
    /// What was claimed under this id.
    Claimed { worker: Uuid, outcome: Result<Vec<Job>, StoreError> },
    /// For each settlement, whether its lease was in force.
    Settled(Result<Vec<bool>, StoreError>),
    /// The submissions that were looked up.
    LookedUp(Result<Vec<Option<Submission>>, StoreError>),
    /// A beat under this id was answered.
    Beaten { worker: Uuid, outcome: Result<Beat, StoreError> },
    /// The worker has left, or perhaps not.
    Left { worker: Uuid, outcome: Result<(), StoreError> },
    /// There may be something to claim.
    Arrived,
    /// These submissions can be claimed, perhaps. The number is that of the batch.
    Announced { number: u64, ids: Vec<Uuid> },
    /// The worker must stop.
    Stop,
}

/// What a worker asks the store for.
#[derive(Debug)]
pub(crate) enum Action {
    /// To be known under an id that nobody has had.
    Join,
    /// Submissions to work on.
    Claim { worker: Uuid, limit: u32 },
    /// Those of these submissions that can be claimed.
    ClaimThese { worker: Uuid, ids: Vec<Uuid> },
    /// To write how attempts ended.
    Settle(Vec<Settlement>),
    /// These submissions as they are.
    LookUp(Vec<Uuid>),
    /// To note that the worker lives.
    Beat { worker: Uuid, running: u32 },
    /// To forget the worker, which holds nothing.
    Leave(Uuid),
}
