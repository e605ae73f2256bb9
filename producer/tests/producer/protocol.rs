//! HTTP/1.1 itself: order, persistent connections, and what is unusual but allowed.

use crate::client::{POST, post, post_with, request};
use crate::running::Producer;
use crate::topic::fresh_topic;

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    // The first takes longest.
    let producer = Producer::with_kafka(&fresh_topic(), &[("PRODUCER_LINGER", "200ms")]).await;
    let mut connection = producer.connect().await;
    let requests = [
        post(POST),
        request("GET", "/livez").into_bytes(),
        request("HEAD", "/").into_bytes(),
        post("{}"),
        request("GET", "/nowhere").into_bytes(),
        post(POST),
    ];
    connection.send(requests.concat()).await;
    let first = connection.receive().await.created_id();
    assert_eq!(connection.receive().await.text(), r#"{"status":"ok"}"#);
    assert_eq!(connection.receive_head().await.status, 200);
    assert_eq!(connection.receive().await.errors().len(), 2);
    connection.receive().await.problem(404);
    assert_ne!(connection.receive().await.created_id(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_does_not_wait_for_the_rest_of_the_next_request() {
    let producer = Producer::with_kafka(&fresh_topic(), &[("HEADER_TIMEOUT", "1h")]).await;
    let mut connection = producer.connect().await;
    let next = request("GET", "/livez");
    connection.send([post(POST), next[..10].into()].concat()).await;
    connection.receive().await.created_id();
    assert_eq!(connection.ask(&next[10..]).await.status, 200);
    // Some old clients end a body with an empty line that its length does not count.
    connection.ask([post(POST), b"\r\n".into()].concat()).await.created_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_many_requests_in_turn() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let mut connection = producer.connect().await;
    for _ in 0..3 {
        connection.ask(post(POST)).await.created_id();
        assert_eq!(connection.ask(post("{}")).await.status, 400);
        assert_eq!(connection.ask(post_with("content-type: text/plain\r\n", POST)).await.status, 415);
        assert_eq!(connection.ask(request("GET", "/nowhere")).await.status, 404);
        assert_eq!(connection.ask(request("GET", "/create-post")).await.status, 405);
    }
    let response = connection.ask(post_with("connection: close\r\n", POST)).await;
    assert_eq!((response.status, response.header("connection")), (201, Some("close")));
    connection.closed().await;
}

#[tokio::test]
async fn a_rejected_body_is_read_or_the_connection_is_said_to_end() {
    let producer = Producer::without_kafka(&[]).await;
    let mut connection = producer.connect().await;
    for header_line in ["content-type: text/plain\r\n", "Idempotency-Key: a b\r\n"] {
        let whole = post_with(header_line, POST);
        let (head, body) = whole.split_at(whole.len() - POST.len());
        connection.send(head).await;
        // A rejection that did not wait for the body would already be on its way.
        assert_eq!(producer.get("/livez").await.status, 200);
        connection.ask(body).await;
        assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    }
    for (method, path, status) in [("PUT", "/create-post", 405), ("POST", "/livez", 405), ("POST", "/nowhere", 404)] {
        let mut connection = producer.connect().await;
        let response =
            connection.ask(format!("{method} {path} HTTP/1.1\r\nhost: test\r\ncontent-length: 9\r\n\r\n")).await;
        assert_eq!((response.status, response.header("connection")), (status, Some("close")));
        connection.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_wait_before_it_sends_the_body() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let mut connection = producer.connect().await;
    let request = post_with("Expect: 100-continue\r\n", POST);
    let (head, body) = request.split_at(request.len() - POST.len());
    assert_eq!(connection.ask(head).await.status, 100);
    connection.ask(body).await.created_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunked_body_is_read_piece_by_piece() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let mut connection = producer.connect().await;
    connection.send("POST /create-post HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n").await;
    for byte in POST.chars() {
        connection.send(format!("1\r\n{byte}\r\n")).await;
    }
    let response = connection.ask("0\r\n\r\n").await;
    response.created_id();
    assert_eq!(response.header("connection"), None);
    connection.ask(post(POST)).await.created_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_is_answered() {
    let producer = Producer::with_kafka(&fresh_topic(), &[]).await;
    let mut connection = producer.connect().await;
    let length = POST.len();
    let response =
        connection.ask(format!("POST /create-post HTTP/1.0\r\ncontent-length: {length}\r\n\r\n{POST}")).await;
    response.created_id();
    assert_eq!(response.version, "HTTP/1.0");
    connection.closed().await;
}

#[tokio::test]
async fn a_head_request_has_no_body() {
    let producer = Producer::without_kafka(&[]).await;
    let mut connection = producer.connect().await;
    for (path, status) in
        [("/", 200), ("/openapi.json", 200), ("/readyz", 503), ("/create-post", 405), ("/nowhere", 404)]
    {
        connection.send(request("HEAD", path)).await;
        assert_eq!(connection.receive_head().await.status, status, "{path}");
    }
    // Had any of them had a body, this response would not be the next thing that comes.
    assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
}

#[tokio::test]
async fn a_query_and_an_absolute_path_change_nothing() {
    let producer = Producer::without_kafka(&[]).await;
    for path in ["/livez?verbose=1", "http://test/livez"] {
        assert_eq!(producer.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_broken_head_is_rejected_at_once() {
    let producer = Producer::without_kafka(&[]).await;
    let too_long = format!("GET /{} HTTP/1.1\r\nhost: test\r\n\r\n", "x".repeat(70_000));
    let too_many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (head, status) in [("nonsense\r\n\r\n", 400), (&too_long, 431), (&too_many, 431)] {
        let mut connection = producer.connect().await;
        let response = connection.ask(head).await;
        assert_eq!((response.status, response.text()), (status, ""));
        connection.closed().await;
    }
    for (status, requests) in [(400, 1), (431, 2)] {
        producer.metric(&format!(r#"http_server_malformed_requests_total{{status="{status}"}} {requests}"#)).await;
    }
}

#[tokio::test]
async fn a_request_names_one_host() {
    let producer = Producer::without_kafka(&[]).await;
    let mut connection = producer.connect().await;
    for head in ["GET /livez HTTP/1.1\r\n", "GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n"] {
        let problem = connection.ask(format!("{head}\r\n")).await.problem(400);
        assert_eq!(problem["detail"], "send exactly one Host header");
    }
    assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    // With a body that nobody reads, the connection ends.
    let unread = "POST /create-post HTTP/1.1\r\ncontent-length: 9\r\n\r\n";
    connection.ask(unread).await.problem(400);
    connection.closed().await;
    assert_eq!(producer.ask("GET /livez HTTP/1.0\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let producer = Producer::without_kafka(&[("BODY_TIMEOUT", "1h")]).await;
    let chunked = "POST /create-post HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n";
    let mut connection = producer.connect().await;
    connection.ask(chunked).await.problem(400);
    connection.closed().await;

    let whole = post(POST);
    let mut connection = producer.connect().await;
    connection.send(&whole[..whole.len() - 1]).await;
    connection.end_sending().await;
    connection.receive().await.problem(400);
    connection.closed().await;
}
