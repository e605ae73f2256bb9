//! Numbers and times as people read them.

use std::fmt::Display;
use std::time::Duration;

/// A whole number with its thousands separated, as in `12,345`.
pub fn grouped(number: impl Display) -> String {
    let number = number.to_string();
    let (sign, digits) = number.strip_prefix('-').map_or(("", number.as_str()), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of events per second; a small one has a decimal.
pub(super) fn rate(rate: f64) -> String {
    if rate > 0.0 && rate < 9.95 { format!("{rate:.1}") } else { grouped(rate.round()) }
}

/// A time span in its two largest units, as in `3 h 12 min`; in seconds if it is below a minute.
pub fn span(span: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let seconds = span.as_secs();
    if span.is_zero() {
        return "0 s".to_owned();
    }
    if seconds < 10 {
        return format!("{:.1} s", span.as_secs_f64());
    }
    let largest = UNITS.iter().position(|(_, length)| seconds >= *length).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let parts: Vec<String> = UNITS[largest..]
        .iter()
        .take(2)
        .map(|(unit, length)| {
            let count = rest / length;
            rest %= length;
            format!("{count} {unit}")
        })
        .collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let shown = [0, 7, 999, 1_000, 12_345, 1_234_567, -1_234].map(grouped);
        assert_eq!(shown, ["0", "7", "999", "1,000", "12,345", "1,234,567", "-1,234"]);
        assert_eq!([0.0, 0.25, 9.94, 9.96, 1_234.4].map(rate), ["0", "0.2", "9.9", "10", "1,234"]);
    }

    #[test]
    fn spans_have_their_two_largest_units() {
        let shown =
            [0, 4_250, 12_000, 61_000, 3_600_000, 11_520_000, 90_000_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(shown, ["0 s", "4.2 s", "12 s", "1 min 1 s", "1 h 0 min", "3 h 12 min", "1 d 1 h"]);
    }
}
