//! The consumer's span, with the names and attributes of OpenTelemetry's semantic conventions: one of each flush.

use service::Tracer;
use service::trace::{Batch, Span};

use crate::buffer::Trigger;
use crate::decode::Decoded;
use crate::flush::Summary;
use crate::store;

/// The span of a flush, which begins now; `None` if none of its records belongs to a trace that is recorded.
pub(crate) fn flush(tracer: &Tracer, topic: &str, batch: &[Decoded], trigger: Trigger) -> Option<Span> {
    let posts = batch.iter().filter_map(|record| record.fetched.trace);
    let mut span = tracer.batch(format!("process {topic}"), Batch::Processed, posts)?;
    span.set("messaging.system", "kafka");
    span.set("messaging.operation.name", "process");
    span.set("messaging.operation.type", "process");
    span.set("messaging.destination.name", topic.to_owned());
    span.set("messaging.batch.message_count", batch.len() as i64);
    span.set("db.system.name", "mongodb");
    span.set("db.operation.name", "insertMany");
    span.set("db.collection.name", store::COLLECTION);
    span.set("flush.trigger", trigger.as_str());
    Some(span)
}

/// The flush is over, and its span ends.
pub(crate) fn flushed(span: Option<Span>, summary: &Summary, held: usize) {
    if let Some(mut span) = span {
        span.set("flush.stored", summary.stored as i64);
        span.set("flush.duplicates", summary.duplicates as i64);
        span.set("flush.dead_lettered", summary.dead_lettered as i64);
        span.set("flush.held", held as i64);
        span.set("flush.retries", summary.retries as i64);
    }
}
