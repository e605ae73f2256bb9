//! The producer's spans, with the names and attributes of OpenTelemetry's semantic conventions: one of each request, and one
//! of each batch.

use contract::PostId;
use contract::trace_context::TraceContext;
use hyper::StatusCode;
use service::Tracer;
use service::trace::{Batch, Span};

use crate::publisher::Submission;
use crate::refusal::Refusal;

/// The span of a request, which begins now. Nothing that a client made up becomes an attribute.
pub(crate) fn request(tracer: &Tracer, client: Option<TraceContext>) -> Span {
    let mut span = tracer.request("POST /create-post", client);
    if span.is_recorded() {
        span.set("http.request.method", "POST");
        span.set("http.route", "/create-post");
        span.set("url.path", "/create-post");
        span.set("url.scheme", "http");
    }
    span
}

/// The request is answered, and its span ends. As the conventions have it, a client's fault is none of the server.
pub(crate) fn answered(mut span: Span, outcome: &Result<PostId, Refusal>, status: StatusCode) {
    if !span.is_recorded() {
        return;
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
    match outcome {
        Ok(id) => span.set("post.id", id.to_string()),
        Err(refusal) => {
            span.set("post.rejected", refusal.reason());
            if status.is_server_error() {
                span.fail(refusal.reason(), "the post was not accepted");
            }
        }
    }
}

/// The span of a batch on its way to Kafka, which begins now; `None` if none of its posts is recorded.
pub(crate) fn send(tracer: &Tracer, topic: &str, partition: i32, batch: &[Submission]) -> Option<Span> {
    let posts = batch.iter().filter_map(|submission| submission.post.trace);
    let mut span = tracer.batch(format!("send {topic}"), Batch::Sent, posts)?;
    span.set("messaging.system", "kafka");
    span.set("messaging.operation.name", "send");
    span.set("messaging.operation.type", "send");
    span.set("messaging.destination.name", topic.to_owned());
    span.set("messaging.destination.partition.id", partition.to_string());
    span.set("messaging.batch.message_count", batch.len() as i64);
    Some(span)
}
