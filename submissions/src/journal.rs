//! What is logged and counted when submissions change: one line for each change of a status, with the id as a field.

use std::time::Instant;

use crate::metrics::SubmissionMetrics;
use crate::settling::{Attempt, Ended};
use crate::status::Status;
use crate::store::{Job, Outcome};

/// A worker has claimed this submission.
pub(crate) fn claimed(metrics: &SubmissionMetrics, job: &Job) {
    metrics.taken_on(Status::Processing, 1);
    let waited = job.waited.as_secs_f64();
    metrics.pending_seconds.record(waited);
    metrics.start_seconds.record(waited);
    tracing::info!(id = %job.lease.id, attempt = job.begun, "Status: PENDING -> PROCESSING");
}

/// How this attempt ended is in the store.
pub(crate) fn settled(metrics: &SubmissionMetrics, ended: &Ended, now: Instant) {
    if let Some(Attempt { claimed_at, .. }) = ended.attempt {
        metrics.processing_seconds.record(now.saturating_duration_since(claimed_at).as_secs_f64());
    }
    let id = ended.settlement.lease.id;
    match &ended.settlement.outcome {
        Outcome::Passed { is_cached } => {
            metrics.taken_on(Status::Passed, 1);
            metrics.cached.increment(u64::from(*is_cached));
            tracing::info!(%id, is_cached, "Status: PROCESSING -> PASSED");
        }
        Outcome::Failed { reason, is_cached } => {
            metrics.taken_on(Status::Failed, 1);
            metrics.cached.increment(u64::from(*is_cached));
            tracing::info!(%id, is_cached, reason, "Status: PROCESSING -> FAILED");
        }
        Outcome::Again { reason, after, .. } => {
            metrics.taken_on(Status::Pending, 1);
            ended.cause.into_iter().for_each(|cause| metrics.retried(cause, 1));
            tracing::info!(%id, reason, after = ?after, "Status: PROCESSING -> PENDING");
        }
        Outcome::GivenUp { reason, .. } => {
            metrics.taken_on(Status::Failed, 1);
            metrics.given_up.increment(1);
            tracing::warn!(%id, reason, "Status: PROCESSING -> FAILED");
        }
    }
}

/// This attempt ended when its lease had ended before: the submission is what others have made of it.
pub(crate) fn came_late(metrics: &SubmissionMetrics, ended: &Ended) {
    metrics.late_finishes.increment(1);
    tracing::info!(id = %ended.settlement.lease.id, "finished after the lease had ended, nothing is changed");
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use service::Registry;
    use uuid::Uuid;

    use super::*;
    use crate::lease::{Lease, Series, Setback, Terms};
    use crate::metrics::METRICS;

    const TERMS: Terms = Terms {
        heartbeat: Duration::from_secs(1),
        work_timeout: Duration::from_secs(300),
        max_attempts: 2,
        retry_backoff: Duration::from_secs(60),
    };

    /// Collects what is logged.
    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let format = tracing_subscriber::fmt().without_time().with_target(false).with_ansi(false);
        let subscriber = format.with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    #[test]
    fn each_change_of_a_status_is_a_line_and_a_count() {
        let registry = Registry::new(&[METRICS]);
        let metrics = SubmissionMetrics::new(&registry);
        let (id, series, now) = (Uuid::from_u128(7), Series::default(), Instant::now());
        let lease = Lease { id, fence: 1 };
        let attempt = Attempt { worker: Uuid::from_u128(1), number: 1, claimed_at: now };
        let (content, waited) = ("content".to_owned(), Duration::ZERO);
        let job = Job { lease, content, series, begun: 1, waited, owner: None };
        let verdict = |outcome| Ended::with_verdict(lease, outcome, series, attempt);
        let setback = |setback: Setback, failures| {
            Ended::with_setback(lease, &setback, Series { failures, losses: 0 }, &TERMS, None)
        };
        let reason = "content has no digit".to_owned();
        let lines = logged(|| {
            claimed(&metrics, &job);
            settled(&metrics, &verdict(Outcome::Passed { is_cached: true }), now);
            settled(&metrics, &verdict(Outcome::Failed { reason, is_cached: false }), now);
            settled(&metrics, &setback(Setback::WorkerGone, 0), now);
            settled(&metrics, &setback(Setback::TimedOut, 1), now);
            came_late(&metrics, &verdict(Outcome::Passed { is_cached: false }));
        });
        let id = "id=00000000-0000-0000-0000-000000000007";
        let expected = [
            format!("INFO Status: PENDING -> PROCESSING {id} attempt=1"),
            format!("INFO Status: PROCESSING -> PASSED {id} is_cached=true"),
            format!("INFO Status: PROCESSING -> FAILED {id} is_cached=false reason=\"content has no digit\""),
            format!("INFO Status: PROCESSING -> PENDING {id} reason=\"its worker was gone\" after=0ns"),
            format!("WARN Status: PROCESSING -> FAILED {id} reason=\"was not done within 300s\""),
            format!("INFO finished after the lease had ended, nothing is changed {id}"),
        ];
        assert_eq!(lines, expected);
        let statuses = ["FAILED 2", "PASSED 1", "PENDING 1", "PROCESSING 1", "CANCELLED 0"];
        let mut counted = registry.totals(&crate::metrics::TAKEN_ON);
        counted.sort_by_key(|(status, _)| statuses.iter().position(|expected| expected.starts_with(status)));
        assert_eq!(counted.iter().map(|(status, count)| format!("{status} {count}")).collect::<Vec<_>>(), statuses);
        let total = |metric| registry.total(&metric);
        assert_eq!((total(crate::metrics::CACHED), total(crate::metrics::GIVEN_UP)), (1, 1));
        assert_eq!((total(crate::metrics::LATE_FINISHES), total(crate::metrics::RETRIES)), (1, 1));
    }
}
