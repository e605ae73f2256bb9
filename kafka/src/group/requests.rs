//! What operators want of a member that runs.

use tokio::sync::{mpsc, watch};

/// Releases the brake of a member. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Release {
    releases: mpsc::Sender<()>,
}

impl Release {
    /// A release, and the end of it that goes into [`Requests`].
    pub fn new() -> (Self, mpsc::Receiver<()>) {
        let (releases, requested) = mpsc::channel(1);
        (Self { releases }, requested)
    }

    /// The full number of dead letters is allowed again, and what is held is judged again.
    pub fn release(&self) {
        // A release that already waits says the same.
        self.releases.try_send(()).ok();
    }
}

/// What operators want of a member.
#[derive(Debug)]
pub struct Requests {
    /// From a [`Release`].
    pub releases: mpsc::Receiver<()>,
    /// Whether nothing must be fetched. What is held is finished and committed, and the partitions are kept.
    pub pauses: watch::Receiver<bool>,
}
