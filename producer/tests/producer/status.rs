//! The page at `/status`.

use crate::client::{Connection, POST, post, request};
use crate::running::{Producer, eventually};
use crate::topic::fresh_topic;

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_a_ready_producer_with_its_partitions_and_posts() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "2")]).await;
    for _ in 0..3 {
        producer.ask(post(POST)).await.created_id();
    }
    producer.ask(post("{}")).await.problem(400);
    // The offsets are noted once a second.
    eventually("a throughput", async || !producer.look("/status").await.text().contains("highest 0<")).await;
    let response = producer.look("/status").await;
    let page = response.text();
    for part in [
        "<title>producer: ready</title>",
        "<h1>Ready</h1>",
        "<strong>Kafka</strong> OK<",
        "<strong>order: Kafka</strong> OK<",
        "<dt>Accepted</dt><dd>3</dd>",
        "<dt>Posts in flight</dt><dd>0 <small>of 10,000</small></dd>",
        "<dt>Orders in flight</dt><dd>0 <small>of 10,000</small></dd>",
        "Partitions of the orders",
        "<tr><th scope=\"row\">0</th><td>accepted</td><td class=\"number\">",
        "<tr><th scope=\"row\">1</th><td>accepted</td><td class=\"number\">",
        "<tr><th scope=\"row\">post invalid</th><td class=\"number\">1</td></tr>",
        &format!("<dt>KAFKA_TOPIC</dt><dd><strong>{topic}</strong> <small>default post</small></dd>"),
        "<dt>PRODUCER_LINGER</dt><dd>2ms</dd>",
    ] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[tokio::test]
async fn without_kafka_it_says_what_it_waits_for() {
    let producer = Producer::without_kafka(&[]).await;
    // It is still connecting until the first try has failed.
    eventually("why", async || producer.look("/status").await.text().contains("<strong>Kafka</strong> cannot connect"))
        .await;
    let response = producer.look("/status").await;
    let page = response.text();
    for part in ["<title>producer: not ready</title>", "<h1>Not ready</h1>", "Not known until Kafka has been reached"] {
        assert!(page.contains(part), "{part} in\n{page}");
    }
}

#[tokio::test]
async fn it_is_a_page_of_html_that_refreshes_itself_and_runs_nothing() {
    let producer = Producer::without_kafka(&[]).await;
    let response = producer.look("/status").await;
    assert_eq!(response.status, 200, "also when it is not ready: the page itself says so");
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("refresh", "5"),
    ] {
        assert_eq!(response.header(name), Some(value));
    }
    assert!(response.header("content-security-policy").unwrap().starts_with("default-src 'none';"));
    assert!(!response.text().contains("<script"));

    let still = producer.look("/status?still").await;
    assert_eq!((still.status, still.header("refresh")), (200, None));
    let mut connection = Connection::open(producer.operators).await;
    connection.send(request("HEAD", "/status")).await;
    assert_eq!(connection.receive_head().await.status, 200);
    let rejected = connection.ask(request("POST", "/status")).await;
    assert_eq!(rejected.header("allow"), Some("GET, HEAD"));
    rejected.problem(405);
}
