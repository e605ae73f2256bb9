//! A bulk that is repeated under its `Idempotency-Key` with changes: each position has its own id, so each is judged on
//! its own.

use serde_json::{Value, json};

use crate::bulk::{array, bulk, bulk_with, id, numbered, results};
use crate::client::{POST, Response, post};
use crate::running::Producer;
use crate::topic::{fresh_topic, records};

const CONFLICTS: &str = r#"ingest_records_rejected_total{kind="post",reason="idempotency_conflict"}"#;

/// A bulk of these posts under the key `k`.
fn keyed(posts: &[&str]) -> Vec<u8> {
    bulk_with("Idempotency-Key: k\r\n", format!("[{}]", posts.join(",")))
}

fn conflict() -> Value {
    let message = "was used with another record in this place: send this one under another key";
    json!({ "errors": [{ "field": "Idempotency-Key", "message": message }] })
}

/// The results of a bulk of which no post is accepted, because all valid ones are in conflict.
fn rejected(response: &Response) -> Vec<Value> {
    let problem = response.problem(422);
    assert_eq!(problem["detail"], "this Idempotency-Key was used with other posts: see results");
    let results = problem["results"].as_array().unwrap().clone();
    assert_eq!((&problem["accepted"], &problem["rejected"]), (&json!(0), &json!(results.len())));
    results
}

async fn values(topic: &str) -> Vec<String> {
    let records = records(stack::shared().await.kafka_broker(), topic).await;
    records.into_iter().map(|record| record.value).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_changed_is_rejected_and_the_others_are_not() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let [first, second, third, other] = [0, 1, 2, 3].map(numbered);
    let before = results(&producer.ask(keyed(&[&first, &second, &third])).await, 201);
    let after = results(&producer.ask(keyed(&[&first, &other, &third])).await, 207);
    assert_eq!(after, [before[0].clone(), conflict(), before[2].clone()]);
    assert_eq!(values(&topic).await, [&first, &second, &third, &first, &third].map(String::as_str));
    producer.metric(&format!("{CONFLICTS} 1")).await;

    // As lines it is the same bulk.
    let headers = "Idempotency-Key: k\r\ncontent-type: application/x-ndjson\r\n";
    let lines = format!("{first}\n {second} \n{third}\n");
    assert_eq!(results(&producer.ask(bulk_with(headers, lines)).await, 201), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_was_invalid_may_be_fixed() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let [first, second, third] = [0, 1, 2].map(numbered);
    let before = results(&producer.ask(keyed(&[&first, "{}", &third])).await, 207);
    let after = results(&producer.ask(keyed(&[&first, &second, &third])).await, 201);
    assert_eq!([&after[0], &after[2]], [&before[0], &before[2]]);
    assert_ne!(id(&after[1]), id(&after[0]));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_posts_are_rejected_as_a_whole() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let [first, second, third] = [0, 1, 2].map(numbered);
    results(&producer.ask(keyed(&[&first, &second])).await, 201);
    assert_eq!(rejected(&producer.ask(keyed(&[&second, &first])).await), [conflict(), conflict()]);
    let mixed = rejected(&producer.ask(keyed(&[&third, "{}"])).await);
    assert_eq!((&mixed[0], mixed[1]["errors"].as_array().unwrap().len()), (&conflict(), 2));
    // The second place was free: its post was invalid.
    let shifted = results(&producer.ask(keyed(&[&third, &second, &third])).await, 207);
    assert_eq!(shifted[0], conflict());
    producer.metric(&format!("{CONFLICTS} 4")).await;
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="invalid"} 1"#).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
    assert_eq!(values(&topic).await, [&first, &second, &second, &third].map(String::as_str));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_nothing_is_compared() {
    let producer = Producer::with_kafka(&fresh_topic(), &[("PRODUCER_IDEMPOTENCY_KEYS", "1")]).await;
    let of_key = results(&producer.ask(keyed(&[&numbered(0)])).await, 201);
    // Neither single posts nor bulks use up room for keys.
    for _ in 0..3 {
        results(&producer.ask(bulk(array(3))).await, 201);
        producer.ask(post(POST)).await.created_id();
    }
    assert_eq!(rejected(&producer.ask(keyed(&[&numbered(1)])).await), [conflict()]);
    assert_eq!(results(&producer.ask(keyed(&[&numbered(0)])).await, 201), of_key);
}
