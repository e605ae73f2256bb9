//! How long something has been away. Pure: the time is an argument.

use std::time::{Duration, Instant};

/// Lasts from the first failure until something succeeds.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
}

impl Outage {
    /// Notes one more failure, and says whether the first one is `patience` ago.
    pub(super) fn is_too_long(&mut self, now: Instant, patience: Duration) -> bool {
        now.saturating_duration_since(*self.since.get_or_insert(now)) >= patience
    }

    /// Whether the latest try failed.
    pub(super) fn is_on(&self) -> bool {
        self.since.is_some()
    }

    /// Notes a success, and says whether there was a failure before.
    pub(super) fn end(&mut self) -> bool {
        self.since.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_ends_it_once() {
        let mut outage = Outage::default();
        assert!(!outage.end());
        outage.is_too_long(Instant::now(), Duration::MAX);
        assert!(outage.end() && !outage.end());
    }

    #[test]
    fn the_first_failure_counts_and_not_the_last() {
        let (start, patience) = (Instant::now(), Duration::from_secs(5));
        let mut outage = Outage::default();
        for (seconds, is_too_long) in [(0, false), (3, false), (4, false), (5, true), (9, true)] {
            assert_eq!(outage.is_too_long(start + Duration::from_secs(seconds), patience), is_too_long, "{seconds}");
        }
    }
}
