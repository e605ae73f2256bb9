//! Which accepted posts to look for. The choice follows from the post's number alone, so it needs no lock and is the
//! same in every run; a bound on their number per second keeps the look-ups cheap whatever the load.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use contract::PostId;

use super::pending::{SampledPost, Wanted};
use crate::ledger::mix::mix;

/// At most this many posts are taken in a second.
pub(crate) const MOST_PER_SECOND: u32 = 100;
const GAP: Duration = Duration::from_nanos(1_000_000_000 / MOST_PER_SECOND as u64);
/// Answers come in bunches; at most this many of a bunch are taken at once, and the next ones wait for that.
const BUNCH: u32 = 10;

/// Makes this choice independent of every other choice that follows from the post's number.
const SALT: u64 = 0x5eed_0f7b_1e5a_4b1e;

/// Chooses posts, and keeps the chosen ones until they are taken.
#[derive(Debug)]
pub(crate) struct Sampler {
    /// Posts whose mixed number is at most this are chosen.
    limit: u64,
    /// Whether the last record of a key is its document.
    is_of_states: bool,
    without_id: AtomicU64,
    chosen: Mutex<Chosen>,
}

#[derive(Debug, Default)]
struct Chosen {
    /// When all samples until now would have come at even gaps.
    even: Option<Instant>,
    samples: Vec<SampledPost>,
}

impl Sampler {
    /// Chooses this share of the posts; more than 0, at most 1.
    pub(crate) fn new(share: f64, is_of_states: bool) -> Self {
        // A share of 1 includes all numbers: the cast saturates.
        let limit = (share * u64::MAX as f64) as u64;
        Self { limit, is_of_states, without_id: AtomicU64::new(0), chosen: Mutex::default() }
    }

    /// Record `n` of this user was accepted just now, under this id.
    pub(crate) fn accepted(&self, n: u64, vu: u32, id: PostId) {
        if mix(n ^ SALT) > self.limit {
            return;
        }
        if id.uuid().is_nil() {
            self.without_id.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let id = if self.is_of_states { Wanted::State { n, vu } } else { Wanted::Document(id) };
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).offer(SampledPost { id, accepted: Instant::now() });
    }

    /// Takes the posts chosen since the last call.
    pub(crate) fn take(&self) -> Vec<SampledPost> {
        std::mem::take(&mut self.chosen.lock().unwrap_or_else(PoisonError::into_inner).samples)
    }

    /// Posts that would have been chosen if their answers had named an id.
    pub(crate) fn without_id(&self) -> u64 {
        self.without_id.load(Ordering::Relaxed)
    }
}

impl Chosen {
    /// Keeps the sample, unless there were too many lately. So the first samples of a second are not favoured over the
    /// last.
    fn offer(&mut self, sample: SampledPost) {
        let even = self.even.map_or(sample.accepted, |even| even.max(sample.accepted));
        if even.saturating_duration_since(sample.accepted) < GAP * BUNCH {
            self.even = Some(even + GAP);
            self.samples.push(sample);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_requested_share_of_the_numbers_is_chosen() {
        for (share, expected) in [(1.0, 100_000), (0.5, 50_000), (0.01, 1_000)] {
            let sampler = Sampler::new(share, false);
            // Without ids all of them are counted, however fast they come.
            (0..100_000).for_each(|n| sampler.accepted(n, 0, uuid::Uuid::nil().into()));
            let chosen = sampler.without_id();
            assert!(chosen.abs_diff(expected) <= expected / 10, "{chosen} of {expected}");
            assert_eq!(sampler.take(), []);
        }
    }

    proptest! {
        #[test]
        fn no_stretch_has_more_than_the_bound(gaps_us in proptest::collection::vec(0_u64..30_000, 1..2_000)) {
            let (mut now, mut chosen) = (Instant::now(), Chosen::default());
            for gap in &gaps_us {
                now += Duration::from_micros(*gap);
                chosen.offer(SampledPost { id: Wanted::Document(PostId::fresh()), accepted: now });
            }
            let times: Vec<Instant> = chosen.samples.iter().map(|sample| sample.accepted).collect();
            prop_assert!(!times.is_empty());
            // Any number of samples needs its gaps, except for one bunch.
            for (first, from) in times.iter().enumerate() {
                let (count, until) = (times.len() - first, times[times.len() - 1]);
                let most = (until - *from).as_nanos() / GAP.as_nanos() + u128::from(BUNCH) + 1;
                prop_assert!(count as u128 <= most, "{} of {}", count, most);
            }
        }

        #[test]
        fn all_samples_below_the_bound_are_taken(bunches in proptest::collection::vec(1_u32..=BUNCH, 1..200)) {
            let (mut now, mut chosen) = (Instant::now(), Chosen::default());
            for bunch in &bunches {
                let sample = || SampledPost { id: Wanted::Document(PostId::fresh()), accepted: now };
                (0..*bunch).for_each(|_| chosen.offer(sample()));
                now += GAP * *bunch;
            }
            prop_assert_eq!(chosen.samples.len() as u32, bunches.iter().sum::<u32>());
        }
    }
}
