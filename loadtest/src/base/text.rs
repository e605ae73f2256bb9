//! Numbers and durations as people read them.

use std::time::Duration;

use service::status::figures::grouped;

/// The rate of events, as text.
pub(crate) fn rate(count: u64, time: Duration) -> String {
    a_second(per_second(count, time))
}

/// A number of events per second, rounded to a whole number where that is exact enough.
pub(crate) fn a_second(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}/s") } else { format!("{}/s", grouped(rate.round())) }
}

/// Events per second; zero if no time has passed.
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { count as f64 / time.as_secs_f64() }
}

/// A latency in milliseconds: `3.1 ms`.
pub(crate) fn milliseconds(latency: Duration) -> String {
    let milliseconds = latency.as_secs_f64() * 1e3;
    if milliseconds < 100.0 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

/// How many characters two texts have in common at their start.
pub(crate) fn common_start(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(rate(30, Duration::from_secs(4)), "7.5/s");
        assert_eq!(rate(30_000, Duration::from_secs(2)), "15,000/s");
        assert_eq!(rate(1, Duration::ZERO), "0.0/s");
        assert_eq!(milliseconds(Duration::from_micros(3_140)), "3.1 ms");
        assert_eq!(milliseconds(Duration::from_millis(1_200)), "1200 ms");
    }
}
