//! The sampling in the report.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::load::visible::pending::{INTERVAL, LOOKS_PER_AGE};
use crate::load::visible::sampler::MOST_PER_SECOND;
use crate::load::visible::seen::{Sampled, SeenPosts, Times};

/// How long accepted posts took until they were visible in the store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AcceptToVisible {
    /// Why nothing was sampled; null if something was.
    pub(crate) off: Option<String>,
    /// The share of the accepted posts that was looked for, 0 to 1.
    pub(crate) share: f64,
    /// At most this many posts were looked for in a second.
    most_per_second: u32,
    /// Posts that were looked for.
    pub(crate) sampled: u64,
    /// Of these, posts that were not found by the end.
    pub(crate) not_seen: u64,
    /// From the answer that accepted a post to the first look-up that found it.
    pub(crate) time_ms: Milliseconds,
    /// How much too long a time can be.
    resolution: Resolution,
    /// Queries that the store answered, and those that it did not.
    looks: u64,
    failed_looks: u64,
    /// Every time, in microseconds; it has a file of its own.
    #[serde(skip)]
    pub(crate) seen: SeenPosts,
}

/// Times in milliseconds; null if too many posts were never seen.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Milliseconds {
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// A time is too long by at most the interval, this share of itself, and the time of one look-up.
#[derive(Debug, Clone, Copy, Serialize)]
struct Resolution {
    interval_ms: f64,
    share: f64,
}

impl From<Sampled> for AcceptToVisible {
    fn from(sampled: Sampled) -> Self {
        match sampled {
            Sampled::Off(why) => Self::off(why),
            Sampled::On { share, seen, without_id, .. } => Self::of(share, seen, without_id),
        }
    }
}

impl AcceptToVisible {
    /// Nothing was sampled.
    pub(crate) fn off(why: String) -> Self {
        Self { off: Some(why), ..Self::of(0.0, SeenPosts::default(), 0) }
    }

    /// What was seen of this share of the posts; this many others had no id to look for.
    pub(crate) fn of(share: f64, seen: SeenPosts, without_id: u64) -> Self {
        let sampled = seen.seen() + seen.not_seen;
        let Times { p50, p95, p99, max, .. } = seen.times();
        let [p50, p95, p99, max] = [p50, p95, p99, max].map(|time| time.map(|time: Duration| time.as_secs_f64() * 1e3));
        Self {
            off: (sampled == 0 && without_id > 0).then(|| "the answers name no id to look for".to_owned()),
            share,
            most_per_second: MOST_PER_SECOND,
            sampled,
            not_seen: seen.not_seen,
            time_ms: Milliseconds { p50, p95, p99, max },
            resolution: Resolution { interval_ms: INTERVAL.as_secs_f64() * 1e3, share: 1.0 / f64::from(LOOKS_PER_AGE) },
            looks: seen.looks,
            failed_looks: seen.failed_looks,
            seen,
        }
    }

    /// The same, once it is known whether the documents have the ids that the clients got.
    pub(crate) fn with_ids_compared(self, ids_compared: Option<bool>) -> Self {
        match (ids_compared, &self.off) {
            (Some(false), None) => Self::off("the documents' ids are not those that the answers name".to_owned()),
            _ => self,
        }
    }

    /// Every time, if any post was seen.
    pub(crate) fn times_us(&self) -> Option<&Histogram<u64>> {
        (self.seen.seen() > 0).then_some(&self.seen.times_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_ids_that_documents_have_nothing_was_sampled() {
        let mut seen = SeenPosts { not_seen: 3, ..SeenPosts::default() };
        assert_eq!(AcceptToVisible::of(0.5, seen.clone(), 2).off, None);
        let of_others = AcceptToVisible::of(0.5, seen.clone(), 2).with_ids_compared(Some(false));
        assert!(of_others.off.is_some() && of_others.sampled == 0, "{of_others:?}");
        for compared in [None, Some(true)] {
            assert_eq!(AcceptToVisible::of(0.5, seen.clone(), 2).with_ids_compared(compared).sampled, 3);
        }
        seen.not_seen = 0;
        assert_eq!(AcceptToVisible::of(0.5, seen.clone(), 0).off, None, "no post was accepted");
        assert!(AcceptToVisible::of(0.5, seen, 2).off.is_some_and(|why| why.contains("name no id")));
    }
}
