//! Times of the database: milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// The clock of this machine, which is that of an SQLite file.
pub(super) fn now() -> i64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in milliseconds; one of more than a hundred million years is cut.
pub(super) fn millis(duration: Duration) -> i64 {
    // Far from the limit, so that sums with times do not overflow.
    const LONGEST: i64 = i64::MAX / 4;
    i64::try_from(duration.as_millis()).map_or(LONGEST, |millis| millis.min(LONGEST))
}

/// How long ago a time is; none for one in the future.
pub(super) fn since(now: i64, time: i64) -> Duration {
    Duration::from_millis(u64::try_from(now - time).unwrap_or_default())
}

/// The smallest UUID of version 7 of this time: one that was made before it is smaller.
pub(super) fn first_id(time: i64) -> Uuid {
    // The time is the first 48 of 128 bits.
    const LAST: i64 = (1 << 48) - 1;
    Uuid::from_u128(u128::from(time.clamp(0, LAST).unsigned_abs()) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_duration_can_be_added_to_any_time() {
        assert_eq!(millis(Duration::from_micros(1_999)), 1);
        assert!(now().checked_add(millis(Duration::MAX)).is_some());
        assert_eq!(since(5, 3), Duration::from_millis(2));
        assert_eq!(since(3, 5), Duration::ZERO);
    }

    #[test]
    fn ids_sort_by_time() {
        let before = now();
        let id = Uuid::now_v7();
        assert!(first_id(before) < id && id < first_id(now() + 1));
        assert_eq!(first_id(-5), Uuid::nil());
    }
}
