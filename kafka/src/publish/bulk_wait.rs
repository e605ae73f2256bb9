//! How a bulk waits: with one counter, and one byte per record, because a channel per record would cost an allocation
//! and a wake-up each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::admission::Admitted;

/// A bulk whose records are on their way; dropping it gives up those not yet sent.
pub(super) struct BulkWait(Arc<Shared>);

/// One record's way back; dropped without [`Self::acknowledge`] if the record was not acknowledged.
pub(super) struct Slot {
    shared: Arc<Shared>,
    index: usize,
}

struct Shared {
    /// For each record whether it is acknowledged.
    acknowledged: Box<[AtomicBool]>,
    /// How many slots are left.
    open: AtomicUsize,
    /// Notified when none is left.
    settled: Notify,
    is_gone: AtomicBool,
    /// The room of all records, given back when the last slot and the request are gone. This bounds the queues.
    _admission: Admitted,
}

/// A bulk of this many records, and a slot for each.
pub(super) fn bulk_wait(records: usize, admission: Admitted) -> (BulkWait, impl Iterator<Item = Slot>) {
    let shared = Arc::new(Shared {
        acknowledged: (0..records).map(|_| AtomicBool::new(false)).collect(),
        open: AtomicUsize::new(records),
        settled: Notify::new(),
        is_gone: AtomicBool::new(false),
        _admission: admission,
    });
    let bulk = BulkWait(Arc::clone(&shared));
    (bulk, (0..records).map(move |index| Slot { shared: Arc::clone(&shared), index }))
}

impl BulkWait {
    /// Returns once the fate of every record is known.
    pub(super) async fn settled(&self) {
        // The notification comes once, and is kept if nothing waits for it yet.
        while self.0.open.load(Ordering::Acquire) > 0 {
            self.0.settled.notified().await;
        }
    }

    /// For each record, in order, whether it is acknowledged by now.
    pub(super) fn acknowledged(&self) -> impl Iterator<Item = bool> {
        self.0.acknowledged.iter().map(|acknowledged| acknowledged.load(Ordering::Acquire))
    }
}

impl Drop for BulkWait {
    fn drop(&mut self) {
        self.0.is_gone.store(true, Ordering::Relaxed);
    }
}

impl Slot {
    /// Kafka has acknowledged the record.
    pub(super) fn acknowledge(self) {
        self.shared.acknowledged[self.index].store(true, Ordering::Release);
    }

    /// Whether nobody waits anymore.
    pub(super) fn is_gone(&self) -> bool {
        self.shared.is_gone.load(Ordering::Relaxed)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.shared.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.settled.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::publish::admission::Admission;

    fn wait(records: usize) -> (Admission, BulkWait, Vec<Slot>) {
        let admission = Admission::of(records, records);
        let (bulk, slots) = bulk_wait(records, admission.admit(records, records).unwrap());
        (admission, bulk, slots.collect())
    }

    #[test]
    fn it_is_settled_with_its_last_slot() {
        let (_, bulk, mut slots) = wait(3);
        slots.remove(1).acknowledge();
        drop(slots.remove(0));
        assert!(bulk.settled().now_or_never().is_none());
        assert_eq!(bulk.acknowledged().collect::<Vec<_>>(), [false, true, false], "each at any time");
        slots.remove(0).acknowledge();
        assert!(bulk.settled().now_or_never().is_some());
        assert_eq!(bulk.acknowledged().collect::<Vec<_>>(), [false, true, true]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_is_woken() {
        let (_, bulk, slots) = wait(100);
        let waiting = tokio::spawn(async move {
            bulk.settled().await;
            bulk.acknowledged().filter(|acknowledged| *acknowledged).count()
        });
        let lanes = slots.into_iter().map(|slot| tokio::spawn(async { slot.acknowledge() }));
        for lane in lanes.collect::<Vec<_>>() {
            lane.await.unwrap();
        }
        assert_eq!(waiting.await.unwrap(), 100);
    }

    #[test]
    fn the_admission_is_held_until_the_last_slot_is_gone() {
        let (admission, bulk, mut slots) = wait(2);
        drop(slots.remove(0));
        assert!(!slots[0].is_gone());
        drop(bulk);
        assert!(slots[0].is_gone());
        assert_eq!(admission.in_flight(), 2);
        drop(slots);
        assert_eq!(admission.in_flight(), 0);
    }
}
