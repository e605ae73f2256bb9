//! Errors as RFC 9457 problem details: `application/problem+json` with title, status and detail.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;

use crate::http;

/// A problem: one line that says what is wrong and what to do. `errors` lists the fields that are wrong, if any.
#[derive(Debug, Serialize)]
pub struct Problem<'a, E: Serialize = ()> {
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<E>,
}

/// The response for a problem.
pub fn response(status: StatusCode, detail: &str) -> Response<Full<Bytes>> {
    encode::<()>(status, detail, None)
}

/// The response for a problem with fields of the body.
pub fn response_with_errors(status: StatusCode, detail: &str, errors: impl Serialize) -> Response<Full<Bytes>> {
    encode(status, detail, Some(errors))
}

/// The response for a temporary problem: 503, and when to try again.
pub fn unavailable(detail: &str, retry_after: Duration) -> Response<Full<Bytes>> {
    let mut response = response(StatusCode::SERVICE_UNAVAILABLE, detail);
    let seconds = retry_after.as_secs().max(1);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}

/// The response to a body that is compressed in a way that is not taken here; these are.
pub fn content_encoding(taken: &'static str) -> Response<Full<Bytes>> {
    let detail = format!("the body must not be compressed, or in another way: the content-encoding can be {taken}");
    let mut response = response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail);
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(taken));
    response
}

/// The response to a body that is not what its content coding makes.
pub fn undecodable(coding: &str) -> Response<Full<Bytes>> {
    let detail = format!("the body cannot be decoded as {coding}: it is broken, or has a window of more than 8 MiB");
    response(StatusCode::BAD_REQUEST, &detail)
}

fn encode<E: Serialize>(status: StatusCode, detail: &str, errors: Option<E>) -> Response<Full<Bytes>> {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem = Problem { title, status: status.as_u16(), detail, errors };
    let body = simd_json::serde::to_vec(&problem).expect("a problem is plain strings and numbers");
    http::response(status, "application/problem+json", body)
}
