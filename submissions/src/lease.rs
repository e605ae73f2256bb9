//! Leases, attempts and retries, as decisions without a clock or a database.
//!
//! A worker that claims a submission gets a lease: the submission's *fence*, a number that changes whenever a lease
//! begins or ends. To settle a submission is to name its fence, and a settlement with another fence changes nothing. So
//! neither a worker that was thought gone nor one that hangs can overwrite what others have done meanwhile.
//!
//! Three things end an attempt without a verdict, and each is counted in its own column:
//! - a *failure*: the work failed, or took longer than `WORK_TIMEOUT`. It is tried again after a backoff, and
//!   `MAX_ATTEMPTS` failures end the series;
//! - a *loss*: the worker was gone. It says little about the submission, so it is tried again at once; but one that is
//!   there whenever a worker dies must not take them all down, so [`MAX_LOSSES`] losses end the series, too;
//! - a *hand-back*: the worker stopped. It costs nothing.

use std::time::Duration;

use uuid::Uuid;

/// This many lost workers end a series.
pub const MAX_LOSSES: u32 = 20;

/// The longest backoff.
const MAX_BACKOFF: Duration = Duration::from_secs(24 * 3600);

/// How often a worker that lives beats, in beats for each time that it may be silent.
const SILENCE_IN_QUARTER_BEATS: u32 = 7;

/// What leases and retries are subject to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// `HEARTBEAT`: how often a worker says that it lives.
    pub heartbeat: Duration,
    /// `WORK_TIMEOUT`: the longest time for which an attempt may last.
    pub work_timeout: Duration,
    /// `MAX_ATTEMPTS`: this many failures end a series.
    pub max_attempts: u32,
    /// `RETRY_BACKOFF`: the wait after the first failure; each further one doubles it.
    pub retry_backoff: Duration,
}

/// The right to settle a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The submission.
    pub id: Uuid,
    /// Its fence when the lease began.
    pub fence: i64,
}

/// What has happened in a series so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Series {
    /// Attempts that failed or took too long.
    pub failures: u32,
    /// Attempts whose worker was gone.
    pub losses: u32,
}

/// How an attempt ended, if not with a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setback {
    /// The work failed, for this reason.
    Failed(String),
    /// It took longer than `WORK_TIMEOUT`.
    TimedOut,
    /// Its worker was gone.
    WorkerGone,
    /// Its worker stopped and gave it back.
    GivenBack,
}

/// What follows a setback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// PENDING again, and not claimed before this time is over.
    Again(Duration),
    /// FAILED with this reason, and a dead letter.
    GiveUp(String),
}

impl Setback {
    /// Why, in words for people.
    pub fn reason(&self, terms: &Terms) -> String {
        match self {
            Setback::Failed(reason) => reason.clone(),
            Setback::TimedOut => format!("was not done within {:?}", terms.work_timeout),
            Setback::WorkerGone => "its worker was gone".to_owned(),
            Setback::GivenBack => "its worker stopped".to_owned(),
        }
    }

    /// What follows it in a series that stood so before it.
    pub fn next(&self, before: Series, terms: &Terms) -> Next {
        match self {
            Setback::GivenBack => Next::Again(Duration::ZERO),
            Setback::WorkerGone if before.losses + 1 < MAX_LOSSES => Next::Again(Duration::ZERO),
            Setback::WorkerGone => Next::GiveUp(format!("its worker was gone {MAX_LOSSES} times")),
            Setback::Failed(_) | Setback::TimedOut if before.failures + 1 < terms.max_attempts => {
                Next::Again(backoff(before.failures, terms.retry_backoff))
            }
            Setback::Failed(_) | Setback::TimedOut => Next::GiveUp(self.reason(terms)),
        }
    }
}

/// The wait after a failure that this many others came before.
fn backoff(earlier: u32, first: Duration) -> Duration {
    let doubled = 2_u32.checked_pow(earlier).and_then(|factor| first.checked_mul(factor));
    doubled.map_or(MAX_BACKOFF, |wait| wait.min(MAX_BACKOFF))
}

impl Terms {
    /// A worker that was silent for longer than this is gone. It is looked for every [`Self::sweep_interval`], so it is
    /// noticed within two heartbeats.
    pub fn silence(&self) -> Duration {
        self.heartbeat * SILENCE_IN_QUARTER_BEATS / 4
    }

    /// How often to look for lost leases.
    pub fn sweep_interval(&self) -> Duration {
        self.heartbeat / 4
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TERMS: Terms = Terms {
        heartbeat: Duration::from_secs(1),
        work_timeout: Duration::from_secs(300),
        max_attempts: 3,
        retry_backoff: Duration::from_secs(60),
    };

    fn setback() -> impl Strategy<Value = Setback> {
        prop_oneof![
            Just(Setback::Failed("no".to_owned())),
            Just(Setback::TimedOut),
            Just(Setback::WorkerGone),
            Just(Setback::GivenBack),
        ]
    }

    #[test]
    fn failures_wait_longer_each_time_and_end_the_series() {
        let failed = Setback::Failed("disk full".to_owned());
        let after = |failures| failed.next(Series { failures, losses: 0 }, &TERMS);
        assert_eq!(after(0), Next::Again(Duration::from_secs(60)));
        assert_eq!(after(1), Next::Again(Duration::from_secs(120)));
        assert_eq!(after(2), Next::GiveUp("disk full".to_owned()));
        let patient = Terms { max_attempts: u32::MAX, ..TERMS };
        assert_eq!(failed.next(Series { failures: 100, losses: 0 }, &patient), Next::Again(MAX_BACKOFF));
    }

    #[test]
    fn lost_workers_and_hand_backs_cost_no_attempt() {
        for losses in 0..MAX_LOSSES - 1 {
            let next = Setback::WorkerGone.next(Series { failures: 2, losses }, &TERMS);
            assert_eq!(next, Next::Again(Duration::ZERO));
        }
        let last = Series { failures: 0, losses: MAX_LOSSES - 1 };
        assert_eq!(Setback::WorkerGone.next(last, &TERMS), Next::GiveUp("its worker was gone 20 times".to_owned()));
        assert_eq!(Setback::GivenBack.next(last, &TERMS), Next::Again(Duration::ZERO));
    }

    #[test]
    fn a_worker_that_is_gone_is_noticed_within_two_heartbeats() {
        assert!(TERMS.silence() + TERMS.sweep_interval() <= 2 * TERMS.heartbeat);
        assert!(TERMS.silence() > TERMS.heartbeat + TERMS.heartbeat / 2, "one late beat is forgiven");
    }

    proptest! {
        #[test]
        fn every_series_ends(setbacks in proptest::collection::vec(setback(), 60..200)) {
            let mut series = Series::default();
            let costly = setbacks.iter().filter(|setback| **setback != Setback::GivenBack).count() as u32;
            let mut ended = false;
            for setback in setbacks {
                if let Next::GiveUp(_) = setback.next(series, &TERMS) {
                    ended = true;
                    break;
                }
                match setback {
                    Setback::Failed(_) | Setback::TimedOut => series.failures += 1,
                    Setback::WorkerGone => series.losses += 1,
                    Setback::GivenBack => {}
                }
            }
            prop_assert!(ended || costly < MAX_LOSSES + TERMS.max_attempts);
        }
    }
}
