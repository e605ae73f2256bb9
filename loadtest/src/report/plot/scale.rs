//! Where a value is between the two ends of an axis.

/// An axis's arithmetic: from a value to a share of the axis, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scale {
    /// Equal steps are equal differences.
    Linear { low: f64, high: f64 },
    /// Equal steps are equal factors; both ends are above zero.
    Log { low: f64, high: f64 },
}

impl Scale {
    /// The share of the axis; values beyond an end are at that end.
    pub(crate) fn at(self, value: f64) -> f64 {
        let share = match self {
            Scale::Linear { low, high } => (value - low) / (high - low),
            Scale::Log { low, high } => (value.max(low) / low).ln() / (high / low).ln(),
        };
        if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ends_and_middle() {
        let (linear, log) = (Scale::Linear { low: 0.0, high: 10.0 }, Scale::Log { low: 1.0, high: 100.0 });
        assert_eq!([0.0, 5.0, 10.0].map(|value| linear.at(value)), [0.0, 0.5, 1.0]);
        assert_eq!([1.0, 10.0, 100.0].map(|value| log.at(value)), [0.0, 0.5, 1.0]);
        assert_eq!((log.at(0.0), log.at(-5.0), log.at(1e9)), (0.0, 0.0, 1.0));
        assert_eq!(Scale::Linear { low: 3.0, high: 3.0 }.at(3.0), 0.0);
    }

    proptest! {
        #[test]
        fn larger_values_never_lie_lower(
            low in 0.001_f64..10.0, span in 1.1_f64..1e6, one in 0.0_f64..1e7, more in 0.0_f64..1e7,
        ) {
            for scale in [Scale::Linear { low, high: low + span }, Scale::Log { low, high: low * span }] {
                let (below, above) = (scale.at(one), scale.at(one + more));
                prop_assert!((0.0..=1.0).contains(&below) && below <= above && above <= 1.0);
            }
        }
    }
}
