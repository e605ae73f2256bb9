//! Money, exact: read from a number's own text and kept in hundredths, never as a binary float.

use std::fmt;

use crate::decimal;

/// An amount of money in hundredths, from 0 up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cents(i64);

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AmountError {
    /// It is not a number as JSON writes one.
    NotANumber,
    /// It has more than two decimals.
    TooFine,
    /// It is negative, or larger than any amount.
    OutOfRange,
}

impl Cents {
    /// The amount of this number of hundredths.
    pub(super) const fn new(hundredths: i64) -> Self {
        Self(hundredths)
    }

    /// Reads a number as JSON writes one. An exponent is allowed if the value has at most two decimals.
    pub(super) fn parse(text: &str) -> Result<Self, AmountError> {
        /// Every number of hundredths with this number of digits fits.
        const MAX_DIGITS: i64 = 18;
        let Number { is_negative, whole, fraction, exponent } = Number::parse(text).ok_or(AmountError::NotANumber)?;
        let digits = [whole, fraction].concat();
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self(0));
        }
        let zeros = digits.len() - significant.len();
        // The value is `significant`, followed by this number of zeros, in hundredths.
        let scale = exponent.saturating_add(zeros as i64 + 2 - fraction.len() as i64);
        if is_negative || scale.saturating_add(significant.len() as i64) > MAX_DIGITS {
            return Err(AmountError::OutOfRange);
        }
        let scale = u32::try_from(scale).map_err(|_| AmountError::TooFine)?;
        let significant: i64 = significant.parse().expect("these are digits, and few enough");
        Ok(Self(significant * 10_i64.pow(scale)))
    }

    /// The number of hundredths.
    pub fn hundredths(self) -> i64 {
        self.0
    }

    /// The amount as it is written, as in 19.99.
    pub(super) fn text(self) -> decimal::Text {
        decimal::Text::of_hundredths(self.0.unsigned_abs())
    }

    /// This amount, this number of times.
    pub(super) fn times(self, quantity: u32) -> Self {
        Self(self.0 * i64::from(quantity))
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

/// The parts of a number as JSON writes it.
struct Number<'a> {
    is_negative: bool,
    whole: &'a str,
    /// The digits after the point.
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Number<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let is_whole = is_digits(whole) && (whole == "0" || !whole.starts_with('0'));
        let is_number = is_whole && fraction.is_none_or(is_digits);
        is_number.then_some(Self { is_negative, whole, fraction: fraction.unwrap_or_default(), exponent })
    }
}

/// The exponent, or the nearest number to it that there is room for.
fn parse_exponent(text: &str) -> Option<i64> {
    let (is_negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let exponent = is_digits(digits).then(|| digits.parse().unwrap_or(i64::MAX))?;
    Some(if is_negative { -exponent } else { exponent })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_amount_is_exact_however_it_is_written() {
        for (text, hundredths) in [
            ("19.99", 1_999),
            ("1.999e1", 1_999),
            ("1999E-2", 1_999),
            ("0.1999e+2", 1_999),
            ("19.990000000000000000000000", 1_999),
            ("0.000000000000000000001999e22", 1_999),
            ("0.1", 10),
            ("0.29", 29),
            ("1.10", 110),
            ("1000000000", 100_000_000_000),
            ("1e9", 100_000_000_000),
            ("9007199254740993", 900_719_925_474_099_300),
            ("9999999999999999.99", 999_999_999_999_999_999),
            ("0", 0),
            ("-0.000", 0),
            ("0e99999999999999999999", 0),
        ] {
            assert_eq!(Cents::parse(text), Ok(Cents(hundredths)), "{text}");
        }
    }

    #[test]
    fn what_is_not_an_amount_says_why() {
        use AmountError::{NotANumber, OutOfRange, TooFine};
        for (texts, error) in [
            (&["0.001", "1.999", "19.999e0", "1e-3", "1e-99999999999999999999", "1.0000000000000000001"][..], TooFine),
            (
                &["-1", "-0.001", "10000000000000000", "1e17", "1e99999999999999999999", "-1e99999999999999999999"],
                OutOfRange,
            ),
            (
                &[
                    "", "-", "1.", ".5", "+1", "01", "1,5", "1e", "1e+", "1e1.5", "0x1", "1_000", " 1", "1 ", "٣",
                    "NaN", "--1",
                ],
                NotANumber,
            ),
        ] {
            for text in texts {
                assert_eq!(Cents::parse(text), Err(error), "{text}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_text_of_an_amount_reads_back(hundredths in 0..=999_999_999_999_999_999_i64) {
            prop_assert_eq!(Cents::parse(&Cents(hundredths).to_string()), Ok(Cents(hundredths)));
        }

        /// `digits × 10^exponent`, with the point anywhere and the exponent adjusted, is always the same amount.
        #[test]
        fn every_way_to_write_a_number_is_the_same_amount(
            digits in 1..=99_999_999_u32,
            exponent in -6..=6_i32,
            point in 0..12_usize,
            zeros in 0..30_usize,
        ) {
            // In hundredths and exactly, if there are no more decimals than two.
            let scaled = i128::from(digits) * 10_i128.pow((exponent + 6) as u32);
            let is_exact = scaled % 10_000 == 0;
            let expected = if is_exact { Ok(Cents((scaled / 10_000) as i64)) } else { Err(AmountError::TooFine) };
            let padded = format!("{digits:0>13}");
            let (whole, fraction) = padded.split_at(padded.len() - point);
            let whole = whole.trim_start_matches('0');
            let whole = if whole.is_empty() { "0" } else { whole };
            let text = match point {
                0 => format!("{whole}e{exponent}"),
                _ => format!("{whole}.{fraction}{}E{}", "0".repeat(zeros), exponent + point as i32),
            };
            prop_assert_eq!(Cents::parse(&text), expected, "{}", text);
        }

        #[test]
        fn any_text_is_answered_and_json_decides_what_is_a_number(text in "[-+0-9.eE ]{0,12}|\\PC{0,12}") {
            let is_number = serde_json::from_str::<&serde_json::value::RawValue>(&text)
                .is_ok_and(|raw| raw.get() == text && text.starts_with(|c: char| c == '-' || c.is_ascii_digit()));
            prop_assert_eq!(Cents::parse(&text) != Err(AmountError::NotANumber), is_number);
        }
    }
}
