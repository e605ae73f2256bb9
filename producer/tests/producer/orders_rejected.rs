//! Orders that are rejected, each with its errors. Kafka is away throughout: validity is judged before availability.

use crate::client::{post_to, request};
use crate::orders::{ORDER, order};
use crate::orders_bulk::{array, orders_bulk};
use crate::running::Producer;

const NDJSON: &str = "content-type: application/x-ndjson\r\n";

#[tokio::test]
async fn every_error_of_an_order_is_named_at_once() {
    let producer = Producer::without_kafka(&[]).await;
    let body = r#"{"order_id":" ","customer_id":7,"quantity":0,"price":1.999,"status":"DONE","created_at":"yesterday",
        "total_amount":null,"total_amount":1}"#;
    let response = producer.ask(order(body)).await;
    let expected = [
        "created_at must be an RFC 3339 time, as in 2026-11-28T20:15:00.000Z",
        "customer_id must be a string, not a number",
        "order_id must be 1 to 64 characters long, has 0",
        "price must have at most two decimals",
        "product_id is required",
        "quantity must be 1 to 1000000",
        "status must be one of PENDING, PROCESSING, COMPLETED, FAILED, CANCELLED",
        "total_amount must be given only once",
    ];
    assert_eq!(response.errors(), expected);
    assert_eq!(response.problem(400)["detail"], "the order is not valid: see errors");

    for (body, expected) in [
        ("[]", "body must be a JSON object, not an array"),
        (&ORDER.replace("\"19.99\"", "19.99,\"total_amount\":\"39.97\""), "total_amount must be price × quantity"),
        (&ORDER.replace(":2,", ":2.5,"), "quantity must be a whole number"),
        (&ORDER.replace("19.99", "0"), "price must be 0.01 to 1000000000.00"),
        (&ORDER.replace("A-17", "A\\u200b17"), "order_id must not contain invisible characters"),
        ("{", "body is not valid JSON"),
    ] {
        let errors = producer.ask(order(body)).await.errors();
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{errors:?} for {body}");
    }
    producer.metric(r#"ingest_records_rejected_total{kind="order",reason="invalid"} 7"#).await;
}

#[tokio::test]
async fn headers_and_methods_are_judged_as_those_of_posts() {
    let producer = Producer::without_kafka(&[("MAX_BODY_BYTES", "200")]).await;
    for path in ["/api/orders/", "/api/orders"] {
        let problem = producer.ask(post_to(path, "content-type: text/plain\r\n", ORDER)).await.problem(415);
        assert!(problem["detail"].as_str().unwrap().contains("content-type: application/json"), "{problem}");
        producer.ask(post_to(path, NDJSON, ORDER)).await.problem(415);
        producer.ask(post_to(path, "", " ".repeat(201))).await.problem(413);
    }
    let response = producer.ask(post_to("/api/orders/bulk", "content-type: text/plain\r\n", array(1))).await;
    let problem = response.problem(415);
    assert!(problem["detail"].as_str().unwrap().contains("content-type: application/x-ndjson"), "{problem}");
    for path in ["/api/orders/", "/api/orders", "/api/orders/bulk"] {
        let response = producer.ask(request("GET", path)).await;
        assert_eq!(response.header("allow"), Some("POST"), "{path}");
        response.problem(405);
    }
    for path in ["/api/orders//", "/api/orders/bulk/", "/api/order", "/api/", "/api/orders/A-17"] {
        producer.ask(request("POST", path)).await.problem(404);
    }
}

#[tokio::test]
async fn a_body_that_is_not_a_bulk_of_orders_is_a_bad_request() {
    let producer = Producer::without_kafka(&[]).await;
    for (body, expected) in [
        (ORDER.to_owned(), "body must be a JSON array of orders, or lines of JSON with content-type"),
        ("[]".to_owned(), "body must hold at least one order"),
        (format!("[{ORDER},]"), "body is not valid JSON"),
    ] {
        let response = producer.ask(orders_bulk(&body)).await;
        let errors = response.errors();
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{errors:?} for {body}");
        assert_eq!(response.problem(400)["detail"], "the body is not a bulk of orders: see errors");
    }
    let response = producer.ask(orders_bulk("[{},7]")).await;
    let problem = response.problem(400);
    assert_eq!(problem["detail"], "no order is valid: see results");
    assert_eq!(problem["results"][0]["errors"].as_array().unwrap().len(), 5);
    assert_eq!(problem["results"][1]["errors"][0]["message"], "must be a JSON object, not a number");
}

#[tokio::test]
async fn too_many_orders_are_too_large() {
    let producer = Producer::without_kafka(&[]).await;
    let problem = producer.ask(orders_bulk(array(10_001))).await.problem(413);
    assert_eq!(problem["detail"], "a bulk must not have more than 10000 orders: send it in parts");
}

#[tokio::test]
async fn without_kafka_a_good_order_is_rejected_at_once() {
    // A wait for the timeout would last an hour.
    let producer = Producer::without_kafka(&[("PRODUCER_TIMEOUT", "1h")]).await;
    for request in [order(ORDER), orders_bulk(array(2))] {
        assert_eq!(producer.ask(request).await.unavailable(), "Kafka cannot be reached: try again");
    }
    producer.metric(r#"ingest_records_rejected_total{kind="order",reason="kafka_away"} 3"#).await;
}
