//! What was seen of the sampled posts.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::ledger::states::older::OlderStates;
use crate::load::{quantile, sparse};

/// How long the sampled posts took until they were visible.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SeenPosts {
    /// From the answer that accepted a post to the first look-up that found it, in microseconds.
    #[serde(with = "sparse")]
    pub(crate) times_us: Histogram<u64>,
    /// Posts that no look-up found.
    pub(crate) not_seen: u64,
    /// Look-ups that the store answered.
    pub(crate) looks: u64,
    /// Look-ups that it did not answer.
    pub(crate) failed_looks: u64,
}

/// The result of a run's sampling.
pub(crate) enum Sampled {
    /// Nothing was sampled, for this reason.
    Off(String),
    /// This share of the posts was sampled, and this many more had no id to look for.
    On { share: f64, seen: SeenPosts, without_id: u64, older: OlderStates },
}

impl Sampled {
    /// What was seen older than before; `None` if nobody has looked.
    pub(crate) fn older(&self) -> Option<OlderStates> {
        match self {
            Sampled::On { seen, older, .. } if seen.looks > 0 => Some(older.clone()),
            Sampled::On { .. } | Sampled::Off(_) => None,
        }
    }
}

/// The times within which a share of the posts was visible, the longest and the mean; `None` if too many posts were
/// never seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) p50: Option<Duration>,
    pub(crate) p90: Option<Duration>,
    pub(crate) p95: Option<Duration>,
    pub(crate) p99: Option<Duration>,
    pub(crate) p999: Option<Duration>,
    pub(crate) max: Option<Duration>,
    pub(crate) avg: Option<Duration>,
}

impl Default for SeenPosts {
    fn default() -> Self {
        Self { times_us: sparse::empty(), not_seen: 0, looks: 0, failed_looks: 0 }
    }
}

impl SeenPosts {
    /// A post was seen after this time.
    pub(crate) fn record(&mut self, time: Duration) {
        self.times_us.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds what another share of the run saw.
    pub(crate) fn merge(&mut self, other: &SeenPosts) {
        self.times_us.add(&other.times_us).expect("both have the same bounds");
        self.not_seen += other.not_seen;
        self.looks += other.looks;
        self.failed_looks += other.failed_looks;
    }

    /// The number of posts seen.
    pub(crate) fn seen(&self) -> u64 {
        self.times_us.len()
    }

    /// The times that thresholds use.
    pub(crate) fn times(&self) -> Times {
        Times {
            p50: self.time(0.50),
            p90: self.time(0.90),
            p95: self.time(0.95),
            p99: self.time(0.99),
            p999: self.time(0.999),
            max: self.time(1.0),
            avg: self.mean(),
        }
    }

    /// The time within which this share of the posts was visible.
    pub(crate) fn time(&self, share: f64) -> Option<Duration> {
        quantile::within(&self.times_us, self.not_seen, share)
    }

    fn mean(&self) -> Option<Duration> {
        (self.seen() > 0 && self.not_seen == 0).then(|| Duration::from_secs_f64(self.times_us.mean() / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_older_was_seen_only_where_somebody_looked() {
        let on = |looks| {
            let seen = SeenPosts { looks, ..SeenPosts::default() };
            Sampled::On { share: 0.01, seen, without_id: 0, older: OlderStates::default() }
        };
        assert_eq!(on(1).older(), Some(OlderStates::default()));
        assert_eq!([on(0), Sampled::Off(String::new())].map(|sampled| sampled.older()), [None, None]);
    }

    #[test]
    fn a_post_that_was_never_seen_took_longer_than_any_other() {
        let mut seen = SeenPosts::default();
        assert_eq!((seen.time(0.5), seen.mean()), (None, None), "nothing was looked for");
        (1..=99).for_each(|ms| seen.record(Duration::from_millis(ms)));
        assert!(seen.mean().is_some());
        seen.not_seen = 1;
        let milliseconds = |share| seen.time(share).map(|time| time.as_secs_f64() * 1e3);
        assert!(milliseconds(0.5).is_some_and(|ms| (50.0..50.1).contains(&ms)), "{:?}", milliseconds(0.5));
        assert!(milliseconds(0.99).is_some_and(|ms| (99.0..99.1).contains(&ms)), "{:?}", milliseconds(0.99));
        assert_eq!((milliseconds(0.999), milliseconds(1.0), seen.mean()), (None, None, None));
    }
}
