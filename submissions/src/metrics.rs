//! The metrics of submissions, each handle made once. The figures of the store are in [`figures`].

use metrics::{Counter, Gauge, Histogram};
use service::Registry;
use service::metrics::{LATENCY_BUCKETS, Metric};

use crate::lease::Setback;
use crate::status::Status;

pub(crate) mod figures;

/// All metrics of submissions.
pub(crate) const METRICS: &[Metric] = &[
    TAKEN_ON,
    STATUS_SECONDS,
    START_SECONDS,
    LATE_FINISHES,
    RETRIES,
    CACHED,
    GIVEN_UP,
    PRUNED,
    RUNNING,
    STORE_ERRORS,
    figures::IN_STATUS,
    figures::STUCK,
    figures::OLDEST_PENDING,
    figures::DEAD_LETTERS,
    figures::WORKERS,
    figures::AGE,
];

/// Submissions that took on a status.
pub(crate) const TAKEN_ON: Metric = Metric::counter(
    "submissions_total",
    "Submissions that took on this status by the work of this process; one that is tried again counts again",
)
.labelled(&["status"]);

/// Time in a status.
const STATUS_SECONDS: Metric = Metric::histogram(
    "submission_status_seconds",
    "Time in a status that a worker ended, in seconds: PENDING since it could be claimed, PROCESSING since its claim",
    &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.0, 5.0, 6.0, 10.0, 15.0, 30.0, 60.0, 300.0, 3_600.0],
)
.labelled(&["status"]);

/// Time until a claim.
const START_SECONDS: Metric = Metric::histogram(
    "submissions_start_seconds",
    "Time from the moment at which a submission can be claimed to its claim, in seconds",
    LATENCY_BUCKETS,
);

/// Finishes that were refused.
pub(crate) const LATE_FINISHES: Metric = Metric::counter(
    "submissions_late_finishes_total",
    "Finished attempts whose lease had ended before: cancelled, timed out, or their worker counted as gone",
);

/// Attempts after which a submission is tried again.
pub(crate) const RETRIES: Metric = Metric::counter(
    "submissions_retries_total",
    "Submissions that became PENDING again, by cause: failure, timeout, worker_gone, given_back, manual",
)
.labelled(&["cause"]);

/// Verdicts from the cache.
pub(crate) const CACHED: Metric =
    Metric::counter("submissions_cached_total", "Submissions whose verdict came from the worker's cache");

/// Series that ended without a verdict.
pub(crate) const GIVEN_UP: Metric =
    Metric::counter("submissions_given_up_total", "Submissions that are FAILED because their attempts are used up");

/// Submissions beyond the retention.
pub(crate) const PRUNED: Metric =
    Metric::counter("submissions_pruned_total", "Final submissions that were removed after RETENTION");

/// What a worker works on.
pub(crate) const RUNNING: Metric = Metric::gauge(
    "submissions_running",
    "Submissions that this worker works on, including those whose end is not written yet",
);

/// Questions that the store did not answer.
pub(crate) const STORE_ERRORS: Metric = Metric::counter(
    "submissions_store_errors_total",
    "Requests to the database that ended with an error or without an answer, by what was asked",
)
.labelled(&["operation"]);

/// Why a submission is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryCause {
    Failure,
    Timeout,
    WorkerGone,
    GivenBack,
    Manual,
}

impl RetryCause {
    const ALL: [RetryCause; 5] =
        [RetryCause::Failure, RetryCause::Timeout, RetryCause::WorkerGone, RetryCause::GivenBack, RetryCause::Manual];

    /// Its value of the label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            RetryCause::Failure => "failure",
            RetryCause::Timeout => "timeout",
            RetryCause::WorkerGone => "worker_gone",
            RetryCause::GivenBack => "given_back",
            RetryCause::Manual => "manual",
        }
    }

    /// The cause that a setback is.
    pub(crate) fn of(setback: &Setback) -> Self {
        match setback {
            Setback::Failed(_) => RetryCause::Failure,
            Setback::TimedOut => RetryCause::Timeout,
            Setback::WorkerGone => RetryCause::WorkerGone,
            Setback::GivenBack => RetryCause::GivenBack,
        }
    }
}

/// Handles of the counters and histograms. Those of one registry share their cells.
pub(crate) struct SubmissionMetrics {
    registry: Registry,
    taken_on: [Counter; Status::ALL.len()],
    retries: [Counter; RetryCause::ALL.len()],
    pub(crate) pending_seconds: Histogram,
    pub(crate) processing_seconds: Histogram,
    pub(crate) start_seconds: Histogram,
    pub(crate) late_finishes: Counter,
    pub(crate) cached: Counter,
    pub(crate) given_up: Counter,
    pub(crate) pruned: Counter,
    pub(crate) running: Gauge,
}

impl SubmissionMetrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            registry: registry.clone(),
            taken_on: Status::ALL.map(|status| registry.counter(&TAKEN_ON, &[status.as_str()])),
            retries: RetryCause::ALL.map(|cause| registry.counter(&RETRIES, &[cause.as_str()])),
            pending_seconds: registry.histogram(&STATUS_SECONDS, &[Status::Pending.as_str()]),
            processing_seconds: registry.histogram(&STATUS_SECONDS, &[Status::Processing.as_str()]),
            start_seconds: registry.histogram(&START_SECONDS, &[]),
            late_finishes: registry.counter(&LATE_FINISHES, &[]),
            cached: registry.counter(&CACHED, &[]),
            given_up: registry.counter(&GIVEN_UP, &[]),
            pruned: registry.counter(&PRUNED, &[]),
            running: registry.gauge(&RUNNING, &[]),
        }
    }

    /// This many submissions took on this status.
    pub(crate) fn taken_on(&self, status: Status, submissions: u64) {
        self.taken_on[status as usize].increment(submissions);
    }

    /// This many submissions are tried again for this cause.
    pub(crate) fn retried(&self, cause: RetryCause, submissions: u64) {
        self.retries[cause as usize].increment(submissions);
    }

    /// The store has answered such a request with an error, or not at all.
    pub(crate) fn store_error(&self, operation: &'static str) {
        self.registry.counter(&STORE_ERRORS, &[operation]).increment(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_text_names_every_cause() {
        let (_, listed) = RETRIES.help.split_once("by cause: ").expect("it lists them");
        assert_eq!(listed.split(", ").collect::<Vec<_>>(), RetryCause::ALL.map(RetryCause::as_str));
    }

    #[test]
    fn each_status_and_each_cause_has_a_cell_of_its_own() {
        let registry = Registry::new(&[METRICS]);
        let metrics = SubmissionMetrics::new(&registry);
        for (count, status) in (1..).zip(Status::ALL) {
            metrics.taken_on(status, count);
        }
        for (count, cause) in (1..).zip(RetryCause::ALL) {
            metrics.retried(cause, count);
        }
        let expected = |names: [&str; 5]| {
            let mut named: Vec<(String, u64)> = names.iter().map(|name| (*name).to_owned()).zip(1..).collect();
            named.sort();
            named
        };
        assert_eq!(registry.totals(&TAKEN_ON), expected(Status::ALL.map(Status::as_str)));
        assert_eq!(registry.totals(&RETRIES), expected(RetryCause::ALL.map(RetryCause::as_str)));
    }
}
