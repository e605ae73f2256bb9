//! Three brokers, of which one dies or freezes; and topics that change under a running producer.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kafka::Cluster;
use kafka::topics::{Admin, TopicSettings};
use stack::{Options, Server, Stack};
use tokio::task::JoinSet;

use crate::bulk::{array, bulk, bulk_with, results};
use crate::client::{Connection, POST, post, post_with};
use crate::orders::{numbered, order};
use crate::orders_bulk::{self, orders_bulk};
use crate::running::{Producer, eventually};
use crate::topic::{fresh_topic, records};

/// Longest wait for one answer about topics.
const ADMIN_PATIENCE: Duration = Duration::from_secs(20);

/// How many clients post at the same time.
const CLIENTS: usize = 40;

/// Three brokers.
pub(crate) async fn start() -> Vec<Server> {
    // With a store given, which nobody asks, none is started.
    let lookup = |name: &str| match name {
        "MONGO_URI" => Some("mongodb://localhost/unused".to_owned()),
        "KAFKA_BROKER" => None,
        _ => stack::environment(name),
    };
    let options = Options { brokers: 3, ..Options::default() };
    Stack::start(&options, lookup).await.unwrap().brokers
}

pub(crate) fn addresses(brokers: &[Server]) -> String {
    brokers.iter().map(Server::address).collect::<Vec<_>>().join(",")
}

pub(crate) async fn create(brokers: &str, partitions: i32, replication: i16, config: &[(&str, &str)]) -> String {
    let topic = fresh_topic();
    let configs = config.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = TopicSettings { partitions, replication, configs };
    admin(brokers).create(&topic, &settings).await.unwrap();
    topic
}

fn admin(brokers: &str) -> Admin {
    Admin::new(&Cluster::plaintext(brokers), "test", ADMIN_PATIENCE).unwrap()
}

async fn producer(brokers: &str, topic: &str) -> Producer {
    // Its timeout allows for slow brokers on a busy machine.
    let timeout = ("PRODUCER_TIMEOUT", "20s");
    let kafka = [("KINDS", "post"), ("KAFKA_BROKER", brokers), ("KAFKA_TOPIC", topic), timeout];
    let producer = Producer::start(&kafka).await;
    producer.ready().await;
    producer
}

/// What `/readyz` says is missing, if it says 200.
async fn note(producer: &Producer) -> Option<String> {
    let response = producer.get("/readyz").await;
    let note = response.json()["note"].as_str().map(str::to_owned);
    (response.status == 200).then(|| note.unwrap_or_default())
}

async fn says(producer: &Producer, expected: &str) {
    eventually(&format!("ready, with the note {expected:?}"), async || {
        note(producer).await.as_deref() == Some(expected)
    })
    .await;
}

/// Clients post while `trouble` lasts, each again after its answer. Returns the ids; every post must be accepted.
async fn all_accepted_during(producer: &Producer, trouble: impl Future<Output = ()>) -> HashSet<String> {
    static IS_OVER: AtomicBool = AtomicBool::new(false);
    IS_OVER.store(false, Ordering::Relaxed);
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let address = producer.address;
        clients.spawn(async move {
            let (mut connection, mut ids) = (Connection::open(address).await, Vec::new());
            while !IS_OVER.load(Ordering::Relaxed) {
                ids.push(connection.ask(post(POST)).await.created_id());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            ids
        });
    }
    trouble.await;
    IS_OVER.store(true, Ordering::Relaxed);
    let ids: Vec<String> = clients.join_all().await.into_iter().flatten().collect();
    let distinct: HashSet<String> = ids.iter().cloned().collect();
    assert_eq!(distinct.len(), ids.len());
    distinct
}

async fn all_are_there(ids: &HashSet<String>, brokers: &str, topic: &str) {
    let found: HashSet<String> = records(brokers, topic).await.into_iter().map(|record| record.key).collect();
    let missing: Vec<&String> = ids.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_gone_costs_no_post() {
    let mut servers = start().await;
    let brokers = addresses(&servers);
    let single = create(&brokers, 6, 1, &[]).await;
    let double = create(&brokers, 6, 2, &[("min.insync.replicas", "1")]).await;
    let strict = create(&brokers, 6, 3, &[("min.insync.replicas", "3")]).await;

    // One is dead when a producer starts.
    let (of_double, of_strict) = (producer(&brokers, &double).await, producer(&brokers, &strict).await);
    says(&of_strict, "").await;
    let killed = all_accepted_during(&of_double, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        servers[2].kill().await.unwrap();
        tokio::time::sleep(Duration::from_secs(7)).await;
    })
    .await;
    let of_single = producer(&brokers, &single).await;
    says(&of_single, "kafka: 4 of 6 partitions").await;
    let accepted = of_single.ask_all((0..CLIENTS).map(|_| post(POST))).await;
    assert!(accepted.iter().all(|response| response.status == 201));

    // Too few replicas: Kafka says no, and the producer says why, at once, and when it is over.
    let is_refused = async || of_strict.get("/readyz").await.status == 503;
    eventually("not ready", async || {
        of_strict.ask(post(POST)).await;
        is_refused().await
    })
    .await;
    let problem = of_strict.get("/readyz").await.problem(503);
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.starts_with("kafka: 0 of 6 partitions") && detail.contains("NotEnoughReplicas"), "{detail}");
    assert_eq!(of_strict.ask(post(POST)).await.unavailable(), "Kafka cannot be reached: try again");
    servers[2].restart().await.unwrap();
    of_strict.ready().await;
    of_strict.ask(post(POST)).await.created_id();
    says(&of_single, "").await;
    says(&of_double, "").await;

    let frozen = all_accepted_during(&of_double, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        servers[1].pause().unwrap();
        tokio::time::sleep(Duration::from_secs(8)).await;
        servers[1].resume().unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    })
    .await;
    all_are_there(&killed, &brokers, &double).await;
    all_are_there(&frozen, &brokers, &double).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_takes_small_batches_takes_every_post() {
    let broker = stack::shared().await.kafka_broker();
    let topic = create(broker, 1, 1, &[("max.message.bytes", "200000")]).await;
    let producer = producer(broker, &topic).await;
    let large = format!(r#"{{"title":"Large","content":"{}"}}"#, "x".repeat(1_000));
    let posts = format!("[{}]", [large.as_str(); 1_000].join(","));
    for _ in 0..5 {
        let results = results(&producer.ask(bulk(&posts)).await, 201);
        assert_eq!(results.len(), 1_000);
    }
    assert_eq!(records(broker, &topic).await.len(), 5_000);
    let splits = producer.look("/metrics").await;
    let splits = splits.text().lines().find(|line| line.starts_with("ingest_produce_batches_split_total")).unwrap();
    assert!(!splits.ends_with(" 0"), "{splits}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_larger_than_the_topic_takes_is_too_large() {
    let broker = stack::shared().await.kafka_broker();
    let topic = create(broker, 1, 1, &[("max.message.bytes", "500")]).await;
    let producer = producer(broker, &topic).await;
    let large = format!(r#"{{"title":"Large","content":"{}"}}"#, "x".repeat(1_000));
    let problem = producer.ask(post(&large)).await.problem(413);
    assert!(problem["detail"].as_str().unwrap().contains("max.message.bytes"), "{problem}");
    let both = results(&producer.ask(bulk(format!("[{POST},{large}]"))).await, 207);
    assert!(both[0].get("id").is_some() && both[1].get("errors").is_some(), "{both:?}");
    assert_eq!(records(broker, &topic).await.len(), 1);

    let keyed = |key: &str, body: &str| post_with(&format!("Idempotency-Key: {key}\r\n"), body);
    producer.ask(keyed("k", &large)).await.problem(413);
    let id = producer.ask(keyed("k", POST)).await.created_id();
    producer.ask(keyed("k", &large)).await.problem(422);
    assert_eq!(producer.ask(keyed("k", POST)).await.created_id(), id, "a record that was not sent leaves it its key");
    let keyed = |body: &str| bulk_with("Idempotency-Key: l\r\n", format!("[{body}]"));
    producer.ask(keyed(&large)).await;
    assert!(results(&producer.ask(keyed(POST)).await, 201)[0].get("id").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_takes_small_batches_takes_every_order_but_those_that_are_too_large() {
    let broker = stack::shared().await.kafka_broker();
    let topic = create(broker, 1, 1, &[("max.message.bytes", "1000")]).await;
    let orders = [("KINDS", "order"), ("KAFKA_BROKER", broker), ("ORDER_KAFKA_TOPIC", &topic)];
    let producer = Producer::start(&[&orders[..], &[("PRODUCER_TIMEOUT", "20s")]].concat()).await;
    producer.ready().await;
    eventually("all are accepted", async || {
        let response = producer.ask(orders_bulk(orders_bulk::array(1_000))).await;
        assert!(matches!(response.status, 201 | 207 | 503), "{}", response.text());
        let unknown = response.text().contains("may be stored or not");
        assert!(!unknown, "what Kafka refuses is not stored: {}", response.text());
        response.status == 201
    })
    .await;
    let keys: HashSet<String> = records(broker, &topic).await.into_iter().map(|record| record.key).collect();
    assert_eq!(keys.len(), 1_000);

    let id = "🦀".repeat(64);
    let large = numbered(&id, 1).replace("C-1", &id).replace("P-1", &id);
    let problem = producer.ask(order(large)).await.problem(413);
    assert!(problem["detail"].as_str().unwrap().contains("max.message.bytes"), "{problem}");
    assert_eq!(producer.ask(order(numbered("Small", 1))).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_appear_are_used_and_those_that_vanish_are_not() {
    let broker = stack::shared().await.kafka_broker();
    let topic = create(broker, 1, 1, &[]).await;
    let producer = producer(broker, &topic).await;
    producer.ask(post(POST)).await.created_id();
    admin(broker).grow(&topic, 3).await.unwrap();
    producer.metric("ingest_produce_partitions_available{kind=\"post\"} 3").await;
    for _ in 0..3 {
        producer.ask(post(POST)).await.created_id();
    }
    let used: BTreeSet<i32> = records(broker, &topic).await.iter().map(|record| record.partition).collect();
    assert!(used.iter().eq(&[0, 1, 2]), "{used:?}");

    admin(broker).delete(&[&topic]).await.unwrap();
    let settings = TopicSettings { partitions: 2, replication: 1, configs: Vec::new() };
    eventually("the topic is there again, or the producer has made it with one partition", async || {
        admin(broker).create(&topic, &settings).await.is_ok()
    })
    .await;
    eventually("all partitions that are left take posts", async || {
        let metrics = producer.look("/metrics").await;
        let of = |name: &str| {
            let line =
                metrics.text().lines().find(|line| line.starts_with(&format!("{name}{{kind=\"post\"}}"))).unwrap();
            line.rsplit(' ').next().unwrap().parse::<usize>().unwrap()
        };
        let (all, available) = (of("ingest_produce_partitions"), of("ingest_produce_partitions_available"));
        all < 3 && all == available
    })
    .await;
    for _ in 0..10 {
        producer.ask(post(POST)).await.created_id();
    }
    assert_eq!(records(broker, &topic).await.len(), 10);
}

/// What was sent as a bulk while a broker was away is there as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_is_spread_over_the_partitions_that_are_there() {
    let broker = stack::shared().await.kafka_broker();
    let topic = create(broker, 4, 1, &[]).await;
    let producer = producer(broker, &topic).await;
    assert_eq!(results(&producer.ask(bulk(array(5_000))).await, 201).len(), 5_000);
    let found = records(broker, &topic).await;
    let keys: HashSet<&String> = found.iter().map(|record| &record.key).collect();
    assert_eq!((found.len(), keys.len()), (5_000, 5_000));
}
