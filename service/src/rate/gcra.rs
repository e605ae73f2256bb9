//! When a record may come, by the generic cell rate algorithm: one number for each caller, the time at which its quota
//! is whole again. Pure: times are nanoseconds since any start.
//!
//! Who has quota left may send, and all that he sends counts. A bulk with more records than are left is let in, and the
//! caller is in debt until they are paid: it could not be split, and where it is larger than the quota it would never
//! be let in. So in the long run nobody sends more than his rate, and at once no more than his quota and one bulk.

use crate::rate::quota::Rate;

/// The time at which the quota of a caller is whole. In the past it is.
pub(super) type Whole = u64;

impl Rate {
    /// The time that a record takes of the quota.
    fn interval(self) -> u64 {
        (self.period_seconds() * 1_000_000_000).div_ceil(self.records())
    }

    /// How far ahead the time at which the quota is whole may be for another record.
    fn reach(self) -> u64 {
        (self.records() - 1) * self.interval()
    }

    /// Takes this many records of the quota, if anything is left of it.
    ///
    /// # Errors
    /// The nanoseconds until something is.
    pub(super) fn take(self, whole: Whole, now: u64, records: u64) -> Result<Whole, u64> {
        self.take_within(whole, now, records, self.reach())
    }

    /// Takes what a request has beyond its first record, which was taken: only if others have not used up the quota
    /// meanwhile.
    ///
    /// # Errors
    /// The nanoseconds until something is left.
    pub(super) fn take_rest(self, whole: Whole, now: u64, records: u64) -> Result<Whole, u64> {
        self.take_within(whole, now, records, self.reach() + self.interval())
    }

    fn take_within(self, whole: Whole, now: u64, records: u64, reach: u64) -> Result<Whole, u64> {
        match whole.saturating_sub(now.saturating_add(reach)) {
            0 => Ok(whole.max(now).saturating_add(records.saturating_mul(self.interval()))),
            wait => Err(wait),
        }
    }

    /// How many records are left, and the nanoseconds until the quota is whole.
    pub(super) fn left(self, whole: Whole, now: u64) -> (u64, u64) {
        let used = whole.saturating_sub(now);
        (self.records().saturating_sub(used.div_ceil(self.interval())), used)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rates() -> impl Strategy<Value = Rate> {
        (1_u32..=1_000_000, 0_usize..3)
            .prop_map(|(records, unit)| format!("{records}/{}", ["s", "m", "h"][unit]).parse().unwrap())
    }

    #[test]
    fn a_quota_may_come_at_once_and_then_one_at_a_time() {
        let rate: Rate = "3/s".parse().unwrap();
        let (mut whole, mut taken) = (0, 0);
        while let Ok(next) = rate.take(whole, 1_000, 1) {
            (whole, taken) = (next, taken + 1);
        }
        assert_eq!((taken, rate.left(whole, 1_000).0), (3, 0));
        assert_eq!(rate.take(whole, 1_000, 1), Err(333_333_334));
        assert!(rate.take(whole, 1_000 + 333_333_334, 1).is_ok());
        assert_eq!(rate.left(whole, 1_000 + 333_333_334).0, 1);
    }

    #[test]
    fn a_bulk_beyond_what_is_left_is_let_in_and_paid_for() {
        let rate: Rate = "10/s".parse().unwrap();
        let whole = rate.take(0, 0, 1).and_then(|whole| rate.take_rest(whole, 0, 29)).unwrap();
        assert_eq!(rate.left(whole, 0), (0, 3_000_000_000));
        assert_eq!(rate.take(whole, 0, 1), Err(2_100_000_000));
        // Of two at the same time, the second finds the debt of the first.
        let first = rate.take(0, 0, 1).unwrap();
        let second = rate.take(first, 0, 1).unwrap();
        let whole = rate.take_rest(second, 0, 29).unwrap();
        assert!(rate.take_rest(whole, 0, 29).is_err());
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_his_rate_his_quota_and_one_bulk(
            rate in rates(),
            requests in proptest::collection::vec((0_u64..5_000_000_000, 1_u64..500), 1..200),
        ) {
            let (mut whole, mut now, mut taken, mut largest) = (0, 0, 0_u128, 0);
            for (pause, records) in requests {
                now += pause;
                let admitted = rate.take(whole, now, 1);
                if let Ok(next) = admitted.and_then(|next| rate.take_rest(next, now, records - 1)) {
                    whole = next;
                    taken += u128::from(records);
                    largest = largest.max(records);
                }
                let period = u128::from(rate.period_seconds()) * 1_000_000_000;
                let by_rate = u128::from(now) * u128::from(rate.records()) / period;
                prop_assert!(taken <= by_rate + u128::from(rate.records() + largest) + 1, "{taken} of {by_rate}");
            }
        }

        #[test]
        fn who_keeps_to_his_rate_is_never_limited(rate in rates(), start in 0_u64..1 << 50) {
            let (mut whole, mut now) = (0, start);
            for _ in 0..200 {
                whole = rate.take(whole, now, 1).unwrap();
                now += rate.interval();
            }
        }

        #[test]
        fn the_time_to_wait_is_exact(rate in rates(), now in 0_u64..1 << 50, records in 1_u64..10_000) {
            let whole = rate.take(0, now, records).unwrap();
            let mut whole = whole;
            while let Ok(next) = rate.take(whole, now, records) {
                whole = next;
            }
            let wait = rate.take(whole, now, 1).unwrap_err();
            prop_assert_eq!(rate.take(whole, now + wait - 1, 1), Err(1));
            prop_assert!(rate.take(whole, now + wait, 1).is_ok());
            prop_assert_eq!(rate.left(whole, now + wait).0, 1);
        }
    }
}
