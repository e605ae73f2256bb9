//! The producer's spans, with the names and attributes of OpenTelemetry's semantic conventions: one for each request.
//! Those of batches are in `kafka`.

use contract::PostId;
use contract::trace_context::TraceContext;
use hyper::StatusCode;
use service::Tracer;
use service::trace::Span;

use crate::rejection::{Rejection, RejectionReason};

/// The span of a request, which starts now. No text of a client's own becomes an attribute.
pub(crate) fn request(tracer: &Tracer, name: &'static str, path: &'static str, client: Option<TraceContext>) -> Span {
    let mut span = tracer.request(name, client);
    if span.is_recorded() {
        span.set("http.request.method", "POST");
        span.set("http.route", path);
        span.set("url.path", path);
        span.set("url.scheme", "http");
    }
    span
}

/// The request is answered, and its span ends. By the conventions, a client's error is not the server's.
pub(crate) fn answered(mut span: Span, outcome: &Result<PostId, Rejection>, status: StatusCode) {
    if !span.is_recorded() {
        return;
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
    match outcome {
        Ok(id) => span.set("post.id", id.to_string()),
        Err(rejection) => {
            let reason = rejection.reason().as_str();
            span.set("post.rejected", reason);
            if status.is_server_error() {
                span.fail(reason, "the post was not accepted");
            }
        }
    }
}

/// A bulk is answered, and its span ends; `reason` is why it was rejected as a whole, if it was.
pub(crate) fn bulk_answered(
    mut span: Span,
    accepted: usize,
    rejected: usize,
    reason: Option<RejectionReason>,
    status: StatusCode,
) {
    if !span.is_recorded() {
        return;
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
    span.set("posts.accepted", accepted as i64);
    span.set("posts.rejected", rejected as i64);
    if let Some(reason) = reason.map(RejectionReason::as_str) {
        span.set("post.rejected", reason);
        if status.is_server_error() {
            span.fail(reason, "no post of the bulk was accepted");
        }
    }
}
