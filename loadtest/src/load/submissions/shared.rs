//! What users, and those who change and watch what they have submitted, share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::records::Records;
use crate::load::generator::alarm::Alarm;
use crate::load::pacing::turns::Turns;
use crate::load::target::Target;

/// What they share.
pub(crate) struct Shared {
    pub(crate) records: Arc<Records>,
    pub(crate) turns: Turns,
    pub(crate) target: Target,
    pub(crate) request_timeout: Duration,
    /// What keys begin with.
    pub(crate) run: String,
    /// `WORK_TIME`.
    pub(crate) work_time: Duration,
    pub(crate) alarm: Alarm,
    /// Those who change and watch what was accepted.
    pub(crate) followers: TaskTracker,
    /// One for each submission that can be watched at a time.
    pub(crate) watchers: Semaphore,
    /// Nothing more is sent.
    pub(crate) stop: CancellationToken,
    /// Nobody watches any more.
    pub(crate) no_more_looks: CancellationToken,
}
