//! Which submissions a request carries, how it is written, and what its answer says of each. Pure.

use bytes::Bytes;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ledger::draws::is_within;
use crate::ledger::mix::mix;
use crate::ledger::submissions::books::Answer;
use crate::ledger::submissions::content::Contents;
use crate::ledger::submissions::row::Row;
use crate::load::http;

/// The path that takes a submission.
pub(crate) const SUBMISSIONS: &str = "/api/submissions/";
/// The path that takes a bulk.
const BULK: &str = "/api/submissions/bulk";

/// What a run sends; each choice follows from the seed and the number of a submission.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct SubmissionPlan {
    pub(crate) seed: u64,
    /// The share of submissions that the service must reject.
    pub(crate) invalid_share: f64,
    /// The share of requests with an `Idempotency-Key`. They are sent again after an unknown answer, and every other
    /// one after any answer.
    pub(crate) key_share: f64,
    /// The share of requests that are bulks, and the submissions of each.
    pub(crate) bulk_share: f64,
    pub(crate) bulk: u32,
    /// The shares of accepted submissions that are cancelled, tried again, and looked at.
    pub(crate) cancel_share: f64,
    pub(crate) retry_share: f64,
    pub(crate) watch_share: f64,
}

/// What one of a run's choices is about.
#[derive(Debug, Clone, Copy)]
enum Choice {
    Key = 1,
    Again,
    Bulk,
    Cancel,
    Retry,
    Watch,
    Moment,
}

impl SubmissionPlan {
    /// What the submissions say.
    pub(crate) fn contents(&self) -> Contents {
        Contents { seed: self.seed, invalid_share: self.invalid_share }
    }

    /// How many submissions a request carries on average.
    pub(crate) fn per_request(&self) -> f64 {
        1.0 + self.bulk_share * (f64::from(self.bulk) - 1.0)
    }

    /// How many submissions request number `request` carries.
    pub(crate) fn size(&self, request: u64) -> u32 {
        if self.chooses(Choice::Bulk, request, self.bulk_share) { self.bulk } else { 1 }
    }

    /// Whether the request whose first submission is n has a key.
    pub(crate) fn has_key(&self, n: u64) -> bool {
        self.chooses(Choice::Key, n, self.key_share)
    }

    /// Whether it is sent again whatever its answer is, if it has a key.
    pub(crate) fn is_sent_again(&self, n: u64) -> bool {
        self.chooses(Choice::Again, n, 0.5)
    }

    pub(crate) fn is_cancelled(&self, n: u64) -> bool {
        self.chooses(Choice::Cancel, n, self.cancel_share)
    }

    pub(crate) fn is_retried(&self, n: u64) -> bool {
        self.chooses(Choice::Retry, n, self.retry_share)
    }

    pub(crate) fn is_watched(&self, n: u64) -> bool {
        self.chooses(Choice::Watch, n, self.watch_share)
    }

    /// A number from 0 to 1 that says how soon submission n is changed.
    pub(crate) fn moment(&self, n: u64) -> f64 {
        self.random(Choice::Moment, n) as f64 / u64::MAX as f64
    }

    fn chooses(&self, choice: Choice, number: u64, share: f64) -> bool {
        is_within(self.random(choice, number), share)
    }

    fn random(&self, choice: Choice, number: u64) -> u64 {
        mix(mix(self.seed ^ (choice as u64) << 56) ^ number)
    }
}

/// The path and the body of a request with these contents.
pub(crate) fn written(contents: &[String]) -> (&'static str, Bytes) {
    #[derive(Serialize)]
    struct New<'a> {
        content: &'a str,
    }
    let new = |content| New { content };
    let (path, body) = match contents {
        [content] => (SUBMISSIONS, serde_json::to_vec(&new(content))),
        _ => (BULK, serde_json::to_vec(&contents.iter().map(|content| new(content)).collect::<Vec<_>>())),
    };
    (path, body.expect("texts can be written as JSON").into())
}

/// What an answer says of a submission, and what is wrong with the answer itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) answer: Answer,
    pub(crate) wrong: Option<String>,
}

/// What an answer says of each submission of the request.
pub(crate) fn read(answer: &http::Answer, contents: &[String]) -> Vec<Said> {
    let all = |answer: Answer, wrong: Option<String>| vec![Said { answer, wrong }; contents.len()];
    let status = answer.status;
    if let ([content], StatusCode::ACCEPTED) = (contents, status) {
        return vec![match serde_json::from_slice::<Row>(&answer.body) {
            Ok(row) => {
                let wrong = (row.content != *content).then(|| format!("answered with `{}`", row.content));
                Said { answer: Answer::Accepted(row.id), wrong }
            }
            Err(error) => Said { answer: Answer::Unknown, wrong: Some(format!("202, but {error}")) },
        }];
    }
    let results = if contents.len() > 1 { results(&answer.body) } else { None };
    match results {
        Some(results) if results.len() == contents.len() => results.into_iter().map(BulkResult::said).collect(),
        _ if status.is_client_error() => all(Answer::Rejected, None),
        _ if status.is_server_error() => all(Answer::Unknown, wrong_status(status)),
        _ => all(Answer::Unknown, Some(format!("an answer that the API does not have: {status}"))),
    }
}

/// 503 is what an unknown answer must be.
fn wrong_status(status: StatusCode) -> Option<String> {
    (status != StatusCode::SERVICE_UNAVAILABLE).then(|| format!("answered {status}"))
}

/// What the answer to a bulk says of one of its submissions.
#[derive(Deserialize)]
struct BulkResult {
    id: Option<Uuid>,
    #[serde(default)]
    unknown: bool,
}

impl BulkResult {
    fn said(self) -> Said {
        let answer = match self.id {
            Some(id) => Answer::Accepted(id),
            None if self.unknown => Answer::Unknown,
            None => Answer::Rejected,
        };
        Said { answer, wrong: None }
    }
}

fn results(body: &[u8]) -> Option<Vec<BulkResult>> {
    #[derive(Deserialize)]
    struct BulkAnswer {
        results: Vec<BulkResult>,
    }
    serde_json::from_slice(body).ok().map(|answer: BulkAnswer| answer.results)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: SubmissionPlan = SubmissionPlan {
        seed: 5,
        invalid_share: 0.01,
        key_share: 0.25,
        bulk_share: 0.1,
        bulk: 20,
        cancel_share: 0.5,
        retry_share: 0.0,
        watch_share: 1.0,
    };

    fn answer(status: u16, body: &str) -> http::Answer {
        http::Answer { status: StatusCode::from_u16(status).unwrap(), body: body.to_owned().into() }
    }

    fn texts(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("text {number}")).collect()
    }

    #[test]
    fn the_shares_are_as_asked_and_independent() {
        let share = |choose: &dyn Fn(u64) -> bool| (0..10_000).filter(|n| choose(*n)).count();
        let key = share(&|n| PLAN.has_key(n));
        assert!((2_300..2_700).contains(&key), "{key}");
        let both = share(&|n| PLAN.has_key(n) && PLAN.is_cancelled(n));
        assert!((1_050..1_450).contains(&both), "{both}");
        assert_eq!((share(&|n| PLAN.is_retried(n)), share(&|n| PLAN.is_watched(n))), (0, 10_000));
        let sizes: u32 = (0..10_000).map(|request| PLAN.size(request)).sum();
        let average = f64::from(sizes) / 10_000.0;
        assert!((average / PLAN.per_request() - 1.0).abs() < 0.1, "{average}");
    }

    #[test]
    fn a_single_submission_and_a_bulk_are_written_as_the_api_reads_them() {
        let (path, body) = written(&["a \"b\"".to_owned()]);
        assert_eq!((path, &body[..]), ("/api/submissions/", &br#"{"content":"a \"b\""}"#[..]));
        let (path, body) = written(&texts(2));
        assert_eq!((path, &body[..]), (BULK, &br#"[{"content":"text 0"},{"content":"text 1"}]"#[..]));
    }

    #[test]
    fn each_answer_says_what_became_of_each_submission() {
        let row = r#"{"id":"00000000-0000-0000-0000-000000000007","content":"text 0","status":"PENDING","series":1,
            "attempts":0,"failures":0,"losses":0,"given_back":0,"reason":null,"cached":false,
            "created_at":"2026-01-01T00:00:00.000Z","started_at":null,"processed_at":null,
            "changed_at":"2026-01-01T00:00:00.000Z","run_at":"2026-01-01T00:00:00.000Z"}"#;
        let bulk = r#"{"accepted":1,"rejected":2,"results":[{"id":"00000000-0000-0000-0000-000000000007",
            "status":"PENDING"},{"errors":[]},{"unknown":true,"message":"m"}]}"#;
        let accepted = Answer::Accepted(Uuid::from_u128(7));
        for (answer, count, expected, is_wrong) in [
            (answer(202, row), 1, vec![accepted], false),
            (answer(202, &row.replace("text 0", "text 1")), 1, vec![accepted], true),
            (answer(202, "{}"), 1, vec![Answer::Unknown], true),
            (answer(400, "{}"), 1, vec![Answer::Rejected], false),
            (answer(503, "{}"), 1, vec![Answer::Unknown], false),
            (answer(500, "{}"), 1, vec![Answer::Unknown], true),
            (answer(200, row), 1, vec![Answer::Unknown], true),
            (answer(207, bulk), 3, vec![accepted, Answer::Rejected, Answer::Unknown], false),
            (answer(503, "{}"), 3, vec![Answer::Unknown; 3], false),
            (answer(413, "{}"), 3, vec![Answer::Rejected; 3], false),
            (answer(202, bulk), 2, vec![Answer::Unknown; 2], true),
        ] {
            let said = read(&answer, &texts(count));
            assert_eq!(said.iter().map(|said| said.answer).collect::<Vec<_>>(), expected, "{answer:?}");
            assert!(said.iter().all(|said| said.wrong.is_some() == is_wrong), "{answer:?}: {said:?}");
        }
    }
}
