//! The store's notifications, as they come.

use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Waits for notifications that there may be something to claim.
pub(crate) struct Arrivals {
    notify: Arc<Notify>,
    /// Made before each look, so that no arrival between a look and the next wait is missed.
    next: Pin<Box<OwnedNotified>>,
}

impl Arrivals {
    pub(super) fn new(notify: Arc<Notify>) -> Self {
        Self { next: Box::pin(Arc::clone(&notify).notified_owned()), notify }
    }

    /// Returns after the next notification since the last return.
    pub(super) async fn next(&mut self) {
        self.next.as_mut().await;
        self.next.set(Arc::clone(&self.notify).notified_owned());
    }
}
