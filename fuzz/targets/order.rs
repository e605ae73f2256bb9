//! An order, as the producer judges a request's body and the consumer a record's value: any bytes become an order that
//! keeps the rules and survives its record and its document, or errors that a client can read.

#![no_main]

use contract::decode::Decoder;
use contract::{BulkFormat, BulkLimits, Fetched, FieldErrors, Kind, Order, OrderBulk, Place};
use libfuzzer_sys::fuzz_target;

const NOW_MS: i64 = 1_795_896_900_123;
const LIMITS: BulkLimits = BulkLimits { records: 10, record_bytes: 65_536 };

/// The parts of an order that another parser reads as this one does. It would make a binary float of a number.
#[derive(serde::Deserialize)]
struct AnyOrder {
    order_id: String,
    customer_id: String,
    product_id: String,
    quantity: f64,
}

fuzz_target!(|body: &[u8]| {
    match Order::parse(body, NOW_MS) {
        Ok(order) => check_order(body, &order),
        Err(errors) => check_errors(&errors),
    }
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !is_blank(line)).take(LIMITS.records);
    let alone: Vec<_> = lines.map(|line| Order::parse(line, NOW_MS)).collect();
    assert_eq!(judged(body, BulkFormat::Lines), alone);
});

fn check_order(body: &[u8], order: &Order) {
    let other: AnyOrder = serde_json::from_slice(body).expect("an accepted body is an order to other parsers too");
    let ids = [other.order_id.trim(), other.customer_id.trim(), other.product_id.trim()];
    assert_eq!(ids, [order.order_id(), order.customer_id(), order.product_id()]);
    assert!(ids.iter().all(|id| (1..=64).contains(&id.chars().count())), "{ids:?}");
    assert!((other.quantity - f64::from(order.quantity())).abs() < 0.5, "{}", other.quantity);
    assert_eq!(order.total().hundredths(), order.price().hundredths() * i64::from(order.quantity()));

    let value = order.encode_value();
    assert_eq!(Order::parse(&value, 0).as_ref(), Ok(order), "a record's value is its order");
    assert_eq!(
        judged(&[b"[", body, b",", &value, b"]"].concat(), BulkFormat::Array),
        [Ok(order.clone()), Ok(order.clone())]
    );

    let origin = Some(Place { partition: 7, offset: 4711, timestamp_ms: NOW_MS });
    let key = Some(order.order_id().as_bytes().to_vec());
    let (partition, offset, timestamp_ms) = (1, 2, NOW_MS);
    let replay_attempts = 1;
    let fetched =
        Fetched { partition, offset, timestamp_ms, replay_attempts, origin, trace: None, key, value: Some(value) };
    let decoded = Decoder::new(Kind::Order, "orders").decode(fetched);
    assert_eq!(decoded.id.to_string(), order.order_id());
    let document = decoded.outcome.expect("an order under its id becomes a document");
    let document = bson::Document::from_reader(document.as_bytes()).expect("a document is valid BSON");
    assert_eq!(document.get_str("_id").ok(), Some(order.order_id()));
    assert_eq!(document.get_i64("price_cents").ok(), Some(order.price().hundredths()));
    assert_eq!(document.get_str("price").ok(), Some(&*order.price().to_string()));
    let place = document.get_document("kafka").expect("its place");
    assert_eq!((place.get_i32("partition").ok(), place.get_i64("offset").ok()), (Some(7), Some(4711)));
}

/// There are some, in the fields' order; each says in one line what is wrong.
fn check_errors(errors: &FieldErrors) {
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert!(!fields.is_empty() && fields.is_sorted_by(|one, next| one < next), "{fields:?}");
    assert_eq!(errors.is_of_body(), fields == ["body"]);
    for error in errors.iter() {
        assert!(!error.message.is_empty() && !error.message.contains('\n'), "{:?}", error.message);
    }
}

/// The first orders of a bulk.
fn judged(body: &[u8], format: BulkFormat) -> Vec<Result<Order, FieldErrors>> {
    let mut bulk = OrderBulk::new(body.to_vec(), format, LIMITS, NOW_MS);
    std::iter::from_fn(|| bulk.next_order().ok().flatten()).collect()
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
