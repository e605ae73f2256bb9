//! Every way in which the API does not do what it was asked to, and the answer.

use std::time::Duration;

use bytes::Bytes;
use contract::FieldError;
use http_body_util::Full;
use hyper::header::{CONNECTION, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use service::http::body::{BodyError, BufferFull};
use service::problem;

use super::metrics::RejectionReason;
use crate::operations::{SubmitError, Unavailable};
use crate::status::Status;

/// When a client that got 503 may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request is rejected.
#[derive(Debug)]
pub(super) enum Rejection {
    /// A page of another site sent it.
    CrossSite,
    /// The content type is not JSON.
    ContentType,
    /// The content type is not one that a bulk may have.
    BulkContentType,
    /// The body is not read to its end.
    Body(BodyError),
    /// The `Idempotency-Key` is malformed.
    IdempotencyKey(&'static str),
    /// The submission breaks a rule.
    Invalid(Vec<FieldError>),
    /// The body is not a bulk.
    NoBulk(Vec<FieldError>),
    /// The bulk has more submissions than this.
    TooMany(usize),
    /// The bulk has more valid submissions than can ever wait at a time.
    NeverFits {
        /// How many it has.
        submissions: usize,
        /// The limit.
        max_waiting: usize,
    },
    /// Parameters of the query are wrong.
    Query(Vec<FieldError>),
    /// There is no such submission that the caller may see.
    Missing,
    /// Only an administrator may see this.
    NotAdmin,
    /// It is in a status that does not allow this.
    NotAllowed {
        /// What was asked for, as in "be cancelled".
        what: &'static str,
        /// Its status.
        status: Status,
        /// The statuses in which that is possible.
        only: &'static str,
    },
    /// The `Idempotency-Key` stands for another content.
    KeyConflict,
    /// Too many submissions wait for the database.
    Full,
    /// The database did not confirm a submission: it may be stored or not.
    Unconfirmed,
    /// The database did not answer, or could not do something.
    Unavailable,
}

impl From<BodyError> for Rejection {
    fn from(error: BodyError) -> Self {
        Rejection::Body(error)
    }
}

impl From<BufferFull> for Rejection {
    fn from(BufferFull: BufferFull) -> Self {
        Rejection::Body(BodyError::BufferFull)
    }
}

impl From<Unavailable> for Rejection {
    fn from(_: Unavailable) -> Self {
        // Why is in the log: it may name what clients need not know.
        Rejection::Unavailable
    }
}

impl From<SubmitError> for Rejection {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Content(message) => {
                Rejection::Invalid(vec![FieldError { field: "content".to_owned(), message }])
            }
            SubmitError::Conflict => Rejection::KeyConflict,
            SubmitError::Full => Rejection::Full,
            SubmitError::Unknown(_) => Rejection::Unconfirmed,
        }
    }
}

impl Rejection {
    /// Its reason in the metric of submissions; `None` if it is about something else.
    pub(super) fn reason(&self) -> Option<RejectionReason> {
        Some(match self {
            Rejection::CrossSite => RejectionReason::CrossSite,
            Rejection::ContentType | Rejection::BulkContentType => RejectionReason::ContentType,
            Rejection::Body(BodyError::TooLarge(_)) | Rejection::TooMany(_) | Rejection::NeverFits { .. } => {
                RejectionReason::TooLarge
            }
            Rejection::Body(BodyError::Slow) => RejectionReason::SlowBody,
            Rejection::Body(BodyError::Broken | BodyError::Undecodable(_)) => RejectionReason::BrokenBody,
            Rejection::Body(BodyError::Coding(_)) => RejectionReason::ContentEncoding,
            Rejection::Body(BodyError::BufferFull) | Rejection::Full => RejectionReason::Full,
            Rejection::IdempotencyKey(_) => RejectionReason::IdempotencyKey,
            Rejection::Invalid(_) | Rejection::NoBulk(_) => RejectionReason::Invalid,
            Rejection::KeyConflict => RejectionReason::IdempotencyConflict,
            Rejection::Unconfirmed => RejectionReason::Unconfirmed,
            Rejection::Query(_)
            | Rejection::Missing
            | Rejection::NotAdmin
            | Rejection::NotAllowed { .. }
            | Rejection::Unavailable => return None,
        })
    }

    /// The answer to the client.
    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        match self {
            Rejection::CrossSite => closing(problem::response(
                StatusCode::FORBIDDEN,
                "a page of another site sent this: open the page of this service itself",
            )),
            Rejection::ContentType => problem::response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON: send the header `content-type: application/json`",
            ),
            Rejection::BulkContentType => problem::response(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be a JSON array or lines of JSON: send the header `content-type: application/json` or \
                 `content-type: application/x-ndjson`",
            ),
            Rejection::Body(error) => closing(body(*error)),
            Rejection::IdempotencyKey(message) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the Idempotency-Key header cannot be used",
                [FieldError { field: "Idempotency-Key".to_owned(), message: (*message).to_owned() }],
            ),
            Rejection::Invalid(errors) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the submission is not valid: see errors",
                errors,
            ),
            Rejection::NoBulk(errors) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the body is not a bulk of submissions: see errors",
                errors,
            ),
            Rejection::TooMany(max) => problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!("a bulk must not have more than {max} submissions: send it in parts"),
            ),
            Rejection::NeverFits { submissions, max_waiting } => problem::response(
                StatusCode::PAYLOAD_TOO_LARGE,
                &format!(
                    "the bulk has {submissions} valid submissions, and only {max_waiting} may wait for the database at \
                     the same time (SUBMIT_MAX_WAITING): send it in parts of at most that many"
                ),
            ),
            Rejection::Query(errors) => problem::response_with_errors(
                StatusCode::BAD_REQUEST,
                "the query of the address is not valid: see errors",
                errors,
            ),
            Rejection::Missing => problem::response(StatusCode::NOT_FOUND, "there is no submission with this id"),
            Rejection::NotAdmin => not_admin(),
            Rejection::NotAllowed { what, status, only } => problem::response(
                StatusCode::CONFLICT,
                &format!("a submission that is {} cannot {what}, only one that is {only}", status.as_str()),
            ),
            Rejection::KeyConflict => problem::response(
                StatusCode::UNPROCESSABLE_ENTITY,
                "this Idempotency-Key was used with another content: send that one again as it was, or this one under \
                 another key",
            ),
            Rejection::Full => unavailable("too many submissions wait for the database: try again"),
            Rejection::Unconfirmed => unavailable(
                "the database did not confirm the submission, so it may be stored or not: try again with the same \
                 Idempotency-Key",
            ),
            Rejection::Unavailable => unavailable("the database does not answer: try again"),
        }
    }
}

fn body(error: BodyError) -> Response<Full<Bytes>> {
    match error {
        BodyError::TooLarge(max_bytes) => problem::response(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body must not be larger than {max_bytes} bytes"),
        ),
        BodyError::Slow => problem::response(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"),
        BodyError::Broken => problem::response(StatusCode::BAD_REQUEST, "the body broke off"),
        BodyError::Coding(taken) => problem::content_encoding(taken),
        BodyError::Undecodable(coding) => problem::undecodable(coding),
        BodyError::BufferFull => unavailable("too many bytes are being received: try again"),
    }
}

/// As RFC 6750 wants it of a credential that does not suffice.
fn not_admin() -> Response<Full<Bytes>> {
    let mut response = problem::response(StatusCode::FORBIDDEN, "this needs a credential with the scope `admin`");
    let challenge = HeaderValue::from_static(r#"Bearer realm="api", error="insufficient_scope", scope="admin""#);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
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
