//! Which rate is probed next: the pure core of `find-max`. Up and down by factors of two until one rate was sustained
//! and another one was not; then always where the limit most likely is, because a probe there reveals the most.

use super::fit::{Estimate, JudgedRate, fit, fit_with_drift};
use crate::report::find_max::MaxRate;

/// No higher rate is offered.
const HIGHEST: f64 = 1_000_000.0;

/// A pipeline that does not sustain a post a second sustains nothing.
const LOWEST: f64 = 1.0;

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

/// The largest rate that is sustained, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Limit {
    /// It lies here.
    Around(Estimate),
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
        let failed = rates(probes, false).reduce(f64::min);
        let rate = match (sustained, failed) {
            (None, None) => self.start,
            (Some(rate), None) => rate * 2.0,
            (None, Some(rate)) => rate / 2.0,
            (Some(_), Some(_)) if around(probes) >= self.repeats as usize => return NextProbe::Done(limit(probes)),
            (Some(rate), Some(_)) => fit(probes).map_or(rate, |estimate| estimate.rate.clamp(LOWEST, HIGHEST)),
        };
        if (LOWEST..=HIGHEST).contains(&rate) { NextProbe::Probe(round(rate)) } else { NextProbe::Done(limit(probes)) }
    }
}

fn rates(probes: &[JudgedRate], is_sustained: bool) -> impl Iterator<Item = f64> {
    probes.iter().filter(move |probe| probe.is_sustained == is_sustained).map(|probe| probe.rate)
}

/// What these probes say about the limit.
fn limit(probes: &[JudgedRate]) -> Limit {
    let (sustained, failed) = (rates(probes, true).reduce(f64::max), rates(probes, false).reduce(f64::min));
    match (sustained, failed) {
        (None, None) => Limit::Unknown,
        (Some(rate), None) => Limit::AtLeast(rate),
        (None, Some(rate)) => Limit::Below(rate),
        (Some(_), Some(_)) => fit_with_drift(probes).map_or(Limit::Unknown, Limit::Around),
    }
}

/// The same for the report.
pub(crate) fn max_rate(probes: &[JudgedRate]) -> MaxRate {
    let probes_around = around(probes);
    match limit(probes) {
        Limit::Around(Estimate { rate, low, high }) => {
            MaxRate { estimate: Some(rate), low: Some(low), high: Some(high), probes_around }
        }
        Limit::AtLeast(rate) => MaxRate { low: Some(rate), ..MaxRate::default() },
        Limit::Below(rate) => MaxRate { high: Some(rate), ..MaxRate::default() },
        Limit::Unknown => MaxRate::default(),
    }
}

/// How many probes there were since one was sustained and another one was not.
fn around(probes: &[JudgedRate]) -> usize {
    let first = probes.first().map(|probe| probe.is_sustained);
    let bracketed = probes.iter().position(|probe| Some(probe.is_sustained) != first);
    bracketed.map_or(0, |index| probes.len() - index - 1)
}

/// Three digits are more than can be measured.
fn round(rate: f64) -> f64 {
    let step = 10_f64.powf(rate.log10().floor() - 2.0);
    (rate / step).round() * step
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::statistics::dice::Dice;

    /// A pipeline that sustains what is below its capacity, which moves with each probe.
    struct NoisyPipeline {
        dice: Dice,
        capacity: f64,
        /// The standard deviation of the capacity, as a share of it.
        noise: f64,
        /// The share of probes that fail whatever the rate is.
        lapses: f64,
    }

    impl NoisyPipeline {
        fn probe(&mut self, rate: f64) -> JudgedRate {
            let capacity = self.capacity * (self.noise * self.dice.normal()).exp();
            JudgedRate { rate, is_sustained: rate <= capacity && self.dice.even() >= self.lapses }
        }

        fn search(&mut self, plan: SearchPlan) -> (Limit, usize) {
            let mut probes = Vec::new();
            loop {
                match plan.next(&probes) {
                    NextProbe::Probe(rate) => probes.push(self.probe(rate)),
                    NextProbe::Done(limit) => return (limit, probes.len()),
                }
            }
        }

        fn estimate(&mut self, plan: SearchPlan) -> Estimate {
            match self.search(plan).0 {
                Limit::Around(estimate) => estimate,
                limit => panic!("{limit:?}"),
            }
        }
    }

    #[test]
    fn a_noisy_pipelines_capacity_is_found_again() {
        let plan = SearchPlan { start: 3_000.0, repeats: 16 };
        for (noise, lapses) in [(0.0, 0.0), (0.03, 0.0), (0.08, 0.02), (0.15, 0.02)] {
            let (mut held, mut agreed, mut worst) = (0, 0, 1.0_f64);
            const RUNS: u64 = 50;
            for seed in 0..RUNS {
                let mut pipeline = NoisyPipeline { dice: Dice::new(seed), capacity: 10_000.0, noise, lapses };
                let (one, other) = (pipeline.estimate(plan), pipeline.estimate(plan));
                let within = |estimate: Estimate, rate: f64| (estimate.low..=estimate.high).contains(&rate);
                held += u64::from(within(one, 10_000.0));
                let ratio = (one.rate / other.rate).max(other.rate / one.rate);
                agreed += u64::from(ratio <= 1.1 || within(one, other.rate) || within(other, one.rate));
                worst = worst.max(one.rate / 10_000.0).max(10_000.0 / one.rate);
            }
            assert!(held * 100 >= RUNS * 88, "{held} of {RUNS} intervals held the capacity at noise {noise}");
            assert!(agreed * 100 >= RUNS * 92, "{agreed} of {RUNS} pairs agreed at noise {noise}");
            assert!(worst <= 1.05 + 3.0 * noise, "off by a factor of {worst} at noise {noise}");
        }
    }

    #[test]
    fn what_has_no_limit_and_what_has_no_capacity_is_reported() {
        let plan = SearchPlan { start: 1_000.0, repeats: 5 };
        let pipeline = |capacity| NoisyPipeline { dice: Dice::new(1), capacity, noise: 0.0, lapses: 0.0 };
        assert_eq!(pipeline(1e9).search(plan), (Limit::AtLeast(512_000.0), 10));
        assert!(matches!(pipeline(0.1).search(plan), (Limit::Below(rate), 10) if rate < 2.0));
        let judged = |is_sustained| [JudgedRate { rate: 50.0, is_sustained }];
        assert_eq!(max_rate(&judged(true)), MaxRate { low: Some(50.0), ..MaxRate::default() });
        assert_eq!(max_rate(&judged(false)), MaxRate { high: Some(50.0), ..MaxRate::default() });
        assert_eq!(max_rate(&[]), MaxRate::default());
    }

    #[test]
    fn the_first_rate_is_the_one_given_and_the_next_ones_bracket() {
        let plan = SearchPlan { start: 1_000.0, repeats: 5 };
        let judged = |rate, is_sustained| JudgedRate { rate, is_sustained };
        assert_eq!(plan.next(&[]), NextProbe::Probe(1_000.0));
        assert_eq!(plan.next(&[judged(1_000.0, true)]), NextProbe::Probe(2_000.0));
        assert_eq!(plan.next(&[judged(1_000.0, false)]), NextProbe::Probe(500.0));
        let NextProbe::Probe(rate) = plan.next(&[judged(1_000.0, true), judged(2_000.0, false)]) else { panic!() };
        assert!((1_000.0..2_000.0).contains(&rate), "{rate}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn without_noise_the_limit_is_found_wherever_the_search_starts(
            capacity in 20.0_f64..200_000.0, off in 0.02_f64..50.0,
        ) {
            let start = (capacity * off).clamp(1.0, 500_000.0);
            let mut pipeline = NoisyPipeline { dice: Dice::new(0), capacity, noise: 0.0, lapses: 0.0 };
            let (limit, probes) = pipeline.search(SearchPlan { start, repeats: 16 });
            let Limit::Around(Estimate { rate, low, high }) = limit else { panic!("{limit:?}") };
            prop_assert!((rate / capacity).max(capacity / rate) < 1.04, "{} instead of {}", rate, capacity);
            prop_assert!(low * 0.99 <= capacity && capacity <= high * 1.01, "{:?}", limit);
            prop_assert!(probes <= 16 + 8, "{} probes", probes);
        }

        #[test]
        fn a_search_ends_whatever_it_meets(start in 1.0_f64..1e6, repeats in 1_u32..40, seed in any::<u64>()) {
            let mut dice = Dice::new(seed);
            let plan = SearchPlan { start, repeats };
            let mut probes = Vec::new();
            while let NextProbe::Probe(rate) = plan.next(&probes) {
                prop_assert!((LOWEST * 0.99..=HIGHEST * 1.01).contains(&rate), "{}", rate);
                probes.push(JudgedRate { rate, is_sustained: dice.even() < 0.5 });
                prop_assert!(probes.len() <= repeats as usize + 22);
            }
        }
    }
}
