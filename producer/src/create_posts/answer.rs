//! The answer to a bulk: a result for each of its posts, in order. It is written once, into one buffer.

use bytes::Bytes;
use contract::{FieldErrors, PostId};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use kafka::publish::Fate;

use crate::body::budget::Share;

/// The result of a post that was sent on to Kafka, but not acknowledged in time.
const UNKNOWN: &[u8] = concat!(
    r#"{"unknown":true,"message":"not acknowledged in time, so it may be stored or not: "#,
    r#"send the bulk again with the same Idempotency-Key"}"#
)
.as_bytes();

/// The result of a post whose partition is away.
const AWAY: &[u8] = br#"{"unavailable":true,"message":"Kafka cannot be reached, so it is not stored: send it again"}"#;

/// The result of a post if the `Idempotency-Key` stands for another one in its place.
const CONFLICT: &[u8] = concat!(
    r#"{"errors":[{"field":"Idempotency-Key","#,
    r#""message":"was used with another post in this place: send this one under another key"}]}"#
)
.as_bytes();

/// The longest result of a valid post.
const MAX_RESULT_BYTES: usize = UNKNOWN.len();
const _: () = assert!(AWAY.len() <= MAX_RESULT_BYTES && CONFLICT.len() <= MAX_RESULT_BYTES);

/// The start of a problem when no post is valid.
const NONE_VALID: &[u8] = br#""title":"Bad Request","status":400,"detail":"no post is valid: see results","#;

/// The start of a problem when the `Idempotency-Key` stands for other posts than all the valid ones.
const ALL_IN_CONFLICT: &[u8] = concat!(
    r#""title":"Unprocessable Entity","status":422,"#,
    r#""detail":"this Idempotency-Key was used with other posts: see results","#
)
.as_bytes();

/// Upper bound of what precedes and follows the results.
const FRAME_BYTES: usize = 200;

/// Each post's result, as far as it is known before the posts are published.
#[derive(Default)]
pub(super) struct Results {
    judged: Vec<Judged>,
    /// The results of the invalid posts, end to end.
    errors: Vec<u8>,
    invalid: usize,
}

enum Judged {
    Valid(PostId),
    /// Where its result ends within [`Results::errors`]; it starts where the previous one ends.
    Invalid(usize),
}

/// The answer, and the number of posts by outcome.
pub(super) struct BulkAnswer {
    pub(super) response: Response<Full<Bytes>>,
    pub(super) accepted: usize,
    pub(super) invalid: usize,
    pub(super) unknown: usize,
    pub(super) away: usize,
    pub(super) conflicts: usize,
}

impl BulkAnswer {
    pub(super) fn rejected(&self) -> usize {
        self.invalid + self.unknown + self.away + self.conflicts
    }
}

impl Results {
    pub(super) fn push_valid(&mut self, id: PostId) {
        self.judged.push(Judged::Valid(id));
    }

    pub(super) fn push_invalid(&mut self, errors: &FieldErrors) {
        self.errors.extend_from_slice(br#"{"errors":"#);
        errors.encode(&mut self.errors);
        self.errors.push(b'}');
        self.judged.push(Judged::Invalid(self.errors.len()));
        self.invalid += 1;
    }

    /// How many posts there are.
    pub(super) fn count(&self) -> usize {
        self.judged.len()
    }

    /// How many of them are invalid.
    pub(super) fn invalid(&self) -> usize {
        self.invalid
    }

    /// Upper bound of the answer.
    pub(super) fn max_answer_bytes(&self) -> usize {
        FRAME_BYTES + self.errors.len() + self.judged.len() + (self.count() - self.invalid) * MAX_RESULT_BYTES
    }

    /// The answer for these fates of the valid posts; its share of the budget is held until the client has taken it.
    pub(super) fn answer(self, fates: &[Fate], share: Share) -> BulkAnswer {
        let count = |wanted| fates.iter().filter(|fate| **fate == wanted).count();
        let (accepted, unknown, away) = (count(Fate::Acknowledged), count(Fate::Unknown), count(Fate::Away));
        let conflicts = count(Fate::Conflict);
        let (status, content_type) = match accepted {
            0 if conflicts > 0 => (StatusCode::UNPROCESSABLE_ENTITY, "application/problem+json"),
            0 => (StatusCode::BAD_REQUEST, "application/problem+json"),
            accepted if accepted == self.count() => (StatusCode::CREATED, "application/json"),
            _ => (StatusCode::MULTI_STATUS, "application/json"),
        };
        let body = Bytes::from_owner(Held { bytes: self.write(status, accepted, fates), _share: share });
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        BulkAnswer { response, accepted, invalid: self.invalid, unknown, away, conflicts }
    }

    fn write(&self, status: StatusCode, accepted: usize, fates: &[Fate]) -> Vec<u8> {
        // An id in its braces and quotes, and a comma.
        const ID_BYTES: usize = 36 + 10;
        let mut json = Vec::with_capacity(FRAME_BYTES + self.errors.len() + self.count() * ID_BYTES);
        json.push(b'{');
        json.extend_from_slice(match status {
            StatusCode::BAD_REQUEST => NONE_VALID,
            StatusCode::UNPROCESSABLE_ENTITY => ALL_IN_CONFLICT,
            _ => b"",
        });
        let counts = format!(r#""accepted":{accepted},"rejected":{},"results":["#, self.count() - accepted);
        json.extend_from_slice(counts.as_bytes());
        let (mut fates, mut errors_start) = (fates.iter(), 0);
        for (position, judged) in self.judged.iter().enumerate() {
            if position > 0 {
                json.push(b',');
            }
            match judged {
                Judged::Invalid(end) => {
                    json.extend_from_slice(&self.errors[errors_start..*end]);
                    errors_start = *end;
                }
                Judged::Valid(id) => match fates.next().unwrap_or(&Fate::Away) {
                    Fate::Acknowledged => {
                        json.extend_from_slice(br#"{"id":""#);
                        json.extend_from_slice(&id.to_key());
                        json.extend_from_slice(br#""}"#);
                    }
                    Fate::Unknown => json.extend_from_slice(UNKNOWN),
                    Fate::Away => json.extend_from_slice(AWAY),
                    Fate::Conflict => json.extend_from_slice(CONFLICT),
                },
            }
        }
        json.extend_from_slice(b"]}");
        json
    }
}

/// The bytes of an answer, with their share of the budget.
struct Held {
    bytes: Vec<u8>,
    _share: Share,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use contract::Parser;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn errors() -> FieldErrors {
        Parser::default().parse(&mut br#"{"title":"\n","content":5}"#.to_vec()).unwrap_err()
    }

    /// The answer to posts with these fates; `None` is an invalid one.
    fn written(fates: &[Option<Fate>], ids: &[PostId], status: StatusCode) -> (Value, usize, usize) {
        let mut results = Results::default();
        for (fate, id) in fates.iter().zip(ids) {
            match fate {
                Some(_) => results.push_valid(*id),
                None => results.push_invalid(&errors()),
            }
        }
        let valid: Vec<Fate> = fates.iter().copied().flatten().collect();
        let accepted = valid.iter().filter(|fate| **fate == Fate::Acknowledged).count();
        let json = results.write(status, accepted, &valid);
        (serde_json::from_slice(&json).unwrap(), json.len(), results.max_answer_bytes())
    }

    #[test]
    fn none_valid_is_a_problem_with_results() {
        let (answer, ..) = written(&[None], &[PostId::fresh()], StatusCode::BAD_REQUEST);
        let errors = json!([
            { "field": "content", "message": "must be a string, not a number" },
            { "field": "title", "message": "must be 2 to 100 characters long, has 1" },
        ]);
        let expected = json!({
            "title": "Bad Request", "status": 400, "detail": "no post is valid: see results",
            "accepted": 0, "rejected": 1, "results": [{ "errors": errors }],
        });
        assert_eq!(answer, expected);
    }

    proptest! {
        #[test]
        fn every_post_has_its_result_in_its_place(
            fates in proptest::collection::vec(
                proptest::sample::select(vec![
                    None,
                    Some(Fate::Acknowledged),
                    Some(Fate::Unknown),
                    Some(Fate::Away),
                    Some(Fate::Conflict),
                ]),
                1..50,
            ),
        ) {
            let ids: Vec<PostId> = fates.iter().map(|_| PostId::fresh()).collect();
            for status in [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY, StatusCode::CREATED] {
                let (_, length, most) = written(&fates, &ids, status);
                prop_assert!(length <= most);
            }
            let (answer, ..) = written(&fates, &ids, StatusCode::MULTI_STATUS);
            let results = answer["results"].as_array().unwrap();
            prop_assert_eq!(results.len(), fates.len());
            let accepted = fates.iter().filter(|fate| **fate == Some(Fate::Acknowledged)).count();
            prop_assert_eq!(&answer["accepted"], accepted);
            prop_assert_eq!(&answer["rejected"], fates.len() - accepted);
            for ((fate, id), result) in fates.iter().zip(&ids).zip(results) {
                match fate {
                    None => prop_assert_eq!(result["errors"].as_array().unwrap().len(), 2),
                    Some(Fate::Acknowledged) => prop_assert_eq!(result, &json!({ "id": id.to_string() })),
                    Some(Fate::Unknown) => prop_assert_eq!(&result["unknown"], true),
                    Some(Fate::Away) => prop_assert_eq!(&result["unavailable"], true),
                    Some(Fate::Conflict) => prop_assert_eq!(&result["errors"][0]["field"], "Idempotency-Key"),
                }
            }
        }
    }
}
