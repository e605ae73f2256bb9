//! Which share of the probes sustains a rate, from a few probes some of which are wrong: near the limit the machine's
//! noise decides, and now and then a probe fails far below it. The probability that a rate is sustained falls from
//! nearly one to nearly none around the limit, as a logistic curve of the rate's logarithm. Which curves make the
//! probes likely is computed on a grid (Bayes' rule): the limit, the width, which is the noise, and the share of lapses
//! are all found from the probes, every value as likely as the next one beforehand. The rate that a share of the probes
//! sustains is then read off, as the median and the interval over all these curves.

/// A rate with the verdict on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct JudgedRate {
    /// Posts per second that were offered.
    pub(crate) rate: f64,
    /// Whether the pipeline kept up.
    pub(crate) is_sustained: bool,
}

/// A rate and the interval in which it lies with a probability of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) rate: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The share of the probes by which the limit is defined: the rate is as likely sustained as not.
pub(crate) const HALF: f64 = 0.5;

/// A rate counts as sustained if this share of the probes sustains it.
pub(crate) const NEARLY_ALL: f64 = 0.95;

/// The widths of the curve, as shares of the limit. A capacity that varies by 25 % from one probe to the next makes it
/// 0.16 wide.
const WIDTHS: [f64; 7] = [0.007, 0.015, 0.03, 0.06, 0.12, 0.2, 0.32];

/// In this share of the probes, something other than the rate makes them fail. More than one in twenty, and no rate
/// would be sustained by [`NEARLY_ALL`].
const LAPSES: [f64; 2] = [0.0, 0.02];

/// In this share of the probes a rate is sustained by chance, however high it is.
const LUCK: f64 = 0.002;

/// The limits on the grid are about this share apart, evenly in their logarithms,
const STEP: f64 = 0.02;

/// from so far below the lowest rate that was probed to as far above the highest one.
const BEYOND: f64 = 2.0;

/// This many probes share a logarithm.
const TOGETHER: usize = 16;

/// Fewer than this in each half of the probes say nothing about a drift.
const FEWEST_IN_A_HALF: usize = 6;

/// The rate that this share of the probes sustains; `None` without any probe.
pub(crate) fn fit(probes: &[JudgedRate], share: f64) -> Option<Estimate> {
    let lowest = probes.iter().map(|probe| probe.rate).reduce(f64::min)?;
    let highest = probes.iter().map(|probe| probe.rate).reduce(f64::max)?;
    let (from, to) = ((lowest / BEYOND).ln(), (highest * BEYOND).ln());
    let count = ((to - from) / STEP).ceil();
    let limits = (0..count as usize).map(|index| from + (to - from) * (index as f64 + 0.5) / count);
    let logarithms: Vec<(f64, bool)> = probes.iter().map(|probe| (probe.rate.ln(), probe.is_sustained)).collect();
    let mut likely: Vec<(f64, f64)> = limits
        .flat_map(|limit| WIDTHS.map(|width| LAPSES.map(|lapses| Curve { limit, width, lapses })))
        .flatten()
        .map(|curve| (curve.logarithm_at(share), curve.log_likelihood(&logarithms)))
        .collect();
    let largest = likely.iter().map(|(_, logarithm)| *logarithm).fold(f64::NEG_INFINITY, f64::max);
    likely.iter_mut().for_each(|(_, likelihood)| *likelihood = (*likelihood - largest).exp());
    likely.sort_by(|one, other| one.0.total_cmp(&other.0));
    let at = |share| quantile(&likely, share).exp();
    Some(Estimate { rate: at(0.5), low: at(0.025), high: at(0.975) })
}

/// The same, with a wider interval if the earlier and the later half of the probes disagree: if the machine became
/// slower or faster meanwhile, the rate is less certain than all probes together make it look. How far a half is off
/// is read from where half of its probes fail, which a few probes show best.
pub(crate) fn fit_with_drift(probes: &[JudgedRate], share: f64) -> Option<Estimate> {
    let (mut estimate, limit) = (fit(probes, share)?, fit(probes, HALF)?);
    let (earlier, later) = probes.split_at(probes.len() / 2);
    if earlier.len() >= FEWEST_IN_A_HALF {
        for half in [earlier, later].into_iter().filter_map(|half| fit(half, HALF)) {
            let drifted = estimate.rate * (half.rate / limit.rate);
            estimate.low = estimate.low.min(drifted);
            estimate.high = estimate.high.max(drifted);
        }
    }
    Some(estimate)
}

/// How likely a rate is sustained.
#[derive(Debug, Clone, Copy)]
struct Curve {
    /// The logarithm of the rate in its middle.
    limit: f64,
    width: f64,
    lapses: f64,
}

impl Curve {
    /// The probability that the rate with this logarithm is sustained.
    fn sustained(self, logarithm: f64) -> f64 {
        let Self { limit, width, lapses } = self;
        LUCK + (1.0 - LUCK - lapses) / (1.0 + ((logarithm - limit) / width).exp())
    }

    /// The logarithm of the rate that is sustained with this probability.
    fn logarithm_at(self, share: f64) -> f64 {
        let Self { limit, width, lapses } = self;
        let without_chance = (share - LUCK) / (1.0 - LUCK - lapses);
        limit - width * (without_chance / (1.0 - without_chance)).ln()
    }

    fn log_likelihood(self, probes: &[(f64, bool)]) -> f64 {
        let likelihood = |(logarithm, is_sustained): &(f64, bool)| {
            let sustained = self.sustained(*logarithm);
            if *is_sustained { sustained } else { 1.0 - sustained }
        };
        // A product of a few is never too small for a number, and logarithms take time.
        probes.chunks(TOGETHER).map(|few| few.iter().map(likelihood).product::<f64>().ln()).sum()
    }
}

/// Where this share of the weight is reached, of values in order with their weights; in between two values in a
/// straight line.
fn quantile(weighted: &[(f64, f64)], share: f64) -> f64 {
    let wanted = share * weighted.iter().map(|(_, weight)| weight).sum::<f64>();
    let (mut until, mut last) = (0.0, None);
    for (value, weight) in weighted.iter().filter(|(_, weight)| *weight > 0.0) {
        let middle = until + weight / 2.0;
        if middle >= wanted {
            return last.map_or(*value, |(before, at)| before + (value - before) * (wanted - at) / (middle - at));
        }
        (until, last) = (until + weight, Some((*value, middle)));
    }
    last.map_or(f64::NAN, |(value, _)| value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(rate: f64, is_sustained: bool) -> JudgedRate {
        JudgedRate { rate, is_sustained }
    }

    #[test]
    fn the_limit_lies_between_what_passed_and_what_failed() {
        assert_eq!(fit(&[], HALF), None);
        let probes: Vec<JudgedRate> =
            [(900.0, true), (1_100.0, false)].repeat(8).into_iter().map(|(r, s)| judged(r, s)).collect();
        let estimate = fit(&probes, HALF).unwrap();
        assert!((900.0..1_100.0).contains(&estimate.rate), "{estimate:?}");
        assert!(estimate.low > 800.0 && estimate.high < 1_250.0, "{estimate:?}");
    }

    #[test]
    fn one_wrong_verdict_among_many_does_not_decide() {
        let mut probes = vec![judged(1_000.0, true); 6];
        probes.extend([judged(1_200.0, false); 6]);
        probes.push(judged(100.0, false));
        let estimate = fit(&probes, HALF).unwrap();
        assert!((950.0..1_250.0).contains(&estimate.rate), "{estimate:?}");
    }

    #[test]
    fn a_machine_that_became_slower_makes_the_interval_wide() {
        let mut probes = [judged(1_000.0, true), judged(1_100.0, false)].repeat(4);
        let steady = fit_with_drift(&probes.repeat(2), HALF).unwrap();
        probes.extend([judged(500.0, true), judged(550.0, false)].repeat(4));
        let drifted = fit_with_drift(&probes, HALF).unwrap();
        assert!(steady.high / steady.low < 1.2, "{steady:?}");
        assert!(drifted.low < 560.0 && drifted.high > 990.0, "{drifted:?}");
        let nearly_all = fit_with_drift(&probes, NEARLY_ALL).unwrap();
        assert!(nearly_all.high / nearly_all.low > 1.8 && nearly_all.rate < drifted.rate, "{nearly_all:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_interval_holds_the_estimate_and_scales_with_the_rates(
            probes in proptest::collection::vec((1e3_f64..1e4, any::<bool>()), 1..40), factor in 0.1_f64..10.0,
            share in prop_oneof![Just(HALF), Just(NEARLY_ALL)],
        ) {
            let at = |factor: f64| {
                probes.iter().map(|(rate, is_sustained)| judged(rate * factor, *is_sustained)).collect()
            };
            let (one, other): (Vec<JudgedRate>, Vec<JudgedRate>) = (at(1.0), at(factor));
            let estimate = fit_with_drift(&one, share).unwrap();
            prop_assert!(0.0 < estimate.low && estimate.low <= estimate.rate && estimate.rate <= estimate.high);
            let scaled = fit_with_drift(&other, share).unwrap();
            prop_assert!((scaled.rate / estimate.rate / factor - 1.0).abs() < 1e-6);
        }

        #[test]
        fn what_nearly_all_probes_sustain_is_less_than_what_half_of_them_do(
            probes in proptest::collection::vec((1e3_f64..1e4, any::<bool>()), 1..30),
        ) {
            let probes: Vec<JudgedRate> = probes.into_iter().map(|(rate, sustained)| judged(rate, sustained)).collect();
            let (half, nearly_all) = (fit(&probes, HALF).unwrap(), fit(&probes, NEARLY_ALL).unwrap());
            prop_assert!(nearly_all.rate < half.rate && nearly_all.low < half.low && nearly_all.high < half.high);
        }

        #[test]
        fn a_curve_is_read_in_both_directions(
            limit in -5.0_f64..15.0, width in 0.001_f64..1.0, lapses in 0.0_f64..0.04, share in 0.01_f64..0.95,
        ) {
            let curve = Curve { limit, width, lapses };
            prop_assert!((curve.sustained(curve.logarithm_at(share)) - share).abs() < 1e-9);
        }

        #[test]
        fn one_more_probe_that_passed_leaves_the_limit_possible(
            probes in proptest::collection::vec((1e3_f64..1e4, any::<bool>()), 1..30),
            pick in any::<proptest::sample::Index>(),
        ) {
            let probes = probes.into_iter().map(|(rate, is_sustained)| judged(rate, is_sustained));
            let mut probes: Vec<JudgedRate> = probes.collect();
            // A rate that was probed, so that the grid is the same.
            let rate = probes[pick.index(probes.len())].rate;
            let before = fit(&probes, HALF).unwrap().rate;
            probes.push(judged(rate, true));
            // The estimate itself may fall: a verdict that looks wrong also widens the curve.
            prop_assert!(fit(&probes, HALF).unwrap().high >= before);
        }
    }
}
