//! How fast something grows: the slope of Theil and Sen, which a few outliers do not move, with Sen's interval, made
//! wider where neighbouring residuals are alike.

use super::{dependence, median};

/// With fewer points than this, nothing can be said.
const FEWEST: usize = 10;

/// The quantile of the normal distribution for a two-sided 99 % interval.
const Z: f64 = 2.576;

/// A straight line through points, in their units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Slope {
    pub(crate) estimate: f64,
    /// The 99 % interval's ends; infinite if the points do not bound it.
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// The line's value at the first point.
    pub(crate) at_start: f64,
}

/// The slope of points in order; `None` if there are too few.
pub(crate) fn slope(points: &[(f64, f64)]) -> Option<Slope> {
    if points.len() < FEWEST {
        return None;
    }
    let mut slopes: Vec<f64> = between_pairs(points).collect();
    slopes.sort_by(f64::total_cmp);
    let estimate = median(slopes.iter().copied())?;
    let start = points[0].0;
    let at_start = median(points.iter().map(|(x, y)| y - estimate * (x - start)))?;
    let left: Vec<f64> = points.iter().map(|(x, y)| y - at_start - estimate * (x - start)).collect();

    let count = points.len() as f64;
    let variance = count * (count - 1.0) * (2.0 * count + 5.0) / 18.0 * dependence(&left);
    let beyond = (slopes.len() as f64 - Z * variance.sqrt()) / 2.0;
    let (low, high) = if beyond < 1.0 {
        (f64::NEG_INFINITY, f64::INFINITY)
    } else {
        let index = beyond as usize - 1;
        (slopes[index], slopes[slopes.len() - 1 - index])
    };
    Some(Slope { estimate, low, high, at_start })
}

/// The estimate alone, for two points or more; `None` if no two of them differ in x.
pub(crate) fn estimate(points: &[(f64, f64)]) -> Option<f64> {
    median(between_pairs(points))
}

fn between_pairs(points: &[(f64, f64)]) -> impl Iterator<Item = f64> {
    let pairs =
        points.iter().enumerate().flat_map(|(index, one)| points[index + 1..].iter().map(move |other| (one, other)));
    pairs.filter(|(one, other)| one.0 != other.0).map(|(one, other)| (other.1 - one.1) / (other.0 - one.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::statistics::tests::noise;

    fn line(seed: u64, slope: f64, correlation: f64) -> Vec<(f64, f64)> {
        let noise = noise(seed, correlation, 1.0);
        noise.take(40).enumerate().map(|(x, noise)| (x as f64, 100.0 + slope * x as f64 + noise)).collect()
    }

    #[test]
    fn a_line_without_noise_is_certain() {
        let points: Vec<(f64, f64)> = (0..20).map(|x| (f64::from(x), 7.0 + 0.5 * f64::from(x))).collect();
        assert_eq!(slope(&points), Some(Slope { estimate: 0.5, low: 0.5, high: 0.5, at_start: 7.0 }));
        assert_eq!(slope(&points[..9]), None);
    }

    #[test]
    fn points_above_each_other_have_no_slope() {
        assert_eq!(estimate(&[(1.0, 1.0), (1.0, 9.0)]), None);
        assert_eq!(estimate(&[(1.0, 1.0), (2.0, 9.0)]), Some(8.0));
    }

    #[test]
    fn noise_alone_rarely_grows() {
        for (correlation, at_most) in [(0.0, 15), (0.6, 40)] {
            let claims = (0..500_u64).filter(|seed| slope(&line(seed << 20, 0.0, correlation)).unwrap().low > 0.0);
            let claims = claims.count();
            assert!(claims <= at_most, "{claims} of 500 at {correlation}");
        }
    }

    #[test]
    fn one_step_is_not_lasting_growth() {
        let step: Vec<(f64, f64)> =
            line(1, 0.0, 0.0).into_iter().map(|(x, y)| (x, if x < 20.0 { y } else { y + 20.0 })).collect();
        let found = slope(&step).unwrap();
        assert!(found.low < 0.1, "{found:?}");
    }

    proptest! {
        #[test]
        fn the_estimate_is_close_and_the_interval_is_around_it(seed: u64, rate in -5.0_f64..5.0) {
            let found = slope(&line(seed, rate, 0.2)).unwrap();
            prop_assert!((found.estimate - rate).abs() < 0.1, "{found:?}");
            prop_assert!(found.low <= found.estimate && found.estimate <= found.high);
        }

        #[test]
        fn a_tenth_of_the_values_may_be_far_off(seed: u64, far in 10.0_f64..1e6) {
            let mut points = line(seed, 1.0, 0.0);
            points.iter_mut().step_by(10).for_each(|(_, y)| *y += far);
            prop_assert!((slope(&points).unwrap().estimate - 1.0).abs() < 0.2);
        }

        #[test]
        fn a_few_wild_points_do_not_move_the_slope(
            rise in -50.0_f64..50.0, start in -100.0_f64..100.0,
            wild in proptest::collection::vec((0_usize..40, -1e6_f64..1e6), 0..5),
        ) {
            let mut points: Vec<(f64, f64)> = (0..40).map(|x| (f64::from(x), start + rise * f64::from(x))).collect();
            for (i, y) in wild {
                points[i].1 = y;
            }
            prop_assert!((estimate(&points).unwrap() - rise).abs() < 1e-6);
        }
    }
}
