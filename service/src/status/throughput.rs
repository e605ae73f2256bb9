//! How much happened in each of the last sixty seconds. Pure: the time and the counter's total are arguments.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many seconds are remembered.
pub(super) const SECONDS: usize = 60;

/// How many seconds make "now": otherwise what comes in batches, such as flushes every five seconds, would jump.
pub(super) const NOW_SECONDS: usize = 5;

/// Events per second, the latest last.
#[derive(Debug, Clone)]
pub(super) struct Throughput {
    rates: VecDeque<f64>,
    /// The time and the total up to which the seconds are filled.
    filled: (Instant, u64),
}

impl Throughput {
    /// Starts at this time and total, with nothing known about earlier seconds.
    pub(super) fn new(now: Instant, total: u64) -> Self {
        Self { rates: VecDeque::with_capacity(SECONDS), filled: (now, total) }
    }

    /// Notes the counter's total, and spreads its growth over the seconds since the last sample: several if the process
    /// was frozen, none if this sample comes too early.
    pub(super) fn sample(&mut self, now: Instant, total: u64) {
        let (until, before) = self.filled;
        let elapsed = now.saturating_duration_since(until) + Duration::from_millis(500);
        let seconds = elapsed.as_secs();
        if seconds == 0 {
            return;
        }
        let rate = total.saturating_sub(before) as f64 / seconds as f64;
        for _ in 0..seconds.min(SECONDS as u64) {
            if self.rates.len() == SECONDS {
                self.rates.pop_front();
            }
            self.rates.push_back(rate);
        }
        self.filled = (now, total);
    }

    /// The events of each known second.
    pub(super) fn rates(&self) -> Vec<f64> {
        self.rates.iter().copied().collect()
    }
}

/// The mean of the last [`NOW_SECONDS`].
pub(super) fn now(rates: &[f64]) -> f64 {
    mean(&rates[rates.len().saturating_sub(NOW_SECONDS)..])
}

/// The mean of all rates; 0 if there are none.
pub(super) fn mean(rates: &[f64]) -> f64 {
    // Not `sum`, which is -0 if there are none.
    rates.iter().fold(0.0, |sum, rate| sum + rate) / rates.len().max(1) as f64
}

/// The highest rate; 0 if there are none.
pub(super) fn highest(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_second_has_its_own_count() {
        let start = Instant::now();
        let mut throughput = Throughput::new(start, 100);
        assert!(throughput.rates().is_empty());
        for (millis, total) in [(1_000, 105), (2_001, 105), (2_999, 112), (3_100, 119), (6_000, 142)] {
            throughput.sample(start + Duration::from_millis(millis), total);
        }
        let rates = throughput.rates();
        assert_eq!(rates, [5.0, 0.0, 7.0, 10.0, 10.0, 10.0], "a sample too early counts with the next one");
        assert_eq!((now(&rates), mean(&rates), highest(&rates)), (7.4, 7.0, 10.0));
        assert_eq!((now(&[]), mean(&[]), highest(&[])), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_frozen_process_remembers_no_more_than_its_minute() {
        let start = Instant::now();
        let mut throughput = Throughput::new(start, 0);
        throughput.sample(start + Duration::from_secs(1), 1_000);
        throughput.sample(start + Duration::from_secs(201), 3_000);
        assert_eq!(throughput.rates(), [10.0; SECONDS]);
    }

    proptest! {
        #[test]
        fn within_the_minute_nothing_is_lost_or_counted_twice(
            samples in prop::collection::vec((0_u64..2_500, 0_u64..1_000), 1..20)
        ) {
            let (start, mut millis, mut total) = (Instant::now(), 0, 0);
            let mut throughput = Throughput::new(start, 0);
            for (pause, count) in samples {
                millis += pause;
                total += count;
                throughput.sample(start + Duration::from_millis(millis), total);
                prop_assert!(throughput.rates().len() <= SECONDS);
            }
            // Closes the second that an early sample left open.
            throughput.sample(start + Duration::from_millis(millis + 1_000), total);
            prop_assert!((throughput.rates().iter().sum::<f64>() - total as f64).abs() < 1e-6);
        }
    }
}
