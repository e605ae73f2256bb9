//! Answers to requests whose body no handler reads.

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::header::{CONNECTION, EXPECT, HeaderValue};
use hyper::{Request, Response};

use crate::http::limits::BUFFER_BYTES;
use crate::http::request_body::RequestBody;

/// The response to a request whose body may be unread. A body that has come in one piece with its head is dropped here,
/// so that a client whose requests are rejected need not connect again for each of them, and loses none that it has
/// sent behind. Otherwise the connection ends, and the response says so, because the client might use it again.
pub(super) fn unread(request: &mut Request<RequestBody>, mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    if !is_read(request) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn is_read(request: &mut Request<RequestBody>) -> bool {
    if request.body().is_end_stream() {
        return true;
    }
    // Asking for the body of a client that waits for 100 would ask the client for it.
    let is_small = request.body().size_hint().upper().is_some_and(|bytes| bytes <= BUFFER_BYTES as u64);
    if !is_small || request.headers().contains_key(EXPECT) {
        return false;
    }
    // Only what is there already, without waiting.
    matches!(request.body_mut().frame().now_or_never(), Some(Some(Ok(_)))) && request.body().is_end_stream()
}
