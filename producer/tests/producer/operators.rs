//! The listener of those who run the producer.

use service::http::OPERATOR_CONNECTIONS;
use tokio::net::TcpStream;

use crate::client::{Connection, POST, post, request};
use crate::program::{run, serving};
use crate::running::{Producer, eventually};
use crate::topic::fresh_topic;

#[tokio::test(flavor = "multi_thread")]
async fn it_is_healthy_while_its_clients_take_every_connection() {
    let (_child, producer) = serving(&fresh_topic(), &[("MAX_CONNECTIONS", "2")]).await;
    let mut taken = [Connection::open(producer.clients).await, Connection::open(producer.clients).await];
    for connection in &mut taken {
        assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
    }
    Connection::open(producer.clients).await.receive().await.unavailable();
    let port = producer.operators.port().to_string();
    assert_eq!(run(&["healthcheck"], &[("ADMIN_PORT", &port)]).await, (0, String::new(), String::new()));
    for connection in &mut taken {
        connection.ask(post(POST)).await.created_id();
    }
}

#[tokio::test]
async fn it_has_all_that_says_how_the_producer_is_and_nothing_for_clients() {
    let producer = Producer::without_kafka(&[]).await;
    let links = ["/livez", "/readyz", "/health", "/metrics", "/status"];
    let root = producer.look("/").await.json();
    assert_eq!((&root["service"], &root["links"]), (&"producer".into(), &links.into()));
    for (path, status) in links.into_iter().zip([200, 503, 503, 200, 200]) {
        assert_eq!(producer.look(path).await.status, status, "{path}");
    }
    for path in ["/create-post", "/openapi.json", "/docs", "/nowhere"] {
        producer.look(path).await.problem(404);
    }
}

#[tokio::test]
async fn clients_learn_where_metrics_and_status_are_and_no_more() {
    let producer = Producer::without_kafka(&[]).await;
    assert_eq!(producer.get("/").await.json()["links"], serde_json::Value::Null);
    for path in ["/metrics", "/status", "/status?still"] {
        let problem = producer.get(path).await.problem(404);
        assert!(problem["detail"].as_str().unwrap().contains("ADMIN_PORT"), "{problem}");
    }
    let problem = producer.get("/nowhere").await.problem(404);
    assert_eq!(problem["detail"], "there is no such path");
}

#[tokio::test]
async fn its_connections_are_bounded_and_none_of_the_clients() {
    let producer = Producer::without_kafka(&[]).await;
    let mut taken = Vec::new();
    for _ in 0..OPERATOR_CONNECTIONS {
        let mut connection = Connection::open(producer.operators).await;
        assert_eq!(connection.ask(request("GET", "/livez")).await.status, 200);
        taken.push(connection);
    }
    Connection::open(producer.operators).await.receive().await.unavailable();
    assert_eq!(producer.get("/livez").await.status, 200);
    drop(taken);
    eventually("room for another operator", async || {
        let response = Connection::open(producer.operators).await.try_ask(request("GET", "/metrics")).await;
        response.is_some_and(|response| response.text().contains("\nhttp_server_connections 0\n"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_until_the_last_post_is_answered() {
    let settings = [("PRODUCER_LINGER", "3s"), ("PRODUCER_LINGER_ADAPTIVE", "false"), ("STOP_GRACE", "30s")];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let mut in_flight = producer.connect().await;
    in_flight.send(post(POST)).await;
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    producer.stop();
    eventually("clients are refused", async || TcpStream::connect(producer.address).await.is_err()).await;
    assert_eq!(producer.look("/readyz").await.problem(503)["detail"], "stopping");
    assert!(producer.look("/status").await.text().contains("<h1>Stopping</h1>"));
    assert_eq!(producer.look("/metrics").await.status, 200);
    in_flight.receive().await.created_id();
    let operators = producer.operators;
    producer.stopped().await.unwrap();
    assert!(TcpStream::connect(operators).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_protects_what_is_for_operators() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    std::fs::write(&path, "t0ken\n").unwrap();
    let producer = Producer::without_kafka(&[("ADMIN_TOKEN_FILE", path.to_str().unwrap())]).await;
    let ask = async |path: &str, headers: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n");
        Connection::open(producer.operators).await.ask(request).await
    };
    for path in ["/metrics", "/status"] {
        ask(path, "").await.problem(401);
        let page = ask(path, "authorization: Bearer t0ken\r\n").await;
        assert!(page.status == 200 && !page.text().contains("t0ken"), "{path}");
    }
    assert_eq!(ask("/livez", "").await.status, 200);
    // Clients need none, and have nothing of it.
    assert_eq!(producer.get("/livez").await.status, 200);
    producer.get("/metrics").await.problem(404);
}
