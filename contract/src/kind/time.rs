//! Times as RFC 3339 text, in whole milliseconds.

use std::ops::RangeInclusive;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The times that RFC 3339 can write in UTC: the years 0000 to 9999, in ms since 1970.
const WRITABLE: RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

/// Whether RFC 3339 can write this time, in ms since 1970.
pub(super) fn is_writable(time_ms: i64) -> bool {
    WRITABLE.contains(&time_ms)
}

/// The time in ms since 1970 that a text names, or what the text must be instead.
pub(super) fn parse(text: &str) -> Result<i64, &'static str> {
    const NOT_A_TIME: &str = "must be an RFC 3339 time, as in 2026-11-28T20:15:00.000Z";
    let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| NOT_A_TIME)?;
    // RFC 3339 leaves the separator to the application; the parser accepts any.
    if !matches!(text.as_bytes().get(10), Some(b'T' | b't')) {
        return Err(NOT_A_TIME);
    }
    if text.get(17..19) == Some("60") {
        return Err("must not be in a leap second");
    }
    let fraction = text.split_once('.').map_or("", |(_, rest)| rest).bytes().take_while(u8::is_ascii_digit);
    if fraction.skip(3).any(|digit| digit != b'0') {
        return Err("must not be finer than a millisecond");
    }
    let time_ms = time.unix_timestamp() * 1_000 + i64::from(time.millisecond());
    if is_writable(time_ms) { Ok(time_ms) } else { Err("must be in the years 0000 to 9999 in UTC") }
}

/// The RFC 3339 text of a time in ms since 1970, in UTC and always with three decimals. The year must have four digits.
pub fn text(time_ms: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(time_ms.div_euclid(1_000)).expect("it is writable");
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let millisecond = time_ms.rem_euclid(1_000);
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let parts = [(4, i64::from(year)), (7, u8::from(month).into()), (10, day.into()), (13, hour.into())];
    for (end, mut number) in parts.into_iter().chain([(16, minute.into()), (19, second.into()), (23, millisecond)]) {
        for digit in text[..end].iter_mut().rev() {
            if number == 0 {
                break;
            }
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    }
    String::from_utf8(text.to_vec()).expect("all of it is ASCII")
}

#[cfg(test)]
mod tests {
    use bson::DateTime;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_is_read_to_the_millisecond() {
        for (text, time_ms) in [
            ("2026-11-28T20:15:00Z", 1_795_896_900_000),
            ("2026-11-28t20:15:00.1z", 1_795_896_900_100),
            ("2026-11-28T20:15:00.123000000000000Z", 1_795_896_900_123),
            ("2026-11-28T22:45:00.123+02:30", 1_795_896_900_123),
            ("1969-12-31T23:59:59.999Z", -1),
            ("0000-01-01T00:00:00Z", *WRITABLE.start()),
            ("9999-12-31T23:59:59.999Z", *WRITABLE.end()),
        ] {
            assert_eq!(parse(text), Ok(time_ms), "{text}");
        }
    }

    #[test]
    fn what_is_not_such_a_time_says_why() {
        for (text, error) in [
            ("2026-11-28T20:15:00.1234Z", "finer than a millisecond"),
            ("2026-11-28T20:15:00.00000000000001Z", "finer than a millisecond"),
            ("2016-12-31T23:59:60Z", "leap second"),
            ("2016-12-31T23:59:60.5Z", "leap second"),
            ("0000-01-01T00:00:00+00:01", "years 0000 to 9999"),
            ("9999-12-31T23:59:59-00:01", "years 0000 to 9999"),
            ("", "RFC 3339"),
            ("2026-11-28", "RFC 3339"),
            ("2026-11-28T20:15:00", "RFC 3339"),
            ("2026-11-28 20:15:00Z", "RFC 3339"),
            ("2026-11-28ü20:15:00Z", "RFC 3339"),
            ("2026-02-29T20:15:00Z", "RFC 3339"),
            ("2026-11-28T24:00:00Z", "RFC 3339"),
            ("2026-11-28T20:15:00.Z", "RFC 3339"),
            ("2026-11-28T20:15:00,1Z", "RFC 3339"),
            ("2026-11-28T20:15:00Z ", "RFC 3339"),
            ("+2026-11-28T20:15:00Z", "RFC 3339"),
            ("1795896900000", "RFC 3339"),
        ] {
            assert!(parse(text).is_err_and(|message| message.contains(error)), "{text}: {:?}", parse(text));
        }
    }

    proptest! {
        #[test]
        fn the_text_of_a_time_reads_back_here_and_elsewhere(time_ms in WRITABLE) {
            let text = text(time_ms);
            prop_assert_eq!(text.len(), "2026-11-28T20:15:00.000Z".len());
            prop_assert_eq!(parse(&text), Ok(time_ms));
            prop_assert_eq!(DateTime::parse_rfc3339_str(&text).unwrap().timestamp_millis(), time_ms);
        }

        #[test]
        fn any_text_is_answered(text in "[-+:.TtZz0-9]{0,30}|\\PC{0,30}") {
            prop_assert!(parse(&text).is_ok_and(is_writable) || parse(&text).is_err());
        }
    }
}
