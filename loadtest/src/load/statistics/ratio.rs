//! How much larger one mean is than another, with the uncertainty of both: comparisons of logarithms by Student's t.
//! Values that follow each other in time are compared by Welch's method, since one side may vary more than the other.
//! Single runs are too few to say how much each side varies, so both together say it.

use super::student::exceeded_with;
use super::{dependence, mean};

/// What is known about the values of both sides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ValueTraits {
    /// Whether the values of a side follow each other in time, so that neighbours may be alike.
    pub(crate) in_order: bool,
    /// The smallest step between two values that can be seen. Without it, values that happen to be on the same step
    /// would look as if nothing ever varied.
    pub(crate) step: f64,
}

/// A relative change with its interval, as shares: 0.05 is 5 % more. Infinite where something grew from nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RatioChange {
    pub(crate) estimate: f64,
    /// The interval's ends.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The change from one side to the other. It compares geometric means, in which a value ten times as large counts no
/// more than one a tenth as large, or arithmetic means if some value is zero. `None` if a side has fewer than two
/// values. The truth is beyond each end of the interval with a probability of `beyond`.
pub(crate) fn change(base: &[f64], with: &[f64], traits: ValueTraits, beyond: f64) -> Option<RatioChange> {
    if base.len() < 2 || with.len() < 2 {
        return None;
    }
    if base.iter().chain(with).all(|value| *value > 0.0) {
        let logarithm = |values: &[f64]| {
            let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
            // A step is a smaller share of a larger value.
            Mean::of(&logarithms, ValueTraits { step: traits.step / mean(values), ..traits })
        };
        let [base, with] = [logarithm(base), logarithm(with)];
        let (difference, spread) = (with.value - base.value, spread(base, with, traits, beyond));
        let [estimate, low, high] = [difference, difference - spread, difference + spread].map(f64::exp_m1);
        return Some(RatioChange { estimate, low, high });
    }
    let [base, with] = [Mean::of(base, traits), Mean::of(with, traits)];
    if base.value == 0.0 {
        return Some(from_nothing(with.value, spread(base, with, traits, beyond)));
    }
    let ratio = with.value / base.value;
    let scaled = Mean { variance: ratio.powi(2) * base.variance, ..base };
    let spread = spread(scaled, with, traits, beyond) / base.value;
    let estimate = ratio - 1.0;
    Some(RatioChange { estimate, low: estimate - spread, high: estimate + spread })
}

/// A mean, and how far it may be off.
#[derive(Clone, Copy)]
struct Mean {
    value: f64,
    /// Of a single value.
    variance: f64,
    count: f64,
}

impl Mean {
    fn of(values: &[f64], ValueTraits { in_order, step }: ValueTraits) -> Self {
        let (value, count) = (mean(values), values.len() as f64);
        let variance = values.iter().map(|one| (one - value).powi(2)).sum::<f64>() / (count - 1.0);
        // A value lies anywhere within its step.
        let variance = variance + step * step / 12.0;
        let dependence = if in_order { dependence(values) } else { 1.0 };
        Self { value, variance: variance * dependence, count }
    }
}

/// Half the width of the interval of a difference.
fn spread(one: Mean, other: Mean, traits: ValueTraits, beyond: f64) -> f64 {
    // Values that do not vary have no freedom, and need none.
    if one.variance + other.variance == 0.0 {
        return 0.0;
    }
    let (variance, freedom) = if traits.in_order { apart(one, other) } else { together(one, other) };
    exceeded_with(beyond, freedom) * variance.sqrt()
}

/// The variance of the difference and its degrees of freedom, if each side varies in its own way (Welch).
fn apart(one: Mean, other: Mean) -> (f64, f64) {
    let of_mean = |mean: Mean| mean.variance / mean.count;
    let of_freedom = |mean: Mean| of_mean(mean).powi(2) / (mean.count - 1.0);
    let variance = of_mean(one) + of_mean(other);
    (variance, variance.powi(2) / (of_freedom(one) + of_freedom(other)))
}

/// The same if both sides vary alike, as runs of an unchanged build do.
fn together(one: Mean, other: Mean) -> (f64, f64) {
    let freedom = one.count + other.count - 2.0;
    let variance = ((one.count - 1.0) * one.variance + (other.count - 1.0) * other.variance) / freedom;
    (variance * (1.0 / one.count + 1.0 / other.count), freedom)
}

/// Zero has no multiples, so any certain growth from it is infinite.
fn from_nothing(with: f64, spread: f64) -> RatioChange {
    match with {
        0.0 => RatioChange { estimate: 0.0, low: 0.0, high: 0.0 },
        _ if with > spread => RatioChange { estimate: f64::INFINITY, low: f64::INFINITY, high: f64::INFINITY },
        _ => RatioChange { estimate: f64::INFINITY, low: 0.0, high: f64::INFINITY },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::statistics::tests::noise;

    const IN_ORDER: ValueTraits = ValueTraits { in_order: true, step: 0.0 };

    fn around(level: f64, seed: u64, correlation: f64, count: usize) -> Vec<f64> {
        noise(seed, correlation, 0.1).take(count).map(|noise| level * (1.0 + noise)).collect()
    }

    #[test]
    fn what_does_not_vary_is_certain() {
        let found = change(&[10.0; 3], &[12.0; 3], IN_ORDER, 0.005).unwrap();
        assert!([found.estimate, found.low, found.high].iter().all(|share| (share - 0.2).abs() < 1e-9), "{found:?}");
        assert_eq!(change(&[1.0], &[1.0, 2.0], IN_ORDER, 0.005), None);
    }

    #[test]
    fn few_values_of_one_kind_look_different_as_often_as_chance_says() {
        const RUNS: ValueTraits = ValueTraits { in_order: false, step: 0.0 };
        for counts in [[2, 2], [3, 3], [3, 8]] {
            let worse = (0..2_000_u64).filter(|seed| {
                let mut noise = noise(seed << 20, 0.0, 0.1).map(f64::exp);
                let [base, with] = counts.map(|count| noise.by_ref().take(count).collect::<Vec<_>>());
                change(&base, &with, RUNS, 0.05).unwrap().low > 0.0
            });
            let worse = worse.count();
            assert!((70..=130).contains(&worse), "{worse} of 2,000 comparisons of {counts:?} values");
        }
    }

    #[test]
    fn values_on_one_step_may_still_vary_within_it() {
        let ticks = ValueTraits { in_order: false, step: 0.1 };
        let found = change(&[0.2; 3], &[0.3; 3], ticks, 0.005).unwrap();
        assert!(found.low < 0.0 && found.high > 0.5, "{found:?}");
        assert!(change(&[20.0; 3], &[30.0; 3], ticks, 0.005).unwrap().low > 0.45, "many steps apart");
    }

    #[test]
    fn growth_from_nothing_needs_more_than_one_witness() {
        let nothing = [0.0; 9];
        let mut once = nothing;
        once[4] = 0.2;
        let found = change(&nothing, &once, IN_ORDER, 0.005).unwrap();
        assert_eq!((found.estimate, found.low), (f64::INFINITY, 0.0));
        assert_eq!(change(&nothing, &[0.2; 9], IN_ORDER, 0.005).unwrap().low, f64::INFINITY);
        assert_eq!(
            change(&nothing, &nothing, IN_ORDER, 0.005).unwrap(),
            RatioChange { estimate: 0.0, low: 0.0, high: 0.0 }
        );
    }

    #[test]
    fn noise_alone_rarely_makes_a_difference() {
        for (correlation, at_most) in [(0.0, 20), (0.5, 50)] {
            let claims = (0..1_000_u64).filter(|seed| {
                let [base, with] = [2 * seed, 2 * seed + 1].map(|seed| around(100.0, seed << 20, correlation, 9));
                let found = change(&base, &with, IN_ORDER, 0.005).unwrap();
                found.low > 0.0 || found.high < 0.0
            });
            let claims = claims.count();
            assert!(claims <= at_most, "{claims} of 1000 at {correlation}");
        }
    }

    proptest! {
        #[test]
        fn values_compared_with_themselves_do_not_change(values in proptest::collection::vec(0.0_f64..1e6, 2..30)) {
            let found = change(&values, &values, IN_ORDER, 0.005).unwrap();
            prop_assert_eq!(found.estimate, 0.0);
            prop_assert!(found.low <= 0.0 && found.high >= 0.0);
        }

        #[test]
        fn a_large_shift_is_found(seed: u64, level in 0.1_f64..1e6, shift in 0.5_f64..3.0) {
            let (base, with) = (around(level, seed, 0.3, 9), around(level * (1.0 + shift), !seed, 0.3, 9));
            let found = change(&base, &with, IN_ORDER, 0.005).unwrap();
            prop_assert!(found.estimate > 0.0 && found.low < found.estimate && found.estimate < found.high);
            let back = change(&with, &base, IN_ORDER, 0.005).unwrap();
            prop_assert!(back.estimate < 0.0);
        }

        #[test]
        fn the_unit_does_not_matter(seed: u64, unit in 1e-6_f64..1e6) {
            let (base, with) = (around(3.0, seed, 0.0, 9), around(4.0, !seed, 0.0, 9));
            let scaled = |values: &[f64]| values.iter().map(|value| value * unit).collect::<Vec<_>>();
            let one = change(&base, &with, IN_ORDER, 0.005).unwrap();
            let other = change(&scaled(&base), &scaled(&with), IN_ORDER, 0.005).unwrap();
            prop_assert!((one.low - other.low).abs() < 1e-9 && (one.high - other.high).abs() < 1e-9);
        }
    }
}
