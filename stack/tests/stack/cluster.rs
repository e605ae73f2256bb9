//! Three brokers behind proxies: what is acknowledged survives the loss of any one of them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use rskafka::chrono::DateTime;
use rskafka::client::ClientBuilder;
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use rskafka::record::Record;
use stack::{Options, Stack, StackKind, environment};
use tokio::net::TcpStream;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_brokers_can_fail() {
    let options = Options { stack: StackKind::Native, brokers: 3, proxied: true, ..Options::default() };
    let stack = Stack::start(&options, environment).await.unwrap();
    let addresses: Vec<String> = stack.kafka_broker().split(',').map(str::to_owned).collect();
    let proxy = stack.proxy.as_ref().unwrap();
    let names: Vec<&str> = proxy.links.iter().map(|link| link.name.as_str()).collect();
    assert_eq!(names, ["broker-1", "broker-2", "broker-3", "store"]);
    for (address, link) in addresses.iter().zip(&proxy.links) {
        assert_eq!(*address, format!("127.0.0.1:{}", link.port), "clients go through the proxies");
        TcpStream::connect(address).await.unwrap();
    }
    assert!(stack.mongo_uri().contains(&format!(":{}/", proxy.links[3].port)));

    let client = ClientBuilder::new(addresses).build().await.unwrap();
    client.controller_client().unwrap().create_topic("post", 1, 3, 30_000).await.unwrap();
    let partition = client.partition_client("post", 0, UnknownTopicHandling::Retry).await.unwrap();
    let produce = async |value: u8| {
        let value = Some(vec![value]);
        // Kafka removes what is older than its retention.
        let timestamp = DateTime::UNIX_EPOCH + SystemTime::UNIX_EPOCH.elapsed().unwrap();
        let record = Record { key: None, value, headers: BTreeMap::new(), timestamp };
        let producing = partition.produce(vec![record], Compression::NoCompression);
        // If the leader is gone, another broker takes over soon.
        tokio::time::timeout(Duration::from_secs(60), producing).await.unwrap().unwrap();
    };
    produce(1).await;
    stack.brokers[0].kill().await.unwrap();
    produce(2).await;
    let (records, _) = partition.fetch_records(0, 1..1_000_000, 5_000).await.unwrap();
    let values: Vec<u8> = records.into_iter().map(|found| found.record.value.unwrap()[0]).collect();
    assert!(values.starts_with(&[1]) && values.ends_with(&[2]), "{values:?}");
    stack.stop().await.unwrap();
}
