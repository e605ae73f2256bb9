//! Posts that are answered 201, and the records that they become.

use std::time::{SystemTime, UNIX_EPOCH};

use contract::PostId;
use serde_json::json;

use crate::client::{POST, post, post_with};
use crate::running::Producer;
use crate::topic::{self, fresh_topic};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

fn version_of(id: &str) -> usize {
    PostId::from_key(id.as_bytes()).unwrap().uuid().get_version_num()
}

async fn records(topic: &str) -> Vec<topic::Record> {
    topic::records(stack::shared().await.kafka_broker(), topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_becomes_a_record_of_its_two_fields() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let body =
        r#" {"content": "Some \u00e9clairs\n and \"more\" 😀", "author": {"name": ["x"]}, "title": "Caf\u00e9"} "#;

    let before_ms = now_ms();
    let id = producer.ask(post(body)).await.created_id();
    let after_ms = now_ms();
    assert_eq!(version_of(&id), 7);

    let [record] = &records(&topic).await[..] else { panic!("not one record") };
    assert_eq!(record.key, id);
    assert_eq!(record.value, r#"{"title":"Café","content":"Some éclairs\n and \"more\" 😀"}"#);
    assert_eq!(record.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    assert!((before_ms..=after_ms).contains(&record.timestamp_ms), "{before_ms} {record:?} {after_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_well_formed_traceparent_goes_along() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    for traceparent in [TRACEPARENT, "00-nonsense-01"] {
        producer.ask(post_with(&format!("Traceparent: {traceparent}\r\n"), POST)).await.created_id();
    }
    let records = records(&topic).await;
    let traceparents: Vec<_> = records
        .iter()
        .map(|record| record.headers.iter().find(|(name, _)| name == "traceparent").map(|(_, value)| value.as_str()))
        .collect();
    assert_eq!(traceparents, [Some(TRACEPARENT), None]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_fixes_the_id() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "4")]).await;
    let longest = "k".repeat(255);
    for key in ["one", "another", &longest] {
        let request = post_with(&format!("Idempotency-Key: {key}\r\n"), POST);
        let id = producer.ask(&request).await.created_id();
        assert_eq!(version_of(&id), 5);
        assert_eq!(producer.ask(&request).await.created_id(), id);
    }
    let mut keys: Vec<_> = records(&topic).await.into_iter().map(|record| record.key).collect();
    assert_eq!(keys.len(), 6);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "a key has one id: {keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_at_the_bounds_are_accepted() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let posts = [
        json!({ "title": "é".repeat(2), "content": "e".repeat(10) }),
        json!({ "title": "😀".repeat(100), "content": "😀".repeat(1000) }),
        json!({ "title": "\u{1}".repeat(100), "content": "\u{1f}".repeat(1000) }),
    ];
    for expected in &posts {
        producer.ask(post(expected.to_string())).await.created_id();
    }
    let stored: Vec<serde_json::Value> =
        records(&topic).await.iter().map(|record| serde_json::from_str(&record.value).unwrap()).collect();
    assert_eq!(stored, posts);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_content_type_counts_as_json() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let json = "Content-Type: application/json";
    for header_lines in ["", &format!("{json}; charset=utf-8\r\n"), "content-type: APPLICATION/JSON\r\n"] {
        producer.ask(post_with(header_lines, POST)).await.created_id();
    }
}
