//! What a client may use: bytes, time, connections, posts in flight.

use crate::client::{POST, post, request};
use crate::running::{Producer, eventually};
use crate::topic::fresh_topic;

#[tokio::test]
async fn a_body_that_announces_too_much_is_rejected_before_it_is_sent() {
    let producer = Producer::without_kafka(&[("BODY_TIMEOUT", "1h")]).await;
    for header_lines in ["", "Expect: 100-continue\r\n"] {
        let mut connection = producer.connect().await;
        let head = format!("POST /create-post HTTP/1.1\r\nhost: test\r\n{header_lines}content-length: 65537\r\n\r\n");
        let problem = connection.ask(head).await.problem(413);
        assert_eq!(problem["detail"], "the body must not be larger than 65536 bytes");
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_rejected() {
    let producer = Producer::without_kafka(&[("MAX_BODY_BYTES", "256"), ("BODY_TIMEOUT", "1h")]).await;
    let head = "POST /create-post HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
    // The limit: this one is only rejected because Kafka is away.
    let padded = format!("{POST:256}");
    let exact = format!("{head}80\r\n{}\r\n80\r\n{}\r\n0\r\n\r\n", &padded[..128], &padded[128..]);
    producer.ask(exact).await.unavailable();
    producer.ask(post(padded)).await.unavailable();

    // One byte more; the last chunk, which would end the body, is never sent.
    let mut connection = producer.connect().await;
    connection.send(head).await;
    connection.send(format!("100\r\n{}\r\n", " ".repeat(256))).await;
    assert_eq!(connection.ask("1\r\n \r\n").await.problem(413)["status"], 413);
    connection.closed().await;
}

#[tokio::test]
async fn a_slow_body_times_out() {
    let producer = Producer::without_kafka(&[("BODY_TIMEOUT", "200ms")]).await;
    let whole = post(POST);
    for sent in [whole.len() - 1, whole.len() - POST.len()] {
        let mut connection = producer.connect().await;
        connection.ask(&whole[..sent]).await.problem(408);
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_closed() {
    let producer = Producer::without_kafka(&[("HEADER_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "1s")]).await;
    let mut slow = producer.connect().await;
    slow.send("GET /livez HTTP/1.1\r\nhost:").await;
    let mut silent = producer.connect().await;
    let mut idle = producer.connect().await;
    assert_eq!(idle.ask(request("GET", "/livez")).await.status, 200);
    for connection in [&mut slow, &mut silent, &mut idle] {
        connection.closed().await;
    }
}

#[tokio::test]
async fn a_connection_may_idle_for_longer_than_a_head_takes() {
    let producer = Producer::without_kafka(&[("HEADER_TIMEOUT", "1s"), ("IDLE_TIMEOUT", "1h")]).await;
    let (mut silent, mut idle) = (producer.connect().await, producer.connect().await);
    assert_eq!(idle.ask(request("GET", "/livez")).await.status, 200);
    // A head that begins now is given up: by then, the others have idled for longer than that.
    let mut slow = producer.connect().await;
    assert_eq!(slow.ask(request("GET", "/livez")).await.status, 200);
    slow.send("GET /livez HTTP/1.1\r\nhost:").await;
    slow.closed().await;
    for connection in [&mut silent, &mut idle] {
        assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_long_before_its_time() {
    let producer = Producer::without_kafka(&[("BODY_TIMEOUT", "1h")]).await;
    let whole = post(POST);
    let mut stalls = producer.connect().await;
    stalls.ask(&whole[..whole.len() - 1]).await.problem(408);
    stalls.closed().await;
}

#[tokio::test]
async fn one_connection_too_many_gets_an_answer() {
    let producer = Producer::without_kafka(&[("MAX_CONNECTIONS", "2")]).await;
    let (mut first, mut second) = (producer.connect().await, producer.connect().await);
    for connection in [&mut first, &mut second] {
        assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    }
    let mut third = producer.connect().await;
    third.receive().await.unavailable();
    third.closed().await;
    assert_eq!(producer.look("/metrics").await.metric("http_server_connections_rejected_total"), 1.0);
    assert_eq!(first.ask(request("GET", "/livez")).await.status, 200, "those that are served are not disturbed");

    drop(second);
    eventually("room for another connection", async || {
        let response = producer.connect().await.try_ask(request("GET", "/livez")).await;
        response.is_some_and(|response| response.status == 200)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_post_too_many_must_try_again() {
    let settings = [("PRODUCER_MAX_IN_FLIGHT", "1"), ("PRODUCER_LINGER", "2s"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let mut first = producer.connect().await;
    first.send(post(POST)).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    assert_eq!(producer.ask(post(POST)).await.unavailable(), "too many posts are in flight: try again");
    first.receive().await.created_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_gives_its_place_back() {
    let settings = [("PRODUCER_MAX_IN_FLIGHT", "1"), ("PRODUCER_LINGER", "2s"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let mut gone = producer.connect().await;
    gone.send(post(POST)).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    drop(gone);
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
}
