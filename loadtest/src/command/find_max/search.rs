//! Which rate is probed next: the pure core of `find-max`. Up and down by factors of two until one rate was sustained
//! and two probes above it were not; then in turn where half of the probes would be sustained and where nearly all of
//! them would. Both are looked for, and two places show how far apart they are: that is the machine's noise.

use super::fit::{Estimate, HALF, JudgedRate, NEARLY_ALL, fit, fit_with_drift};
use crate::report::find_max::{HalfRate, MaxRate};

/// No higher rate is offered.
const HIGHEST: f64 = 1_000_000.0;

/// A pipeline that does not sustain a post a second sustains nothing.
const LOWEST: f64 = 1.0;

/// This many probes above the largest sustained rate must fail before the search narrows down: after a single one that
/// failed by chance, it would look for the limit far below.
const FAILURES: usize = 2;

/// How to search.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchPlan {
    /// The first rate, in posts per second.
    pub(crate) start: f64,
    /// How many probes there are once the limit is bracketed.
    pub(crate) repeats: u32,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum NextProbe {
    /// Offer this rate.
    Probe(f64),
    /// Nothing: this is known.
    Done(Limit),
}

/// What is sustained, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    /// The rates that nearly all probes sustain, and half of them.
    Around { nearly_all: Estimate, half: Estimate },
    /// Every rate that was offered was sustained, up to this one.
    AtLeast(f64),
    /// No rate that was offered was sustained, down to this one.
    Below(f64),
    /// Nothing was offered.
    Unknown,
}

impl SearchPlan {
    /// What to do after these probes.
    pub(crate) fn next(&self, probes: &[JudgedRate]) -> NextProbe {
        let sustained = rates(probes, true).reduce(f64::max);
        let rate = match (narrowed_after(probes), sustained, failed_above(probes).reduce(f64::min)) {
            (Some(first), ..) => {
                let around = probes.len() - first;
                if around >= self.repeats as usize {
                    return NextProbe::Done(limit(probes));
                }
                let share = if around.is_multiple_of(2) { HALF } else { NEARLY_ALL };
                fit(probes, share).map_or(self.start, |estimate| estimate.rate.clamp(LOWEST, HIGHEST))
            }
            (None, None, None) => self.start,
            (None, Some(sustained), None) => sustained * 2.0,
            // A single failure may be a lapse.
            (None, Some(_), Some(failed)) => failed,
            (None, None, Some(failed)) => failed / 2.0,
        };
        if (LOWEST..=HIGHEST).contains(&rate) { NextProbe::Probe(round(rate)) } else { NextProbe::Done(limit(probes)) }
    }
}

fn rates(probes: &[JudgedRate], is_sustained: bool) -> impl Iterator<Item = f64> {
    probes.iter().filter(move |probe| probe.is_sustained == is_sustained).map(|probe| probe.rate)
}

/// The rates that failed and are above all that were sustained.
fn failed_above(probes: &[JudgedRate]) -> impl Iterator<Item = f64> {
    let sustained = rates(probes, true).fold(0.0, f64::max);
    rates(probes, false).filter(move |rate| *rate > sustained)
}

/// After how many probes the limit was between two rates: one was sustained, and two probes above it were not.
fn narrowed_after(probes: &[JudgedRate]) -> Option<usize> {
    let is_narrowed =
        |probes: &[JudgedRate]| rates(probes, true).next().is_some() && failed_above(probes).count() >= FAILURES;
    (1..=probes.len()).find(|count| is_narrowed(&probes[..*count]))
}

/// What these probes say about the limit.
fn limit(probes: &[JudgedRate]) -> Limit {
    let (sustained, failed) = (rates(probes, true).reduce(f64::max), rates(probes, false).reduce(f64::min));
    match (sustained, failed) {
        (None, None) => Limit::Unknown,
        (Some(rate), None) => Limit::AtLeast(rate),
        (None, Some(rate)) => Limit::Below(rate),
        (Some(_), Some(_)) => match (fit_with_drift(probes, NEARLY_ALL), fit_with_drift(probes, HALF)) {
            (Some(nearly_all), Some(half)) => Limit::Around { nearly_all, half },
            _ => Limit::Unknown,
        },
    }
}

/// The same for the report: the rate that nearly all probes sustain, and the one that half of them do.
pub(crate) fn rates_found(probes: &[JudgedRate]) -> (MaxRate, HalfRate) {
    let (max_rate, half_rate) = (MaxRate::default(), HalfRate::default());
    let probes_around = narrowed_after(probes).map_or(0, |first| probes.len() - first);
    match limit(probes) {
        Limit::Around { nearly_all: Estimate { rate, low, high }, half } => (
            MaxRate { estimate: Some(rate), low: Some(low), high: Some(high), probes_around },
            HalfRate { estimate: Some(half.rate), low: Some(half.low), high: Some(half.high) },
        ),
        Limit::AtLeast(rate) => (MaxRate { low: Some(rate), ..max_rate }, HalfRate { low: Some(rate), ..half_rate }),
        Limit::Below(rate) => (MaxRate { high: Some(rate), ..max_rate }, HalfRate { high: Some(rate), ..half_rate }),
        Limit::Unknown => (max_rate, half_rate),
    }
}

/// Three digits are more than can be measured.
pub(crate) fn round(rate: f64) -> f64 {
    let step = 10_f64.powf(rate.log10().floor() - 2.0);
    (rate / step).round() * step
}

#[cfg(test)]
mod tests;
