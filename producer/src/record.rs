//! A valid record of each kind as a record to publish.

use std::time::{SystemTime, UNIX_EPOCH};

use contract::{Order, PostId, SchemaRecord, TraceContext};
use kafka::publish::{Key, Record};

/// The record of a post or of another kind that is inserted; the id is its key. `is_keyed` says that the id
/// follows from an `Idempotency-Key`.
pub(crate) fn inserted(
    id: PostId,
    is_keyed: bool,
    value: Vec<u8>,
    timestamp_ms: i64,
    trace: Option<TraceContext>,
) -> Record {
    let client_key = is_keyed.then(|| id.uuid().into_bytes());
    Record { key: Key::from(id.to_key()), value, is_json: true, timestamp_ms, trace, client_key }
}

/// The record of an order, whose id is its key: so the records of one order keep their order.
pub(crate) fn of_order(order: &Order, timestamp_ms: i64, trace: Option<TraceContext>) -> Record {
    let key = Key::from_slice(order.order_id().as_bytes());
    Record { key, value: order.encode_value(), is_json: true, timestamp_ms, trace, client_key: None }
}

/// The record of a schema's kind that stores one document for each key; so the records of one key keep their order.
pub(crate) fn keyed(key: &str, record: &SchemaRecord<'_>, timestamp_ms: i64, trace: Option<TraceContext>) -> Record {
    let (key, value) = (Key::from_slice(key.as_bytes()), record.value().to_vec());
    Record { key, value, timestamp_ms, trace, is_json: true, client_key: None }
}

/// The time of a record that is accepted now.
pub(crate) fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
