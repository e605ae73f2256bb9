//! Every way in which a record is not accepted, and the answer to it.

use std::time::Duration;

use bytes::Bytes;
use contract::FieldErrors;
use http_body_util::Full;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Response, StatusCode};
use kafka::publish::{Fate, PublishError};
use service::http::body::{BodyError, BufferFull};
use service::problem;
use service::rate::Limited;

use crate::noun::Noun;

/// When a client that got 503 may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a record was not accepted.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// The content type is not JSON.
    ContentType,
    /// The content type is not one that a bulk may have.
    BulkContentType,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The bulk has more records than this.
    TooMany(usize),
    /// The topic takes no record of this size.
    TooLargeForTopic,
    /// The body did not arrive in time.
    SlowBody,
    /// The body's transfer broke off.
    BrokenBody,
    /// The body is compressed, and only these codings are taken.
    ContentEncoding(&'static str),
    /// The body is not what this coding makes.
    Undecodable(&'static str),
    /// The `Idempotency-Key` is malformed.
    IdempotencyKey(&'static str),
    /// The record breaks the rules of its kind.
    Invalid(FieldErrors),
    /// The body is not a bulk.
    NoBulk(FieldErrors),
    /// Too many records await acknowledgement.
    Full,
    /// The bodies that do not come in one piece hold too many bytes.
    BufferFull,
    /// Kafka is known to be away, or was never reached.
    KafkaAway,
    /// Sent on to Kafka, but not acknowledged in time: it may be stored or not.
    Unacknowledged,
    /// None of a bulk's records was acknowledged, and at least one was sent on to Kafka.
    BulkUnacknowledged,
    /// The `Idempotency-Key` stands for another record.
    KeyConflict,
    /// The caller has used up its quota since the request began.
    Limited(Limited),
}

/// The reasons that metrics and traces distinguish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RejectionReason {
    ContentType,
    TooLarge,
    SlowBody,
    BrokenBody,
    ContentEncoding,
    IdempotencyKey,
    Invalid,
    Full,
    KafkaAway,
    Unacknowledged,
    IdempotencyConflict,
    RateLimited,
}

impl RejectionReason {
    pub(crate) const ALL: [Self; 12] = [
        Self::ContentType,
        Self::TooLarge,
        Self::SlowBody,
        Self::BrokenBody,
        Self::ContentEncoding,
        Self::IdempotencyKey,
        Self::Invalid,
        Self::Full,
        Self::KafkaAway,
        Self::Unacknowledged,
        Self::IdempotencyConflict,
        Self::RateLimited,
    ];

    /// Why a record with this fate was not accepted; `None` if it was.
    pub(crate) fn of_fate(fate: Fate) -> Option<Self> {
        match fate {
            Fate::Acknowledged => None,
            Fate::Unknown => Some(Self::Unacknowledged),
            Fate::Away => Some(Self::KafkaAway),
            Fate::Conflict => Some(Self::IdempotencyConflict),
            Fate::TooLarge => Some(Self::TooLarge),
        }
    }

    /// Its name as a label value.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::ContentEncoding => "content_encoding",
            Self::IdempotencyKey => "idempotency_key",
            Self::Invalid => "invalid",
            Self::Full => "full",
            Self::KafkaAway => "kafka_away",
            Self::Unacknowledged => "unacknowledged",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::RateLimited => "rate_limited",
        }
    }
}

impl From<BodyError> for Rejection {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(max_bytes) => Rejection::TooLarge(max_bytes),
            BodyError::Slow => Rejection::SlowBody,
            BodyError::Broken => Rejection::BrokenBody,
            BodyError::Coding(taken) => Rejection::ContentEncoding(taken),
            BodyError::Undecodable(coding) => Rejection::Undecodable(coding),
            BodyError::BufferFull => Rejection::BufferFull,
        }
    }
}

impl From<BufferFull> for Rejection {
    fn from(BufferFull: BufferFull) -> Self {
        Rejection::BufferFull
    }
}

impl From<PublishError> for Rejection {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Away => Rejection::KafkaAway,
            PublishError::Full => Rejection::Full,
            PublishError::Conflict => Rejection::KeyConflict,
            PublishError::TooLarge => Rejection::TooLargeForTopic,
            PublishError::Unacknowledged => Rejection::Unacknowledged,
        }
    }
}

impl Rejection {
    /// Its reason in metrics and traces.
    pub(crate) fn reason(&self) -> RejectionReason {
        match self {
            Rejection::ContentType | Rejection::BulkContentType => RejectionReason::ContentType,
            Rejection::TooLarge(_) | Rejection::TooMany(_) | Rejection::TooLargeForTopic => RejectionReason::TooLarge,
            Rejection::SlowBody => RejectionReason::SlowBody,
            Rejection::BrokenBody | Rejection::Undecodable(_) => RejectionReason::BrokenBody,
            Rejection::ContentEncoding(_) => RejectionReason::ContentEncoding,
            Rejection::IdempotencyKey(_) => RejectionReason::IdempotencyKey,
            Rejection::Invalid(_) | Rejection::NoBulk(_) => RejectionReason::Invalid,
            Rejection::Full | Rejection::BufferFull => RejectionReason::Full,
            Rejection::KafkaAway => RejectionReason::KafkaAway,
            Rejection::Unacknowledged | Rejection::BulkUnacknowledged => RejectionReason::Unacknowledged,
            Rejection::KeyConflict => RejectionReason::IdempotencyConflict,
            Rejection::Limited(_) => RejectionReason::RateLimited,
        }
    }

    /// The answer to the client, which calls the record by this noun.
    pub(crate) fn response(&self, noun: Noun) -> Response<Full<Bytes>> {
        let Noun { one, many, again } = noun;
        match self {
            Rejection::ContentType => problem::response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON: send the header `content-type: application/json`",
            ),
            Rejection::BulkContentType => problem::response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be a JSON array or lines of JSON: send the header `content-type: application/json` or \
                 `content-type: application/x-ndjson`",
            ),
            Rejection::TooLarge(max_bytes) => closing(problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the body must not be larger than {max_bytes} bytes"),
            )),
            Rejection::TooMany(max) => problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("a bulk must not have more than {max} {many}: send it in parts"),
            ),
            Rejection::TooLargeForTopic => problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the {one} is larger than Kafka's topic takes (max.message.bytes): it is not stored"),
            ),
            Rejection::SlowBody => {
                closing(problem::response(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"))
            }
            Rejection::BrokenBody => closing(problem::response(StatusCode::BAD_REQUEST, "the body broke off")),
            Rejection::ContentEncoding(taken) => closing(problem::content_encoding(taken)),
            Rejection::Undecodable(coding) => closing(problem::undecodable(coding)),
            Rejection::IdempotencyKey(error) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the Idempotency-Key header cannot be used",
                [contract::FieldError { field: "Idempotency-Key".to_owned(), message: (*error).to_owned() }],
            ),
            Rejection::Invalid(errors) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                &format!("the {one} is not valid: see errors"),
                errors,
            ),
            Rejection::NoBulk(errors) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                &format!("the body is not a bulk of {many}: see errors"),
                errors,
            ),
            Rejection::Full => unavailable(&format!("too many {many} are in flight: try again")),
            Rejection::BufferFull => closing(unavailable("too many bytes are being received: try again")),
            Rejection::KafkaAway => unavailable("Kafka cannot be reached: try again"),
            Rejection::Unacknowledged => unavailable(&format!(
                "Kafka did not acknowledge in time, so the {one} may be stored or not: try again{again}"
            )),
            Rejection::BulkUnacknowledged => unavailable(&format!(
                "Kafka acknowledged none of the {many} in time, so they may be stored or not: try again{again}"
            )),
            Rejection::Limited(limited) => limited.response(),
            Rejection::KeyConflict => problem::response(
                StatusCode::UNPROCESSABLE_ENTITY,
                &format!(
                    "this Idempotency-Key was used with another {one}: send that one again as it was, or this one \
                     under another key"
                ),
            ),
        }
    }
}

/// A temporary problem.
fn unavailable(detail: &str) -> Response<Full<Bytes>> {
    problem::unavailable(detail, RETRY_AFTER)
}

/// The rest of the body stays unread, so the connection cannot be used again.
fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
