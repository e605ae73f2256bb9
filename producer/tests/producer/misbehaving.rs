//! Clients that misbehave: each is bounded, and well-behaved ones are served meanwhile.

use std::cell::Cell;

use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::{POST, post, request, within_patience};
use crate::running::{Producer, eventually};
use crate::topic::fresh_topic;

/// A producer whose clients have this time for a head, to idle, and for taking an answer, and the same for a body.
async fn patient_for(time: &str) -> Producer {
    let settings = [("HEADER_TIMEOUT", time), ("IDLE_TIMEOUT", time), ("BODY_TIMEOUT", time), ("BODY_MIN_RATE", "0")];
    Producer::with_kafka(&fresh_topic(), &settings).await
}

/// Waits until a client has finished; until then another client's posts are accepted, one at a time.
async fn others_are_served(producer: &Producer, misbehaviour: impl Future<Output = ()>) {
    let others = async {
        loop {
            producer.ask(post(POST)).await.created_id();
        }
    };
    tokio::select! {
        () = misbehaviour => {}
        () = others => unreachable!("it never ends"),
    }
    producer.ask(post(POST)).await.created_id();
}

/// A client that sends requests and reads no answer; returned once its server stops answering.
pub(crate) async fn reads_nothing(producer: &Producer) -> TcpStream {
    // Far more answers than the buffers of both sides take.
    const REQUESTS: usize = 5_000;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(producer.address).await.unwrap();
    within_patience("sending", stream.write_all(request("GET", "/docs").repeat(REQUESTS).as_bytes())).await.unwrap();

    let answered = async || {
        let metrics = producer.look("/metrics").await;
        let count = r#"http_server_request_duration_seconds_count{method="GET",route="/docs",status="200"} "#;
        metrics
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(count))
            .map_or(0, |count| count.parse::<usize>().unwrap())
    };
    let before = Cell::new(0);
    eventually("answers are no longer taken", async || {
        let answered = answered().await;
        answered > 2 && answered == before.replace(answered)
    })
    .await;
    stream
}

/// Waits until the server has cut the connection, without reading from it.
async fn cut(stream: &TcpStream) {
    let cut = async {
        while !stream.ready(Interest::READABLE | Interest::WRITABLE).await.unwrap().is_write_closed() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    within_patience("the connection is cut", cut).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_byte_by_byte_is_cut() {
    let producer = patient_for("1s").await;
    let slowloris = async {
        let mut connection = producer.connect().await;
        connection.send("GET /livez HTTP/1.1\r\nx-slow: ").await;
        while connection.try_send("x").await {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    others_are_served(&producer, slowloris).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_silent_before_between_or_within_requests_is_cut() {
    let producer = patient_for("1s").await;
    let silence = async {
        let (mut before, mut between, mut within) =
            (producer.connect().await, producer.connect().await, producer.connect().await);
        assert_eq!(between.ask(request("GET", "/livez")).await.status, 200);
        let whole = post(POST);
        within.ask(&whole[..whole.len() - 1]).await.problem(408);
        for connection in [&mut before, &mut between, &mut within] {
            connection.closed().await;
        }
    };
    others_are_served(&producer, silence).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answers_is_cut() {
    let producer = patient_for("1s").await;
    let slow_reader = async { cut(&reads_nothing(&producer).await).await };
    others_are_served(&producer, slow_reader).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_its_side_still_gets_its_answers() {
    let producer = patient_for("1h").await;
    for requests in [1, 3] {
        let mut connection = producer.connect().await;
        connection.send(post(POST).repeat(requests)).await;
        connection.end_sending().await;
        for _ in 0..requests {
            connection.receive().await.created_id();
        }
        connection.closed().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_its_side_without_a_request_is_let_go() {
    let producer = patient_for("1h").await;
    for sent in ["", "GET /livez HTTP/1.1\r\nhost:"] {
        let mut connection = producer.connect().await;
        connection.send(sent).await;
        connection.end_sending().await;
        connection.closed().await;
    }
    let mut connection = producer.connect().await;
    assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    connection.end_sending().await;
    connection.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_held_only_up_to_its_bound() {
    let producer = patient_for("1h").await;
    let head = |bytes: usize| format!("GET /livez HTTP/1.1\r\nhost: test\r\nx-large: {}", "x".repeat(bytes));
    assert_eq!(producer.ask(head(12_000) + "\r\n\r\n").await.status, 200);
    // Neither of these is complete, and only the second is known to be too large.
    let mut incomplete = producer.connect().await;
    incomplete.send(head(12_000)).await;
    let mut too_large = producer.connect().await;
    let response = too_large.ask(head(16 * 1024)).await;
    assert_eq!((response.status, response.text()), (431, ""));
    too_large.closed().await;
    assert_eq!(incomplete.ask("\r\n\r\n").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_by_the_thousand_are_held() {
    let producer = patient_for("1h").await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(producer.connect().await);
    }
    producer.ask(post(POST)).await.created_id();
    for connection in &mut idle {
        assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    }
    producer.ask(post(POST)).await.created_id();
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_do_not_end_share_one_budget() {
    let settings =
        [("BODY_BUFFER_BYTES", "65536"), ("MAX_BULK_BYTES", "65536"), ("BODY_TIMEOUT", "1h"), ("BODY_MIN_RATE", "0")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let whole = post("x".repeat(65_536));
    let mut slow_body = producer.connect().await;
    slow_body.send(&whole[..whole.len() - 1]).await;
    // Not tested by asking: the test's own body could be what leaves no room for the slow one.
    producer.metric("ingest_body_buffer_bytes 65535").await;
    let another = post(POST);
    let mut too_much = producer.connect().await;
    let response = too_much.ask(&another[..another.len() - 1]).await;
    assert_eq!(response.unavailable(), "too many bytes are being received: try again");
    assert_eq!(response.header("connection"), Some("close"));
    assert_eq!(producer.get("/livez").await.status, 200, "a request without a body needs no room");
    producer.ask(another).await.created_id();

    slow_body.ask("x").await.problem(400);
    producer.metric("ingest_body_buffer_bytes 0").await;
    producer.ask(post(POST)).await.created_id();
}
