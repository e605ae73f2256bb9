//! The end of a group that takes a limited number of records.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Counts the records that are taken, over all topics. Cheap to clone.
///
/// Once a record was refused none may be taken anymore: a commit of a later one would pass it.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    limit: usize,
    /// Records that may be taken, and were not refused.
    left: Arc<AtomicUsize>,
    taken: Arc<AtomicUsize>,
    /// The records that are taken and not yet finished or dropped.
    held: TaskTracker,
}

impl Limit {
    /// Of this many records, at least one.
    pub(super) fn new(limit: usize) -> Self {
        let left = Arc::new(AtomicUsize::new(limit));
        Self { limit, left, taken: Arc::default(), held: TaskTracker::new() }
    }

    /// Whether another record is taken; after a yes it must be, by [`Self::take`].
    pub(super) fn takes_another(&self) -> bool {
        self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
    }

    /// Takes a record, which holds the token until it is finished or dropped.
    pub(super) fn take(&self) -> TaskTrackerToken {
        let token = self.held.token();
        if self.taken.fetch_add(1, Ordering::AcqRel) + 1 == self.limit {
            self.held.close();
        }
        token
    }

    /// Returns once the last record is taken and none is held.
    pub(super) async fn is_over(&self) {
        self.held.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn it_is_over_when_the_last_record_is_finished() {
        let limit = Limit::new(2);
        let same = limit.clone();
        assert!(limit.takes_another());
        drop(limit.take());
        assert!(limit.is_over().now_or_never().is_none(), "one is left");
        assert!(same.takes_another());
        assert!(!limit.takes_another() && !same.takes_another());
        assert!(limit.is_over().now_or_never().is_none(), "the last one is about to be taken");
        let last = same.take();
        assert!(limit.is_over().now_or_never().is_none(), "it is not finished");
        drop(last);
        assert!(limit.is_over().now_or_never().is_some());
    }
}
