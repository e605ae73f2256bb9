//! `POST /api/submissions/bulk`: many submissions in one request. It is read whole and judged one by one; then all
//! valid ones are submitted or, if there is no room, none. Each has its own result, in its place.

use std::sync::Arc;

use bytes::Bytes;
use contract::FieldError;
use http_body_util::Full;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use service::http::body::Share;
use service::http::response;
use uuid::Uuid;

use super::body::Judged;
use super::view::encode;
use crate::held::with_share;
use crate::operations::{Accepted, SubmitError};
use crate::status::Status;
use crate::submission::NewSubmission;

/// The most bytes of the result of a valid submission, and its comma.
const MAX_RESULT_BYTES: usize = 160;

/// A bulk, judged.
pub(super) struct Bulk {
    judged: Vec<Result<(), Vec<FieldError>>>,
}

/// The answer to a bulk, and how many of its submissions had which result.
pub(super) struct BulkAnswer {
    pub(super) response: Response<Full<Bytes>>,
    /// Those that were not there before.
    pub(super) created: usize,
    pub(super) conflicts: usize,
    pub(super) unknown: usize,
}

/// The body of the answer; the first members are there if it is a problem.
#[derive(Serialize)]
struct AnswerView {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
    accepted: usize,
    rejected: usize,
    results: Vec<ResultView>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ResultView {
    Accepted { id: Uuid, status: Status },
    Rejected { errors: Vec<FieldError> },
    Unknown { unknown: bool, message: &'static str },
}

impl Bulk {
    /// The valid submissions, and what is known of the results. The `Idempotency-Key` of the request, if it has one,
    /// stands for each of them by its position. The space in those keys keeps them apart from keys of clients.
    pub(super) fn of(judged: Vec<Judged>, key: Option<&str>, owner: Option<&str>) -> (Vec<NewSubmission>, Self) {
        let owner: Option<Arc<str>> = owner.map(Into::into);
        let mut new = Vec::with_capacity(judged.len());
        let note = |(position, judged): (usize, Judged)| {
            judged.map(|content| {
                let idempotency_key = key.map(|key| format!("{key} {position}"));
                new.push(NewSubmission { id: Uuid::now_v7(), content, idempotency_key, owner: owner.clone() });
            })
        };
        let judged = judged.into_iter().enumerate().map(note).collect();
        (new, Self { judged })
    }

    /// How many are not valid.
    pub(super) fn invalid(&self) -> usize {
        self.judged.iter().filter(|judged| judged.is_err()).count()
    }

    /// Upper bound of the answer, in bytes.
    pub(super) fn max_answer_bytes(&self) -> usize {
        let bytes = |judged: &Result<(), Vec<FieldError>>| match judged {
            Ok(()) => MAX_RESULT_BYTES,
            Err(errors) => 64 + errors.iter().map(|error| 64 + 2 * error.message.len()).sum::<usize>(),
        };
        256 + self.judged.iter().map(bytes).sum::<usize>()
    }

    /// The answer for these results of the valid submissions. Its share of the budget is held until it is sent.
    pub(super) fn answer(self, outcomes: Vec<Result<Accepted, SubmitError>>, share: Share) -> BulkAnswer {
        let (count, invalid) = (self.judged.len(), self.invalid());
        let is = |wanted: fn(&Result<Accepted, SubmitError>) -> bool| outcomes.iter().filter(|one| wanted(one)).count();
        let accepted = is(|outcome| outcome.is_ok());
        let created = is(|outcome| matches!(outcome, Ok(Accepted { is_new: true, .. })));
        let conflicts = is(|outcome| matches!(outcome, Err(SubmitError::Conflict)));
        let unknown = count - invalid - accepted - conflicts;
        let (status, detail) = match accepted {
            0 if unknown > 0 => (
                StatusCode::SERVICE_UNAVAILABLE,
                Some("the database confirmed none of the submissions, so they may be stored or not: see results"),
            ),
            0 if conflicts > 0 => (
                StatusCode::UNPROCESSABLE_ENTITY,
                Some("this Idempotency-Key was used with other submissions: see results"),
            ),
            0 => (StatusCode::BAD_REQUEST, Some("no submission is valid: see results")),
            accepted if accepted == count => (StatusCode::ACCEPTED, None),
            _ => (StatusCode::MULTI_STATUS, None),
        };
        let mut outcomes = outcomes.into_iter();
        let results = self.judged.into_iter().map(|judged| match judged {
            Err(errors) => ResultView::Rejected { errors },
            Ok(()) => result(outcomes.next()),
        });
        let view = AnswerView {
            title: detail.and(status.canonical_reason()),
            status: detail.map(|_| status.as_u16()),
            detail,
            accepted,
            rejected: count - accepted,
            results: results.collect(),
        };
        let media_type = if detail.is_some() { "application/problem+json" } else { "application/json" };
        let mut response = with_share(response(status, media_type, encode(&view)), share);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        BulkAnswer { response, created, conflicts, unknown }
    }
}

fn result(outcome: Option<Result<Accepted, SubmitError>>) -> ResultView {
    match outcome {
        Some(Ok(Accepted { submission, .. })) => ResultView::Accepted { id: submission.id, status: submission.status },
        Some(Err(SubmitError::Conflict)) => {
            let message = "was used with another content in this place: send this one under another key".to_owned();
            ResultView::Rejected { errors: vec![FieldError { field: "Idempotency-Key".to_owned(), message }] }
        }
        Some(Err(_)) | None => ResultView::Unknown {
            unknown: true,
            message: "not confirmed, so it may be stored or not: send the bulk again with the same Idempotency-Key",
        },
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;
    use crate::submission::Submission;

    fn accepted(is_new: bool, status: Status) -> Result<Accepted, SubmitError> {
        let submission = Submission {
            id: Uuid::nil(),
            content: "x".to_owned(),
            status,
            series: 1,
            begun: 0,
            failures: 0,
            losses: 0,
            given_back: 0,
            reason: None,
            is_cached: false,
            created_at: 0,
            started_at: None,
            processed_at: None,
            changed_at: 0,
            run_at: 0,
            owner: None,
        };
        Ok(Accepted { submission, is_new })
    }

    fn invalid() -> Judged {
        Err(vec![FieldError { field: "content".to_owned(), message: "is \"required\"".to_owned() }])
    }

    async fn answered(
        judged: Vec<Judged>,
        outcomes: Vec<Result<Accepted, SubmitError>>,
    ) -> (u16, Value, [usize; 3], usize) {
        let (new, bulk) = Bulk::of(judged, Some("key"), None);
        assert_eq!(new.len(), outcomes.len());
        let most = bulk.max_answer_bytes();
        let answer = bulk.answer(outcomes, Share::default());
        let counts = [answer.created, answer.conflicts, answer.unknown];
        let status = answer.response.status().as_u16();
        let bytes = answer.response.into_body().collect().await.unwrap().to_bytes();
        assert!(bytes.len() <= most, "{} > {most}", bytes.len());
        let body: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(body.get("detail").is_some(), status >= 400, "{body}");
        let sum = body["accepted"].as_u64().unwrap() + body["rejected"].as_u64().unwrap();
        assert_eq!(sum, body["results"].as_array().unwrap().len() as u64);
        (status, body["results"].clone(), counts, body["accepted"].as_u64().unwrap() as usize)
    }

    #[tokio::test]
    async fn each_submission_has_its_result_in_its_place() {
        let valid = || Ok("x".to_owned());
        let judged = vec![valid(), invalid(), valid(), valid(), valid()];
        let outcomes = vec![
            accepted(true, Status::Pending),
            accepted(false, Status::Passed),
            Err(SubmitError::Conflict),
            Err(SubmitError::Unknown("away".to_owned())),
        ];
        let (status, results, counts, accepted_count) = answered(judged, outcomes).await;
        assert_eq!((status, counts, accepted_count), (207, [1, 1, 1], 2));
        assert_eq!(results[0], json!({ "id": Uuid::nil(), "status": "PENDING" }));
        assert_eq!(results[1]["errors"][0]["field"], "content");
        assert_eq!(results[2]["status"], "PASSED");
        assert_eq!(results[3]["errors"][0]["field"], "Idempotency-Key");
        assert_eq!(results[4]["unknown"], true);
    }

    #[tokio::test]
    async fn the_status_says_whether_all_some_or_none_are_accepted() {
        let valid = || Ok("x".to_owned());
        let unknown = || Err(SubmitError::Unknown(String::new()));
        for (judged, outcomes, status) in [
            (vec![valid()], vec![accepted(true, Status::Pending)], 202),
            (vec![valid(), invalid()], vec![accepted(true, Status::Pending)], 207),
            (vec![invalid()], vec![], 400),
            (vec![valid(), invalid()], vec![Err(SubmitError::Conflict)], 422),
            (vec![valid(), valid()], vec![Err(SubmitError::Conflict), unknown()], 503),
        ] {
            assert_eq!(answered(judged, outcomes).await.0, status);
        }
    }

    #[test]
    fn the_key_of_a_bulk_stands_for_each_position() {
        let (new, _) = Bulk::of(vec![Ok("a".to_owned()), invalid(), Ok("b".to_owned())], Some("key"), Some("shop"));
        let keys: Vec<_> = new.iter().map(|new| new.idempotency_key.as_deref().unwrap()).collect();
        assert_eq!(keys, ["key 0", "key 2"]);
        assert!(new.iter().all(|new| new.owner.as_deref() == Some("shop")));
        assert!(keys.iter().all(|key| contract::id::check_idempotency_key(key.as_bytes()).is_err()));
    }
}
