//! Decimal digits of numbers that are not negative, without memory of their own: an order has four of them in each of
//! its forms, and the library's formatting takes longer than everything else that is done for such a number.

/// The decimal text of a number.
pub(crate) struct Text {
    /// The text is at the end.
    bytes: [u8; CAPACITY],
    start: usize,
}

/// A number of 64 bits has 20 digits; one more is for the point.
const CAPACITY: usize = 21;

impl Text {
    /// The digits of a whole number.
    pub(crate) fn of(number: u64) -> Self {
        let mut text = Self { bytes: [0; CAPACITY], start: CAPACITY };
        text.prepend_digits(number, 1);
        text
    }

    /// The text of an amount in hundredths, with its point and two decimals.
    pub(crate) fn of_hundredths(hundredths: u64) -> Self {
        let mut text = Self { bytes: [0; CAPACITY], start: CAPACITY };
        text.prepend_digits(hundredths % 100, 2);
        text.prepend(b'.');
        text.prepend_digits(hundredths / 100, 1);
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..]).expect("digits and a point are ASCII")
    }

    /// At least this number of digits.
    fn prepend_digits(&mut self, mut number: u64, at_least: usize) {
        let mut digits = 0;
        while number > 0 || digits < at_least {
            self.prepend(b'0' + (number % 10) as u8);
            number /= 10;
            digits += 1;
        }
    }

    fn prepend(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_is_as_the_library_writes_it(number: u64, digits in 0..20_u32) {
            let number = number / 10_u64.pow(digits);
            for number in [number, u64::MAX, 0] {
                let (whole, amount) = (Text::of(number), Text::of_hundredths(number));
                prop_assert_eq!(whole.as_str(), number.to_string());
                prop_assert_eq!(amount.as_str(), format!("{}.{:02}", number / 100, number % 100));
            }
        }
    }
}
