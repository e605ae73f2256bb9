//! The producer's spans, with the names and attributes of OpenTelemetry's semantic conventions: one of each request, and one
//! of each batch.

use contract::PostId;
use contract::trace_context::TraceContext;
use hyper::StatusCode;
use service::Tracer;
use service::trace::{Batch, Span};

use crate::publisher::Submission;
use crate::refusal::Refusal;
use crate::routes;

/// A route as spans have it.
pub(crate) struct Route {
    name: &'static str,
    path: &'static str,
}

pub(crate) const CREATE_POST: Route = Route { name: "POST /create-post", path: routes::CREATE_POST };

pub(crate) const CREATE_POSTS: Route = Route { name: "POST /create-posts", path: routes::CREATE_POSTS };

/// The span of a request, which begins now. Nothing that a client made up becomes an attribute.
pub(crate) fn request(tracer: &Tracer, route: &Route, client: Option<TraceContext>) -> Span {
    let mut span = tracer.request(route.name, client);
    if span.is_recorded() {
        span.set("http.request.method", "POST");
        span.set("http.route", route.path);
        span.set("url.path", route.path);
        span.set("url.scheme", "http");
    }
    span
}

/// The request is answered, and its span ends. As the conventions have it, a client's error is none of the server.
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

/// A bulk is answered, and its span ends; `refusal` is the reason if it was refused as a whole.
pub(crate) fn bulk_answered(
    mut span: Span,
    accepted: usize,
    rejected: usize,
    refusal: Option<&'static str>,
    status: StatusCode,
) {
    if !span.is_recorded() {
        return;
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
    span.set("posts.accepted", accepted as i64);
    span.set("posts.rejected", rejected as i64);
    if let Some(reason) = refusal {
        span.set("post.rejected", reason);
        if status.is_server_error() {
            span.fail(reason, "no post of the bulk was accepted");
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
