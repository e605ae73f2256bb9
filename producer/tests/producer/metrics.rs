//! What `/metrics` says after some requests.

use crate::client::{POST, post, post_with, request};
use crate::running::Producer;
use crate::topic::fresh_topic;

#[tokio::test(flavor = "multi_thread")]
async fn accepted_and_rejected_posts_are_counted() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[]).await;
    for _ in 0..5 {
        producer.ask(post(POST)).await.created_id();
    }
    for _ in 0..3 {
        producer.ask(post("{}")).await.problem(400);
    }
    producer.ask(post_with("content-type: text/plain\r\n", POST)).await.problem(415);
    producer.ask(post_with("Idempotency-Key: a b\r\n", POST)).await.problem(400);

    // The end offset is asked for once a second.
    producer.metric(&format!("kafka_topic_partition_current_offset{{topic=\"{topic}\",partition=\"0\"}} 5")).await;
    for line in [
        "ingest_records_accepted_total{kind=\"post\"} 5",
        r#"ingest_records_rejected_total{kind="post",reason="invalid"} 3"#,
        r#"ingest_records_rejected_total{kind="post",reason="content_type"} 1"#,
        r#"ingest_records_rejected_total{kind="post",reason="idempotency_key"} 1"#,
        r#"ingest_records_rejected_total{kind="post",reason="kafka_away"} 0"#,
        r#"http_server_request_duration_seconds_count{method="POST",route="/create-post",status="201"} 5"#,
        r#"http_server_request_duration_seconds_count{method="POST",route="/create-post",status="400"} 4"#,
        r#"http_server_request_duration_seconds_count{method="POST",route="/create-post",status="415"} 1"#,
        r#"http_server_request_duration_seconds_bucket{method="POST",route="/create-post",status="201",le="+Inf"} 5"#,
        "ingest_produce_batch_records_sum{kind=\"post\"} 5",
        "ingest_in_flight_records{kind=\"post\"} 0",
        "ingest_in_flight_records_limit{kind=\"post\"} 10000",
        "ingest_in_flight_bytes{kind=\"post\"} 0",
        "ingest_in_flight_bytes_limit{kind=\"post\"} 81920000",
        "ingest_body_buffer_bytes 0",
        "ingest_body_buffer_bytes_limit 64000000",
        "http_server_connections_limit 10000",
        // Those of operators do not count.
        "http_server_connections 0",
        concat!(r#"ingest_build_info{service="producer",version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
    ] {
        producer.metric(line).await;
    }
    let response = producer.look("/metrics").await;
    assert_eq!(response.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    for name in ["ingest_produce_duration_seconds_bucket", "process_cpu_seconds_total", "process_resident_memory_bytes"]
    {
        assert!(response.text().contains(&format!("\n{name}")), "{name} in\n{}", response.text());
    }
}

#[tokio::test]
async fn no_label_is_what_a_client_says() {
    let producer = Producer::without_kafka(&[]).await;
    producer.ask(request("GET", "/cuckoos-path")).await.problem(404);
    producer.ask(request("CUCKOOSMETHOD", "/cuckoos-path?cuckoos=query")).await.problem(404);
    producer.ask(request("CUCKOOSMETHOD", "/create-post")).await.problem(405);
    producer.ask(post_with("content-type: cuckoos/type\r\n", POST)).await.problem(415);
    let count = "http_server_request_duration_seconds_count";
    for labels in [
        r#"method="GET",route="other",status="404""#,
        r#"method="other",route="other",status="404""#,
        r#"method="other",route="/create-post",status="405""#,
    ] {
        producer.metric(&format!("{count}{{{labels}}} 1")).await;
    }
    let text = producer.look("/metrics").await.text().to_lowercase();
    assert!(!text.contains("cuckoo"), "{text}");
}
