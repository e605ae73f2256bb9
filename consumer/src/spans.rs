//! The consumer's span, with the names and attributes of OpenTelemetry's semantic conventions: one for each try of a
//! flush.

use contract::decode::Decoded;
use contract::{Kind, Write};
use kafka::group::core::Flush;
use service::Tracer;
use service::trace::{BatchStep, Span};

use crate::summary::Summary;

/// The span of a flush's try, which starts now; `None` if none of its records belongs to a recorded trace.
pub(crate) fn flush(tracer: &Tracer, kind: Kind, topic: &str, batch: &Flush<Decoded>) -> Option<Span> {
    let records = batch.records.iter().filter_map(|record| record.cargo.fetched.trace);
    let mut span = tracer.batch(format!("process {topic}"), BatchStep::Processed, records)?;
    span.set("messaging.system", "kafka");
    span.set("messaging.operation.name", "process");
    span.set("messaging.operation.type", "process");
    span.set("messaging.destination.name", topic.to_owned());
    span.set("messaging.batch.message_count", batch.records.len() as i64);
    span.set("db.system.name", "mongodb");
    let operation = match kind.write() {
        Write::Insert => "insertMany",
        Write::Upsert => "update",
    };
    span.set("db.operation.name", operation);
    span.set("db.collection.name", kind.collection());
    span.set("flush.trigger", batch.trigger.as_str());
    Some(span)
}

/// The try is over, and its span ends.
pub(crate) fn flushed(span: Option<Span>, summary: &Summary, attempt: u32) {
    if let Some(mut span) = span {
        span.set("flush.stored", summary.stored as i64);
        span.set("flush.duplicates", summary.duplicates as i64);
        span.set("flush.superseded", summary.superseded as i64);
        span.set("flush.expired", summary.expired as i64);
        span.set("flush.erased", summary.erased as i64);
        span.set("flush.rejected", summary.never as i64);
        span.set("flush.later", summary.later as i64);
        span.set("flush.attempt", i64::from(attempt));
    }
}
