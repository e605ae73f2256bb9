//! The size of a client's batches: the settings', until the topic refuses one that is larger than its
//! `max.message.bytes`. librdkafka does not split batches, so then a client with smaller ones follows. What was in a
//! refused batch is not stored; it is not sent again either, because later records of its keys may be stored by now.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// What a broker stores of a batch besides its records.
const BATCH_HEADER_BYTES: usize = 61;

/// What is known of the batches that the topic takes.
pub(super) struct BatchBytes {
    /// No batch of the next client is larger, but for one with a single record.
    limit: AtomicUsize,
    /// The smallest limit of which a batch was refused.
    refused: AtomicUsize,
    /// Notified when one was.
    has_refused: Notify,
}

impl BatchBytes {
    /// That of the settings, as long as nothing is refused.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit: AtomicUsize::new(limit), refused: AtomicUsize::new(usize::MAX), has_refused: Notify::new() }
    }

    /// The largest batch of a client that is made now.
    pub(super) fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// The topic refuses a batch of a client with this limit.
    pub(super) fn refuse(&self, limit: usize) {
        self.refused.fetch_min(limit, Ordering::Relaxed);
        self.has_refused.notify_one();
    }

    /// Returns once batches of the current limit are refused. What was sent under an earlier one does not count.
    pub(super) async fn refused(&self) {
        while self.refused.load(Ordering::Relaxed) > self.limit() {
            self.has_refused.notified().await;
        }
    }

    /// Later clients have batches of at most `largest` bytes, if that is known and less; else half as large ones.
    /// Returns their limit.
    pub(super) fn lower(&self, largest: Option<usize>) -> usize {
        let limit = self.limit();
        let lower = largest.filter(|largest| *largest < limit).unwrap_or(limit / 2).max(1);
        self.limit.store(lower, Ordering::Relaxed);
        lower
    }
}

/// Whether a record of this encoded size has been alone in its batch, as librdkafka fills batches up to this limit: it
/// allows at least as many bytes for each record.
pub(super) fn was_alone(record_bytes: usize, limit: usize) -> bool {
    BATCH_HEADER_BYTES + record_bytes > limit
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn only_batches_of_the_current_limit_count_as_refused() {
        let batch_bytes = BatchBytes::new(1_000);
        assert!(batch_bytes.refused().now_or_never().is_none());
        batch_bytes.refuse(1_000);
        assert!(batch_bytes.refused().now_or_never().is_some());
        assert_eq!(batch_bytes.lower(Some(300)), 300);
        batch_bytes.refuse(1_000);
        assert!(batch_bytes.refused().now_or_never().is_none(), "a client that is gone had larger ones");
        batch_bytes.refuse(300);
        assert!(batch_bytes.refused().now_or_never().is_some());
    }

    #[test]
    fn the_limit_falls_each_time() {
        let batch_bytes = BatchBytes::new(1_000);
        let lowered = [Some(300), Some(300), None, Some(1_000), None].map(|largest| batch_bytes.lower(largest));
        assert_eq!(lowered, [300, 150, 75, 37, 18]);
        while batch_bytes.lower(None) > 1 {}
        assert_eq!((batch_bytes.lower(None), batch_bytes.limit()), (1, 1));
        assert!(was_alone(1, 1), "so nothing is refused anymore for its company");
    }
}
