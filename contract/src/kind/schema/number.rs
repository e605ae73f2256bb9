//! Numbers keep their value: what neither an integer of 64 bits nor a double holds is an error and is never rounded.

/// The double whose shortest text is numerically this number of JSON. A negative zero becomes zero, which is equal and
/// which every store keeps.
pub(super) fn exact_double(text: &str) -> Option<f64> {
    let double = text.parse::<f64>().ok().filter(|double| double.is_finite())?;
    // Numbers of up to 15 digits differ as doubles, too, unless they are too close to zero.
    let is_short = text.len() <= 16 && !text.contains(['e', 'E']);
    (is_short || is_shortest(text, double)).then_some(double + 0.0)
}

/// Whether a double's shortest text has this value. Where the double is in the middle between two texts, both are the
/// shortest one: libraries differ in which they write.
fn is_shortest(text: &str, double: f64) -> bool {
    let (written, shortest) = (Decimal::of(text), Decimal::of(&format!("{double:e}")));
    if written == shortest {
        return true;
    }
    let (Some(one), Some(other)) = (written.integer(), shortest.integer()) else { return false };
    let are_neighbours = one.abs_diff(other) == 1
        && (written.is_negative, written.exponent) == (shortest.is_negative, shortest.exponent);
    are_neighbours && is_exactly(double.abs(), 10 * one.min(other) + 5, written.exponent - 1)
}

/// Whether a double is exactly this number times a power of ten.
fn is_exactly(double: f64, number: u128, exponent: i64) -> bool {
    const MANTISSA_BITS: u32 = 52;
    let (bits, fraction) = (double.to_bits(), double.to_bits() & ((1 << MANTISSA_BITS) - 1));
    let (mantissa, power) = match bits >> MANTISSA_BITS {
        0 => (fraction, -1074),
        biased => (fraction | 1 << MANTISSA_BITS, biased as i64 - 1075),
    };
    // Ten is two times five: the fives go to the side where they are a whole number. More of them than this have no
    // room in the other side.
    let fives = match u32::try_from(exponent.abs()) {
        Ok(fives @ 0..=27) => 5_u128.pow(fives),
        _ => return false,
    };
    let (left, right) =
        if exponent < 0 { (u128::from(mantissa) * fives, number) } else { (u128::from(mantissa), number * fives) };
    let twos = |number: u128| number.trailing_zeros();
    left >> twos(left) == right >> twos(right) && i64::from(twos(left)) + power == i64::from(twos(right)) + exponent
}

/// A number by its digits, without zeros at either end.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    digits: Vec<u8>,
    /// The power of ten of its last digit.
    exponent: i64,
}

impl Decimal {
    /// Its digits as a number, if a double may need that many.
    fn integer(&self) -> Option<u128> {
        let digits = std::str::from_utf8(&self.digits).ok().filter(|digits| digits.len() <= 17)?;
        digits.parse().ok()
    }

    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit);
        let mut digits: Vec<u8> = all.skip_while(|digit| *digit == b'0').collect();
        // An exponent beyond 64 bits belongs to no double but zero.
        let limit = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        let mut exponent = exponent.parse().unwrap_or(limit).saturating_sub(fraction.len() as i64);
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent = exponent.saturating_add(1);
        }
        match digits.is_empty() {
            true => Self { is_negative: false, digits, exponent: 0 },
            false => Self { is_negative: whole.starts_with('-'), digits, exponent },
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_exact_if_a_double_has_its_value() {
        for (text, double) in [
            ("0.1", 0.1),
            ("1.10", 1.1),
            ("-0.0", 0.0),
            ("1e3", 1000.0),
            ("0e99999999999999999999", 0.0),
            ("-0e-99999999999999999999", 0.0),
            ("123456789012345.6", 123_456_789_012_345.6),
            // In the middle between these two.
            ("1000000000000000.7", 1_000_000_000_000_000.8),
            ("1000000000000000.8", 1_000_000_000_000_000.8),
            ("100000000000000000000", 1e20),
            ("1.7976931348623157e308", f64::MAX),
            ("5e-324", 5e-324),
            ("0.30000000000000004", 0.300_000_000_000_000_04),
            ("1.50000000000000000000000000000", 1.5),
            // Exactly …57.625: both neighbours are as short and as close.
            ("-234917245633157.62", -234_917_245_633_157.63),
            ("-234917245633157.63", -234_917_245_633_157.63),
        ] {
            assert_eq!(exact_double(text), Some(double), "{text}");
        }
        assert!(exact_double("-0.0").is_some_and(|zero| zero.is_sign_positive()));
    }

    #[test]
    fn a_number_that_would_be_rounded_is_none() {
        for text in [
            "1e400",
            "-1e400",
            "1e-400",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "9007199254740993.0",
            "9223372036854775808",
            "0.1234567890123456789",
            "0.10000000000000000555",
            "4.9e-324",
            "-234917245633157.61",
            "-234917245633157.64",
            "234917245633157.625",
        ] {
            assert_eq!(exact_double(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_double_is_exact_as_its_shortest_text(bits: u64) {
            let double = f64::from_bits(bits);
            prop_assume!(double.is_finite());
            prop_assert_eq!(exact_double(&format!("{double}")), Some(double));
            prop_assert_eq!(exact_double(&format!("{double:e}")), Some(double));
            prop_assert_eq!(exact_double(&serde_json::to_string(&double).unwrap()), Some(double));
        }

        #[test]
        fn an_exact_double_has_the_shortest_text_that_was_written(text in "-?[1-9][0-9]{0,20}\\.[0-9]{0,20}[1-9]") {
            if let Some(double) = exact_double(&text) {
                let (written, shortest) = (Decimal::of(&text), Decimal::of(&format!("{double:e}")));
                // All digits that a double of this size has.
                let exact = Decimal::of(&format!("{double:.60}"));
                let lower = written.digits.clone().min(shortest.digits.clone());
                let is_in_the_middle = exact.digits == [lower, b"5".to_vec()].concat();
                prop_assert!(written == shortest || is_in_the_middle, "{}", text);
            }
        }
    }
}
