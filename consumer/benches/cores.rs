//! The consumer's own work on a record between Kafka's client and MongoDB's: decoding. The group does the rest; its
//! benches are in `kafka`.

use bench::Measure;
use contract::decode::Decoder;
use contract::{Fetched, Kind, PostId};

const TIMESTAMP_MS: i64 = 1_700_000_000_123;
fn fetched(content: &str) -> Fetched {
    let id = PostId::from_idempotency_key(b"bench").expect("it has no space");
    Fetched {
        partition: 0,
        offset: 0,
        timestamp_ms: TIMESTAMP_MS,
        replay_attempts: 0,
        origin: None,
        trace: None,
        key: Some(id.to_key().to_vec()),
        value: Some(format!(r#"{{"title":"load 00ab12cd 1234567","content":"{content}"}}"#).into_bytes()),
    }
}

fn decode(measure: &Measure) {
    let mut decoder = Decoder::new(Kind::Post, "post");
    for (name, content) in [
        ("100 B", "x".repeat(100)),
        ("300 B", "x".repeat(300)),
        ("1 KB", "x".repeat(1_000)),
        ("4 KB", "\u{1f980}".repeat(1_000)),
        ("invalid", String::new()),
    ] {
        let record = || Some(fetched(&content));
        measure.core(&format!("decode/{name}"), record, |record| record.take().map(|record| decoder.decode(record)));
    }
}

fn decode_order(measure: &Measure) {
    let value = br#"{"order_id":"A-1234567","customer_id":"customer-4711","product_id":"product-42","quantity":2,
        "price":"19.99","status":"PROCESSING","created_at":"2026-11-28T20:15:00.000Z","total_amount":"39.98"}"#;
    let (key, value) = (Some(b"A-1234567".to_vec()), Some(value.to_vec()));
    let order = Fetched { key, value, ..fetched("") };
    let mut decoder = Decoder::new(Kind::Order, "orders");
    let record = || Some(order.clone());
    measure.core("decode/order", record, |record| record.take().map(|record| decoder.decode(record)));
}

fn main() {
    let measure = Measure::from_arguments();
    decode(&measure);
    decode_order(&measure);
}
