//! What the data say about each difference.
//!
//! With two or more runs on each side, runs are compared: each gives one figure, so the usual differences between runs
//! are included. With a single run, its stretches stand in for runs. Consecutive seconds are not independent, so each
//! run is cut into ten stretches, whose figures are compared with an interval that is wider where neighbouring
//! stretches are alike; the first stretch is left out, because connections and caches are still cold. A single run
//! cannot show how much two runs of the same build differ, so this does not see that.

use super::measure::{Better, ComparedMeasure, MEASURES, OfStretch, Unit};
use super::read::{Run, Side};
use super::settings::{Difference, differences};
use crate::load::statistics::mean;
use crate::load::statistics::ratio::{RatioChange, change};
use crate::report::series::Point;

const STRETCHES: usize = 10;
const FEWEST_STRETCHES: usize = 5;
/// The fewest points of a stretch.
const SHORTEST_STRETCH: usize = 2;

/// The comparison of two sides.
pub(crate) struct Comparison {
    /// What may be the cause.
    pub(crate) settings: Vec<Difference>,
    pub(crate) figures: Vec<Compared>,
    pub(crate) findings: Vec<CountedChange>,
    /// Whether runs are compared, and not stretches of them.
    pub(crate) is_of_runs: bool,
    /// As a share.
    pub(crate) tolerance: f64,
}

/// A measure on both sides.
pub(crate) struct Compared {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
    /// The run's figure, or the mean over all runs; `None` if it is not known.
    pub(crate) base: Option<f64>,
    pub(crate) with: Option<f64>,
    /// From one side to the other; `None` if there are too few values to say.
    pub(crate) change: Option<RatioChange>,
    pub(crate) verdict: ChangeVerdict,
}

/// Findings of one kind in all runs together. They are exact, and one is too many.
pub(crate) struct CountedChange {
    pub(crate) name: &'static str,
    pub(crate) base: Option<u64>,
    pub(crate) with: Option<u64>,
    pub(crate) verdict: ChangeVerdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChangeVerdict {
    /// Worse, and certainly by more than the tolerance.
    Regression,
    Worse,
    /// Worse, and certainly by less than the tolerance.
    SlightlyWorse,
    NoDifference,
    Better,
    NotJudged,
}

impl Comparison {
    pub(crate) fn of(base: &Side, with: &Side, tolerance: f64) -> Self {
        let is_of_runs = base.runs.len() > 1 && with.runs.len() > 1;
        let figures = MEASURES.iter().map(|measure| Compared::of(measure, base, with, is_of_runs, tolerance));
        let findings = [
            CountedChange::of("missing", base, with, |run| run.missing),
            CountedChange::of("duplicated", base, with, |run| run.duplicated),
            CountedChange::of("unexpected", base, with, |run| run.unexpected),
        ];
        Self {
            settings: differences(base, with),
            figures: figures.collect(),
            findings: findings.into(),
            is_of_runs,
            tolerance,
        }
    }

    /// The names of what became worse by more than the tolerance.
    pub(crate) fn regressions(&self) -> Vec<&'static str> {
        let figures = self.figures.iter().map(|compared| (compared.name, compared.verdict));
        let all = figures.chain(self.findings.iter().map(|counted| (counted.name, counted.verdict)));
        all.filter(|(_, verdict)| *verdict == ChangeVerdict::Regression).map(|(name, _)| name).collect()
    }
}

impl Compared {
    fn of(measure: &ComparedMeasure, base: &Side, with: &Side, is_of_runs: bool, tolerance: f64) -> Self {
        let change = match measure.of_stretch {
            _ if is_of_runs => change(&figures(base, measure), &figures(with, measure), false),
            Some(of_stretch) => change(&stretches(base, of_stretch), &stretches(with, of_stretch), true),
            None => None,
        };
        let figure = |side: &Side| Some(figures(side, measure)).filter(|all| !all.is_empty()).map(|all| mean(&all));
        Self {
            name: measure.name,
            unit: measure.unit,
            base: figure(base),
            with: figure(with),
            change,
            verdict: change
                .map_or(ChangeVerdict::NotJudged, |change| ChangeVerdict::on(change, measure.better, tolerance)),
        }
    }
}

impl CountedChange {
    fn of(name: &'static str, base: &Side, with: &Side, count: fn(&Run) -> Option<u64>) -> Self {
        let sum = |side: &Side| side.runs.iter().filter_map(count).reduce(|one, other| one + other);
        let (base, with) = (sum(base), sum(with));
        let verdict = match (base, with) {
            (Some(base), Some(with)) if with > base => ChangeVerdict::Regression,
            (Some(base), Some(with)) if with < base => ChangeVerdict::Better,
            (Some(_), Some(_)) => ChangeVerdict::NoDifference,
            _ => ChangeVerdict::NotJudged,
        };
        Self { name, base, with, verdict }
    }
}

impl ChangeVerdict {
    fn on(change: RatioChange, better: Better, tolerance: f64) -> Self {
        let (least_worse, most_worse) = match better {
            Better::Less => (change.low, change.high),
            Better::More => (-change.high, -change.low),
        };
        if least_worse > tolerance {
            Self::Regression
        } else if least_worse > 0.0 {
            if most_worse < tolerance { Self::SlightlyWorse } else { Self::Worse }
        } else if most_worse < 0.0 {
            Self::Better
        } else {
            Self::NoDifference
        }
    }
}

fn figures(side: &Side, measure: &ComparedMeasure) -> Vec<f64> {
    side.runs.iter().filter_map(measure.of_run).collect()
}

/// The figures of all stretches of all runs, in order; none for a run that is too short.
fn stretches(side: &Side, of_stretch: OfStretch) -> Vec<f64> {
    let of_run = |run: &Run| {
        let load: Vec<Point> = run.series.iter().filter(|point| point.seconds <= run.load_seconds).copied().collect();
        let count = STRETCHES.min(load.len() / SHORTEST_STRETCH);
        let cut = |index: usize| index * load.len() / count;
        let kept = if count < FEWEST_STRETCHES { 0..0 } else { 1..count };
        kept.filter_map(|index| of_stretch(&load[cut(index)..cut(index + 1)])).collect::<Vec<_>>()
    };
    side.runs.iter().flat_map(of_run).collect()
}

#[cfg(test)]
mod tests {
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
                p99_ms: Some(varied(p99_ms, &mut latency)),
                ..Point::default()
            });
        }
        run.load_seconds = f64::from(seconds);
        Side { runs: vec![run] }
    }

    fn verdict(comparison: &Comparison, name: &str) -> ChangeVerdict {
        comparison.figures.iter().find(|compared| compared.name == name).unwrap().verdict
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
                run.latency_ms.p999 = Some(*p999);
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
    fn one_missing_post_is_a_regression() {
        let side = |missing| Side { runs: vec![Run { missing, ..run() }] };
        let of = |base, with| Comparison::of(&side(base), &side(with), 9.0).findings[0].verdict;
        assert_eq!(of(Some(0), Some(1)), ChangeVerdict::Regression);
        assert_eq!(of(Some(1), Some(0)), ChangeVerdict::Better);
        assert_eq!(of(Some(1), None), ChangeVerdict::NotJudged);
    }

    #[test]
    fn noise_alone_rarely_claims_a_regression() {
        let claims = (0..300_u64).filter(|seed| {
            let of = |seed: u64| side(seed << 32, 100.0, 5.0, 40);
            !Comparison::of(&of(2 * seed), &of(2 * seed + 1), 0.05).regressions().is_empty()
        });
        assert!(claims.count() <= 1);
    }

    proptest! {
        #[test]
        fn a_run_does_not_differ_from_itself(seed: u64, seconds in 1_u32..100) {
            let comparison = Comparison::of(&side(seed, 100.0, 5.0, seconds), &side(seed, 100.0, 5.0, seconds), 0.0);
            prop_assert!(comparison.regressions().is_empty() && comparison.settings.is_empty());
            let verdicts: Vec<ChangeVerdict> = comparison.figures.iter().map(|compared| compared.verdict).collect();
            let unchanged = [ChangeVerdict::NoDifference, ChangeVerdict::NotJudged];
            prop_assert!(verdicts.iter().all(|verdict| unchanged.contains(verdict)));
        }

        #[test]
        fn a_known_shift_is_found(seed: u64, factor in 2.0_f64..5.0) {
            let base = side(seed, 100.0, 5.0, 60);
            let worse = Comparison::of(&base, &side(seed ^ 7, 100.0 / factor, 5.0 * factor, 60), 0.05);
            prop_assert_eq!(worse.regressions(), ["accepted", "p99"]);
            let better = Comparison::of(&base, &side(seed ^ 7, 100.0 * factor, 5.0 / factor, 60), 0.05);
            prop_assert_eq!(verdict(&better, "p99"), ChangeVerdict::Better);
            prop_assert_eq!(verdict(&better, "accepted"), ChangeVerdict::Better);
        }
    }
}
