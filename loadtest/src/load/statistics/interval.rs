//! Intervals of 95 % around values measured a few times on a noisy machine.

use super::mean;

/// Student's t for a two-sided interval of 95 %, from one degree of freedom upwards.
const STUDENT_95: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// The factor from the standard error to an interval of 95 %; infinite without a degree of freedom.
pub(crate) fn student_95(degrees: usize) -> f64 {
    match degrees {
        0 => f64::INFINITY,
        degrees => STUDENT_95.get(degrees - 1).copied().unwrap_or(1.96 + 2.5 / degrees as f64),
    }
}

/// The mean with the half width of its interval of 95 %, which is infinite for a single value; `None` without a value.
pub(crate) fn mean_and_half_width(values: &[f64]) -> Option<(f64, f64)> {
    let degrees = values.len().checked_sub(1)?;
    let mean = mean(values);
    if degrees == 0 {
        return Some((mean, f64::INFINITY));
    }
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / degrees as f64;
    Some((mean, student_95(degrees) * (variance / values.len() as f64).sqrt()))
}

/// The standard deviation of single values around a mean that drifts slowly, from the differences of neighbours (von
/// Neumann's estimate); `None` for fewer than two.
pub(crate) fn noise(values: &[f64]) -> Option<f64> {
    let squares: Vec<f64> = values.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).collect();
    (!squares.is_empty()).then(|| (mean(&squares) / 2.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::statistics::dice::Dice;

    #[test]
    fn an_interval_of_known_values() {
        assert_eq!(mean_and_half_width(&[]), None);
        assert_eq!(mean_and_half_width(&[3.0]), Some((3.0, f64::INFINITY)));
        let (mean, half) = mean_and_half_width(&[1.0, 2.0, 3.0]).unwrap();
        assert!((mean - 2.0).abs() < 1e-12 && (half - 4.303 / 3.0_f64.sqrt()).abs() < 1e-9, "{half}");
        assert!(student_95(30) > student_95(31) && student_95(1_000_000) < 1.961);
    }

    #[test]
    fn an_interval_holds_the_truth_in_95_percent_of_cases() {
        let mut dice = Dice::new(1);
        let held = (0..2_000).filter(|_| {
            let values: Vec<f64> = (0..5).map(|_| 7.0 + dice.normal()).collect();
            let (mean, half) = mean_and_half_width(&values).unwrap();
            (mean - 7.0).abs() <= half
        });
        let held = held.count();
        assert!((1_860..=1_940).contains(&held), "{held} of 2,000");
    }

    #[test]
    fn noise_is_distinguished_from_drift() {
        let mut dice = Dice::new(2);
        let drifting: Vec<f64> = (0..500).map(|i| f64::from(i) / 50.0 + 0.5 * dice.normal()).collect();
        assert!((noise(&drifting).unwrap() - 0.5).abs() < 0.05, "{:?}", noise(&drifting));
        assert_eq!(noise(&[1.0]), None);
    }
}
