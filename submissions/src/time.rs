//! Times of the store as text.

/// The RFC 3339 text of a time in milliseconds since 1970, in UTC with three decimals, as in
/// `2026-11-28T20:15:00.000Z`. A time of another era, which no clock shows, becomes the nearest of this one.
pub(crate) fn rfc3339(time_ms: i64) -> String {
    const LAST: i64 = 253_402_300_799_999;
    contract::time_text(time_ms.clamp(0, LAST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_a_text() {
        for (time_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_795_896_900_007, "2026-11-28T20:15:00.007Z"),
            (-1, "1970-01-01T00:00:00.000Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(rfc3339(time_ms), text);
        }
    }
}
