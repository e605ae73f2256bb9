//! What the data say about each difference.
//!
//! With two or more runs on each side, runs are compared: each gives one figure, so the usual differences between runs
//! are included. They judge, and since a dozen measures have a dozen chances of a false alarm, each gets only its part
//! of [`FALSE_ALARMS`]. That is Bonferroni's correction; Holm's would find a little more, but no interval would show
//! it.
//!
//! A single run cannot show how much two runs of the same build differ, so all it gives is a hint. Its stretches stand
//! in for runs: ten, whose figures are compared with an interval that is wider where neighbouring stretches are alike.
//! The first is left out, because connections and caches are still cold.

use super::measure::{Better, ComparedMeasure, MEASURES, OfStretch, Unit};
use super::read::{Run, Side, alike};
use super::settings::{Difference, differences};
use crate::load::statistics::mean;
use crate::load::statistics::ratio::{RatioChange, ValueTraits, change};
use crate::report::series::Point;

/// The probability that an unchanged build looks worse in any measure. It must not exceed 0.05; the rest is for figures
/// that are not distributed as Student's t assumes.
const FALSE_ALARMS: f64 = 0.04;
/// The probability that the truth is beyond one end of a hint's interval.
const BEYOND_HINT: f64 = 0.005;
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
    /// Whether runs are compared, which judges, and not stretches of them, which gives hints.
    pub(crate) is_of_runs: bool,
    /// Whether the runs took turns, as far as that is known: neither side came before the other as a whole.
    pub(crate) is_in_turns: bool,
    /// Whether latencies are those of all posts, because a report does not have those of accepted ones.
    pub(crate) is_of_all_posts: bool,
    /// The probability that a figure's change is within its interval.
    pub(crate) coverage: f64,
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

/// Counts that only a kind has whose last record of a key is its document.
const OF_STATES: [&str; 3] = ["stale", "out of order", "older seen"];

impl Comparison {
    pub(crate) fn of(base: &Side, with: &Side, tolerance: f64) -> Self {
        let settings = differences(base, with);
        let alike = alike(base, with);
        let [base, with] = alike.as_ref().map_or([base, with], |sides| [&sides[0], &sides[1]]);
        let is_of_runs = base.runs.len() > 1 && with.runs.len() > 1;
        let values = MEASURES.each_ref().map(|measure| [base, with].map(|side| values(side, measure, is_of_runs)));
        let judged = values.iter().filter(|values| values.iter().all(|side| side.len() > 1)).count();
        let beyond = if is_of_runs { FALSE_ALARMS / judged.max(1) as f64 } else { BEYOND_HINT };
        let figures = MEASURES.iter().zip(values).map(|(measure, [of_base, of_with])| {
            let traits = ValueTraits { in_order: !is_of_runs, step: measure.step };
            Compared::of(measure, base, with, change(&of_base, &of_with, traits, beyond), tolerance)
        });
        let findings = [
            CountedChange::of("missing", base, with, |run| run.missing),
            CountedChange::of("changed", base, with, |run| run.changed),
            CountedChange::of("duplicated", base, with, |run| run.duplicated),
            CountedChange::of("unexpected", base, with, |run| run.unexpected),
            CountedChange::of("stale", base, with, |run| run.states.map(|states| states.stale)),
            CountedChange::of("out of order", base, with, |run| run.states.map(|states| states.out_of_order)),
            CountedChange::of("older seen", base, with, |run| run.states.and_then(|states| states.older_seen)),
        ];
        Self {
            settings,
            figures: figures.collect(),
            // Only orders and the like have the last three.
            findings: findings
                .into_iter()
                .filter(|change| !OF_STATES.contains(&change.name) || change.is_known())
                .collect(),
            is_of_runs,
            is_in_turns: is_in_turns(base, with),
            is_of_all_posts: alike.is_some(),
            coverage: 1.0 - 2.0 * beyond,
            tolerance,
        }
    }

    /// The names of the figures that became worse by more than the tolerance, if there are enough runs to judge.
    pub(crate) fn regressions(&self) -> Vec<&'static str> {
        let judged = self.figures.iter().filter(|_| self.is_of_runs);
        judged.filter(|one| one.verdict == ChangeVerdict::Regression).map(|one| one.name).collect()
    }

    /// The names of the findings of which there are more.
    pub(crate) fn more_findings(&self) -> Vec<&'static str> {
        let more = self.findings.iter().filter(|counted| counted.verdict == ChangeVerdict::Regression);
        more.map(|counted| counted.name).collect()
    }
}

/// Whether neither side's runs all started before the other's; also if that is not known.
fn is_in_turns(base: &Side, with: &Side) -> bool {
    let starts = |side: &Side| side.runs.iter().map(Run::started_at).collect::<Option<Vec<_>>>();
    let (Some(base), Some(with)) = (starts(base), starts(with)) else { return true };
    base.iter().max() >= with.iter().min() && with.iter().max() >= base.iter().min()
}

impl Compared {
    fn of(measure: &ComparedMeasure, base: &Side, with: &Side, change: Option<RatioChange>, tolerance: f64) -> Self {
        let figure = |side: &Side| Some(figures(side, measure)).filter(|all| !all.is_empty()).map(|all| mean(&all));
        let on = |change| ChangeVerdict::on(change, measure.better, tolerance);
        Self {
            name: measure.name,
            unit: measure.unit,
            base: figure(base),
            with: figure(with),
            change,
            verdict: change.map_or(ChangeVerdict::NotJudged, on),
        }
    }
}

impl CountedChange {
    fn is_known(&self) -> bool {
        self.base.or(self.with).is_some()
    }

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
    /// Whether something differs.
    pub(crate) fn is_change(self) -> bool {
        !matches!(self, Self::NoDifference | Self::NotJudged)
    }

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

/// What is compared of a side: the figures of its runs, or of their stretches.
fn values(side: &Side, measure: &ComparedMeasure, is_of_runs: bool) -> Vec<f64> {
    match measure.of_stretch {
        _ if is_of_runs => figures(side, measure),
        Some(of_stretch) => stretches(side, of_stretch),
        None => Vec::new(),
    }
}

fn figures(side: &Side, measure: &ComparedMeasure) -> Vec<f64> {
    side.runs.iter().filter_map(measure.of_run).collect()
}

/// The figures of all stretches of all runs, in order; none for a run that is too short.
fn stretches(side: &Side, of_stretch: OfStretch) -> Vec<f64> {
    let of_run = |run: &Run| {
        // A point belongs to the warm-up if most of it does.
        let middle = |point: &Point| point.seconds - point.length_seconds / 2.0;
        let is_measured = |point: &&Point| point.seconds <= run.load_seconds && middle(point) >= run.warm_up_seconds();
        let load: Vec<Point> = run.series.iter().filter(is_measured).copied().collect();
        let count = STRETCHES.min(load.len() / SHORTEST_STRETCH);
        let cut = |index: usize| index * load.len() / count;
        let kept = if count < FEWEST_STRETCHES { 0..0 } else { 1..count };
        kept.filter_map(|index| of_stretch(&load[cut(index)..cut(index + 1)])).collect::<Vec<_>>()
    };
    side.runs.iter().flat_map(of_run).collect()
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
