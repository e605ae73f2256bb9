//! Bulks with a content encoding.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::bulk::{array, bulk_with, results};
use crate::client::{POST, Response, post_with};
use crate::orders::{numbered, order_with};
use crate::orders_bulk::orders_bulk_with;
use crate::running::Producer;
use crate::topic::{fresh_topic, records};

type Encode = fn(&[u8]) -> Vec<u8>;

const CODINGS: [(&str, Encode); 2] = [("gzip", gzip), ("zstd", zstd)];

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn zstd(plain: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(zstd_safe::compress_bound(plain.len()));
    zstd_safe::compress(&mut encoded, plain, 3).unwrap();
    encoded
}

fn encoding(name: &str) -> String {
    format!("content-type: application/json\r\ncontent-encoding: {name}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_bulk_is_taken_like_any_other() {
    let (topic, orders) = (fresh_topic(), fresh_topic());
    let producer = Producer::with_kafka(&topic, &[("ORDER_KAFKA_TOPIC", &orders)]).await;
    let mut connection = producer.connect().await;
    for (name, encode) in CODINGS {
        let plain = array(1_000);
        let body = encode(plain.as_bytes());
        assert!(body.len() * 5 < plain.len());
        assert_eq!(results(&connection.ask(bulk_with(&encoding(name), body)).await, 201).len(), 1_000);
        let mixed = encode(format!("[{POST},{{}}]").as_bytes());
        assert_eq!(results(&connection.ask(bulk_with(&encoding(name), mixed)).await, 207).len(), 2);
        let states = encode(format!("[{},{}]", numbered("a", 1), numbered("b", 2)).as_bytes());
        assert_eq!(connection.ask(orders_bulk_with(&encoding(name), states)).await.status, 201);
    }
    // Chunked, in small pieces, without a length; and with the coding that changes nothing.
    let body = gzip(format!("[{POST}]").as_bytes());
    let lines = "transfer-encoding: chunked\r\ncontent-encoding: x-gzip\r\n";
    connection.send(format!("POST /create-posts HTTP/1.1\r\nhost: test\r\n{lines}\r\n")).await;
    for byte in body {
        connection.send([&b"1\r\n"[..], &[byte], b"\r\n"].concat()).await;
    }
    assert_eq!(results(&connection.ask("0\r\n\r\n").await, 201).len(), 1);
    assert_eq!(results(&connection.ask(bulk_with(&encoding("identity"), array(1))).await, 201).len(), 1);
    let broker = stack::shared().await.kafka_broker();
    assert_eq!(records(broker, &topic).await.len(), 2_004);
    assert_eq!(records(broker, &orders).await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_count_what_comes_out() {
    let settings = [("MAX_BULK_BYTES", "1000000"), ("BODY_BUFFER_BYTES", "2000000")];
    let producer = Producer::without_kafka(&settings).await;
    for (name, encode) in CODINGS {
        let bomb = encode(&vec![b' '; 20_000_000]);
        let response = producer.ask(bulk_with(&encoding(name), bomb)).await;
        assert_eq!(response.problem(413)["detail"], "the body must not be larger than 1000000 bytes");
        // The limit: this one is only rejected because Kafka is away.
        let posts = array(1);
        let padded = format!("{posts}{}", " ".repeat(1_000_000 - posts.len()));
        producer.ask(bulk_with(&encoding(name), encode(padded.as_bytes()))).await.unavailable();
        let too_large = format!("{padded} ");
        producer.ask(bulk_with(&encoding(name), encode(too_large.as_bytes()))).await.problem(413);
    }
    producer.metric("ingest_body_buffer_bytes 0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_decoded_is_rejected() {
    let producer = Producer::without_kafka(&[]).await;
    let accepted = |response: &Response| response.header("accept-encoding").map(str::to_owned);
    for (name, encode) in CODINGS {
        let whole = encode(array(10).as_bytes());
        for body in [&b"[]"[..], &whole[..whole.len() - 1], &[&whole[..], b"x"].concat()] {
            let problem = producer.ask(bulk_with(&encoding(name), body)).await.problem(400);
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.starts_with(&format!("the body cannot be decoded as {name}")), "{detail}");
        }
        for single in [post_with(&encoding(name), POST), order_with(&encoding(name), numbered("a", 1))] {
            let response = producer.ask(single).await;
            response.problem(415);
            assert_eq!(accepted(&response).as_deref(), Some("identity"));
        }
    }
    for name in ["br", "gzip, zstd", "gzip\r\ncontent-encoding: gzip"] {
        let response = producer.ask(bulk_with(&encoding(name), array(1))).await;
        response.problem(415);
        assert_eq!(accepted(&response).as_deref(), Some("gzip, zstd"));
    }
    let metrics = producer.look("/metrics").await;
    for (reason, kind, count) in
        [("broken_body", "post", 6.0), ("content_encoding", "post", 5.0), ("content_encoding", "order", 2.0)]
    {
        let series = format!(r#"ingest_records_rejected_total{{kind="{kind}",reason="{reason}"}}"#);
        assert_eq!(metrics.metric(&series), count, "{series}");
    }
}
