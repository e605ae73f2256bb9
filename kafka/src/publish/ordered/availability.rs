//! Which partitions' records are let through: none before the topic was seen for the first time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A flag for each partition.
#[derive(Debug, Default)]
pub(super) struct Availability {
    flags: OnceLock<Box<[AtomicBool]>>,
    /// Notified when the records of a partition are let through.
    opened: Notify,
}

impl Availability {
    /// The topic has this many partitions. Only the first call counts: were a key to move to a partition that is added
    /// later, its records could overtake each other.
    pub(super) fn open(&self, partitions: usize) {
        self.flags.get_or_init(|| (0..partitions).map(|_| AtomicBool::new(false)).collect());
    }

    /// Whether each partition's records are let through; empty before the topic is known.
    pub(super) fn all(&self) -> Vec<bool> {
        self.flags().iter().map(|flag| flag.load(Ordering::Relaxed)).collect()
    }

    /// How many partitions there are; 0 before the topic is known.
    pub(super) fn partitions(&self) -> usize {
        self.flags().len()
    }

    /// Whether this partition's records are let through.
    pub(super) fn is_available(&self, partition: usize) -> bool {
        self.flags().get(partition).is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// From now on this partition's records are let through, or not.
    pub(super) fn set(&self, partition: i32, is_available: bool) {
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(flag) = self.flags().get(index) {
            flag.store(is_available, Ordering::Relaxed);
        }
        if is_available {
            self.opened.notify_waiters();
        }
    }

    /// Returns once the records of every partition are let through at the same time.
    pub(super) async fn all_open(&self) {
        loop {
            // Made before the look, so that no change between the two is missed.
            let opened = self.opened.notified();
            if self.partitions() > 0 && self.flags().iter().all(|flag| flag.load(Ordering::Relaxed)) {
                return;
            }
            opened.await;
        }
    }

    /// Lets no more records through.
    pub(super) fn set_away(&self) {
        for flag in self.flags() {
            flag.store(false, Ordering::Relaxed);
        }
    }

    fn flags(&self) -> &[AtomicBool] {
        self.flags.get().map(|flags| &**flags).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn nothing_is_let_through_before_the_topic_is_known_and_reached() {
        let availability = Availability::default();
        availability.set(0, true);
        assert!(!availability.is_available(0));
        availability.open(2);
        assert_eq!(availability.all(), [false, false]);
        availability.set(1, true);
        assert_eq!(availability.all(), [false, true]);
        assert!(availability.is_available(1));
        availability.set_away();
        assert_eq!(availability.all(), [false, false]);
    }

    #[test]
    fn all_are_open_once_the_last_one_is() {
        let availability = Availability::default();
        let mut open = pin!(availability.all_open());
        assert!(open.as_mut().now_or_never().is_none(), "the topic is not known");
        availability.open(2);
        availability.set(1, true);
        assert!(open.as_mut().now_or_never().is_none(), "one is closed");
        availability.set(0, true);
        assert!(open.now_or_never().is_some());
    }

    #[test]
    fn a_topic_that_grows_changes_nothing() {
        let availability = Availability::default();
        availability.open(2);
        availability.open(3);
        for partition in [-1, 0, 2] {
            availability.set(partition, true);
        }
        assert_eq!((availability.partitions(), availability.all()), (2, vec![true, false]));
    }
}
