//! The endpoints for monitoring the producer.

use crate::client::{POST, post};
use crate::running::{Producer, eventually};
use crate::topic::fresh_topic;

#[tokio::test]
async fn without_kafka_it_lives_and_says_what_it_waits_for() {
    let producer = Producer::without_kafka(&[]).await;
    for path in ["/", "/livez"] {
        let response = producer.get(path).await;
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
        assert_eq!(response.json()["status"], "ok");
    }
    for path in ["/readyz", "/health"] {
        let problem = producer.get(path).await.problem(503);
        assert!(problem["detail"].as_str().unwrap().starts_with("kafka: "), "{problem}");
    }
    // It is still connecting until the first try has failed.
    eventually("why it is not ready", async || {
        let detail = producer.get("/readyz").await.problem(503)["detail"].to_string();
        detail.contains("cannot connect") && detail.contains("Connection refused")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_cannot_be_created_is_named_with_the_reason() {
    let (broker, topic) = (stack::shared().await.kafka_broker(), fresh_topic());
    let settings = [("KAFKA_BROKER", broker), ("KAFKA_TOPIC", &topic), ("KAFKA_REPLICATION", "3")];
    let producer = Producer::start(&settings).await;
    eventually("why it is not ready", async || {
        let detail = producer.get("/readyz").await.problem(503)["detail"].to_string();
        detail.contains(&format!("cannot create the topic {topic}")) && detail.contains("InvalidReplicationFactor")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_the_bootstrap_brokers_is_enough() {
    let brokers = format!("127.0.0.1:{}, {}", stack::free_port(), stack::shared().await.kafka_broker());
    let producer = Producer::start(&[("KAFKA_BROKER", &brokers), ("KAFKA_TOPIC", &fresh_topic())]).await;
    producer.ready().await;
    producer.ask(post(POST)).await.created_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_kafka_everything_is_well() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    for path in ["/readyz", "/health"] {
        assert_eq!(producer.get(path).await.text(), r#"{"status":"ready"}"#);
    }
    let root = producer.get("/").await.json();
    assert_eq!((&root["status"], &root["service"]), (&"ok".into(), &"producer".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_producers_in_one_process_count_apart() {
    let (one, two) = (Producer::with_kafka(&fresh_topic(), &[]).await, Producer::without_kafka(&[]).await);
    one.ask(post(POST)).await.created_id();
    one.metric("ingest_records_accepted_total{kind=\"post\"} 1").await;
    two.metric("ingest_records_accepted_total{kind=\"post\"} 0").await;
}
