//! Exact decimal numbers, for bounds and steps that binary fractions cannot hold: 0.01 is a hundredth here.

use std::cmp::Ordering;

/// The most digits and the most decimals that are held: products and sums of such numbers fit 128 bits.
const MOST_DIGITS: usize = 19;

/// `units` × 10^-`scale`, without trailing zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) units: i128,
    pub(super) scale: u32,
}

impl Decimal {
    /// This many units of 10^-`scale`.
    pub(super) fn new(units: i128, scale: u32) -> Self {
        let mut decimal = Self { units, scale };
        while decimal.scale > 0 && decimal.units % 10 == 0 {
            decimal.units /= 10;
            decimal.scale -= 1;
        }
        decimal
    }

    /// The number that this JSON writes; `None` if it has too many digits before or after the point.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let exponent = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let units: i128 = format!("{whole}{fraction}").parse().ok()?;
        let mut decimal = Self::new(units, u32::try_from(-exponent).unwrap_or(0));
        if exponent > 0 {
            let power = 10_i128.checked_pow(u32::try_from(exponent).ok()?)?;
            decimal.units = decimal.units.checked_mul(power)?;
        }
        let digits = decimal.units.unsigned_abs().to_string().len();
        (digits <= MOST_DIGITS && decimal.scale as usize <= MOST_DIGITS).then_some(decimal)
    }

    /// In units of 10^-`scale`, which must not be coarser than its own.
    fn at(self, scale: u32) -> Option<i128> {
        self.units.checked_mul(10_i128.checked_pow(scale - self.scale)?)
    }

    /// How often `step` goes into it, rounded down, and whether it does so exactly; `None` if that takes more than 128
    /// bits. `step` must be above 0.
    pub(super) fn steps(self, step: Decimal) -> Option<(i128, bool)> {
        let scale = self.scale.max(step.scale);
        let (units, step) = (self.at(scale)?, step.at(scale)?);
        Some((units.div_euclid(step), units.rem_euclid(step) == 0))
    }

    /// Their order.
    pub(super) fn compare(self, other: Decimal) -> Ordering {
        let scale = self.scale.max(other.scale);
        // At most 19 digits and 19 more decimals are 38 digits.
        self.at(scale).expect("it fits").cmp(&other.at(scale).expect("it fits"))
    }

    /// As JSON, with all of its decimals.
    pub(super) fn text(units: i128, scale: u32) -> String {
        if scale == 0 {
            return units.to_string();
        }
        let power = 10_u128.pow(scale);
        let (sign, units) = (if units < 0 { "-" } else { "" }, units.unsigned_abs());
        format!("{sign}{}.{:0width$}", units / power, units % power, width = scale as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_what_is_written() {
        for (text, units, scale) in [
            ("0", 0, 0),
            ("-12", -12, 0),
            ("0.01", 1, 2),
            ("1.50", 15, 1),
            ("1e3", 1_000, 0),
            ("1.5E+2", 150, 0),
            ("-25e-4", -25, 4),
            ("9223372036854775807", i64::MAX.into(), 0),
        ] {
            assert_eq!(Decimal::of(text), Some(Decimal { units, scale }), "{text}");
        }
        for text in ["1e300", "1e-300", "1e99999999999999999999", "12345678901234567890"] {
            assert_eq!(Decimal::of(text), None, "{text}");
        }
    }

    #[test]
    fn steps_are_counted_exactly() {
        let steps = |text: &str, step: &str| Decimal::of(text).unwrap().steps(Decimal::of(step).unwrap()).unwrap();
        assert_eq!(steps("0.3", "0.1"), (3, true));
        assert_eq!(steps("-0.35", "0.1"), (-4, false));
        assert_eq!(steps("7", "2"), (3, false));
        assert_eq!(steps("1e18", "0.000000001"), (1_000_000_000_000_000_000_000_000_000, true));
    }

    #[test]
    fn the_text_has_every_decimal() {
        assert_eq!(Decimal::text(-5, 2), "-0.05");
        assert_eq!(Decimal::text(150, 2), "1.50");
        assert_eq!(Decimal::text(7, 0), "7");
    }
}
