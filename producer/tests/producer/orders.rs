//! Orders that are answered 201, and the records that they become.

use std::time::{SystemTime, UNIX_EPOCH};

use contract::Order;
use serde_json::json;
use tokio::task::JoinSet;

use crate::client::{Connection, Response, post_to};
use crate::running::Producer;
use crate::topic::{self, fresh_topic};

/// An order in its usual form.
pub(crate) const ORDER: &str =
    r#"{"order_id":"A-17","customer_id":"C-1","product_id":"P-1","quantity":2,"price":"19.99"}"#;

/// `POST /api/orders/` with this JSON.
pub(crate) fn order(body: impl AsRef<[u8]>) -> Vec<u8> {
    order_with("content-type: application/json\r\n", body)
}

/// The same with these header lines beside `host` and `content-length`.
pub(crate) fn order_with(header_lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post_to("/api/orders/", header_lines, body)
}

/// A valid order that carries a number as its quantity.
pub(crate) fn numbered(order_id: &str, number: usize) -> String {
    let (customer_id, product_id) = ("C-1", "P-1");
    json!({
        "order_id": order_id, "customer_id": customer_id, "product_id": product_id, "quantity": number, "price": "0.01",
    })
    .to_string()
}

/// The records of the shared broker.
pub(crate) async fn records(topic: &str) -> Vec<topic::Record> {
    topic::records(stack::shared().await.kafka_broker(), topic).await
}

/// The order in a record's value.
pub(crate) fn order_in(record: &topic::Record) -> Order {
    Order::parse(record.value.as_bytes(), 0).unwrap()
}

/// Checks a 201.
fn assert_created(response: &Response, order_id: &str, total_amount: &str) {
    assert_eq!((response.status, response.header("content-type")), (201, Some("application/json")));
    let message = "Order created successfully";
    let expected = format!(r#"{{"message":"{message}","order_id":"{order_id}","total_amount":"{total_amount}"}}"#);
    assert_eq!(response.text(), expected);
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_becomes_a_record_under_its_id() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let body = r#" {"price": 19.99, "quantity": 2, "product_id": "P \"1\"", "note": {"price": 1},
        "status": "PROCESSING", "customer_id": "Caf\u00e9", "order_id": " A 17 ", "total_amount": 39.98,
        "created_at": "2026-11-28T21:15:00+01:00"} "#;

    let before_ms = now_ms();
    let response = producer.ask(post_to("/api/orders/", &format!("traceparent: {traceparent}\r\n"), body)).await;
    let after_ms = now_ms();
    assert_created(&response, "A 17", "39.98");

    let [record] = &records(&topic).await[..] else { panic!("not one record") };
    assert_eq!(record.key, "A 17");
    let expected = concat!(
        r#"{"order_id":"A 17","customer_id":"Café","product_id":"P \"1\"","quantity":2,"price":"19.99","#,
        r#""status":"PROCESSING","created_at":"2026-11-28T20:15:00.000Z","total_amount":"39.98"}"#
    );
    assert_eq!(record.value, expected);
    let headers = [("content-type", "application/json"), ("traceparent", traceparent)];
    assert_eq!(record.headers, headers.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert!((before_ms..=after_ms).contains(&record.timestamp_ms), "{before_ms} {record:?} {after_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_pending_and_of_now_unless_it_says_otherwise() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    assert_created(&producer.ask(order(ORDER)).await, "A-17", "39.98");
    let [record] = &records(&topic).await[..] else { panic!("not one record") };
    let order = order_in(record);
    assert_eq!((order.status().as_str(), order.created_at_ms()), ("PENDING", record.timestamp_ms));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_exact_as_a_number_and_as_a_text() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    let mut connection = producer.connect().await;
    for (price, quantity, total) in [
        ("19.99", 3, "59.97"),
        (r#""19.99""#, 3, "59.97"),
        ("0.1", 3, "0.30"),
        ("1e2", 3, "300.00"),
        ("999999999.99", 1_000_000, "999999999990000.00"),
    ] {
        let body = ORDER.replace(":2,", &format!(":{quantity},")).replace(r#""19.99""#, price);
        assert_created(&connection.ask(order(body)).await, "A-17", total);
    }
    let prices: Vec<String> = records(&topic).await.iter().map(|record| order_in(record).price().to_string()).collect();
    assert_eq!(prices, ["19.99", "19.99", "0.10", "100.00", "999999999.99"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_path_has_two_spellings() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    for path in ["/api/orders/", "/api/orders", "/api/orders?source=shop"] {
        assert_created(&producer.ask(post_to(path, "", ORDER)).await, "A-17", "39.98");
    }
    assert_eq!(records(&topic).await.len(), 3);
    let count = "http_server_request_duration_seconds_count";
    producer.metric(&format!(r#"{count}{{method="POST",route="/api/orders/",status="201"}} 1"#)).await;
    producer.metric(&format!(r#"{count}{{method="POST",route="/api/orders",status="201"}} 2"#)).await;
}

/// The id of the order is the key of idempotency already.
#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_is_ignored() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    for (header_lines, id) in
        [("Idempotency-Key: k\r\n", "one"), ("Idempotency-Key: k\r\n", "two"), ("Idempotency-Key: a b\r\n", "three")]
    {
        let response = producer.ask(post_to("/api/orders/", header_lines, numbered(id, 1))).await;
        assert_created(&response, id, "0.01");
    }
    let keys: Vec<String> = records(&topic).await.into_iter().map(|record| record.key).collect();
    assert_eq!(keys, ["one", "two", "three"]);
}

/// Each order's states are sent in turn, each on another of eight connections, while other orders are sent, too.
#[tokio::test(flavor = "multi_thread")]
async fn the_states_of_an_order_keep_their_sequence() {
    const STATES: usize = 50;
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[("KAFKA_PARTITIONS", "4")]).await;
    let mut clients = JoinSet::new();
    for client in 0..4 {
        let address = producer.address;
        clients.spawn(async move {
            let mut connections = Vec::new();
            for _ in 0..8 {
                connections.push(Connection::open(address).await);
            }
            for state in 1..=STATES {
                let response = connections[state % 8].ask(order(numbered(&format!("order-{client}"), state))).await;
                assert_eq!(response.status, 201, "{}", response.text());
            }
        });
    }
    clients.join_all().await;
    let records = records(&topic).await;
    assert_eq!(records.len(), 4 * STATES);
    for client in 0..4 {
        let own: Vec<_> = records.iter().filter(|record| record.key == format!("order-{client}")).collect();
        assert!(own.iter().all(|record| record.partition == own[0].partition), "one key, one partition");
        let states: Vec<u32> = own.iter().map(|record| order_in(record).quantity()).collect();
        assert_eq!(states, (1..=STATES as u32).collect::<Vec<_>>());
    }
}
