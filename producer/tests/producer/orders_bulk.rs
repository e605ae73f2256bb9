//! Bulks of orders.

use serde_json::{Value, json};

use crate::client::{Response, post_to};
use crate::orders::{numbered, order, order_in, records};
use crate::running::Producer;
use crate::topic::fresh_topic;

/// `POST /api/orders/bulk` with this JSON.
pub(crate) fn orders_bulk(body: impl AsRef<[u8]>) -> Vec<u8> {
    orders_bulk_with("content-type: application/json\r\n", body)
}

/// The same with these header lines beside `host` and `content-length`.
pub(crate) fn orders_bulk_with(header_lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post_to("/api/orders/bulk", header_lines, body)
}

/// An array of this many valid orders.
pub(crate) fn array(orders: usize) -> String {
    let orders: Vec<String> = (0..orders).map(|number| numbered(&format!("order-{number}"), 1)).collect();
    format!("[{}]", orders.join(","))
}

/// The results, after a check of the rest of the answer.
fn results(response: &Response, status: u16) -> Vec<Value> {
    let answer = response.json();
    assert_eq!((response.status, response.header("content-type")), (status, Some("application/json")), "{answer}");
    let results = answer["results"].as_array().unwrap().clone();
    let accepted = results.iter().filter(|result| result.get("order_id").is_some()).count();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(accepted), &json!(results.len() - accepted)));
    results
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_has_its_result_in_its_place() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    let large = json!({ "order_id": "A", "x": "x".repeat(65_536) });
    let body = format!(r#" [ {}, {{"order_id":"A"}}, 7, {}, {large} ] "#, numbered("one", 5), numbered("\"two\"", 7));
    let results = results(&producer.ask(orders_bulk(body)).await, 207);
    assert_eq!(results[0], json!({ "order_id": "one", "total_amount": "0.05" }));
    assert_eq!(results[3], json!({ "order_id": "\"two\"", "total_amount": "0.07" }));
    let fields = |result: &Value| {
        let errors = result["errors"].as_array().unwrap().iter();
        errors.map(|error| error["field"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(fields(&results[1]), ["customer_id", "price", "product_id", "quantity"]);
    assert_eq!(results[2]["errors"][0]["message"], "must be a JSON object, not a number");
    assert_eq!(results[4]["errors"][0]["message"], "must not be larger than 65536 bytes");
    let keys: Vec<String> = records(&topic).await.into_iter().map(|record| record.key).collect();
    assert_eq!(keys, ["one", "\"two\""]);
    producer.metric(r#"ingest_records_accepted_total{kind="order"} 2"#).await;
    producer.metric(r#"ingest_records_rejected_total{kind="order",reason="invalid"} 3"#).await;
    let count = "http_server_request_duration_seconds_count";
    producer.metric(&format!(r#"{count}{{method="POST",route="/api/orders/bulk",status="207"}} 1"#)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_orders_and_a_broken_one_is_alone() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[]).await;
    let body = format!("{}\r\n\n{{\"order_id\":\n{}\n", numbered("one", 1), numbered("two", 2));
    let response = producer.ask(post_to("/api/orders/bulk", "content-type: application/x-ndjson\r\n", body)).await;
    let results = results(&response, 207);
    assert_eq!(results.len(), 3);
    assert!(results[1]["errors"][0]["message"].as_str().unwrap().starts_with("is not valid JSON: "), "{results:?}");
    assert_eq!(records(&topic).await.len(), 2);
}

/// Bulks and single orders in turn, all with several states of the same orders.
#[tokio::test(flavor = "multi_thread")]
async fn the_states_in_a_bulk_keep_their_sequence() {
    const ORDERS: usize = 20;
    const STATES: usize = 50;
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[("KAFKA_PARTITIONS", "3")]).await;
    let mut connection = producer.connect().await;
    let mut state = 0;
    for _ in 0..3 {
        let states = (0..STATES).flat_map(|index| (0..ORDERS).map(move |id| (id, state + index + 1)));
        let orders: Vec<String> = states.map(|(id, state)| numbered(&format!("order-{id}"), state)).collect();
        let response = connection.ask(orders_bulk(format!("[{}]", orders.join(",")))).await;
        let results = results(&response, 201);
        assert_eq!(results[ORDERS]["order_id"], "order-0");
        state += STATES + 1;
        for id in 0..ORDERS {
            assert_eq!(connection.ask(order(numbered(&format!("order-{id}"), state))).await.status, 201);
        }
    }
    let records = records(&topic).await;
    for id in 0..ORDERS {
        let own = records.iter().filter(|record| record.key == format!("order-{id}"));
        let states: Vec<u32> = own.map(|record| order_in(record).quantity()).collect();
        assert_eq!(states, (1..=state as u32).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_orders_allowed_become_a_record_each() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[("KAFKA_PARTITIONS", "3")]).await;
    assert_eq!(results(&producer.ask(orders_bulk(array(10_000))).await, 201).len(), 10_000);
    assert_eq!(records(&topic).await.len(), 10_000);
    producer.orders_in_flight(0).await;
    producer.metric("ingest_body_buffer_bytes 0").await;
}
