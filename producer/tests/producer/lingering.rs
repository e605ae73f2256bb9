//! Answers that come before the request's end reach clients that first send everything, and only then read.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{request, within_patience};
use crate::running::Producer;

/// Sends this request whole, then reads until the connection ends. A reset fails, because it may destroy the answer.
async fn answer_after_all(address: SocketAddr, head: &str, body_bytes: usize) -> String {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&vec![b' '; body_bytes]).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    within_patience("an answer, and the connection's end", exchange).await
}

fn head(path: &str, header_lines: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\n{header_lines}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_is_not_lost() {
    const BYTES: usize = 20_000_000;
    let producer = Producer::without_kafka(&[]).await;
    let length = format!("content-length: {BYTES}\r\n");
    let compressed = format!("content-encoding: br\r\n{length}");
    for (path, header_lines, status) in [
        ("/create-post", length.as_str(), "413 "),
        ("/create-posts", &length, "413 "),
        ("/create-posts", &compressed, "415 "),
        ("/nowhere", &length, "404 "),
        ("/livez", &length, "405 "),
    ] {
        let answer = answer_after_all(producer.address, &head(path, header_lines), BYTES).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{path}: {answer}");
    }
    // hyper's own answers, to heads that it cannot read.
    let endless = format!("GET /livez HTTP/1.1\r\nhost: test\r\nx-large: {}", "x".repeat(100_000));
    for (head, status) in [("nonsense\r\n\r\n", "400 "), (&endless, "431 ")] {
        let answer = answer_after_all(producer.address, head, 1_000_000).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_grows_too_large_is_answered_after_all() {
    let producer = Producer::without_kafka(&[("MAX_BODY_BYTES", "1000")]).await;
    let head = head("/create-post", "transfer-encoding: chunked\r\n") + "989680\r\n";
    let answer = answer_after_all(producer.address, &head, 10_000_000).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_answered_after_all() {
    let producer = Producer::without_kafka(&[("MAX_CONNECTIONS", "1")]).await;
    let mut only = producer.connect().await;
    assert_eq!(only.ask(request("GET", "/livez")).await.status, 200);
    let length = 10_000_000;
    let head = head("/create-posts", &format!("content-length: {length}\r\n"));
    let answer = answer_after_all(producer.address, &head, length).await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test]
async fn a_connection_that_lingers_does_not_hold_up_a_stop() {
    let producer = Producer::without_kafka(&[("STOP_GRACE", "1h")]).await;
    let mut lingers = producer.connect().await;
    lingers.ask(head("/create-post", "content-length: 1000000\r\n")).await.problem(413);
    producer.stop();
    lingers.closed().await;
    producer.stopped().await.unwrap();
}
