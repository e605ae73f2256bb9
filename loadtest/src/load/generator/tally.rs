//! What one thread of the generator counts and measures. Each thread has its own tally, which is taken once a second
//! and merged into the run's: merging histograms loses nothing.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::latencies::LatencyHistograms;
use super::outcome::{Outcome, UnknownCause};
use super::wrong::WrongAnswers;
use crate::load::sparse;

/// Counts and latencies of some posts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// Posts that were started; they may not have ended yet.
    pub(crate) begun: u64,
    /// Posts by outcome.
    pub(crate) outcomes: Outcomes,
    /// From when a post was due to the end of its wait, for every post that was sent and was due after the warm-up.
    pub(crate) latencies: LatencyHistograms,
    /// The same for the posts that were due during the warm-up; `None` without any.
    warm_up: Option<Box<LatencyHistograms>>,
    /// How late the generator sent posts whose users were free, in microseconds, for every post that was tried and was
    /// due after the warm-up.
    #[serde(with = "sparse")]
    lateness_us: Histogram<u64>,
    /// Posts that no pipeline may answer so.
    pub(crate) wrong: WrongAnswers,
    /// Posts that no user was free to send when they were due.
    pub(crate) no_free_user: u64,
    /// The longest of these waits.
    pub(crate) longest_wait_for_user: Duration,
    /// When the last post ended.
    #[serde(skip)]
    pub(crate) last_end: Option<Instant>,
}

/// Posts by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcomes {
    /// 2xx.
    pub(crate) accepted: u64,
    /// 4xx.
    #[serde(rename = "refused")]
    pub(crate) rejected: u64,
    /// 4xx, for a post that breaks a rule on purpose.
    #[serde(rename = "invalid_refused")]
    pub(crate) invalid_rejected: u64,
    /// 503.
    pub(crate) unavailable: u64,
    /// A status that is neither 2xx, 4xx nor 503.
    pub(crate) other_status: u64,
    /// The connection ended before the answer.
    pub(crate) cut_off: u64,
    /// No answer in time.
    pub(crate) timed_out: u64,
    /// Could not connect, so nothing was sent.
    pub(crate) not_connected: u64,
}

impl Outcomes {
    /// All posts that were tried.
    pub(crate) fn tried(&self) -> u64 {
        self.sent() + self.not_connected
    }

    /// All posts that were sent.
    pub(crate) fn sent(&self) -> u64 {
        self.accepted + self.rejected + self.invalid_rejected + self.unknown()
    }

    /// Sent, but neither accepted nor rejected.
    pub(crate) fn unknown(&self) -> u64 {
        self.unavailable + self.other_status + self.cut_off + self.timed_out
    }

    /// Each count with its name.
    pub(crate) fn named(&self) -> [(&'static str, u64); 8] {
        [
            ("accepted", self.accepted),
            ("refused", self.rejected),
            ("invalid_refused", self.invalid_rejected),
            ("unavailable", self.unavailable),
            ("other_status", self.other_status),
            ("cut_off", self.cut_off),
            ("timed_out", self.timed_out),
            ("not_connected", self.not_connected),
        ]
    }

    /// Posts without the right answer: accepted, or rejected if they are invalid.
    pub(crate) fn failed(&self) -> u64 {
        self.tried() - self.accepted - self.invalid_rejected
    }

    /// The share of tried posts that failed, 0 to 1. A run in which nothing was tried has failed completely.
    pub(crate) fn failed_share(&self) -> f64 {
        match self.tried() {
            0 => 1.0,
            tried => self.failed() as f64 / tried as f64,
        }
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            begun: 0,
            outcomes: Outcomes::default(),
            latencies: LatencyHistograms::default(),
            warm_up: None,
            lateness_us: sparse::empty(),
            wrong: WrongAnswers::default(),
            no_free_user: 0,
            longest_wait_for_user: Duration::ZERO,
            last_end: None,
        }
    }
}

impl Tally {
    /// A post waited this long for a free user.
    pub(crate) fn waited(&mut self, no_free_user: Duration) {
        self.no_free_user += u64::from(!no_free_user.is_zero());
        self.longest_wait_for_user = self.longest_wait_for_user.max(no_free_user);
    }

    /// A post left this late, although its user was free.
    pub(crate) fn left(&mut self, generator_late: Duration) {
        self.lateness_us.saturating_record(u64::try_from(generator_late.as_micros()).unwrap_or(u64::MAX));
    }

    /// A post that was due at `due` ended at `now`.
    pub(crate) fn record(&mut self, outcome: Outcome, due: Instant, now: Instant) {
        self.count(outcome, now);
        if outcome != Outcome::NotConnected {
            self.latencies.record(now.saturating_duration_since(due), matches!(outcome, Outcome::Accepted(_)));
        }
    }

    /// The same for a post that was due during the warm-up: it counts, but its latency is kept apart.
    pub(crate) fn record_in_warm_up(&mut self, outcome: Outcome, due: Instant, now: Instant) {
        self.count(outcome, now);
        if outcome != Outcome::NotConnected {
            let latencies = self.warm_up.get_or_insert_default();
            latencies.record(now.saturating_duration_since(due), matches!(outcome, Outcome::Accepted(_)));
        }
    }

    fn count(&mut self, outcome: Outcome, now: Instant) {
        let outcomes = &mut self.outcomes;
        *match outcome {
            Outcome::Accepted(_) => &mut outcomes.accepted,
            Outcome::Rejected | Outcome::TooSlow => &mut outcomes.rejected,
            Outcome::InvalidRejected => &mut outcomes.invalid_rejected,
            Outcome::Unknown(UnknownCause::Unavailable) => &mut outcomes.unavailable,
            Outcome::Unknown(UnknownCause::OtherStatus) => &mut outcomes.other_status,
            Outcome::Unknown(UnknownCause::CutOff) => &mut outcomes.cut_off,
            Outcome::Unknown(UnknownCause::TimedOut) => &mut outcomes.timed_out,
            Outcome::NotConnected => &mut outcomes.not_connected,
        } += 1;
        self.wrong.valid_refused += u64::from(outcome == Outcome::Rejected);
        self.wrong.other_status += u64::from(outcome == Outcome::Unknown(UnknownCause::OtherStatus));
        self.last_end = self.last_end.max(Some(now));
    }

    /// Adds what another thread or another second counted.
    pub(crate) fn merge(&mut self, other: &Tally) {
        self.begun += other.begun;
        let (into, from) = (&mut self.outcomes, &other.outcomes);
        into.accepted += from.accepted;
        into.rejected += from.rejected;
        into.invalid_rejected += from.invalid_rejected;
        into.unavailable += from.unavailable;
        into.other_status += from.other_status;
        into.cut_off += from.cut_off;
        into.timed_out += from.timed_out;
        into.not_connected += from.not_connected;
        self.latencies.merge(&other.latencies);
        if let Some(warm_up) = &other.warm_up {
            self.warm_up.get_or_insert_default().merge(warm_up);
        }
        self.lateness_us.add(&other.lateness_us).expect("both have the same bounds");
        self.wrong += other.wrong;
        self.no_free_user += other.no_free_user;
        self.longest_wait_for_user = self.longest_wait_for_user.max(other.longest_wait_for_user);
        self.last_end = self.last_end.max(other.last_end);
    }

    /// All latencies, those of the warm-up too: what a second was like.
    pub(crate) fn latencies_with_warm_up(&self) -> Cow<'_, LatencyHistograms> {
        match &self.warm_up {
            None => Cow::Borrowed(&self.latencies),
            Some(warm_up) => {
                let mut both = self.latencies.clone();
                both.merge(warm_up);
                Cow::Owned(both)
            }
        }
    }

    /// The latency that this share of the accepted posts did not exceed, for example 0.95; zero if there is none.
    #[cfg(test)]
    pub(crate) fn latency(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latencies.accepted_us.value_at_quantile(quantile))
    }

    /// The latency that this share of all posts that were sent did not exceed, whatever their outcome.
    pub(crate) fn latency_of_all(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latencies.all_us.value_at_quantile(quantile))
    }

    /// The generator's own lateness that this share of posts did not exceed.
    pub(crate) fn lateness(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.lateness_us.value_at_quantile(quantile))
    }
}

#[cfg(test)]
mod tests {
    use contract::PostId;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_tried_is_all_failed() {
        assert_eq!(Outcomes::default().failed_share(), 1.0);
        assert_eq!(Outcomes { accepted: 3, unavailable: 1, ..Outcomes::default() }.failed_share(), 0.25);
        let invalid = Outcomes { accepted: 3, invalid_rejected: 4, rejected: 1, ..Outcomes::default() };
        assert_eq!((invalid.sent(), invalid.failed(), invalid.failed_share()), (8, 1, 0.125));
    }

    #[test]
    fn a_post_that_was_never_sent_has_no_latency() {
        let now = Instant::now();
        let mut tally = Tally::default();
        tally.record(Outcome::NotConnected, now, now + Duration::from_secs(1));
        assert_eq!((tally.outcomes.tried(), tally.outcomes.sent(), tally.latencies.all_us.len()), (1, 0, 0));
    }

    #[test]
    fn what_was_due_in_the_warm_up_counts_but_enters_no_percentile() {
        let (now, accepted) = (Instant::now(), || Outcome::Accepted(PostId::fresh()));
        let mut tally = Tally::default();
        tally.record_in_warm_up(accepted(), now, now + Duration::from_secs(9));
        tally.record(accepted(), now, now + Duration::from_millis(5));
        assert_eq!((tally.outcomes.accepted, tally.latencies.accepted_us.len()), (2, 1));
        assert_eq!((tally.latency(1.0).as_millis(), tally.latency_of_all(1.0).as_millis()), (5, 5));
        let all = tally.latencies_with_warm_up();
        assert_eq!((all.accepted_us.len(), all.all_us.max() / 1_000_000), (2, 9));
    }

    proptest! {
        #[test]
        fn merged_tallies_equal_one_tally(latencies in proptest::collection::vec(0_u64..400_000_000, 1..200)) {
            let start = Instant::now();
            let mut parts = [Tally::default(), Tally::default(), Tally::default()];
            let mut whole = Tally::default();
            for (i, latency) in latencies.iter().enumerate() {
                let now = start + Duration::from_micros(*latency);
                let outcome =
                    if i % 4 == 0 { Outcome::Rejected } else { Outcome::Accepted(PostId::fresh()) };
                let wait = if i % 5 == 0 { now - start } else { Duration::ZERO };
                for tally in [&mut parts[i % 3], &mut whole] {
                    if i % 7 == 0 {
                        tally.record_in_warm_up(outcome, start, now);
                    } else {
                        tally.record(outcome, start, now);
                    }
                    tally.left(wait / 2);
                    tally.waited(wait);
                }
            }
            let mut merged = Tally::default();
            for part in &parts {
                merged.merge(part);
            }
            prop_assert_eq!(merged.outcomes, whole.outcomes);
            prop_assert_eq!(&merged.latencies, &whole.latencies);
            prop_assert_eq!(&merged.warm_up, &whole.warm_up);
            prop_assert_eq!(merged.latencies_with_warm_up().accepted_us.len(), whole.outcomes.accepted);
            prop_assert_eq!(&merged.lateness_us, &whole.lateness_us);
            prop_assert_eq!(
                (merged.no_free_user, merged.longest_wait_for_user),
                (whole.no_free_user, whole.longest_wait_for_user)
            );
            prop_assert_eq!(merged.last_end, whole.last_end);
        }
    }
}
