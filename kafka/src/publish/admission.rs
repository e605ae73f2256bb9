//! How many records may await acknowledgement, and how many bytes of them. This bounds every queue of a publisher, and
//! says at once when there is no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use service::Registry;

use super::config::PublishConfig;
use super::error::PublishError;
use super::metrics::{IN_FLIGHT, IN_FLIGHT_BYTES, IN_FLIGHT_BYTES_LIMIT, IN_FLIGHT_LIMIT};

/// Admits records to a publisher.
pub(super) struct Admission(Arc<InFlight>);

/// Records that are admitted. It is held until their fate is known, even if nobody waits for it anymore, and gives
/// their room back when it is dropped.
pub(super) struct Admitted {
    in_flight: Arc<InFlight>,
    records: usize,
    bytes: usize,
}

/// What is admitted, and the limits. Nobody waits for room, so counters are enough.
struct InFlight {
    records: AtomicUsize,
    bytes: AtomicUsize,
    max_records: usize,
    max_bytes: usize,
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
        let (records, bytes) = Default::default();
        Self(Arc::new(InFlight { records, bytes, max_records, max_bytes }))
    }

    /// Admits this many records with this many bytes, or none. What has more bytes than there is room for is admitted
    /// while nothing else is: so a record of any size can be sent at some time.
    ///
    /// # Errors
    /// Full.
    pub(super) fn admit(&self, records: usize, bytes: usize) -> Result<Admitted, PublishError> {
        let in_flight = &self.0;
        let bytes = bytes.min(in_flight.max_bytes);
        take(&in_flight.records, records, in_flight.max_records)?;
        // From here on the records are given back, whatever follows.
        let mut admitted = Admitted { in_flight: Arc::clone(in_flight), records, bytes: 0 };
        take(&in_flight.bytes, bytes, in_flight.max_bytes)?;
        admitted.bytes = bytes;
        Ok(admitted)
    }

    /// Records that are admitted.
    pub(super) fn in_flight(&self) -> usize {
        self.0.records.load(Ordering::Relaxed)
    }

    /// The most records that can be admitted.
    pub(super) fn max_in_flight(&self) -> usize {
        self.0.max_records
    }

    /// The most bytes that can be admitted, one large record or bulk aside.
    pub(super) fn max_in_flight_bytes(&self) -> usize {
        self.0.max_bytes
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.in_flight.records.fetch_sub(self.records, Ordering::Relaxed);
        self.in_flight.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Adds to what is taken, unless it would be more than the limit.
fn take(taken: &AtomicUsize, more: usize, max: usize) -> Result<(), PublishError> {
    let all = |taken: usize| taken.checked_add(more).filter(|all| *all <= max);
    taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, all).map(drop).map_err(|_| PublishError::Full)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(admission: &Admission) -> (usize, usize) {
        (admission.in_flight(), admission.0.bytes.load(Ordering::Relaxed))
    }

    #[test]
    fn records_and_bytes_are_bounded_and_given_back() {
        let admission = Admission::of(3, 100);
        let first = admission.admit(1, 60).unwrap();
        assert!(matches!(admission.admit(1, 41), Err(PublishError::Full)), "too many bytes");
        assert_eq!(taken(&admission), (1, 60), "what is not admitted takes nothing");
        let second = admission.admit(2, 40).unwrap();
        assert!(matches!(admission.admit(1, 0), Err(PublishError::Full)), "too many records");
        drop(first);
        assert_eq!(taken(&admission), (2, 40));
        drop(second);
        assert_eq!(taken(&admission), (0, 0));
        assert!(matches!(admission.admit(usize::MAX, 0), Err(PublishError::Full)));
    }

    #[test]
    fn what_is_larger_than_the_room_is_admitted_alone() {
        let admission = Admission::of(3, 100);
        let small = admission.admit(1, 1).unwrap();
        assert!(matches!(admission.admit(1, 1_000), Err(PublishError::Full)));
        drop(small);
        let large = admission.admit(1, 1_000).unwrap();
        assert!(matches!(admission.admit(1, 1), Err(PublishError::Full)));
        drop(large);
        assert_eq!(taken(&admission), (0, 0));
    }
}
