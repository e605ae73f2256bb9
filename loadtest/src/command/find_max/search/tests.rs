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

    /// The rates that nearly all probes sustain and half of them.
    fn estimates(&mut self, plan: SearchPlan) -> [Estimate; 2] {
        match self.search(plan).0 {
            Limit::Around { nearly_all, half } => [nearly_all, half],
            limit => panic!("{limit:?}"),
        }
    }

    /// The rates that they are estimates of: noise is normal, and `deviations` of it make up for the share.
    fn truth(&self, [nearly_all, half]: [f64; 2]) -> [f64; 2] {
        [nearly_all, half].map(|deviations| self.capacity * (-deviations * self.noise).exp())
    }
}

fn within(estimate: Estimate, rate: f64) -> bool {
    // Rates are offered with three digits.
    (estimate.low * 0.995..=estimate.high * 1.005).contains(&rate)
}

/// How many of this many searches state an interval that holds the rate that nearly all probes sustain, and the one
/// that half of them do.
fn held(searches: u64, noise: f64, lapses: f64, deviations: [f64; 2]) -> [u64; 2] {
    let plan = SearchPlan { start: 7_000.0, repeats: 16 };
    let mut held = [0, 0];
    for seed in 0..searches {
        let mut pipeline = NoisyPipeline { dice: Dice::new(seed), capacity: 10_000.0, noise, lapses };
        let truth = pipeline.truth(deviations);
        let estimates = pipeline.estimates(plan);
        for index in 0..2 {
            held[index] += u64::from(within(estimates[index], truth[index]));
        }
    }
    held
}

#[test]
fn the_stated_intervals_hold_the_truth_at_25_percent_noise() {
    // 95 % of normal noise is above -1.645 deviations, and half of it above none.
    let held = held(200, 0.25, 0.0, [1.645, 0.0]);
    assert!(held.iter().all(|held| *held >= 180), "{held:?} of 200");
}

#[test]
fn and_also_at_other_noises_and_with_lapses() {
    // With 2 % lapses, 95 % of all probes are 96.9 % of the others, and half of them 51 %.
    for (noise, lapses, deviations) in [
        (0.0, 0.0, [1.645, 0.0]),
        (0.03, 0.0, [1.645, 0.0]),
        (0.1, 0.02, [1.871, 0.026]),
        (0.25, 0.02, [1.871, 0.026]),
        (0.35, 0.0, [1.645, 0.0]),
    ] {
        let held = held(30, noise, lapses, deviations);
        assert!(held.iter().all(|held| *held >= 26), "{held:?} of 30 at noise {noise} and {lapses} lapses");
    }
}

#[test]
fn a_noisy_pipelines_capacity_is_found_again() {
    let plan = SearchPlan { start: 3_000.0, repeats: 16 };
    for (noise, lapses) in [(0.0, 0.0), (0.03, 0.0), (0.08, 0.02), (0.15, 0.02)] {
        let (mut agreed, mut worst) = (0, 1.0_f64);
        const RUNS: u64 = 15;
        for seed in 0..RUNS {
            let mut pipeline = NoisyPipeline { dice: Dice::new(seed), capacity: 10_000.0, noise, lapses };
            let [[_, one], [_, other]] = [pipeline.estimates(plan), pipeline.estimates(plan)];
            let ratio = (one.rate / other.rate).max(other.rate / one.rate);
            agreed += u64::from(ratio <= 1.1 || within(one, other.rate) || within(other, one.rate));
            worst = worst.max(one.rate / 10_000.0).max(10_000.0 / one.rate);
        }
        assert!(agreed * 100 >= RUNS * 86, "{agreed} of {RUNS} pairs agreed at noise {noise}");
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
    let (max_rate, half_rate) = (MaxRate::default(), HalfRate::default());
    let at_least = (MaxRate { low: Some(50.0), ..max_rate }, HalfRate { low: Some(50.0), ..half_rate });
    assert_eq!(rates_found(&judged(true)), at_least);
    let below = (MaxRate { high: Some(50.0), ..max_rate }, HalfRate { high: Some(50.0), ..half_rate });
    assert_eq!(rates_found(&judged(false)), below);
    assert_eq!(rates_found(&[]), (max_rate, half_rate));
}

#[test]
fn the_first_rate_is_the_one_given_and_the_next_ones_bracket() {
    let plan = SearchPlan { start: 1_000.0, repeats: 5 };
    let judged = |rate, is_sustained| JudgedRate { rate, is_sustained };
    assert_eq!(plan.next(&[]), NextProbe::Probe(1_000.0));
    assert_eq!(plan.next(&[judged(1_000.0, true)]), NextProbe::Probe(2_000.0));
    assert_eq!(plan.next(&[judged(1_000.0, false)]), NextProbe::Probe(500.0));
    let mut probes = vec![judged(1_000.0, true), judged(2_000.0, false)];
    assert_eq!(plan.next(&probes), NextProbe::Probe(2_000.0), "a single failure may be a lapse");
    probes.push(judged(2_000.0, true));
    assert_eq!(plan.next(&probes), NextProbe::Probe(4_000.0), "it was one");
    probes.extend([judged(4_000.0, false), judged(4_000.0, false)]);
    let NextProbe::Probe(half) = plan.next(&probes) else { panic!() };
    assert!((2_000.0..4_000.0).contains(&half), "{half}");
    probes.push(judged(half, true));
    let NextProbe::Probe(nearly_all) = plan.next(&probes) else { panic!() };
    assert!((1_000.0..4_000.0).contains(&nearly_all), "{nearly_all}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn without_noise_the_limit_is_found_wherever_the_search_starts(
        capacity in 20.0_f64..200_000.0, off in 0.02_f64..50.0,
    ) {
        let start = (capacity * off).clamp(1.0, 500_000.0);
        let mut pipeline = NoisyPipeline { dice: Dice::new(0), capacity, noise: 0.0, lapses: 0.0 };
        let (limit, probes) = pipeline.search(SearchPlan { start, repeats: 16 });
        let Limit::Around { nearly_all, half } = limit else { panic!("{limit:?}") };
        let Estimate { rate, low, high } = half;
        prop_assert!((rate / capacity).max(capacity / rate) < 1.04, "{} instead of {}", rate, capacity);
        prop_assert!(low * 0.99 <= capacity && capacity <= high * 1.01, "{:?}", limit);
        // A few probes cannot show that there is no noise at all.
        let Estimate { rate, low, high } = nearly_all;
        prop_assert!(rate < half.rate && capacity / rate < 1.1, "{} instead of {}", rate, capacity);
        prop_assert!(low <= capacity && capacity <= high * 1.03, "{:?}", limit);
        prop_assert!(probes <= 16 + 9, "{} probes", probes);
    }

    #[test]
    fn a_search_ends_whatever_it_meets(start in 1.0_f64..1e6, repeats in 1_u32..40, seed in any::<u64>()) {
        let mut dice = Dice::new(seed);
        let plan = SearchPlan { start, repeats };
        let mut probes = Vec::new();
        while let NextProbe::Probe(rate) = plan.next(&probes) {
            prop_assert!((LOWEST * 0.99..=HIGHEST * 1.01).contains(&rate), "{}", rate);
            probes.push(JudgedRate { rate, is_sustained: dice.even() < 0.5 });
            prop_assert!(probes.len() <= repeats as usize + 44);
        }
    }
}
