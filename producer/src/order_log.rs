//! What happened to each order, as a line of the log with its id, at the level `debug`.

use contract::{Kind, TraceContext};
use kafka::publish::{Fate, Key, Record};
use service::trace::{span_id, trace_id};

use crate::rejection::RejectionReason;

/// Kafka has acknowledged a single order.
pub(crate) fn sent(order_id: &str, topic: &str, place: (i32, i64), trace: Option<TraceContext>) {
    let (partition, offset) = place;
    tracing::debug!(
        order_id,
        topic,
        partition,
        offset,
        trace_id = trace_id(trace),
        span_id = span_id(trace),
        "order sent to topic"
    );
}

/// An order is rejected. If it cannot be read, nobody knows its id.
pub(crate) fn rejected(order_id: Option<&str>, reason: RejectionReason, trace: Option<TraceContext>) {
    let (trace_id, span_id) = (trace_id(trace), span_id(trace));
    tracing::debug!(order_id, reason = reason.as_str(), trace_id, span_id, "order rejected");
}

/// The ids of a bulk's valid orders, if such lines are wanted at all.
pub(crate) struct BulkLog(Vec<Key>);

impl BulkLog {
    /// Notes the orders of these records; those of another kind have no such lines.
    pub(crate) fn of(kind: Kind, records: &[Record]) -> Self {
        let is_wanted = kind == Kind::Order && tracing::enabled!(tracing::Level::DEBUG);
        Self(if is_wanted { records.iter().map(|record| record.key.clone()).collect() } else { Vec::new() })
    }

    /// Each order has its fate.
    pub(crate) fn settled(&self, fates: &[Fate], topic: &str, trace: Option<TraceContext>) {
        for (key, fate) in self.0.iter().zip(fates) {
            let order_id = String::from_utf8_lossy(key);
            match RejectionReason::of_fate(*fate) {
                None => {
                    let (trace_id, span_id) = (trace_id(trace), span_id(trace));
                    tracing::debug!(order_id = &*order_id, topic, trace_id, span_id, "order sent to topic");
                }
                Some(reason) => rejected(Some(&order_id), reason, trace),
            }
        }
    }

    /// All orders are rejected for the same reason.
    pub(crate) fn all_rejected(&self, reason: RejectionReason, trace: Option<TraceContext>) {
        for key in &self.0 {
            rejected(Some(&String::from_utf8_lossy(key)), reason, trace);
        }
    }
}
