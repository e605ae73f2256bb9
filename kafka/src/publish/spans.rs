//! The span of a batch, with the names and attributes of OpenTelemetry's semantic conventions.

use service::Tracer;
use service::trace::{BatchStep, Span};

use super::submission::Submission;

/// The span of a batch on its way to Kafka, which starts now; `None` if none of its records is recorded.
pub(super) fn send(tracer: &Tracer, topic: &str, partition: i32, batch: &[Submission]) -> Option<Span> {
    let traces = batch.iter().filter_map(|submission| submission.record.trace);
    let mut span = tracer.batch(format!("send {topic}"), BatchStep::Sent, traces)?;
    span.set("messaging.system", "kafka");
    span.set("messaging.operation.name", "send");
    span.set("messaging.operation.type", "send");
    span.set("messaging.destination.name", topic.to_owned());
    span.set("messaging.destination.partition.id", partition.to_string());
    span.set("messaging.batch.message_count", batch.len() as i64);
    Some(span)
}
