//! The series of several shares as one: by the clock, in seconds from the first share's start. A stretch counts in the
//! second that contains its middle, so nothing is lost or counted twice, and nothing is off by more than half a second.

use std::collections::BTreeMap;

use crate::load::generator::latencies::LatencyHistograms;
use crate::load::sparse;
use crate::report::series::{Point, Stretch};

/// What happened in one second.
struct MergedSecond {
    sum: Point,
    begun: u64,
    accepted: u64,
    latencies: LatencyHistograms,
}

/// The points of all shares together: each share's stretches, with the number of seconds from the first share's start
/// to its own.
pub(crate) fn merge<'a>(shares: impl IntoIterator<Item = (f64, &'a [Stretch])>) -> Vec<Point> {
    let mut seconds: BTreeMap<u64, MergedSecond> = BTreeMap::new();
    for (later, stretches) in shares {
        for stretch in stretches {
            let middle = later + stretch.point.seconds - stretch.point.length_seconds / 2.0;
            seconds.entry(middle.max(0.0) as u64).or_insert_with(MergedSecond::empty).add(stretch);
        }
    }
    seconds.into_iter().map(|(second, all)| all.point(second as f64 + 1.0)).collect()
}

impl MergedSecond {
    fn empty() -> Self {
        Self { sum: Point::default(), begun: 0, accepted: 0, latencies: LatencyHistograms::default() }
    }

    /// Counts are added up; of what each share saw of the same pipeline, the largest value counts.
    fn add(&mut self, stretch: &Stretch) {
        self.begun += stretch.begun;
        self.accepted += stretch.accepted;
        let LatencyHistograms { accepted_us, all_us } = &mut self.latencies;
        sparse::record(accepted_us, stretch.accepted_latencies_us.iter().copied());
        sparse::record(all_us, stretch.latencies_us.iter().copied());
        let (sum, more) = (&mut self.sum, &stretch.point);
        sum.rejected += more.rejected;
        sum.unavailable += more.unavailable;
        sum.other_status += more.other_status;
        sum.cut_off += more.cut_off;
        sum.timed_out += more.timed_out;
        sum.not_connected += more.not_connected;
        sum.lag_records = sum.lag_records.max(more.lag_records);
        sum.stored_posts = sum.stored_posts.max(more.stored_posts);
        sum.producer_cpu_cores = largest(sum.producer_cpu_cores, more.producer_cpu_cores);
        sum.producer_memory_bytes = sum.producer_memory_bytes.max(more.producer_memory_bytes);
    }

    fn point(self, end: f64) -> Point {
        let point = Point {
            seconds: end,
            length_seconds: 1.0,
            sent_per_second: self.begun as f64,
            accepted_per_second: self.accepted as f64,
            ..self.sum
        };
        point.with_latencies(&self.latencies)
    }
}

fn largest(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stretch(seconds: f64, accepted: u64) -> Stretch {
        let point = Point { seconds, length_seconds: 1.0, rejected: 1, ..Point::default() };
        let accepted_latencies_us = vec![(accepted + 1, accepted)];
        let latencies_us = vec![(accepted + 1, accepted), (900, 1)];
        Stretch { point, begun: accepted + 1, accepted, accepted_latencies_us, latencies_us }
    }

    #[test]
    fn what_happened_at_the_same_time_is_one_point() {
        let (one, other) = ([stretch(1.0, 10), stretch(2.0, 20)], [stretch(1.0, 5), stretch(2.0, 7)]);
        let points = merge([(0.0, &one[..]), (1.1, &other[..])]);
        let rates: Vec<_> =
            points.iter().map(|point| (point.seconds, point.accepted_per_second, point.rejected)).collect();
        assert_eq!(rates, [(1.0, 10.0, 1), (2.0, 25.0, 2), (3.0, 7.0, 1)]);
        assert_eq!((points[1].accepted_max_ms, points[1].max_ms), (Some(0.021), Some(0.9)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_counts_twice(
            shares in proptest::collection::vec((0.0_f64..5.0, proptest::collection::vec(0_u64..100, 0..20)), 1..5),
        ) {
            let shares: Vec<(f64, Vec<Stretch>)> = shares.into_iter().map(|(later, counts)| {
                let stretches = (1_u32..).zip(counts).map(|(second, count)| stretch(f64::from(second), count));
                (later, stretches.collect())
            }).collect();
            let points = merge(shares.iter().map(|(later, stretches)| (*later, &stretches[..])));
            let all = || shares.iter().flat_map(|(_, stretches)| stretches);
            let accepted: f64 = points.iter().map(|point| point.accepted_per_second * point.length_seconds).sum();
            prop_assert_eq!(accepted as u64, all().map(|stretch| stretch.accepted).sum::<u64>());
            prop_assert_eq!(points.iter().map(|point| point.rejected).sum::<u64>(), all().count() as u64);
            prop_assert!(points.is_sorted_by(|one, next| one.seconds < next.seconds));
        }
    }
}
