//! Fewer points for a plot: a picture is some hundred pixels wide, but a run may last for hours.

use super::Point;

/// At most this many points, each made from the same number of neighbours: rates are averaged, counts are added, and
/// for latencies, lag, memory and CPU the worst value is kept, so that no peak is lost.
pub(crate) fn thin(points: &[Point], at_most: usize) -> Vec<Point> {
    let of_each = points.len().div_ceil(at_most.max(1)).max(1);
    points.chunks(of_each).map(merged).collect()
}

fn merged(points: &[Point]) -> Point {
    let mut merged = Point::default();
    for point in points {
        merged = and(merged, point);
    }
    merged
}

fn and(before: Point, next: &Point) -> Point {
    let length_seconds = before.length_seconds + next.length_seconds;
    let mean = |rate: fn(&Point) -> f64| {
        let events = rate(&before) * before.length_seconds + rate(next) * next.length_seconds;
        if length_seconds > 0.0 { events / length_seconds } else { 0.0 }
    };
    let highest = |value: fn(&Point) -> Option<f64>| match (value(&before), value(next)) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    };
    Point {
        seconds: next.seconds,
        length_seconds,
        sent_per_second: mean(|point| point.sent_per_second),
        accepted_per_second: mean(|point| point.accepted_per_second),
        rejected: before.rejected + next.rejected,
        unavailable: before.unavailable + next.unavailable,
        other_status: before.other_status + next.other_status,
        cut_off: before.cut_off + next.cut_off,
        timed_out: before.timed_out + next.timed_out,
        not_connected: before.not_connected + next.not_connected,
        accepted_p50_ms: highest(|point| point.accepted_p50_ms),
        accepted_p95_ms: highest(|point| point.accepted_p95_ms),
        accepted_p99_ms: highest(|point| point.accepted_p99_ms),
        accepted_max_ms: highest(|point| point.accepted_max_ms),
        p50_ms: highest(|point| point.p50_ms),
        p95_ms: highest(|point| point.p95_ms),
        p99_ms: highest(|point| point.p99_ms),
        max_ms: highest(|point| point.max_ms),
        lag_records: before.lag_records.max(next.lag_records),
        stored_posts: before.stored_posts.max(next.stored_posts),
        producer_cpu_cores: highest(|point| point.producer_cpu_cores),
        producer_memory_bytes: before.producer_memory_bytes.max(next.producer_memory_bytes),
        consumer_cpu_cores: highest(|point| point.consumer_cpu_cores),
        consumer_memory_bytes: before.consumer_memory_bytes.max(next.consumer_memory_bytes),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn few_points_stay_as_they_are() {
        let points = [Point { seconds: 1.0, length_seconds: 1.0, accepted_per_second: 9.0, ..Point::default() }; 3];
        assert_eq!(thin(&points, 3), points);
        assert_eq!(thin(&[], 3), []);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            counts in proptest::collection::vec((0_u64..1_000, 0.1_f64..2.0), 1..400),
            at_most in 1_usize..100,
        ) {
            let points: Vec<Point> = counts.iter().map(|(count, length)| Point {
                length_seconds: *length,
                accepted_per_second: *count as f64 / length,
                timed_out: *count,
                max_ms: Some(*count as f64),
                lag_records: Some(*count),
                ..Point::default()
            }).collect();
            let thinned = thin(&points, at_most);
            prop_assert!(thinned.len() <= at_most);
            let accepted = |points: &[Point]| -> f64 {
                points.iter().map(|point| point.accepted_per_second * point.length_seconds).sum()
            };
            prop_assert!((accepted(&points) - accepted(&thinned)).abs() < 1e-3);
            let failed = |points: &[Point]| points.iter().map(Point::failed).sum::<u64>();
            prop_assert_eq!(failed(&points), failed(&thinned));
            let worst = |points: &[Point]| points.iter().filter_map(|point| point.max_ms).fold(0.0, f64::max);
            prop_assert_eq!(worst(&points), worst(&thinned));
            let largest_lag = |points: &[Point]| points.iter().map(|point| point.lag_records).max();
            prop_assert_eq!(largest_lag(&points), largest_lag(&thinned));
        }
    }
}
