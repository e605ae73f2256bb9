//! The producer's spans, with the names and attributes of OpenTelemetry's semantic conventions: one for each request.
//! Those of batches are in `kafka`.

use contract::trace_context::TraceContext;
use contract::{Kind, PostId};
use hyper::StatusCode;
use service::Tracer;
use service::trace::Span;

use crate::noun::Noun;
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

/// A post's request is answered, and its span ends.
pub(crate) fn post_answered(mut span: Span, outcome: &Result<PostId, Rejection>, status: StatusCode) {
    if !span.is_recorded() {
        return;
    }
    match outcome {
        Ok(id) => span.set("post.id", id.to_string()),
        Err(rejection) => {
            rejected(&mut span, Kind::Post, rejection.reason(), status, "the post was not accepted");
        }
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
}

/// An order's request is answered, and its span ends. A client makes up the id of its order, so the span names the
/// place of the record instead: partition and offset.
pub(crate) fn order_answered(mut span: Span, outcome: Result<(i32, i64), &Rejection>, status: StatusCode) {
    if !span.is_recorded() {
        return;
    }
    match outcome {
        Ok(place) => set_place(&mut span, place),
        Err(rejection) => {
            rejected(&mut span, Kind::Order, rejection.reason(), status, "the order was not accepted");
        }
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
}

/// The request of a single record of a schema's kind is answered, and its span ends. A client may make up the id, so
/// the span names the place of the record instead.
pub(crate) fn record_answered(mut span: Span, kind: Kind, outcome: Result<(i32, i64), &Rejection>, status: StatusCode) {
    if !span.is_recorded() {
        return;
    }
    set_kind(&mut span, kind);
    match outcome {
        Ok(place) => set_place(&mut span, place),
        Err(rejection) => {
            let why = format!("the {} was not accepted", kind.name());
            rejected(&mut span, kind, rejection.reason(), status, &why);
        }
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
}

/// The attributes of a schema's kind are the same for all of them, so one more names the kind.
fn set_kind(span: &mut Span, kind: Kind) {
    if let Kind::Schema(kind) = kind {
        span.set("record.kind", kind.name());
    }
}

fn set_place(span: &mut Span, (partition, offset): (i32, i64)) {
    span.set("messaging.destination.partition.id", partition.to_string());
    span.set("messaging.kafka.offset", offset);
}

/// A bulk is answered, and its span ends; `reason` is why it was rejected as a whole, if it was.
pub(crate) fn bulk_answered(
    mut span: Span,
    kind: Kind,
    accepted: usize,
    not_accepted: usize,
    reason: Option<RejectionReason>,
    status: StatusCode,
) {
    if !span.is_recorded() {
        return;
    }
    let (accepted_name, rejected_name) = match kind {
        Kind::Post => ("posts.accepted", "posts.rejected"),
        Kind::Order => ("orders.accepted", "orders.rejected"),
        Kind::Schema(_) => ("records.accepted", "records.rejected"),
    };
    set_kind(&mut span, kind);
    span.set(accepted_name, accepted as i64);
    span.set(rejected_name, not_accepted as i64);
    if let Some(reason) = reason {
        let why = format!("no {} of the bulk was accepted", Noun::of(kind).one);
        rejected(&mut span, kind, reason, status, &why);
    }
    span.set("http.response.status_code", i64::from(status.as_u16()));
}

/// By the conventions, a client's error is not the server's.
fn rejected(span: &mut Span, kind: Kind, reason: RejectionReason, status: StatusCode, why: &str) {
    let name = match kind {
        Kind::Post => "post.rejected",
        Kind::Order => "order.rejected",
        Kind::Schema(_) => "record.rejected",
    };
    span.set(name, reason.as_str());
    if status.is_server_error() {
        span.fail(reason.as_str(), why);
    }
}
