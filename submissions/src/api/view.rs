//! Submissions, figures and workers as JSON.

use serde::Serialize;
use uuid::Uuid;

use crate::operations::{DeadLetterPage, Page};
use crate::status::Status;
use crate::store::{DeadLetter, DeadLetterKey, Stats, WorkerRow};
use crate::submission::Submission;
use crate::time::rfc3339;

/// A submission.
#[derive(Debug, Serialize)]
pub(crate) struct SubmissionView<'a> {
    id: Uuid,
    content: &'a str,
    status: Status,
    series: i32,
    attempts: i32,
    failures: i32,
    losses: i32,
    given_back: i32,
    reason: Option<&'a str>,
    cached: bool,
    created_at: String,
    started_at: Option<String>,
    processed_at: Option<String>,
    changed_at: String,
    run_at: String,
}

impl<'a> From<&'a Submission> for SubmissionView<'a> {
    fn from(submission: &'a Submission) -> Self {
        Self {
            id: submission.id,
            content: &submission.content,
            status: submission.status,
            series: submission.series,
            attempts: submission.begun,
            failures: submission.failures,
            losses: submission.losses,
            given_back: submission.given_back,
            reason: submission.reason.as_deref(),
            cached: submission.is_cached,
            created_at: rfc3339(submission.created_at),
            started_at: submission.started_at.map(rfc3339),
            processed_at: submission.processed_at.map(rfc3339),
            changed_at: rfc3339(submission.changed_at),
            run_at: rfc3339(submission.run_at),
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct PageView<'a> {
    submissions: Vec<SubmissionView<'a>>,
    next: Option<String>,
}

impl<'a> PageView<'a> {
    /// The page, whose next one is at the address that `next` makes from the place where it begins.
    pub(super) fn new(page: &'a Page, next: impl Fn(Uuid) -> String) -> Self {
        Self { submissions: page.submissions.iter().map(SubmissionView::from).collect(), next: page.next.map(next) }
    }
}

/// A page of the list of dead letters.
#[derive(Debug, Serialize)]
pub(super) struct DeadLettersView<'a> {
    dead_letters: Vec<DeadLetterView<'a>>,
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct DeadLetterView<'a> {
    id: Uuid,
    series: i32,
    attempts: i32,
    reason: &'a str,
    at: String,
    status: Status,
}

impl<'a> DeadLettersView<'a> {
    /// The page, whose next one is at the address that `next` makes from the last dead letter of this one.
    pub(super) fn new(page: &'a DeadLetterPage, next: impl Fn(DeadLetterKey) -> String) -> Self {
        let view = |letter: &'a DeadLetter| DeadLetterView {
            id: letter.key.id,
            series: letter.key.series,
            attempts: letter.attempts,
            reason: &letter.reason,
            at: rfc3339(letter.at),
            status: letter.status,
        };
        Self { dead_letters: page.letters.iter().map(view).collect(), next: page.next.map(next) }
    }
}

/// The figures of a moment.
#[derive(Debug, Serialize)]
pub(super) struct StatsView {
    statuses: Counts,
    oldest_pending_seconds: Option<f64>,
    stuck: i64,
    dead_letters: i64,
}

/// The submissions in each status.
#[derive(Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Counts {
    pending: i64,
    processing: i64,
    passed: i64,
    failed: i64,
    cancelled: i64,
}

impl From<&Stats> for StatsView {
    fn from(stats: &Stats) -> Self {
        let [pending, processing, passed, failed, cancelled] = stats.in_status;
        Self {
            statuses: Counts { pending, processing, passed, failed, cancelled },
            oldest_pending_seconds: stats.oldest_pending.map(|oldest| oldest.as_secs_f64()),
            stuck: stats.stuck,
            dead_letters: stats.dead_letters,
        }
    }
}

/// All workers.
#[derive(Debug, Serialize)]
pub(super) struct WorkersView<'a> {
    workers: Vec<WorkerView<'a>>,
}

#[derive(Debug, Serialize)]
struct WorkerView<'a> {
    id: Uuid,
    name: &'a str,
    running: i32,
    concurrency: i32,
    silent_seconds: f64,
    started_at: String,
}

impl<'a> From<&'a [WorkerRow]> for WorkersView<'a> {
    fn from(workers: &'a [WorkerRow]) -> Self {
        let view = |worker: &'a WorkerRow| WorkerView {
            id: worker.id,
            name: &worker.name,
            running: worker.running,
            concurrency: worker.concurrency,
            silent_seconds: worker.silent.as_secs_f64(),
            started_at: rfc3339(worker.started_at),
        };
        Self { workers: workers.iter().map(view).collect() }
    }
}

/// How many submissions are tried again.
#[derive(Debug, Serialize)]
pub(super) struct RetriedView {
    /// Their number.
    pub(super) retried: u64,
}

/// The JSON of a view.
pub(crate) fn encode(view: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(view).expect("a view is plain strings and numbers")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_clients_read_stays_as_it_is() {
        let submission = Submission {
            id: Uuid::from_u128(0x019a_1b2c_3d4e_7f60_8a9b_0c1d_2e3f_4a5b),
            content: "a \"b\"".to_owned(),
            status: Status::Pending,
            series: 1,
            begun: 2,
            failures: 1,
            losses: 0,
            given_back: 1,
            reason: None,
            is_cached: false,
            created_at: 1,
            started_at: None,
            processed_at: None,
            changed_at: 2,
            run_at: 3,
            owner: None,
        };
        let text = String::from_utf8(encode(&SubmissionView::from(&submission))).unwrap();
        assert_eq!(
            text,
            r#"{"id":"019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b","content":"a \"b\"","status":"PENDING","#.to_owned()
                + r#""series":1,"attempts":2,"failures":1,"losses":0,"given_back":1,"reason":null,"cached":false,"#
                + r#""created_at":"1970-01-01T00:00:00.001Z","started_at":null,"processed_at":null,"#
                + r#""changed_at":"1970-01-01T00:00:00.002Z","run_at":"1970-01-01T00:00:00.003Z"}"#
        );
        let stats = Stats {
            in_status: [1, 2, 3, 4, 5],
            oldest_pending: Some(Duration::from_millis(1500)),
            stuck: 6,
            dead_letters: 7,
        };
        let value: Value = serde_json::from_slice(&encode(&StatsView::from(&stats))).unwrap();
        let statuses = json!({ "PENDING": 1, "PROCESSING": 2, "PASSED": 3, "FAILED": 4, "CANCELLED": 5 });
        let expected = json!({ "statuses": statuses, "oldest_pending_seconds": 1.5, "stuck": 6, "dead_letters": 7 });
        assert_eq!(value, expected);
    }
}
