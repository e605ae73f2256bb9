//! How a bulk waits: with one counter, and one byte per record, because a channel per record would cost an allocation
//! and a wake-up each.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::admission::Admitted;
use super::error::PublishError;

const UNKNOWN: u8 = 0;
const ACKNOWLEDGED: u8 = 1;
const REFUSED: u8 = 2;
const NOT_STORED: u8 = 3;

/// A bulk whose records are on their way; dropping it gives up those not yet sent.
pub(super) struct BulkWait(Arc<Shared>);

/// One record's way back, and its room in flight; dropped without a word if nobody knows what became of the record.
pub(super) struct Slot {
    shared: Arc<Shared>,
    index: usize,
    _admitted: Admitted,
}

/// What is known of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    Nothing,
    /// Kafka has acknowledged it.
    Acknowledged,
    /// Kafka will never take it.
    Refused,
    /// It is not stored, and not on its way anymore.
    NotStored,
}

struct Shared {
    /// What is known of each record.
    known: Box<[AtomicU8]>,
    /// How many slots there are.
    open: AtomicUsize,
    /// Notified when none is left.
    settled: Notify,
    is_gone: AtomicBool,
}

impl BulkWait {
    /// A bulk of this many records, none of which is on its way.
    pub(super) fn new(records: usize) -> Self {
        Self(Arc::new(Shared {
            known: (0..records).map(|_| AtomicU8::new(UNKNOWN)).collect(),
            open: AtomicUsize::new(0),
            settled: Notify::new(),
            is_gone: AtomicBool::new(false),
        }))
    }

    /// The way back of this record.
    pub(super) fn slot(&self, index: usize, admitted: Admitted) -> Slot {
        self.0.open.fetch_add(1, Ordering::AcqRel);
        Slot { shared: Arc::clone(&self.0), index, _admitted: admitted }
    }

    /// How many of the records are on their way.
    pub(super) fn in_flight(&self) -> usize {
        self.0.open.load(Ordering::Acquire)
    }

    /// Returns once the fate of every record is known that is on its way.
    pub(super) async fn settled(&self) {
        loop {
            let settled = self.0.settled.notified();
            if self.in_flight() == 0 {
                return;
            }
            settled.await;
        }
    }

    /// What is known of each record by now, in order.
    pub(super) fn known(&self) -> impl Iterator<Item = Known> {
        self.0.known.iter().map(|known| match known.load(Ordering::Acquire) {
            ACKNOWLEDGED => Known::Acknowledged,
            REFUSED => Known::Refused,
            NOT_STORED => Known::NotStored,
            _ => Known::Nothing,
        })
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
        self.shared.known[self.index].store(ACKNOWLEDGED, Ordering::Release);
    }

    /// Kafka does not have the record.
    pub(super) fn refuse(self, why: PublishError) {
        let known = if why == PublishError::TooLarge { REFUSED } else { NOT_STORED };
        self.shared.known[self.index].store(known, Ordering::Release);
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
        let (admission, bulk) = (Admission::of(records, records), BulkWait::new(records));
        let slots = (0..records).map(|index| bulk.slot(index, admission.admit(1, None).unwrap())).collect();
        (admission, bulk, slots)
    }

    #[test]
    fn it_is_settled_with_its_last_slot() {
        let (_, bulk, mut slots) = wait(4);
        slots.remove(3).refuse(PublishError::Away);
        slots.remove(1).acknowledge();
        drop(slots.remove(0));
        assert!(bulk.settled().now_or_never().is_none());
        let known = || bulk.known().collect::<Vec<_>>();
        let rest = [Known::Acknowledged, Known::Nothing, Known::NotStored];
        assert_eq!(known()[1..], rest, "each at any time");
        slots.remove(0).refuse(PublishError::TooLarge);
        assert!(bulk.settled().now_or_never().is_some());
        assert_eq!(known(), [Known::Nothing, Known::Acknowledged, Known::Refused, Known::NotStored]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_waits_is_woken() {
        let (_, bulk, slots) = wait(100);
        let waiting = tokio::spawn(async move {
            bulk.settled().await;
            bulk.known().filter(|known| *known == Known::Acknowledged).count()
        });
        let lanes = slots.into_iter().map(|slot| tokio::spawn(async { slot.acknowledge() }));
        for lane in lanes.collect::<Vec<_>>() {
            lane.await.unwrap();
        }
        assert_eq!(waiting.await.unwrap(), 100);
    }

    #[test]
    fn each_records_room_is_given_back_with_its_slot() {
        let (admission, bulk, mut slots) = wait(3);
        drop(slots.remove(0));
        assert!(!slots[0].is_gone());
        assert_eq!(admission.in_flight(), 2);
        drop(bulk);
        assert!(slots[0].is_gone());
        slots.remove(0).acknowledge();
        assert_eq!(admission.in_flight(), 1, "it is held while its fate is not known");
        drop(slots);
        assert_eq!(admission.in_flight(), 0);
    }
}
