//! Bulks with at least one accepted post.

use std::collections::{BTreeMap, BTreeSet};

use contract::PostId;
use serde_json::{Value, json};

use crate::broker;
use crate::client::{POST, Response, post, post_to};
use crate::running::Producer;
use crate::topic::{Record, fresh_topic, records};

/// `POST /create-posts` with this JSON.
pub(crate) fn bulk(body: impl AsRef<[u8]>) -> Vec<u8> {
    bulk_with("content-type: application/json\r\n", body)
}

/// `POST /create-posts` with these header lines beside `host` and `content-length`.
pub(crate) fn bulk_with(header_lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post_to("/create-posts", header_lines, body)
}

/// An array of this many valid posts, which differ in their titles.
pub(crate) fn array(posts: usize) -> String {
    let posts: Vec<String> = (0..posts).map(numbered).collect();
    format!("[{}]", posts.join(","))
}

pub(crate) fn numbered(number: usize) -> String {
    format!(r#"{{"title":"Title {number}","content":"Some content, long enough"}}"#)
}

/// The results, after a check of the rest of the answer.
pub(crate) fn results(response: &Response, status: u16) -> Vec<Value> {
    let answer = response.json();
    assert_eq!((response.status, response.header("content-type")), (status, Some("application/json")), "{answer}");
    let results = answer["results"].as_array().unwrap().clone();
    let accepted = results.iter().filter(|result| result.get("id").is_some()).count();
    assert_eq!(answer["accepted"], accepted);
    assert_eq!(answer["rejected"], results.len() - accepted);
    results
}

pub(crate) fn id(result: &Value) -> String {
    result["id"].as_str().unwrap_or_else(|| panic!("{result}")).to_owned()
}

/// The ids in a 201.
fn created_ids(response: &Response) -> Vec<String> {
    results(response, 201).iter().map(id).collect()
}

/// The records of the shared broker, by key; there must be one for each.
async fn records_by_key(topic: &str) -> BTreeMap<String, Record> {
    let all = records(stack::shared().await.kafka_broker(), topic).await;
    let count = all.len();
    let by_key: BTreeMap<String, Record> = all.into_iter().map(|record| (record.key.clone(), record)).collect();
    assert_eq!(by_key.len(), count);
    by_key
}

#[tokio::test(flavor = "multi_thread")]
async fn the_most_posts_allowed_become_a_record_each() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "3")]).await;
    let ids = created_ids(&producer.ask(bulk(array(10_000))).await);
    assert_eq!(ids.len(), 10_000);
    assert_eq!(PostId::from_key(ids[0].as_bytes()).unwrap().uuid().get_version_num(), 7);

    let records = records_by_key(&topic).await;
    assert_eq!(records.len(), 10_000);
    let timestamps: BTreeSet<i64> = records.values().map(|record| record.timestamp_ms).collect();
    assert_eq!(timestamps.len(), 1, "a bulk has one time");
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(records[id].value, numbered(number), "each result is that of the post in its place");
    }
    let partitions: BTreeSet<i32> = records.values().map(|record| record.partition).collect();
    assert_eq!(partitions.len(), 3);
    for line in [
        "ingest_records_accepted_total{kind=\"post\"} 10000",
        "ingest_in_flight_records{kind=\"post\"} 0",
        "ingest_body_buffer_bytes 0",
        r#"http_server_request_duration_seconds_count{method="POST",route="/create-posts",status="201"} 1"#,
    ] {
        producer.metric(line).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_is_published_like_single_posts() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "2")]).await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut connection = producer.connect().await;
    let mut ids = created_ids(&connection.ask(bulk_with(&format!("traceparent: {traceparent}\r\n"), array(3))).await);
    ids.push(connection.ask(post(POST)).await.created_id());
    let records = records_by_key(&topic).await;
    assert!(records.keys().eq(&BTreeSet::from_iter(ids.clone())));
    let content_type = ("content-type".to_owned(), "application/json".to_owned());
    for id in &ids[..3] {
        assert_eq!(records[id].headers, [content_type.clone(), ("traceparent".to_owned(), traceparent.to_owned())]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_posts_have_their_errors_in_their_place() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let large = json!({ "title": "ab", "content": "0123456789", "x": "x".repeat(65_536) });
    let body = format!(r#" [ {}, {{"title":"A"}}, 7, {}, [{POST}], {large} ] "#, numbered(0), numbered(1));
    let response = producer.ask(bulk(body)).await;
    let results = results(&response, 207);
    let error = |field: &str, message: &str| json!({ "field": field, "message": message });
    let expected_errors = [
        json!([error("content", "is required"), error("title", "must be 2 to 100 characters long, has 1")]),
        json!([error("body", "must be a JSON object, not a number")]),
        json!([error("body", "must be a JSON object, not an array")]),
        json!([error("body", "must not be larger than 65536 bytes")]),
    ];
    let errors: Vec<&Value> = [1, 2, 4, 5].into_iter().map(|position: usize| &results[position]["errors"]).collect();
    assert_eq!(errors, expected_errors.iter().collect::<Vec<_>>());
    let records = records_by_key(&topic).await;
    assert_eq!(records.len(), 2);
    assert_eq!([0, 3].map(|position: usize| &records[&id(&results[position])].value), [&numbered(0), &numbered(1)]);
    producer.metric("ingest_records_accepted_total{kind=\"post\"} 2").await;
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="invalid"} 4"#).await;
    let count = "http_server_request_duration_seconds_count";
    producer.metric(&format!(r#"{count}{{method="POST",route="/create-posts",status="207"}} 1"#)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_posts_and_a_broken_one_is_alone() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    let ndjson = "content-type: application/x-ndjson\r\n";
    let body = format!("{}\r\n\n  \n{{\"title\":\n{}\nnonsense\n{}", numbered(0), numbered(1), numbered(2));
    let results = results(&producer.ask(bulk_with(ndjson, body)).await, 207);
    assert_eq!(results.len(), 5);
    for position in [1, 3] {
        let error = &results[position]["errors"][0];
        assert_eq!(error["field"], "body");
        assert!(error["message"].as_str().unwrap().starts_with("is not valid JSON: "), "{error}");
    }
    let records = records_by_key(&topic).await;
    let values = [0, 2, 4].map(|position: usize| records[&id(&results[position])].value.clone());
    assert_eq!(values, [numbered(0), numbered(1), numbered(2)]);

    let body = format!("{}\n{}\n", numbered(3), numbered(4));
    assert_eq!(created_ids(&producer.ask(bulk_with(ndjson, body)).await).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_gives_every_position_its_id() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "2")]).await;
    let key = "Idempotency-Key: bulk-1\r\n";
    let ids = created_ids(&producer.ask(bulk_with(key, array(50))).await);
    assert_eq!(created_ids(&producer.ask(bulk_with(key, array(50))).await), ids);
    // A position is that of the result, whatever lies between.
    let with_an_error = format!("[{},{{}},{}]", numbered(0), numbered(2));
    let results = results(&producer.ask(bulk_with(key, with_an_error)).await, 207);
    assert_eq!([id(&results[0]), id(&results[2])], [ids[0].clone(), ids[2].clone()]);

    let mut all = BTreeSet::from_iter(ids);
    assert_eq!(all.len(), 50);
    all.extend(created_ids(&producer.ask(bulk_with("Idempotency-Key: bulk-2\r\n", array(50))).await));
    all.insert(producer.ask(post_to("/create-post", key, POST)).await.created_id());
    assert_eq!(all.len(), 101, "no id belongs to two keys");
    let records = records(stack::shared().await.kafka_broker(), &topic).await;
    let keys: BTreeSet<&str> = records.iter().map(|record| record.key.as_str()).collect();
    assert_eq!(keys.len(), 101, "a retried post has the key of its first try");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_bulk_is_read_piece_by_piece() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let mut connection = producer.connect().await;
    connection.send("POST /create-posts HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
    for piece in array(100).as_bytes().chunks(1_000) {
        connection.send(format!("{:x}\r\n{}\r\n", piece.len(), String::from_utf8_lossy(piece))).await;
    }
    assert_eq!(created_ids(&connection.ask("0\r\n\r\n").await).len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_a_bulk_that_is_stopped_are_acknowledged_before_the_end() {
    let topic = fresh_topic();
    // Less than a batch, so all wait for the end of the linger time.
    let settings = [("PRODUCER_LINGER", "3s"), ("PRODUCER_LINGER_ADAPTIVE", "false"), ("STOP_GRACE", "30s")];
    let producer = Producer::with_kafka(&topic, &settings).await;
    let mut connection = producer.connect().await;
    connection.send(bulk(array(10))).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 10").await;
    producer.stop();
    let ids = created_ids(&connection.receive().await);
    producer.stopped().await.unwrap();
    assert!(records_by_key(&topic).await.keys().eq(&BTreeSet::from_iter(ids)));
}

/// The posts of the first batch are sent at once; the others wait for a linger time that ends when nobody waits
/// anymore.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_acknowledged_in_time_is_unknown() {
    let topic = fresh_topic();
    let settings = [
        ("PRODUCER_BATCH_BYTES", "1000"),
        ("PRODUCER_LINGER", "4990ms"),
        ("PRODUCER_LINGER_ADAPTIVE", "false"),
        ("PRODUCER_TIMEOUT", "5s"),
    ];
    let producer = Producer::with_kafka(&topic, &settings).await;
    let results = results(&producer.ask(bulk(array(9))).await, 207);
    let records = records_by_key(&topic).await;
    let (accepted, unknown): (Vec<&Value>, Vec<&Value>) = results.iter().partition(|result| result.get("id").is_some());
    assert!(!accepted.is_empty() && accepted.iter().all(|result| records.contains_key(&id(result))), "{results:?}");
    let message =
        "not acknowledged in time, so it may be stored or not: send the bulk again with the same Idempotency-Key";
    assert!(
        !unknown.is_empty() && unknown.iter().all(|result| **result == json!({ "unknown": true, "message": message }))
    );
    producer.metric(&format!("ingest_records_accepted_total{{kind=\"post\"}} {}", accepted.len())).await;
    let rejected = format!(r#"ingest_records_rejected_total{{kind="post",reason="unacknowledged"}} {}"#, unknown.len());
    producer.metric(&rejected).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_frozen_kafka_nobody_knows_what_it_has() {
    const UNKNOWN: &str = "Kafka acknowledged none of the posts in time, so they may be stored or not: \
        try again with the same Idempotency-Key";
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let settings =
        [("KAFKA_BROKER", broker.address()), ("KAFKA_TOPIC", fresh_topic()), ("PRODUCER_TIMEOUT", "2s".to_owned())];
    let producer = Producer::start(&settings.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
    producer.ready().await;
    broker.freeze();
    let response = producer.ask(bulk(format!("[{POST},{{}},{POST}]"))).await;
    assert_eq!(response.unavailable(), UNKNOWN);
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="unacknowledged"} 2"#).await;
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="invalid"} 1"#).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}
