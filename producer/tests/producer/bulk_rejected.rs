//! Bulks that are rejected as a whole, and the resources that a client may use with them.

use serde_json::json;

use crate::bulk::{array, bulk, bulk_with, results};
use crate::client::{POST, post, post_with, request};
use crate::running::Producer;
use crate::topic::fresh_topic;

const NDJSON: &str = "content-type: application/x-ndjson\r\n";

#[tokio::test]
async fn a_body_that_is_not_a_bulk_is_a_bad_request() {
    let producer = Producer::without_kafka(&[]).await;
    let mut connection = producer.connect().await;
    let no_array = "body must be a JSON array of posts, or lines of JSON with content-type: application/x-ndjson";
    for (body, expected) in [
        (POST.to_owned(), no_array),
        (String::new(), no_array),
        ("[]".to_owned(), "body must hold at least one post"),
        (format!("[{POST}"), "body is not valid JSON: the array does not end"),
        (format!("[{POST},]"), "body is not valid JSON: it ends too early or is empty in the post at position 1"),
        (format!("[{POST}] {POST}"), "body is not valid JSON: something follows the array"),
        (
            format!("[{POST},{{\"title\":}}]"),
            "body is not valid JSON: syntax error near byte 9 in the post at position 1",
        ),
    ] {
        let response = connection.ask(bulk(&body)).await;
        assert_eq!(response.errors(), [expected], "{body}");
        assert_eq!(response.problem(400)["detail"], "the body is not a bulk of posts: see errors");
    }
    for body in ["", " \n\r\n"] {
        let errors = connection.ask(bulk_with(NDJSON, body)).await.errors();
        assert_eq!(errors, ["body must hold at least one post"]);
    }
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="invalid"} 9"#).await;
}

#[tokio::test]
async fn without_a_valid_post_it_is_a_bad_request_with_results() {
    let producer = Producer::without_kafka(&[]).await;
    for request in [bulk("[{},7]"), bulk_with(NDJSON, "{}\n7\n")] {
        let response = producer.ask(request).await;
        let problem = response.problem(400);
        assert_eq!(problem["detail"], "no post is valid: see results");
        assert_eq!((&problem["accepted"], &problem["rejected"]), (&json!(0), &json!(2)));
        assert_eq!(problem["results"][0]["errors"].as_array().unwrap().len(), 2);
        assert_eq!(problem["results"][1]["errors"][0]["message"], "must be a JSON object, not a number");
    }
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="invalid"} 4"#).await;
}

#[tokio::test]
async fn headers_are_judged_as_those_of_single_posts() {
    let producer = Producer::without_kafka(&[]).await;
    for content_type in ["text/plain", "application/jsonl", ""] {
        let response = producer.ask(bulk_with(&format!("content-type: {content_type}\r\n"), array(1))).await;
        let problem = response.problem(415);
        assert!(problem["detail"].as_str().unwrap().contains("content-type: application/x-ndjson"), "{problem}");
    }
    let malformed = "Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces";
    for (header_lines, expected) in [
        ("Idempotency-Key: two words\r\n", malformed),
        ("Idempotency-Key: k\r\nIdempotency-Key: k\r\n", "Idempotency-Key must be given only once"),
    ] {
        assert_eq!(producer.ask(bulk_with(header_lines, array(1))).await.errors(), [expected]);
    }
    // Lines of JSON are for bulks alone.
    producer.ask(post_with(NDJSON, POST)).await.problem(415);
    let response = producer.ask(request("GET", "/create-posts")).await;
    response.problem(405);
    assert_eq!(response.header("allow"), Some("POST"));
}

#[tokio::test]
async fn too_many_posts_are_too_large() {
    let producer = Producer::without_kafka(&[("PRODUCER_MAX_IN_FLIGHT", "20000")]).await;
    // The limit: these are only rejected because Kafka is away.
    producer.ask(bulk(array(10_000))).await.unavailable();
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="kafka_away"} 10000"#).await;
    let lines = [POST; 10_001].join("\n");
    for request in [bulk(array(10_001)), bulk_with(NDJSON, lines)] {
        let problem = producer.ask(request).await.problem(413);
        assert_eq!(problem["detail"], "a bulk must not have more than 10000 posts: send it in parts");
    }
}

#[tokio::test]
async fn each_post_of_a_bulk_is_counted_under_its_own_reason() {
    let producer = Producer::without_kafka(&[]).await;
    producer.ask(bulk(format!("[{POST},{{}},{POST},{{}},{POST}]"))).await.unavailable();
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="kafka_away"} 3"#).await;
    producer.metric(r#"ingest_records_rejected_total{kind="post",reason="invalid"} 2"#).await;
}

#[tokio::test]
async fn too_large_a_bulk_is_rejected_announced_or_not() {
    let settings = [("MAX_BULK_BYTES", "100000"), ("BODY_TIMEOUT", "1h")];
    let producer = Producer::without_kafka(&settings).await;
    let too_large = "the body must not be larger than 100000 bytes";
    let mut connection = producer.connect().await;
    let head = "POST /create-posts HTTP/1.1\r\nhost: test\r\ncontent-length: 100001\r\n\r\n";
    assert_eq!(connection.ask(head).await.problem(413)["detail"], too_large);
    connection.closed().await;

    // The limit, which is larger than a single post's: this one is only rejected because Kafka is away.
    let posts = array(2);
    let exact = format!("{posts}{}", " ".repeat(100_000 - posts.len()));
    producer.ask(bulk(&exact)).await.unavailable();
    let mut connection = producer.connect().await;
    connection.send("POST /create-posts HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
    connection.send(format!("186a0\r\n{exact}\r\n")).await;
    // One byte more; the last chunk, which would end the body, is never sent.
    assert_eq!(connection.ask("1\r\n \r\n").await.problem(413)["detail"], too_large);
    connection.closed().await;
    producer.metric("ingest_body_buffer_bytes 0").await;
}

#[tokio::test]
async fn bulks_take_from_the_budget_of_all_bodies() {
    let settings = [("BODY_BUFFER_BYTES", "65536"), ("MAX_BULK_BYTES", "65536"), ("BODY_MIN_RATE", "0")];
    let producer = Producer::without_kafka(&settings).await;
    let whole = bulk("x".repeat(65_536));
    let mut slow_body = producer.connect().await;
    slow_body.send(&whole[..whole.len() - 1]).await;
    producer.metric("ingest_body_buffer_bytes 65535").await;
    let response = producer.ask(bulk(array(1))).await;
    assert_eq!(response.unavailable(), "too many bytes are being received: try again");
    slow_body.ask("x").await.problem(400);
    producer.metric("ingest_body_buffer_bytes 0").await;
    // An answer that is larger than the whole budget is still given.
    let problem = producer.ask(bulk(format!("[{}]", ["1"; 5_000].join(",")))).await.problem(400);
    assert_eq!(problem["results"].as_array().unwrap().len(), 5_000);
    producer.metric("ingest_body_buffer_bytes 0").await;
}

#[tokio::test]
async fn without_kafka_a_good_bulk_is_rejected_at_once() {
    // A wait for the timeout would last an hour.
    let producer = Producer::without_kafka(&[("PRODUCER_TIMEOUT", "1h")]).await;
    let response = producer.ask(bulk(format!("[{POST},{{}}]"))).await;
    assert_eq!(response.unavailable(), "Kafka cannot be reached: try again");
    assert_eq!(producer.ask(bulk("[{}]")).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_of_more_than_may_be_in_flight_is_let_in_by_and_by() {
    let producer = Producer::with_kafka(&fresh_topic(), &[("PRODUCER_MAX_IN_FLIGHT", "8")]).await;
    let answer = producer.ask(bulk(array(500))).await;
    assert_eq!((answer.status, &answer.json()["accepted"]), (201, &500.into()));
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_leaves_room_for_others() {
    let settings = [("PRODUCER_MAX_IN_FLIGHT", "8"), ("PRODUCER_LINGER", "2s"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let mut waiting = vec![producer.connect().await];
    waiting[0].send(bulk(array(3))).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 2").await;
    for _ in 0..6 {
        let mut connection = producer.connect().await;
        connection.send(post(POST)).await;
        waiting.push(connection);
    }
    producer.metric("ingest_in_flight_records{kind=\"post\"} 8").await;
    assert_eq!(producer.ask(post(POST)).await.unavailable(), "too many posts are in flight: try again");
    for mut connection in waiting {
        assert_eq!(connection.receive().await.status, 201);
    }
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_of_a_bulk_that_find_no_room_in_time_are_unavailable() {
    let settings = [
        ("PRODUCER_MAX_IN_FLIGHT", "4"),
        ("PRODUCER_LINGER", "2s"),
        ("PRODUCER_LINGER_ADAPTIVE", "false"),
        ("PRODUCER_TIMEOUT", "5s"),
    ];
    let producer = Producer::with_topic(&fresh_topic(), &settings).await;
    let results = results(&producer.ask(bulk(array(5))).await, 207);
    assert!(results[0].get("id").is_some(), "{results:?}");
    assert_eq!(results[4]["unavailable"], true, "{results:?}");
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_wait_for_room_are_in_the_budget() {
    let settings = [
        ("PRODUCER_MAX_IN_FLIGHT", "5"),
        ("PRODUCER_LINGER", "7s"),
        ("PRODUCER_TIMEOUT", "8s"),
        ("PRODUCER_LINGER_ADAPTIVE", "false"),
        ("BODY_BUFFER_BYTES", "100000"),
        ("MAX_BULK_BYTES", "100000"),
    ];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    // Large ones, so that it is not their answer that fills the budget.
    let post = format!(r#"{{"title":"Title","content":"{}"}}"#, "x".repeat(900));
    let posts = format!("[{}]", vec![post; 80].join(","));
    let mut waiting = producer.connect().await;
    waiting.send(bulk(&posts)).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    let response = producer.ask(bulk(&posts)).await;
    assert_eq!(response.unavailable(), "too many bytes are being received: try again");
    drop(waiting);
    producer.metric("ingest_body_buffer_bytes 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_gives_its_places_back() {
    let settings = [("PRODUCER_MAX_IN_FLIGHT", "5"), ("PRODUCER_LINGER", "2s"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let mut gone = producer.connect().await;
    gone.send(bulk(array(5))).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    drop(gone);
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}
