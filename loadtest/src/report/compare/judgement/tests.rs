//! When a difference is a verdict, when a hint, and when nothing.

use proptest::prelude::*;

use super::*;
use crate::load::statistics::tests::noise;
use crate::report::compare::read::tests::run;

/// A run whose seconds vary by a tenth around these values.
fn side(seed: u64, accepted_per_second: f64, p99_ms: f64, seconds: u32) -> Side {
    let mut run = run();
    run.series.clear();
    let (mut rate, mut latency) = (noise(seed, 0.3, 0.1), noise(!seed, 0.3, 0.1));
    let varied = |level: f64, of: &mut dyn Iterator<Item = f64>| level * (1.0 + of.next().unwrap_or_default());
    for second in 1..=seconds {
        run.series.push(Point {
            seconds: f64::from(second),
            length_seconds: 1.0,
            accepted_per_second: varied(accepted_per_second, &mut rate),
            accepted_p99_ms: Some(varied(p99_ms, &mut latency)),
            ..Point::default()
        });
    }
    run.load_seconds = f64::from(seconds);
    Side { runs: vec![run] }
}

fn verdict(comparison: &Comparison, name: &str) -> ChangeVerdict {
    comparison.figures.iter().find(|compared| compared.name == name).unwrap().verdict
}

/// What looks worse by more than the tolerance.
fn hints(comparison: &Comparison) -> Vec<&'static str> {
    let worse = comparison.figures.iter().filter(|compared| compared.verdict == ChangeVerdict::Regression);
    worse.map(|compared| compared.name).collect()
}

#[test]
fn a_verdict_needs_the_whole_interval() {
    let on = |low, high| {
        ChangeVerdict::on(RatioChange { estimate: f64::midpoint(low, high), low, high }, Better::Less, 0.05)
    };
    assert_eq!(on(0.06, 0.20), ChangeVerdict::Regression);
    assert_eq!(on(0.01, 0.20), ChangeVerdict::Worse);
    assert_eq!(on(0.01, 0.04), ChangeVerdict::SlightlyWorse);
    assert_eq!(on(-0.01, 0.20), ChangeVerdict::NoDifference);
    assert_eq!(on(-0.20, -0.01), ChangeVerdict::Better);
    let less = RatioChange { estimate: -0.1, low: -0.2, high: -0.06 };
    assert_eq!(ChangeVerdict::on(less, Better::More, 0.05), ChangeVerdict::Regression);
}

#[test]
fn a_run_that_is_too_short_is_not_judged() {
    let comparison = Comparison::of(&side(1, 100.0, 5.0, 9), &side(2, 100.0, 50.0, 60), 0.05);
    assert_eq!(verdict(&comparison, "p99"), ChangeVerdict::NotJudged);
    assert_eq!(verdict(&comparison, "p99.9"), ChangeVerdict::NotJudged);
}

#[test]
fn several_runs_are_compared_as_runs() {
    let side = |p999s: &[f64]| {
        let runs = p999s.iter().map(|p999| {
            let mut run = run();
            run.accepted_latency_ms.as_mut().unwrap().p999 = Some(*p999);
            run
        });
        Side { runs: runs.collect() }
    };
    let comparison = Comparison::of(&side(&[20.0, 21.0, 19.0]), &side(&[40.0, 41.0, 39.0]), 0.05);
    assert_eq!(verdict(&comparison, "p99.9"), ChangeVerdict::Regression);
    assert_eq!(comparison.regressions(), ["p99.9"]);
    let comparison = Comparison::of(&side(&[20.0, 21.0, 19.0]), &side(&[40.0, 11.0, 21.0]), 0.05);
    assert_eq!(verdict(&comparison, "p99.9"), ChangeVerdict::NoDifference);
}

#[test]
fn one_missing_or_changed_post_is_a_regression_also_of_single_runs() {
    let side = |missing, changed| Side { runs: vec![Run { missing, changed, ..run() }] };
    let of = |base: [Option<u64>; 2], with: [Option<u64>; 2]| {
        Comparison::of(&side(base[0], base[1]), &side(with[0], with[1]), 9.0).more_findings()
    };
    assert_eq!(of([Some(0), Some(0)], [Some(1), Some(0)]), ["missing"]);
    assert_eq!(of([Some(0), Some(0)], [Some(0), Some(1)]), ["changed"]);
    assert_eq!(of([Some(1), Some(2)], [Some(0), Some(2)]), [""; 0]);
    assert_eq!(of([Some(1), None], [None, Some(3)]), [""; 0], "an earlier version does not know what was changed");
}

#[test]
fn a_single_run_on_one_side_gives_hints_only() {
    let (one, other) = (side(1, 100.0, 5.0, 60), side(2, 20.0, 50.0, 60));
    let several = Side { runs: [other.runs.clone(), other.runs.clone()].concat() };
    for with in [&other, &several] {
        let comparison = Comparison::of(&one, with, 0.05);
        assert_eq!((hints(&comparison), comparison.regressions().len()), (vec!["accepted", "p99"], 0));
    }
}

#[test]
fn the_warm_up_of_a_run_is_in_no_stretch() {
    let mut side = side(1, 100.0, 5.0, 60);
    side.runs[0].series[..30].iter_mut().for_each(|point| point.accepted_p99_ms = Some(500.0));
    let p99 = MEASURES.iter().find(|measure| measure.name == "p99").and_then(|measure| measure.of_stretch).unwrap();
    assert_eq!(stretches(&side, p99).iter().filter(|p99| **p99 == 500.0).count(), 4);
    side.runs[0].environment["load"]["warm_up_seconds"] = 30.0.into();
    let measured = stretches(&side, p99);
    assert!(measured.len() == 9 && measured.iter().all(|p99| *p99 < 10.0), "{measured:?}");
}

#[test]
fn runs_that_took_turns_are_distinguished_from_those_that_did_not() {
    let side = |minutes: &[u32]| {
        let runs = minutes.iter().map(|minute| {
            let mut run = run();
            run.environment["started_at"] = format!("2026-01-01T12:{minute:02}:00.5Z").into();
            run
        });
        Side { runs: runs.collect() }
    };
    assert!(is_in_turns(&side(&[1, 3, 5]), &side(&[2, 4, 6])) && is_in_turns(&side(&[2, 4]), &side(&[1, 3])));
    assert!(!is_in_turns(&side(&[1, 2, 3]), &side(&[4, 5, 6])) && !is_in_turns(&side(&[4, 5]), &side(&[1, 2])));
    let mut unknown = side(&[4, 5]);
    unknown.runs[0].environment["started_at"] = "yesterday".into();
    assert!(is_in_turns(&unknown, &side(&[1, 2])));
}

#[test]
fn noise_alone_rarely_gives_a_hint() {
    let claims = (0..300_u64).filter(|seed| {
        let of = |seed: u64| side(seed << 32, 100.0, 5.0, 40);
        !hints(&Comparison::of(&of(2 * seed), &of(2 * seed + 1), 0.05)).is_empty()
    });
    assert!(claims.count() <= 1);
}

proptest! {
    #[test]
    fn a_run_does_not_differ_from_itself(seed: u64, seconds in 1_u32..100) {
        let comparison = Comparison::of(&side(seed, 100.0, 5.0, seconds), &side(seed, 100.0, 5.0, seconds), 0.0);
        prop_assert!(hints(&comparison).is_empty() && comparison.settings.is_empty());
        let verdicts: Vec<ChangeVerdict> = comparison.figures.iter().map(|compared| compared.verdict).collect();
        let unchanged = [ChangeVerdict::NoDifference, ChangeVerdict::NotJudged];
        prop_assert!(verdicts.iter().all(|verdict| unchanged.contains(verdict)));
    }

    #[test]
    fn a_known_shift_is_found(seed: u64, factor in 2.0_f64..5.0) {
        let base = side(seed, 100.0, 5.0, 60);
        let worse = Comparison::of(&base, &side(seed ^ 7, 100.0 / factor, 5.0 * factor, 60), 0.05);
        prop_assert_eq!(hints(&worse), ["accepted", "p99"]);
        let better = Comparison::of(&base, &side(seed ^ 7, 100.0 * factor, 5.0 / factor, 60), 0.05);
        prop_assert_eq!(verdict(&better, "p99"), ChangeVerdict::Better);
        prop_assert_eq!(verdict(&better, "accepted"), ChangeVerdict::Better);
    }
}
