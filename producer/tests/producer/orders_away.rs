//! Orders while Kafka is away, or frozen, and when it is back.

use std::time::Instant;

use crate::broker::{self, Broker};
use crate::client::PATIENCE;
use crate::cluster;
use crate::orders::{ORDER, numbered, order, order_in};
use crate::orders_bulk::{array, orders_bulk};
use crate::running::Producer;
use crate::topic::{fresh_topic, records};

const AWAY: &str = "Kafka cannot be reached: try again";
const UNKNOWN: &str = "Kafka did not acknowledge in time, so the order may be stored or not: try again";
const BULK_UNKNOWN: &str = "Kafka acknowledged none of the orders in time, so they may be stored or not: try again";

async fn start(broker: &Broker, topic: &str) -> Producer {
    let (broker, posts) = (broker.address(), fresh_topic());
    let settings = [("KAFKA_BROKER", broker.as_str()), ("KAFKA_TOPIC", &posts), ("ORDER_KAFKA_TOPIC", topic)];
    let producer = Producer::start(&[&settings[..], &[("PRODUCER_TIMEOUT", "2s")]].concat()).await;
    producer.ready().await;
    producer
}

/// Sends an order with this state until it is accepted: a broker that is just back may be slow.
async fn accepted(producer: &Producer, state: usize) {
    let started = Instant::now();
    while producer.ask(order(numbered("A-17", state))).await.status != 201 {
        assert!(started.elapsed() < PATIENCE, "state {state} is still rejected");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_rejected_while_kafka_is_away_and_accepted_when_it_is_back() {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let topic = fresh_topic();
    let producer = start(&broker, &topic).await;
    accepted(&producer, 1).await;

    broker.take_away().await;
    let started = Instant::now();
    loop {
        let detail = producer.ask(order(numbered("B-18", 1))).await.unavailable();
        if detail == AWAY {
            break;
        }
        assert_eq!(detail, UNKNOWN);
        assert!(started.elapsed() < PATIENCE, "nobody notices that Kafka is away");
    }
    assert_eq!(producer.ask(orders_bulk(array(3))).await.unavailable(), AWAY);
    assert_eq!(producer.ask(order("{}")).await.status, 400, "validity is judged before availability");
    let problem = producer.get("/readyz").await.problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("order: kafka: "), "{problem}");
    assert_eq!(producer.get("/api/health").await.problem(503)["detail"], problem["detail"]);

    broker.bring_back().await;
    producer.ready().await;
    accepted(&producer, 2).await;
    let states = records(&broker.address(), &topic).await.into_iter().filter(|record| record.key == "A-17");
    let mut states: Vec<u32> = states.map(|record| order_in(&record).quantity()).collect();
    // An unknown try may be there, too.
    states.dedup();
    assert_eq!(states, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_frozen_kafka_nobody_knows_what_orders_it_has() {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let producer = start(&broker, &fresh_topic()).await;
    broker.freeze();
    let responses = producer.ask_all([order(ORDER), orders_bulk(format!("[{ORDER},{{}}]"))].into_iter()).await;
    assert_eq!(responses[0].unavailable(), UNKNOWN);
    assert_eq!(responses[1].unavailable(), BULK_UNKNOWN);
    producer.metric(r#"ingest_records_rejected_total{kind="order",reason="unacknowledged"} 2"#).await;
    producer.metric(r#"ingest_records_rejected_total{kind="order",reason="invalid"} 1"#).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_away_is_missing_in_the_metrics() {
    let mut servers = cluster::start().await;
    let brokers = cluster::addresses(&servers);
    let topic = cluster::create(&brokers, 3, 1, &[]).await;
    let orders = [("KINDS", "order"), ("KAFKA_BROKER", brokers.as_str()), ("ORDER_KAFKA_TOPIC", &topic)];
    let producer = Producer::start(&[&orders[..], &[("PRODUCER_TIMEOUT", "2s")]].concat()).await;
    let available = async |partitions: usize| {
        producer.metric(r#"ingest_produce_partitions{kind="order"} 3"#).await;
        producer.metric(&format!(r#"ingest_produce_partitions_available{{kind="order"}} {partitions}"#)).await;
    };
    available(3).await;
    // Each broker leads one of them.
    servers[2].kill().await.unwrap();
    available(2).await;
    servers[2].restart().await.unwrap();
    available(3).await;
    for server in &servers {
        server.stop().await.unwrap();
    }
    available(0).await;
}
