//! How long documents of a kind are kept. The date of a document is the time of its record. What is older than the
//! retention is removed from the store, and what is older already when it is read is not stored: otherwise a record
//! that is read again, or replayed, could bring back an old state of a key whose newer one is gone. Pure.

use std::time::Duration;

use service::settings::parse_duration;

/// The longest time, in seconds, that a store takes: 68 years.
const LONGEST_SECONDS: u64 = i32::MAX as u64;

/// The time of a record that has none: nothing up to it is a date.
pub(crate) const NO_TIME_MS: i64 = 0;

/// Between two looks for old documents, if there were not many.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Looking for old documents, and removing them, takes at most one part of this many of the time.
const PARTS: u32 = 5;

/// How long documents are kept: whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retention(Duration);

impl Retention {
    /// The retention that a setting spells, such as `30d`.
    ///
    /// # Errors
    /// What it must be.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let time = parse_duration(text).filter(|time| time.subsec_nanos() == 0);
        let time = time.filter(|time| (1..=LONGEST_SECONDS).contains(&time.as_secs()));
        time.map(Self).ok_or_else(|| format!("must be whole seconds, 1s to {LONGEST_SECONDS}s, such as 30d or 12h"))
    }

    /// The retention that a kind's file has asked for, which is one that a store takes.
    pub(crate) fn of(time: Duration) -> Self {
        Self(time)
    }

    /// Whole seconds.
    pub(crate) fn time(self) -> Duration {
        self.0
    }

    /// Documents with an earlier date than this are beyond it, in ms since 1970.
    pub(crate) fn start_ms(self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.0.as_millis() as i64)
    }

    /// Whether a record of this time is beyond it. One without a time, which Kafka gives as 0 or less, never is.
    pub(crate) fn is_over(self, timestamp_ms: i64, now_ms: i64) -> bool {
        timestamp_ms > NO_TIME_MS && timestamp_ms < self.start_ms(now_ms)
    }

    /// The pause after a look that took this long. After a full batch there is probably more to remove.
    pub(crate) fn pause(self, took: Duration, was_full: bool) -> Duration {
        let usual = if was_full { Duration::ZERO } else { (self.0 / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE) };
        usual.max(took * (PARTS - 1))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_retention_is_whole_seconds() {
        let seconds = |text| Retention::parse(text).map(|retention| retention.time().as_secs());
        assert_eq!((seconds("30d"), seconds("12h"), seconds("1000ms")), (Ok(2_592_000), Ok(43_200), Ok(1)));
        for text in ["", "30", "0s", "1500ms", "100ms", "70000d", "-1d"] {
            let error = seconds(text).unwrap_err();
            assert!(error.starts_with("must be whole seconds, 1s to 2147483647s"), "{text}: {error}");
        }
    }

    #[test]
    fn a_full_batch_is_followed_by_the_next_one_and_slow_looks_are_rare() {
        let retention = Retention::parse("30d").unwrap();
        let second = Duration::from_secs(1);
        assert_eq!(retention.pause(second / 100, true), second / 25);
        assert_eq!(retention.pause(second / 100, false), 60 * second);
        assert_eq!(retention.pause(30 * second, false), 120 * second);
        assert_eq!(Retention::parse("5s").unwrap().pause(Duration::ZERO, false), second);
    }

    #[test]
    fn a_record_without_a_time_is_never_beyond_it() {
        let is_over = |timestamp_ms| Retention::parse("1h").unwrap().is_over(timestamp_ms, 1_700_000_000_000);
        assert_eq!([i64::MIN, -1, 0, 1].map(is_over), [false, false, false, true]);
    }

    proptest! {
        #[test]
        fn what_is_beyond_it_stays_beyond_it(seconds in 1..=LONGEST_SECONDS, timestamp_ms: i64, now_ms: i64) {
            let retention = Retention(Duration::from_secs(seconds));
            let is_over = retention.is_over(timestamp_ms, now_ms);
            prop_assert!(!is_over || retention.is_over(timestamp_ms, now_ms.saturating_add(1)));
            let age_ms = i128::from(now_ms) - i128::from(timestamp_ms);
            let is_exact = i128::from(now_ms) - i128::from(seconds) * 1000 >= i128::from(i64::MIN);
            let is_old = timestamp_ms > 0 && age_ms > i128::from(seconds) * 1000;
            prop_assert!(!is_exact || is_over == is_old);
        }
    }
}
