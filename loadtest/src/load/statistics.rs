//! What a few noisy values show, without random numbers: the same report gives the same verdict every time.

#[cfg(test)]
pub(crate) mod dice;
pub(crate) mod interval;
pub(crate) mod ratio;
pub(crate) mod slope;
pub(crate) mod student;

/// The middle value, or the mean of the two middle ones; `None` without a value.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.get(sorted.len().wrapping_sub(1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*low, *high))
}

/// The mean; zero without a value.
pub(crate) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// How much larger the variance of a mean is than for the same number of independent values, from how alike neighbours
/// are: what lasts longer than one value must not count as several witnesses. Between 1 and 19.
pub(crate) fn dependence(values: &[f64]) -> f64 {
    const MOST: f64 = 0.9;
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    if squares <= 0.0 {
        return 1.0;
    }
    let products: f64 = values.windows(2).map(|pair| (pair[0] - mean) * (pair[1] - mean)).sum();
    // With few values the correlation comes out too small, by about one divided by their number.
    let correlation = (products / squares + 1.0 / values.len() as f64).clamp(0.0, MOST);
    (1.0 + correlation) / (1.0 - correlation)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::dice::Dice;
    use super::*;

    /// Noise around zero with this deviation, whose neighbours are alike by `correlation`; the seed determines it.
    pub(crate) fn noise(seed: u64, correlation: f64, deviation: f64) -> impl Iterator<Item = f64> {
        let mut dice = Dice::new(seed);
        let fresh = (1.0 - correlation * correlation).sqrt();
        let mut value = dice.normal();
        std::iter::repeat_with(move || {
            value = correlation * value + fresh * dice.normal();
            value * deviation
        })
    }

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn values_that_wander_count_for_less() {
        let dependence_of = |correlation| dependence(&noise(1, correlation, 1.0).take(200).collect::<Vec<_>>());
        assert!(dependence_of(0.0) < 1.5, "{}", dependence_of(0.0));
        assert!((5.0..19.1).contains(&dependence_of(0.8)), "{}", dependence_of(0.8));
        assert_eq!(dependence(&[7.0; 9]), 1.0);
        assert_eq!(dependence(&[]), 1.0);
    }
}
