//! The work on one submission: how it will end, and when. Pure.
//!
//! What the end will be follows from the content alone, so it is judged when the work begins, and the content need not
//! be kept: ten thousand submissions that are worked on at the same time take about 1.5 MB.

use std::time::Instant;

use uuid::Uuid;

use super::cache::{ContentKey, Verdicts};
use crate::lease::{Lease, Series, Setback, Terms};
use crate::rules::{Verdict, judge};
use crate::settling::{Attempt, Ended};
use crate::store::{Job, Outcome};

/// A submission that is worked on.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) lease: Lease,
    pub(super) attempt: Attempt,
    before: Series,
    end: End,
}

/// How the work ends.
#[derive(Debug)]
enum End {
    /// With this verdict, which is remembered.
    Judged(Verdict, Option<ContentKey>),
    /// With a verdict that was remembered.
    Cached(Verdict),
    /// With a failure, because the settings want some.
    MadeToFail,
}

impl Work {
    /// The work on a submission that was claimed under this id.
    pub(super) fn new(job: &Job, worker: Uuid, failures_percent: u8, verdicts: &mut Verdicts, now: Instant) -> Self {
        let key = verdicts.key(job.owner.as_deref(), &job.content);
        let end = match key.and_then(|key| verdicts.get(key)) {
            Some(verdict) => End::Cached(verdict),
            None if is_made_to_fail(job.lease.id, job.begun, failures_percent) => End::MadeToFail,
            None => End::Judged(judge(&job.content), key),
        };
        let attempt = Attempt { worker, number: job.begun, claimed_at: now };
        Self { lease: job.lease, attempt, before: job.series, end }
    }

    /// Whether the verdict is known, so that there is nothing to work on.
    pub(super) fn is_cached(&self) -> bool {
        matches!(self.end, End::Cached(_))
    }

    /// The work is done.
    pub(super) fn finish(self, terms: &Terms, verdicts: &mut Verdicts) -> Ended {
        let Self { lease, attempt, before, end } = self;
        let is_cached = matches!(end, End::Cached(_));
        let verdict = match end {
            End::Judged(verdict, key) => {
                key.into_iter().for_each(|key| verdicts.remember(key, verdict.clone()));
                verdict
            }
            End::Cached(verdict) => verdict,
            End::MadeToFail => {
                let setback = Setback::Failed("made to fail by WORK_FAILURES".to_owned());
                return Ended::with_setback(lease, &setback, before, terms, Some(attempt));
            }
        };
        let outcome = match verdict {
            Verdict::Passed => Outcome::Passed { is_cached },
            Verdict::Failed(reason) => Outcome::Failed { reason, is_cached },
        };
        Ended::with_verdict(lease, outcome, before, attempt)
    }

    /// The work is not done, because the worker stops.
    pub(super) fn give_back(self, terms: &Terms) -> Ended {
        Ended::with_setback(self.lease, &Setback::GivenBack, self.before, terms, Some(self.attempt))
    }
}

/// Whether this attempt is one of the share that must fail: the same one every time.
fn is_made_to_fail(id: Uuid, attempt: i32, percent: u8) -> bool {
    let (high, low) = id.as_u64_pair();
    let mut mixed = high ^ low.rotate_left(32) ^ (attempt as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for _ in 0..2 {
        mixed = (mixed ^ (mixed >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }
    (mixed ^ (mixed >> 32)) % 100 < u64::from(percent)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TERMS: Terms = Terms {
        heartbeat: Duration::from_secs(1),
        work_timeout: Duration::from_secs(300),
        max_attempts: 3,
        retry_backoff: Duration::from_secs(60),
    };

    fn work(content: &str, percent: u8, verdicts: &mut Verdicts) -> Work {
        work_of(None, content, percent, verdicts)
    }

    fn work_of(owner: Option<&str>, content: &str, percent: u8, verdicts: &mut Verdicts) -> Work {
        let lease = Lease { id: Uuid::from_u128(7), fence: 1 };
        let (series, waited) = (Series::default(), Duration::ZERO);
        let owner = owner.map(Into::into);
        let job = Job { lease, content: content.to_owned(), series, begun: 1, waited, owner };
        Work::new(&job, Uuid::from_u128(1), percent, verdicts, Instant::now())
    }

    #[test]
    fn a_verdict_is_remembered_when_the_work_is_done_and_not_before() {
        let mut verdicts = Verdicts::new(10);
        let (first, second) = (work("letters alone", 0, &mut verdicts), work("letters alone", 0, &mut verdicts));
        assert!(!first.is_cached() && !second.is_cached());
        first.finish(&TERMS, &mut verdicts);
        let third = work("letters alone", 0, &mut verdicts);
        assert!(third.is_cached());
        let reason = "content has no digit".to_owned();
        let outcome = third.finish(&TERMS, &mut verdicts).settlement.outcome;
        assert_eq!(outcome, Outcome::Failed { reason, is_cached: true });
        second.give_back(&TERMS);
        assert!(!work("0123456789", 0, &mut verdicts).is_cached());
    }

    #[test]
    fn the_verdict_of_one_owner_is_not_that_of_another() {
        let mut verdicts = Verdicts::new(10);
        let owners = [Some("shop"), Some("till"), None];
        for owner in owners {
            let first = work_of(owner, "the same 1 content", 0, &mut verdicts);
            assert!(!first.is_cached(), "{owner:?}");
            first.finish(&TERMS, &mut verdicts);
        }
        assert!(owners.iter().all(|owner| work_of(*owner, "the same 1 content", 0, &mut verdicts).is_cached()));
    }

    #[test]
    fn an_attempt_that_is_made_to_fail_leaves_no_verdict() {
        let mut verdicts = Verdicts::new(10);
        let ended = work("0123456789", 100, &mut verdicts).finish(&TERMS, &mut verdicts);
        assert!(matches!(ended.settlement.outcome, Outcome::Again { .. }), "{ended:?}");
        assert!(!work("0123456789", 100, &mut verdicts).is_cached());
    }

    #[test]
    fn the_share_that_fails_is_as_asked_and_spread_over_attempts() {
        let failing = |attempt: i32, percent| {
            (0..10_000).filter(|number| is_made_to_fail(Uuid::from_u128(*number), attempt, percent)).count()
        };
        assert_eq!((failing(1, 0), failing(1, 100)), (0, 10_000));
        for attempt in 1..=3 {
            assert!((1_800..2_200).contains(&failing(attempt, 20)), "{}", failing(attempt, 20));
        }
        let both = |number: &u128| [1, 2].iter().all(|attempt| is_made_to_fail(Uuid::from_u128(*number), *attempt, 20));
        let both = (0..10_000).filter(both).count();
        assert!((300..500).contains(&both), "{both} fail twice");
    }
}
