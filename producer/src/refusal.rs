//! Every way in which a post is not accepted, and what the client is told.

use std::time::Duration;

use bytes::Bytes;
use contract::FieldErrors;
use http_body_util::Full;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Response, StatusCode};
use service::problem;

/// When a client that was told 503 may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a post was not accepted.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The content type is not JSON.
    ContentType,
    /// The content type is neither of those that a bulk may have.
    BulkContentType,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The bulk has more posts than this.
    TooManyPosts(usize),
    /// The bulk has more valid posts than may ever be in flight.
    NeverFits {
        /// As many it has.
        posts: usize,
        /// As many may be.
        max_in_flight: usize,
    },
    /// The body did not arrive in time.
    SlowBody,
    /// The body's transfer broke off.
    BrokenBody,
    /// The `Idempotency-Key` is malformed.
    IdempotencyKey(&'static str),
    /// The post breaks the rules.
    Invalid(FieldErrors),
    /// The body is no bulk of posts.
    NoBulk(FieldErrors),
    /// Too many posts await acknowledgement.
    Full,
    /// The bodies that do not come in one piece hold too many bytes.
    BufferFull,
    /// Kafka is known to be away, or was never reached.
    KafkaAway,
    /// Handed to Kafka, but not acknowledged in time: it may be stored or not.
    Unacknowledged,
    /// Of a bulk's posts none was acknowledged, and at least one of them was handed to Kafka.
    BulkUnacknowledged,
    /// The `Idempotency-Key` stands for another post.
    KeyConflict,
}

impl Refusal {
    /// The reasons as label values of `ingest_posts_rejected_total`, in the order of [`Self::index`].
    pub(crate) const REASONS: [&'static str; 10] = [
        "content_type",
        "too_large",
        "slow_body",
        "broken_body",
        "idempotency_key",
        "invalid",
        "full",
        "kafka_away",
        "unacknowledged",
        "idempotency_conflict",
    ];

    /// The place of `invalid` in [`Self::REASONS`].
    pub(crate) const INVALID: usize = 5;

    /// The reason's place in [`Self::REASONS`].
    pub(crate) fn index(&self) -> usize {
        match self {
            Refusal::ContentType | Refusal::BulkContentType => 0,
            Refusal::TooLarge(_) | Refusal::TooManyPosts(_) | Refusal::NeverFits { .. } => 1,
            Refusal::SlowBody => 2,
            Refusal::BrokenBody => 3,
            Refusal::IdempotencyKey(_) => 4,
            Refusal::Invalid(_) | Refusal::NoBulk(_) => Self::INVALID,
            Refusal::Full | Refusal::BufferFull => 6,
            Refusal::KafkaAway => 7,
            Refusal::Unacknowledged | Refusal::BulkUnacknowledged => 8,
            Refusal::KeyConflict => 9,
        }
    }

    /// The reason as it is called in metrics and traces.
    pub(crate) fn reason(&self) -> &'static str {
        Self::REASONS[self.index()]
    }

    /// The answer to the client.
    pub(crate) fn response(&self) -> Response<Full<Bytes>> {
        match self {
            Refusal::ContentType => problem::response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON: send the header `content-type: application/json`",
            ),
            Refusal::BulkContentType => problem::response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be a JSON array or lines of JSON: send the header `content-type: application/json` or \
                 `content-type: application/x-ndjson`",
            ),
            Refusal::TooLarge(max_bytes) => closing(problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("the body must not be larger than {max_bytes} bytes"),
            )),
            Refusal::TooManyPosts(max_posts) => problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("a bulk must not have more than {max_posts} posts: send it in parts"),
            ),
            Refusal::NeverFits { posts, max_in_flight } => problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!(
                    "the bulk has {posts} valid posts, and only {max_in_flight} may be in flight at the same time \
                     (PRODUCER_MAX_IN_FLIGHT): send it in parts of at most so many"
                ),
            ),
            Refusal::SlowBody => {
                closing(problem::response(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"))
            }
            Refusal::BrokenBody => closing(problem::response(StatusCode::BAD_REQUEST, "the body broke off")),
            Refusal::IdempotencyKey(error) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the Idempotency-Key header cannot be used",
                [contract::FieldError { field: "Idempotency-Key".to_owned(), message: (*error).to_owned() }],
            ),
            Refusal::Invalid(errors) => {
                problem::response_with_errors(StatusCode::BAD_REQUEST, "the post is not valid: see errors", errors)
            }
            Refusal::NoBulk(errors) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the body is no bulk of posts: see errors",
                errors,
            ),
            Refusal::Full => problem::unavailable("too many posts are in flight: try again", RETRY_AFTER),
            Refusal::BufferFull => {
                closing(problem::unavailable("too many bytes are being received: try again", RETRY_AFTER))
            }
            Refusal::KafkaAway => problem::unavailable("Kafka cannot be reached: try again", RETRY_AFTER),
            Refusal::Unacknowledged => problem::unavailable(
                "Kafka did not acknowledge in time, so the post may be stored or not: try again with the same Idempotency-Key",
                RETRY_AFTER,
            ),
            Refusal::BulkUnacknowledged => problem::unavailable(
                "Kafka acknowledged none of the posts in time, so they may be stored or not: try again with the same Idempotency-Key",
                RETRY_AFTER,
            ),
            Refusal::KeyConflict => problem::response(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key was used with another post: send that one again as it was, or this one under another key",
            ),
        }
    }
}

/// The rest of the body is not read, so the connection cannot be used again.
fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
