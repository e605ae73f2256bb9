//! Stopping: no new connections, answers to what is in flight, all within the grace period.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::{Connection, POST, post, request};
use crate::misbehaving::reads_nothing;
use crate::orders::{ORDER, numbered, order};
use crate::running::{Producer, eventually};
use crate::topic::{fresh_topic, records};

async fn keys(topic: &str) -> Vec<String> {
    let records = records(stack::shared().await.kafka_broker(), topic).await;
    records.into_iter().map(|record| record.key).collect()
}

/// Starts a post of which only the body is missing. Returns once it is being served: then it gets `100 Continue`.
async fn begin_post(producer: &Producer) -> Connection {
    let mut connection = producer.connect().await;
    let head = "POST /create-post HTTP/1.1\r\nhost: test\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n";
    assert_eq!(connection.ask(head).await.status, 100);
    connection
}

async fn refuses_connections(address: SocketAddr) {
    eventually("connections are refused", async || TcpStream::connect(address).await.is_err()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_in_flight_are_acknowledged_before_the_end() {
    const POSTS: usize = 20;
    let topic = fresh_topic();
    // Less than a batch, so all wait for the end of the linger time.
    let settings = [("PRODUCER_LINGER", "3s"), ("PRODUCER_LINGER_ADAPTIVE", "false"), ("STOP_GRACE", "30s")];
    let producer = Producer::with_kafka(&topic, &settings).await;
    let mut connections = Vec::new();
    for _ in 0..POSTS {
        let mut connection = producer.connect().await;
        connection.send(post(POST)).await;
        connections.push(connection);
    }
    producer.metric(&format!("ingest_in_flight_records{{kind=\"post\"}} {POSTS}")).await;
    producer.stop();
    refuses_connections(producer.address).await;

    let mut ids = BTreeSet::new();
    for connection in &mut connections {
        let response = connection.receive().await;
        ids.insert(response.created_id());
        assert_eq!(response.header("connection"), Some("close"));
        connection.closed().await;
    }
    producer.stopped().await.unwrap();
    let keys = keys(&topic).await;
    assert_eq!(keys.len(), POSTS);
    assert_eq!(BTreeSet::from_iter(keys), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_in_flight_are_acknowledged_before_the_end() {
    let topic = fresh_topic();
    let producer = Producer::with_orders(&topic, &[("PRODUCER_LINGER", "3s"), ("STOP_GRACE", "30s")]).await;
    let mut connections = Vec::new();
    for number in 1..=5 {
        let mut connection = producer.connect().await;
        connection.send(order(numbered(&format!("order-{number}"), number))).await;
        connections.push(connection);
    }
    producer.orders_in_flight(5).await;
    producer.stop();
    for connection in &mut connections {
        assert_eq!(connection.receive().await.status, 201);
    }
    producer.stopped().await.unwrap();
    let expected = (1..=5).map(|number| format!("order-{number}"));
    assert_eq!(BTreeSet::from_iter(keys(&topic).await), expected.collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_what_is_on_kafka_is_what_was_answered_201() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "2")]).await;
    let (address, count) = (producer.address, Arc::new(AtomicUsize::new(0)));
    let mut clients = JoinSet::new();
    for _ in 0..16 {
        let count = Arc::clone(&count);
        clients.spawn(async move {
            let mut connection = Connection::open(address).await;
            let mut ids = Vec::new();
            // The connection may end between two requests, and then the next one is not read.
            while let Some(response) = connection.try_ask(post(POST)).await {
                ids.push(response.created_id());
                count.fetch_add(1, Ordering::Relaxed);
            }
            ids
        });
    }
    eventually("some load", async || count.load(Ordering::Relaxed) > 500).await;
    producer.stop();
    producer.stopped().await.unwrap();
    let ids: BTreeSet<String> = clients.join_all().await.into_iter().flatten().collect();
    let keys = keys(&topic).await;
    assert_eq!(keys.len(), ids.len());
    assert_eq!(BTreeSet::from_iter(keys), ids, "a request that was read was cut off");
}

#[tokio::test]
async fn idle_connections_and_a_missing_kafka_do_not_hold_it_up() {
    // A wait for any timeout would last an hour.
    let settings = [("IDLE_TIMEOUT", "1h"), ("BODY_TIMEOUT", "1h"), ("STOP_GRACE", "2h")];
    let producer = Producer::without_kafka(&settings).await;
    let (mut silent, mut idle) = (producer.connect().await, producer.connect().await);
    assert_eq!(idle.ask(request("GET", "/livez")).await.status, 200);
    producer.stop();
    silent.closed().await;
    idle.closed().await;
    refuses_connections(producer.address).await;
    producer.stopped().await.unwrap();
}

#[tokio::test]
async fn a_slow_client_does_not_hold_it_up() {
    // A wait for the client would last an hour.
    let settings = [("HEADER_TIMEOUT", "1h"), ("BODY_TIMEOUT", "1h"), ("BODY_MIN_RATE", "0"), ("STOP_GRACE", "1h")];
    let producer = Producer::without_kafka(&settings).await;
    let mut slow_head = producer.connect().await;
    slow_head.send("GET /livez").await;
    let mut slow_body = begin_post(&producer).await;
    let slow_reader = reads_nothing(&producer).await;
    producer.stop();
    slow_body.receive().await.problem(408);
    slow_body.closed().await;
    slow_head.closed().await;
    producer.stopped().await.unwrap();
    drop(slow_reader);
}

#[tokio::test]
async fn a_stopping_producer_is_not_ready() {
    // Only a request whose head has begun to arrive before the stop is still answered, and nobody sees when that is.
    eventually("an answer while stopping", async || {
        let producer = Producer::without_kafka(&[]).await;
        let (begun, rest) = ("GET /readyz HTTP/1.1\r\n", "host: test\r\n\r\n");
        let mut connection = producer.connect().await;
        connection.send(begun).await;
        producer.get("/livez").await;
        producer.stop();
        let response = connection.try_ask(rest).await;
        producer.stopped().await.unwrap();
        response.is_some_and(|response| response.problem(503)["detail"] == "stopping")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_while_it_says_that_it_stops_and_serves_on() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("STOP_DELAY", "5s"), ("STOP_GRACE", "60s")]).await;
    let (mut idle, mut silent) = (producer.connect().await, producer.connect().await);
    assert_eq!(idle.ask(request("GET", "/livez")).await.header("connection"), None);
    producer.stop();
    eventually("not ready", async || producer.get("/readyz").await.status == 503).await;
    // Clients that came before, and those that come now.
    let mut fresh = producer.connect().await;
    let answers = [idle.ask(post(POST)).await, fresh.ask(post(POST)).await];
    let not_ready = producer.get("/readyz").await;
    assert_eq!(not_ready.problem(503)["detail"], "stopping");
    for answer in answers.iter().chain([&not_ready]) {
        assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    }
    for connection in [&mut idle, &mut fresh, &mut silent] {
        connection.closed().await;
    }
    refuses_connections(producer.address).await;
    producer.stopped().await.unwrap();
    let ids: BTreeSet<String> = answers.iter().map(|answer| answer.created_id()).collect();
    assert_eq!(BTreeSet::from_iter(keys(&topic).await), ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_takes_longer_than_the_grace_is_an_error() {
    let settings = [("PRODUCER_LINGER", "20s"), ("PRODUCER_LINGER_ADAPTIVE", "false"), ("STOP_GRACE", "200ms")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let mut connection = producer.connect().await;
    connection.send(post(POST)).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    producer.stop();
    let error = producer.stopped().await.unwrap_err();
    assert_eq!(format!("{error:#}"), "stopping took longer than STOP_GRACE: records were still in flight");
}

/// Its linger would last longer than any test waits.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_takes_longer_than_the_grace_is_an_error_at_once() {
    let settings = [("PRODUCER_LINGER", "10m"), ("PRODUCER_TIMEOUT", "20m"), ("STOP_GRACE", "200ms")];
    let producer = Producer::with_orders(&fresh_topic(), &settings).await;
    let mut connection = producer.connect().await;
    connection.send(order(ORDER)).await;
    producer.orders_in_flight(1).await;
    producer.stop();
    let error = producer.stopped().await.unwrap_err();
    assert_eq!(format!("{error:#}"), "stopping took longer than STOP_GRACE: records were still in flight");
}
