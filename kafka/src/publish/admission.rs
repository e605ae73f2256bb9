//! How many records may await acknowledgement, and how many bytes of them. This bounds every queue of a publisher. A
//! single record learns at once that there is no room; the records of a bulk wait for it, and leave some to others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use service::Registry;
use service::rate::Held;
use tokio::sync::Notify;

use super::config::PublishConfig;
use super::error::PublishError;
use super::metrics::{IN_FLIGHT, IN_FLIGHT_BYTES, IN_FLIGHT_BYTES_LIMIT, IN_FLIGHT_LIMIT};

/// Admits records to a publisher.
#[derive(Clone)]
pub(super) struct Admission(Arc<InFlight>);

/// A record that is admitted. It is held until its fate is known, even if nobody waits for it anymore, and gives its
/// room back when it is dropped.
pub(super) struct Admitted {
    in_flight: Arc<InFlight>,
    bytes: usize,
    /// What its caller holds, this record included.
    held: Option<Arc<Held>>,
}

/// What is admitted, and the limits.
struct InFlight {
    records: AtomicUsize,
    bytes: AtomicUsize,
    max_records: usize,
    max_bytes: usize,
    /// Bulks that wait for room.
    waiting: AtomicUsize,
    /// Notified for them when there is some.
    room: Notify,
}

impl Admission {
    /// Shows in the metrics how much is admitted.
    pub(super) fn new(config: &PublishConfig, registry: &Registry) -> Self {
        let (admission, kind) = (Self::of(config.max_in_flight, config.max_in_flight_bytes()), config.kind);
        let (records, bytes) = (Arc::clone(&admission.0), Arc::clone(&admission.0));
        registry.observe(&IN_FLIGHT, move |rows| rows.row(&[kind], records.records.load(Ordering::Relaxed) as f64));
        registry.observe(&IN_FLIGHT_BYTES, move |rows| rows.row(&[kind], bytes.bytes.load(Ordering::Relaxed) as f64));
        registry.gauge(&IN_FLIGHT_LIMIT, &[kind]).set(admission.0.max_records as f64);
        registry.gauge(&IN_FLIGHT_BYTES_LIMIT, &[kind]).set(admission.0.max_bytes as f64);
        admission
    }

    /// Room for this many records and bytes.
    pub(super) fn of(max_records: usize, max_bytes: usize) -> Self {
        let (records, bytes, waiting, room) = Default::default();
        Self(Arc::new(InFlight { records, bytes, max_records, max_bytes, waiting, room }))
    }

    /// Admits a record of this many bytes. One that has more than there is room for is admitted while nothing else is:
    /// so a record of any size can be sent at some time. A caller whose share is counted has no more than is free.
    ///
    /// # Errors
    /// Full.
    pub(super) fn admit(&self, bytes: usize, held: Option<&Arc<Held>>) -> Result<Admitted, PublishError> {
        self.admit_up_to(bytes, self.0.max_records, self.0.max_bytes, held)
    }

    /// Admits a record of a bulk as soon as there is room for it; `in_flight` says how many of the bulk are admitted.
    /// A bulk may have a quarter of the room, and all bulks together three quarters, so that there is room for others.
    ///
    /// # Errors
    /// Full until the deadline.
    pub(super) async fn admit_of_bulk(
        &self,
        bytes: usize,
        in_flight: impl Fn() -> usize,
        deadline: Instant,
        held: Option<&Arc<Held>>,
    ) -> Result<Admitted, PublishError> {
        let InFlight { max_records, max_bytes, .. } = *self.0;
        let try_now = || {
            if in_flight() >= (max_records / 4).max(1) {
                return Err(PublishError::Full);
            }
            self.admit_up_to(bytes, (max_records - max_records / 4).max(1), (max_bytes - max_bytes / 4).max(1), held)
        };
        if let Ok(admitted) = try_now() {
            return Ok(admitted);
        }
        let _waiting = Waiting::begin(&self.0);
        loop {
            let room = self.0.room.notified();
            if let Ok(admitted) = try_now() {
                return Ok(admitted);
            }
            tokio::time::timeout_at(deadline.into(), room).await.map_err(|_| PublishError::Full)?;
        }
    }

    fn admit_up_to(
        &self,
        bytes: usize,
        max_records: usize,
        max_bytes: usize,
        held: Option<&Arc<Held>>,
    ) -> Result<Admitted, PublishError> {
        let bytes = bytes.min(max_bytes);
        if let Some(held) = held {
            let free = |max: usize, taken: &AtomicUsize| max.saturating_sub(taken.load(Ordering::Relaxed));
            if !held.may_take(bytes, free(max_records, &self.0.records), free(max_bytes, &self.0.bytes)) {
                return Err(PublishError::Full);
            }
        }
        take(&self.0.records, 1, max_records)?;
        if let Err(full) = take(&self.0.bytes, bytes, max_bytes) {
            // Without a word to those who wait: nothing has changed for them.
            self.0.records.fetch_sub(1, Ordering::SeqCst);
            return Err(full);
        }
        if let Some(held) = held {
            held.take(bytes);
        }
        Ok(Admitted { in_flight: Arc::clone(&self.0), bytes, held: held.cloned() })
    }

    /// Records that are admitted.
    pub(super) fn in_flight(&self) -> usize {
        self.0.records.load(Ordering::Relaxed)
    }

    /// The most records that can be admitted.
    pub(super) fn max_in_flight(&self) -> usize {
        self.0.max_records
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        // First, so that a bulk of the same caller that is woken finds it given back.
        if let Some(held) = &self.held {
            held.give_back(self.bytes);
        }
        self.in_flight.records.fetch_sub(1, Ordering::Relaxed);
        self.in_flight.bytes.fetch_sub(self.bytes, Ordering::SeqCst);
        if self.in_flight.waiting.load(Ordering::SeqCst) > 0 {
            self.in_flight.room.notify_one();
        }
    }
}

/// A bulk that waits for room, until this is dropped.
struct Waiting<'a>(&'a InFlight);

impl<'a> Waiting<'a> {
    fn begin(in_flight: &'a InFlight) -> Self {
        in_flight.waiting.fetch_add(1, Ordering::SeqCst);
        Self(in_flight)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Each notification wakes one: the next one may find room, too.
        if self.0.waiting.fetch_sub(1, Ordering::SeqCst) > 1 {
            self.0.room.notify_one();
        }
    }
}

/// Adds to what is taken, unless it would be more than the limit.
fn take(taken: &AtomicUsize, more: usize, max: usize) -> Result<(), PublishError> {
    let all = |taken: usize| taken.checked_add(more).filter(|all| *all <= max);
    taken.fetch_update(Ordering::SeqCst, Ordering::Relaxed, all).map(drop).map_err(|_| PublishError::Full)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use futures_util::FutureExt;

    use super::*;

    fn taken(admission: &Admission) -> (usize, usize) {
        (admission.in_flight(), admission.0.bytes.load(Ordering::Relaxed))
    }

    #[test]
    fn records_and_bytes_are_bounded_and_given_back() {
        let admission = Admission::of(2, 100);
        let first = admission.admit(60, None).unwrap();
        assert!(matches!(admission.admit(41, None), Err(PublishError::Full)), "too many bytes");
        assert_eq!(taken(&admission), (1, 60), "what is not admitted takes nothing");
        let second = admission.admit(40, None).unwrap();
        assert!(matches!(admission.admit(0, None), Err(PublishError::Full)), "too many records");
        drop(first);
        assert_eq!(taken(&admission), (1, 40));
        drop(second);
        assert_eq!(taken(&admission), (0, 0));
    }

    #[test]
    fn what_is_larger_than_the_room_is_admitted_alone() {
        let admission = Admission::of(3, 100);
        let small = admission.admit(1, None).unwrap();
        assert!(matches!(admission.admit(1_000, None), Err(PublishError::Full)));
        drop(small);
        let large = admission.admit(1_000, None).unwrap();
        assert!(matches!(admission.admit(1, None), Err(PublishError::Full)));
        drop(large);
        assert_eq!(taken(&admission), (0, 0));
    }

    #[tokio::test]
    async fn a_caller_has_no_more_than_is_free() {
        let admission = Admission::of(12, 1_200);
        let callers = [Arc::new(Held::default()), Arc::new(Held::default())];
        let [greedy, modest] = callers.each_ref().map(Some);
        let mut admitted: Vec<Admitted> = std::iter::from_fn(|| admission.admit(1, greedy).ok()).collect();
        assert_eq!(admitted.len(), 6, "half of the room");
        let deadline = Instant::now() + Duration::from_millis(200);
        assert!(admission.admit_of_bulk(1, || 0, deadline, greedy).now_or_never().is_none(), "its bulks wait");
        let of_modest: Vec<Admitted> = (0..2).map(|_| admission.admit(1, modest).unwrap()).collect();
        assert!(admission.admit(1, None).is_ok(), "and whose share is not counted has the rest");
        // What is given back is given back to the caller, too.
        let mut waiting = Box::pin(admission.admit_of_bulk(1, || 0, deadline, greedy));
        assert!((&mut waiting).now_or_never().is_none());
        admitted.truncate(3);
        assert!(waiting.await.is_ok());
        drop((admitted, of_modest));
        assert_eq!(taken(&admission), (0, 0));
        // A record of any size fits at some time.
        assert!(admission.admit(10_000, greedy).is_ok());
    }

    #[tokio::test]
    async fn a_bulk_waits_for_room_and_leaves_some_to_others() {
        let admission = Admission::of(16, 1_000);
        let deadline = Instant::now() + Duration::from_millis(200);
        let of_bulk = |in_flight: usize| admission.admit_of_bulk(1, move || in_flight, deadline, None);
        assert!(of_bulk(4).now_or_never().is_none(), "one bulk has a quarter");
        let mut admitted: Vec<Admitted> = (0..12).map(|_| of_bulk(0).now_or_never().unwrap().unwrap()).collect();
        let mut waiting = [Box::pin(of_bulk(0)), Box::pin(of_bulk(0))];
        assert!(waiting.iter_mut().all(|waits| waits.now_or_never().is_none()), "all bulks have three quarters");
        let single = admission.admit(1, None).unwrap();
        drop(single);
        assert!(waiting.iter_mut().all(|waits| waits.now_or_never().is_none()), "room that is not for bulks");
        admitted.truncate(10);
        for waits in waiting {
            admitted.push(waits.await.unwrap());
        }
        let late = pin!(of_bulk(0));
        assert!(matches!(late.await, Err(PublishError::Full)), "none until the deadline");
        drop(admitted);
        assert_eq!(taken(&admission), (0, 0));
    }
}
