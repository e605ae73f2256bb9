//! How much larger one mean is than another, with the uncertainty of both: Welch's comparison, of logarithms.

use super::{dependence, mean};

/// A relative change with its interval, as shares: 0.05 is 5 % more. Infinite where something grew from nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RatioChange {
    pub(crate) estimate: f64,
    /// The 99 % interval's ends.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The change from one side to the other. It compares geometric means, in which a value ten times as large counts no
/// more than one a tenth as large, or arithmetic means if some value is zero. `None` if a side has fewer than two
/// values. `in_order` says that the values of a side follow each other in time, so that neighbours may be alike.
pub(crate) fn change(base: &[f64], with: &[f64], in_order: bool) -> Option<RatioChange> {
    if base.len() < 2 || with.len() < 2 {
        return None;
    }
    if base.iter().chain(with).all(|value| *value > 0.0) {
        let logarithms = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
        let [base, with] = [Mean::of(&logarithms(base), in_order), Mean::of(&logarithms(with), in_order)];
        let (difference, spread) = (with.value - base.value, spread(base, with));
        let [estimate, low, high] = [difference, difference - spread, difference + spread].map(f64::exp_m1);
        return Some(RatioChange { estimate, low, high });
    }
    let [base, with] = [Mean::of(base, in_order), Mean::of(with, in_order)];
    if base.value == 0.0 {
        return Some(from_nothing(with.value, spread(base, with)));
    }
    let ratio = with.value / base.value;
    let spread = spread(Mean { variance: ratio.powi(2) * base.variance, ..base }, with) / base.value;
    let estimate = ratio - 1.0;
    Some(RatioChange { estimate, low: estimate - spread, high: estimate + spread })
}

/// A mean, and how far it may be off.
#[derive(Clone, Copy)]
struct Mean {
    value: f64,
    variance: f64,
    /// Degrees of freedom.
    freedom: f64,
}

impl Mean {
    fn of(values: &[f64], in_order: bool) -> Self {
        let (value, count) = (mean(values), values.len() as f64);
        let variance = values.iter().map(|one| (one - value).powi(2)).sum::<f64>() / (count - 1.0);
        let dependence = if in_order { dependence(values) } else { 1.0 };
        Self { value, variance: variance / count * dependence, freedom: count - 1.0 }
    }
}

/// Half the width of the interval of a difference, by Welch.
fn spread(one: Mean, other: Mean) -> f64 {
    let variance = one.variance + other.variance;
    let freedom = variance.powi(2) / (one.variance.powi(2) / one.freedom + other.variance.powi(2) / other.freedom);
    students_t(freedom) * variance.sqrt()
}

/// Zero has no multiples, so any certain growth from it is infinite.
fn from_nothing(with: f64, spread: f64) -> RatioChange {
    match with {
        0.0 => RatioChange { estimate: 0.0, low: 0.0, high: 0.0 },
        _ if with > spread => RatioChange { estimate: f64::INFINITY, low: f64::INFINITY, high: f64::INFINITY },
        _ => RatioChange { estimate: f64::INFINITY, low: 0.0, high: f64::INFINITY },
    }
}

/// Student's t of a two-sided 99 % interval, for degrees of freedom rounded down; beyond the last value it changes
/// little, and that value is on the safe side. Values that do not vary have no freedom at all, and need none.
fn students_t(freedom: f64) -> f64 {
    const T: [f64; 30] = [
        63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169, 3.106, 3.055, 3.012, 2.977, 2.947,
        2.921, 2.898, 2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756, 2.750,
    ];
    let index = if freedom.is_finite() { (freedom as usize).clamp(1, T.len()) - 1 } else { 0 };
    T[index]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::statistics::tests::noise;

    fn around(level: f64, seed: u64, correlation: f64, count: usize) -> Vec<f64> {
        noise(seed, correlation, 0.1).take(count).map(|noise| level * (1.0 + noise)).collect()
    }

    #[test]
    fn what_does_not_vary_is_certain() {
        let found = change(&[10.0; 3], &[12.0; 3], true).unwrap();
        assert!([found.estimate, found.low, found.high].iter().all(|share| (share - 0.2).abs() < 1e-9), "{found:?}");
        assert_eq!(change(&[1.0], &[1.0, 2.0], true), None);
    }

    #[test]
    fn growth_from_nothing_needs_more_than_one_witness() {
        let nothing = [0.0; 9];
        let mut once = nothing;
        once[4] = 0.2;
        let found = change(&nothing, &once, true).unwrap();
        assert_eq!((found.estimate, found.low), (f64::INFINITY, 0.0));
        assert_eq!(change(&nothing, &[0.2; 9], true).unwrap().low, f64::INFINITY);
        assert_eq!(change(&nothing, &nothing, true).unwrap(), RatioChange { estimate: 0.0, low: 0.0, high: 0.0 });
    }

    #[test]
    fn noise_alone_rarely_makes_a_difference() {
        for (correlation, at_most) in [(0.0, 20), (0.5, 50)] {
            let claims = (0..1_000_u64).filter(|seed| {
                let [base, with] = [2 * seed, 2 * seed + 1].map(|seed| around(100.0, seed << 20, correlation, 9));
                let found = change(&base, &with, true).unwrap();
                found.low > 0.0 || found.high < 0.0
            });
            let claims = claims.count();
            assert!(claims <= at_most, "{claims} of 1000 at {correlation}");
        }
    }

    proptest! {
        #[test]
        fn values_compared_with_themselves_do_not_change(values in proptest::collection::vec(0.0_f64..1e6, 2..30)) {
            let found = change(&values, &values, true).unwrap();
            prop_assert_eq!(found.estimate, 0.0);
            prop_assert!(found.low <= 0.0 && found.high >= 0.0);
        }

        #[test]
        fn a_large_shift_is_found(seed: u64, level in 0.1_f64..1e6, shift in 0.5_f64..3.0) {
            let (base, with) = (around(level, seed, 0.3, 9), around(level * (1.0 + shift), !seed, 0.3, 9));
            let found = change(&base, &with, true).unwrap();
            prop_assert!(found.estimate > 0.0 && found.low < found.estimate && found.estimate < found.high);
            let back = change(&with, &base, true).unwrap();
            prop_assert!(back.estimate < 0.0);
        }

        #[test]
        fn the_unit_does_not_matter(seed: u64, unit in 1e-6_f64..1e6) {
            let (base, with) = (around(3.0, seed, 0.0, 9), around(4.0, !seed, 0.0, 9));
            let scaled = |values: &[f64]| values.iter().map(|value| value * unit).collect::<Vec<_>>();
            let one = change(&base, &with, true).unwrap();
            let other = change(&scaled(&base), &scaled(&with), true).unwrap();
            prop_assert!((one.low - other.low).abs() < 1e-9 && (one.high - other.high).abs() < 1e-9);
        }
    }
}
