//! Quantiles of times where some were never measured, because what was waited for never happened: those count as
//! longer than every time that was.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The time within which this share of all was done, of those in the histogram (in microseconds) and `never` more that
/// were not done at all. `None` if it is longer than every measured time, or if there is nothing.
pub(crate) fn within(times_us: &Histogram<u64>, never: u64, share: f64) -> Option<Duration> {
    let (done, all) = (times_us.len(), times_us.len() + never);
    let rank = ((share * all as f64).ceil() as u64).clamp(1, all.max(1));
    if rank > done {
        return None;
    }
    // Half a rank less, because the histogram rounds up.
    Some(Duration::from_micros(times_us.value_at_quantile((rank as f64 - 0.5) / done as f64)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::sparse;

    fn histogram(values: &[u64]) -> Histogram<u64> {
        let mut histogram = sparse::empty();
        values.iter().for_each(|value| histogram.saturating_record(*value));
        histogram
    }

    #[test]
    fn of_nothing_there_is_no_quantile() {
        assert_eq!(within(&histogram(&[]), 0, 0.5), None);
        assert_eq!(within(&histogram(&[]), 7, 0.0), None);
    }

    proptest! {
        /// The histogram knows values below 2,048 exactly.
        #[test]
        fn what_was_never_done_is_as_if_it_took_infinitely_long(
            mut times in proptest::collection::vec(1_u64..2_000, 0..200), never in 0_usize..200, share in 0.0_f64..=1.0,
        ) {
            let histogram = histogram(&times);
            times.sort_unstable();
            let all: Vec<Option<u64>> =
                times.into_iter().map(Some).chain(std::iter::repeat_n(None, never)).collect();
            prop_assume!(!all.is_empty());
            let rank = ((share * all.len() as f64).ceil() as usize).max(1);
            let expected = all[rank - 1].map(Duration::from_micros);
            prop_assert_eq!(within(&histogram, never as u64, share), expected);
        }

        #[test]
        fn one_more_that_was_never_done_shortens_nothing(
            times in proptest::collection::vec(1_u64..1_000_000, 0..200), never in 0_u64..200, share in 0.0_f64..=1.0,
        ) {
            let histogram = histogram(&times);
            let longer = |time: Option<Duration>| time.unwrap_or(Duration::MAX);
            let (before, after) = (within(&histogram, never, share), within(&histogram, never + 1, share));
            prop_assert!(longer(after) >= longer(before));
        }
    }
}
