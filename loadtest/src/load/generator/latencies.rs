//! How long posts took, from when each was due to the end of its wait. A 503 that comes after a millisecond must not
//! make the accepted posts look fast, nor a timeout make them look slow: so they have a histogram of their own, beside
//! the one of all posts that were sent.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::load::sparse;

/// The latencies of some posts, in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LatencyHistograms {
    /// Of the accepted posts.
    #[serde(with = "sparse")]
    pub(crate) accepted_us: Histogram<u64>,
    /// Of every post that was sent, whatever its outcome.
    #[serde(with = "sparse")]
    pub(crate) all_us: Histogram<u64>,
}

/// The latencies that a share of the posts did not exceed, the longest and the mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Latencies {
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) p95: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    pub(crate) max: Duration,
    pub(crate) avg: Duration,
}

impl Default for LatencyHistograms {
    fn default() -> Self {
        Self { accepted_us: sparse::empty(), all_us: sparse::empty() }
    }
}

impl LatencyHistograms {
    /// A post that was sent took this long.
    pub(crate) fn record(&mut self, latency: Duration, is_accepted: bool) {
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.all_us.saturating_record(latency_us);
        if is_accepted {
            self.accepted_us.saturating_record(latency_us);
        }
    }

    /// Adds those of other posts.
    pub(crate) fn merge(&mut self, other: &LatencyHistograms) {
        self.accepted_us.add(&other.accepted_us).expect("both have the same bounds");
        self.all_us.add(&other.all_us).expect("both have the same bounds");
    }
}

impl Latencies {
    /// Those of a histogram in microseconds; `None` without a post.
    pub(crate) fn of(latencies_us: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| Duration::from_micros(latencies_us.value_at_quantile(quantile));
        (!latencies_us.is_empty()).then(|| Self {
            p50: at(0.50),
            p90: at(0.90),
            p95: at(0.95),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
            avg: Duration::from_secs_f64(latencies_us.mean() / 1e6),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_accepted_is_not_in_the_latencies_of_what_was() {
        let mut histograms = LatencyHistograms::default();
        (0..98).for_each(|_| histograms.record(Duration::from_millis(1), false));
        histograms.record(Duration::from_millis(40), true);
        histograms.record(Duration::from_secs(30), false);
        let [accepted, all] = [&histograms.accepted_us, &histograms.all_us].map(|of| Latencies::of(of).unwrap());
        assert_eq!((accepted.p50.as_millis(), accepted.max.as_millis(), accepted.avg.as_millis()), (40, 40, 40));
        assert_eq!((all.p50.as_millis(), all.p99.as_millis(), all.max.as_secs()), (1, 40, 30));
    }

    #[test]
    fn without_a_post_there_is_no_latency() {
        let mut histograms = LatencyHistograms::default();
        histograms.record(Duration::from_millis(1), false);
        assert_eq!(Latencies::of(&histograms.accepted_us), None);
        assert!(Latencies::of(&histograms.all_us).is_some());
    }
}
