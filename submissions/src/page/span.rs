//! Time spans as people read them.

const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];

/// A span of milliseconds in its two largest units, as in `3 h 12 min`. What is negative, by another clock, is 0 s. The
/// status page has tenths of seconds, which here would change faster than a person reads.
pub(super) fn span(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let largest = UNITS.iter().position(|(_, length)| seconds >= *length).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let parts = UNITS[largest..].iter().take(2).map(|(unit, length)| {
        let count = rest / length;
        rest %= length;
        format!("{count} {unit}")
    });
    parts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        let shown = [-5, 0, 999, 59_999, 61_000, 3_600_000, 11_520_000, 90_000_000].map(span);
        assert_eq!(shown, ["0 s", "0 s", "0 s", "59 s", "1 min 1 s", "1 h 0 min", "3 h 12 min", "1 d 1 h"]);
    }
}
