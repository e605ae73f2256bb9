//! A native broker: ready means ready, its data survive a kill, and clients can reach it through a proxy.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rskafka::chrono::DateTime;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::record::Record;
use stack::kafka::{self, BrokerOptions};
use stack::{Server, environment, free_port};
use tokio::net::{TcpListener, TcpStream};

const LONG: Duration = Duration::from_secs(60);

async fn client(address: String) -> rskafka::client::Client {
    ClientBuilder::new(vec![address]).build().await.unwrap()
}

async fn posts(address: String) -> PartitionClient {
    client(address).await.partition_client("post", 0, UnknownTopicHandling::Retry).await.unwrap()
}

async fn produce(posts: &PartitionClient, value: &str) {
    // Kafka removes what is older than its retention.
    let timestamp = DateTime::UNIX_EPOCH + SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let record = Record { key: None, value: Some(value.into()), headers: BTreeMap::new(), timestamp };
    posts.produce(vec![record], Compression::NoCompression).await.unwrap();
}

async fn values(posts: &PartitionClient) -> Vec<String> {
    let (records, _) = posts.fetch_records(0, 1..1_000_000, 1_000).await.unwrap();
    records.into_iter().map(|found| String::from_utf8(found.record.value.unwrap()).unwrap()).collect()
}

/// Forwards every connection of `listener` to `port`.
async fn proxy(listener: TcpListener, port: u16) {
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await.ok() });
    }
}

async fn start() -> (Server, String) {
    let (port, listener) = (free_port(), TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).await.unwrap());
    let advertised_port = listener.local_addr().unwrap().port();
    tokio::spawn(proxy(listener, port));
    let options =
        BrokerOptions { port: Some(port), advertised_port: Some(advertised_port), ..BrokerOptions::default() };
    let server = kafka::start(&options, environment).await.unwrap();
    assert_eq!(server.port(), port);
    (server, format!("127.0.0.1:{advertised_port}"))
}

#[tokio::test]
async fn a_broker_keeps_its_port_and_its_data() {
    let (mut server, address) = start().await;
    // Ready means that the first request for a topic succeeds, without a retry.
    let controller = client(address.clone()).await.controller_client().unwrap();
    tokio::time::timeout(LONG, controller.create_topic("post", 1, 1, 30_000)).await.unwrap().unwrap();
    produce(&posts(address.clone()).await, "before the kill").await;

    let pid = server.pid();
    server.kill().await.unwrap();
    server.restart().await.unwrap();
    assert_ne!(server.pid(), pid);
    let again = Arc::new(posts(address).await);
    assert_eq!(values(&again).await, ["before the kill"]);
    produce(&again, "after the restart").await;

    server.pause().unwrap();
    let paused = Arc::clone(&again);
    let answer = tokio::spawn(async move { values(&paused).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!answer.is_finished(), "a paused broker answered");
    assert_eq!(server.exit_status(), None);
    server.resume().unwrap();
    let answer = tokio::time::timeout(LONG, answer).await.unwrap().unwrap();
    assert_eq!(answer, ["before the kill", "after the restart"]);
}

#[tokio::test]
async fn a_broker_without_java_is_one_sentence() {
    let error = kafka::start(&BrokerOptions::default(), |_| None).await.unwrap_err().to_string();
    assert!(
        error.starts_with("Kafka needs Java 17 or newer on this machine, and none is on PATH: install it"),
        "{error}"
    );
}

#[tokio::test]
async fn the_user_can_set_the_options_of_the_jvm() {
    let lookup = |name: &str| match name {
        "KAFKA_JVM_PERFORMANCE_OPTS" => Some("-XX:+UseSerialGC -XX:+NoSuchOption".to_owned()),
        _ => environment(name),
    };
    let error = kafka::start(&BrokerOptions::default(), lookup).await.unwrap_err().to_string();
    assert!(error.contains("Unrecognized VM option 'NoSuchOption'"), "{error}");
}
