//! Student's t for any number of degrees of freedom, which Welch's comparison needs, and for any probability, which a
//! correction for the number of comparisons needs: no table has them all.

/// The value that Student's t with these degrees of freedom exceeds with this probability, from 0 to a half. Infinite
/// without a degree of freedom.
pub(crate) fn exceeded_with(probability: f64, freedom: f64) -> f64 {
    if freedom <= 0.0 || probability <= 0.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while tail(high, freedom) > probability && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if tail(middle, freedom) > probability { low = middle } else { high = middle }
    }
    high
}

/// The probability that Student's t is above this, which must not be negative.
fn tail(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + t * t)) / 2.0
}

/// The regularized incomplete beta function: the share of the beta distribution below `x`.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp();
    // The fraction converges quickly only on this side of the mean.
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, 1.0 - x) / b
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let not_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let (mut c, mut d) = (1.0, 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut product = d;
    for step in 1..500 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = product;
        for term in [even, odd] {
            d = 1.0 / not_zero(1.0 + term * d);
            c = not_zero(1.0 + term / c);
            product *= c * d;
        }
        if (product / before - 1.0).abs() < 1e-14 {
            break;
        }
    }
    product
}

/// The logarithm of the gamma function for a positive number: Stirling's series, far enough out.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 0.0);
    while x < 10.0 {
        below += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1_260.0 * x.powi(5));
    (x - 0.5) * x.ln() - x + std::f64::consts::TAU.ln() / 2.0 + series - below
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::statistics::interval::student_95;

    #[test]
    fn the_values_are_those_of_the_tables() {
        for (degrees, of_99) in [(1.0, 63.657), (2.0, 9.925), (3.0, 5.841), (4.0, 4.604), (8.0, 3.355), (30.0, 2.750)] {
            let found = exceeded_with(0.005, degrees);
            assert!((found - of_99).abs() < 6e-4, "{degrees}: {found}");
        }
        for degrees in 1..=30 {
            let found = exceeded_with(0.025, f64::from(degrees));
            assert!((found - student_95(degrees as usize)).abs() < 6e-4, "{degrees}: {found}");
        }
        assert!((exceeded_with(0.025, 1e9) - 1.959_964).abs() < 1e-4, "the normal distribution");
        assert!(exceeded_with(0.5, 3.0) < 1e-12 && exceeded_with(0.005, 0.0).is_infinite());
    }

    proptest! {
        #[test]
        fn the_tail_beyond_the_value_has_the_probability(probability in 1e-6_f64..0.5, freedom in 1.0_f64..500.0) {
            let value = exceeded_with(probability, freedom);
            prop_assert!((tail(value, freedom) / probability - 1.0).abs() < 1e-6, "{}", value);
            prop_assert!(exceeded_with(probability / 2.0, freedom) > value, "rarer is farther out");
            prop_assert!(exceeded_with(probability, freedom + 1.0) < value, "more freedom, shorter tails");
        }
    }
}
