//! Where the limit lies, from probes some of which are wrong: near the limit the machine's noise decides, and now and
//! then a probe fails far below it. The probability that a rate is sustained falls from nearly one to nearly none
//! around the limit, as a logistic curve of the rate's logarithm. Which limits and widths of that curve make the probes
//! likely is computed on a grid (Bayes' rule, every limit and every width as likely as the next one beforehand), and
//! the limit's median and interval are read off.

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

/// The widths of the curve, as shares of the limit.
const WIDTHS: [f64; 4] = [0.02, 0.05, 0.12, 0.3];

/// In this share of the probes, something other than the rate decides.
const LAPSES: f64 = 0.03;

/// The limits on the grid are about this share apart, evenly in their logarithms,
const STEP: f64 = 0.015;

/// from so far below the lowest rate that was probed to as far above the highest one.
const BEYOND: f64 = 2.0;

/// Fewer than this in each half of the probes say nothing about a drift.
const FEWEST_IN_A_HALF: usize = 6;

/// The limit; `None` without any probe.
pub(crate) fn fit(probes: &[JudgedRate]) -> Option<Estimate> {
    let lowest = probes.iter().map(|probe| probe.rate).reduce(f64::min)?;
    let highest = probes.iter().map(|probe| probe.rate).reduce(f64::max)?;
    let (from, to) = ((lowest / BEYOND).ln(), (highest * BEYOND).ln());
    let count = ((to - from) / STEP).ceil();
    let step = (to - from) / count;
    let limits: Vec<f64> = (0..count as usize).map(|index| from + step * (index as f64 + 0.5)).collect();
    let logarithms: Vec<Vec<f64>> =
        limits.iter().map(|limit| WIDTHS.map(|width| log_likelihood(probes, *limit, width)).to_vec()).collect();
    let largest = logarithms.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> =
        logarithms.iter().map(|row| row.iter().map(|logarithm| (logarithm - largest).exp()).sum()).collect();
    let at = |share| (from + step * quantile(&weights, share)).exp();
    Some(Estimate { rate: at(0.5), low: at(0.025), high: at(0.975) })
}

/// The same, with an interval that also contains what the earlier and the later half of the probes say on their own: if
/// the machine became slower or faster meanwhile, the limit is less certain than all probes together make it look.
pub(crate) fn fit_with_drift(probes: &[JudgedRate]) -> Option<Estimate> {
    let mut estimate = fit(probes)?;
    let (earlier, later) = probes.split_at(probes.len() / 2);
    if earlier.len() >= FEWEST_IN_A_HALF {
        for half in [earlier, later].into_iter().filter_map(fit) {
            estimate.low = estimate.low.min(half.rate);
            estimate.high = estimate.high.max(half.rate);
        }
    }
    Some(estimate)
}

fn log_likelihood(probes: &[JudgedRate], limit: f64, width: f64) -> f64 {
    let of = |probe: &JudgedRate| {
        let sustained = 1.0 / (1.0 + ((probe.rate.ln() - limit) / width).exp());
        let sustained = LAPSES + (1.0 - 2.0 * LAPSES) * sustained;
        if probe.is_sustained { sustained.ln() } else { (1.0 - sustained).ln() }
    };
    probes.iter().map(of).sum()
}

/// Where on the grid this share of the weight is reached, in steps.
fn quantile(weights: &[f64], share: f64) -> f64 {
    let mut wanted = weights.iter().sum::<f64>() * share;
    for (index, weight) in weights.iter().enumerate() {
        if *weight >= wanted && *weight > 0.0 {
            return index as f64 + wanted / weight;
        }
        wanted -= weight;
    }
    weights.len() as f64
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
        assert_eq!(fit(&[]), None);
        let probes: Vec<JudgedRate> =
            [(900.0, true), (1_100.0, false)].repeat(8).into_iter().map(|(r, s)| judged(r, s)).collect();
        let estimate = fit(&probes).unwrap();
        assert!((900.0..1_100.0).contains(&estimate.rate), "{estimate:?}");
        assert!(estimate.low > 800.0 && estimate.high < 1_250.0, "{estimate:?}");
    }

    #[test]
    fn one_wrong_verdict_among_many_does_not_decide() {
        let mut probes = vec![judged(1_000.0, true); 6];
        probes.extend([judged(1_200.0, false); 6]);
        probes.push(judged(100.0, false));
        let estimate = fit(&probes).unwrap();
        assert!((950.0..1_250.0).contains(&estimate.rate), "{estimate:?}");
    }

    #[test]
    fn a_machine_that_became_slower_makes_the_interval_wide() {
        let mut probes = [judged(1_000.0, true), judged(1_100.0, false)].repeat(4);
        let steady = fit_with_drift(&probes.repeat(2)).unwrap();
        probes.extend([judged(500.0, true), judged(550.0, false)].repeat(4));
        let drifted = fit_with_drift(&probes).unwrap();
        assert!(steady.high / steady.low < 1.2, "{steady:?}");
        assert!(drifted.low < 560.0 && drifted.high > 990.0, "{drifted:?}");
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_estimate_and_scales_with_the_rates(
            probes in proptest::collection::vec((1.0_f64..1e5, any::<bool>()), 1..40), factor in 0.1_f64..10.0,
        ) {
            let at = |factor: f64| {
                probes.iter().map(|(rate, is_sustained)| judged(rate * factor, *is_sustained)).collect()
            };
            let (one, other): (Vec<JudgedRate>, Vec<JudgedRate>) = (at(1.0), at(factor));
            let estimate = fit_with_drift(&one).unwrap();
            prop_assert!(0.0 < estimate.low && estimate.low <= estimate.rate && estimate.rate <= estimate.high);
            let scaled = fit_with_drift(&other).unwrap();
            prop_assert!((scaled.rate / estimate.rate / factor - 1.0).abs() < 1e-6);
        }

        #[test]
        fn one_more_probe_that_passed_never_lowers_the_limit(
            probes in proptest::collection::vec((1.0_f64..1e4, any::<bool>()), 1..30),
            pick in any::<proptest::sample::Index>(),
        ) {
            let probes = probes.into_iter().map(|(rate, is_sustained)| judged(rate, is_sustained));
            let mut probes: Vec<JudgedRate> = probes.collect();
            // A rate that was probed, so that the grid is the same.
            let rate = probes[pick.index(probes.len())].rate;
            let before = fit(&probes).unwrap().rate;
            probes.push(judged(rate, true));
            let after = fit(&probes).unwrap().rate;
            prop_assert!(after >= before * 0.95, "more or less: a wrong verdict also widens the curve");
        }
    }
}
