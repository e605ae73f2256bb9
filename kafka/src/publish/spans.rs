//! The span of a batch, with the names and attributes of OpenTelemetry's semantic conventions.

use contract::TraceContext;
use service::Tracer;
use service::trace::{BatchStep, Span};

/// The span of this many records on their way to Kafka, which starts now; `None` if none of them is recorded. The
/// partition is left out if they go to several.
pub(super) fn send(
    tracer: &Tracer,
    topic: &str,
    partition: Option<i32>,
    records: usize,
    traces: impl Iterator<Item = TraceContext>,
) -> Option<Span> {
    let mut span = tracer.batch(format!("send {topic}"), BatchStep::Sent, traces)?;
    span.set("messaging.system", "kafka");
    span.set("messaging.operation.name", "send");
    span.set("messaging.operation.type", "send");
    span.set("messaging.destination.name", topic.to_owned());
    if let Some(partition) = partition {
        span.set("messaging.destination.partition.id", partition.to_string());
    }
    span.set("messaging.batch.message_count", records as i64);
    Some(span)
}
