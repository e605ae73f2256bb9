use proptest::prelude::*;

use super::*;
use crate::load::statistics::tests::noise;

const LIMITS: GrowthLimits =
    GrowthLimits { megabytes_per_hour: 5.0, percent_per_hour: 10.0, warm_up_share: 0.2, warm_up_seconds: 0.0 };

/// A load of this many seconds, in which the producer's memory in MB and the p99 in ms vary around these functions.
fn load(seed: u64, seconds: u32, megabytes: impl Fn(f64) -> f64, p99_ms: impl Fn(f64) -> f64) -> Vec<Point> {
    let (memory, latency) = (noise(seed, 0.9, 0.1), noise(!seed, 0.5, 0.5));
    let points = (1..=seconds).zip(memory).zip(latency).map(|((second, memory), latency)| {
        let hours = f64::from(second) / 3_600.0;
        Point {
            seconds: f64::from(second),
            length_seconds: 1.0,
            producer_memory_bytes: Some(((megabytes(hours) + memory) * 1e6) as u64),
            accepted_p99_ms: Some((p99_ms(hours) + latency).max(0.1)),
            ..Point::default()
        }
    });
    points.collect()
}

fn judgements(points: &[Point]) -> Vec<GrowthJudgement> {
    let drift = Drift::of(points, points.last().map_or(0.0, |point| point.seconds), LIMITS);
    drift.growths.iter().map(|growth| growth.judgement).collect()
}

#[test]
fn what_was_not_seen_is_not_judged() {
    assert_eq!(judgements(&[]), []);
    let drift = Drift::of(&load(1, 3_600, |_| 20.0, |_| 8.0), 3_600.0, LIMITS);
    assert_eq!((drift.warm_up_seconds, drift.window_seconds), (720.0, 72.0));
    let limits = GrowthLimits { warm_up_seconds: 1_600.0, ..LIMITS };
    assert_eq!(Drift::of(&load(1, 3_600, |_| 20.0, |_| 8.0), 3_600.0, limits).warm_up_seconds, 1_600.0);
    let measures: Vec<&str> = drift.growths.iter().map(|growth| growth.measure).collect();
    assert_eq!(measures, ["producer memory", "p99"], "the consumer did not report its memory");
}

#[test]
fn a_short_soak_is_too_short_to_tell() {
    assert_eq!(judgements(&load(1, 30, |_| 20.0, |_| 8.0)), [GrowthJudgement::TooShortToTell; 2]);
    assert_eq!(judgements(&load(1, 120, |_| 20.0, |_| 8.0))[1], GrowthJudgement::TooShortToTell);
    let drift = Drift::of(&load(1, 30, |_| 20.0, |_| 8.0), 30.0, LIMITS);
    assert_eq!((drift.verdicts().len(), drift.unclear()), (0, vec!["producer memory", "p99"]));
    assert!(drift.lines()[1].ends_with("too short to tell"), "{:?}", drift.lines());
}

#[test]
fn verdicts_and_lines_name_the_limit() {
    let drift = Drift::of(&load(1, 3_600, |hours| 20.0 + 30.0 * hours, |_| 8.0), 3_600.0, LIMITS);
    let [memory, latency] = drift.verdicts().try_into().unwrap();
    assert_eq!((&memory.threshold[..], memory.holds), ("producer memory growth<=5MB/h", false));
    assert_eq!((&latency.threshold[..], latency.holds), ("p99 growth<=10%/h", true));
    assert_eq!(drift.unclear(), [""; 0]);
    let line = &drift.lines()[1];
    assert!(line.contains("26.3 MB") && line.contains("MB/h") && line.ends_with("at most 5 MB/h     grows"), "{line}");
}

#[test]
fn growth_that_slows_down_is_not_yet_a_leak() {
    // All growth is in the first half after the warm-up.
    let points = load(1, 3_600, |hours| 20.0 + 60.0 * hours.min(0.55), |_| 8.0);
    assert_ne!(judgements(&points)[0], GrowthJudgement::Above);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn flat_and_noisy_passes(seed: u64, level in 5.0_f64..500.0) {
        let judged = judgements(&load(seed, 7_200, |_| level, |_| 8.0));
        prop_assert_eq!(judged, [GrowthJudgement::Below; 2]);
    }

    #[test]
    fn a_leak_is_found(seed: u64, leak in 8.0_f64..500.0, growth in 20.0_f64..200.0) {
        let latency = |hours: f64| 8.0 * (1.0 + growth / 100.0 * hours);
        let points = load(seed, 7_200, |hours| 20.0 + leak * hours, latency);
        prop_assert_eq!(judgements(&points)[0], GrowthJudgement::Above);
        prop_assert_ne!(judgements(&points)[1], GrowthJudgement::Below);
        let drift = Drift::of(&points, 7_200.0, LIMITS);
        let found = drift.growths[0].per_hour.unwrap();
        prop_assert!((found - leak).abs() < 1.0, "{found} instead of {leak}");
    }

    #[test]
    fn growth_while_it_warms_up_passes(seed: u64, growth in 10.0_f64..500.0) {
        let warming = |hours: f64| growth * (hours / 0.4).min(1.0);
        let points = load(seed, 7_200, |hours| 20.0 + warming(hours), |hours| 8.0 + warming(hours));
        prop_assert_eq!(judgements(&points)[0], GrowthJudgement::Below);
        prop_assert_ne!(judgements(&points)[1], GrowthJudgement::Above);
    }
}
