//! Kafka comes late, goes, freezes, and comes back.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use crate::broker::{self, Broker};
use crate::client::{PATIENCE, POST, Response, post};
use crate::running::Producer;
use crate::topic::{fresh_topic, partitions, records};

/// What a post is told when it was handed to Kafka, so that nobody knows whether it is there.
const UNKNOWN: &str = "Kafka did not acknowledge in time";

/// What it is told when it was not.
const AWAY: &str = "Kafka cannot be reached: try again";

/// The longest that a client waits with `PRODUCER_TIMEOUT=2s`; the rest is for a busy machine.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

async fn start(broker: &str, topic: &str) -> Producer {
    let settings =
        [("KAFKA_BROKER", broker), ("KAFKA_TOPIC", topic), ("KAFKA_PARTITIONS", "3"), ("PRODUCER_TIMEOUT", "2s")];
    Producer::start(&settings).await
}

/// This many posts at once; what they are told, all in time.
async fn refused(producer: &Producer, count: usize) -> Vec<String> {
    let started = Instant::now();
    let responses = producer.ask_all((0..count).map(|_| post(POST))).await;
    assert!(started.elapsed() < LONGEST_WAIT, "answered after {:?}", started.elapsed());
    responses.iter().map(Response::unavailable).collect()
}

/// Posts until Kafka is known to be away. All are refused in time, and once it is known, at once.
async fn refused_until_known(producer: &Producer) {
    let started = Instant::now();
    let mut details = refused(producer, 30).await;
    while details.last().is_some_and(|detail| detail != AWAY) {
        assert!(started.elapsed() < PATIENCE, "it is not noticed that Kafka is away");
        details.extend(refused(producer, 1).await);
    }
    assert_eq!(refused(producer, 20).await, [AWAY; 20]);

    let (unknown, away): (Vec<_>, Vec<_>) = details.into_iter().partition(|detail| detail.starts_with(UNKNOWN));
    assert!(away.iter().all(|detail| detail == AWAY), "{away:?}");
    let count = "ingest_posts_rejected_total";
    producer.metric(&format!("{count}{{reason=\"unacknowledged\"}} {}", unknown.len())).await;
    producer.metric(&format!("{count}{{reason=\"kafka_away\"}} {}", away.len() + 20)).await;

    let problem = producer.get("/readyz").await.problem(503);
    assert!(problem["detail"].as_str().unwrap().starts_with("kafka: "), "{problem}");
    assert_eq!(producer.get("/livez").await.status, 200);
    assert_eq!(producer.ask(post("{}")).await.status, 400);
}

/// Posts that are accepted, over all partitions and lanes.
async fn accepted(producer: &Producer) -> Vec<String> {
    let responses = producer.ask_all((0..30).map(|_| post(POST))).await;
    producer.metric("ingest_in_flight_posts 0").await;
    responses.iter().map(Response::created_id).collect()
}

/// How many of these ids are not on Kafka.
async fn missing(ids: Vec<String>, broker: &Broker, topic: &str) -> usize {
    let found: HashSet<String> = records(&broker.address(), topic).await.into_iter().map(|record| record.key).collect();
    ids.iter().filter(|id| !found.contains(*id)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_late_finds_the_producer_waiting() {
    let mut broker = broker::borrow().await;
    broker.take_away().await;
    let topic = fresh_topic();
    let producer = start(&broker.address(), &topic).await;
    refused_until_known(&producer).await;

    broker.bring_back().await;
    producer.ready().await;
    assert_eq!(partitions(&broker.address(), &topic).await, 3);
    assert_eq!(accepted(&producer).await.len(), records(&broker.address(), &topic).await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stops_and_comes_back_loses_no_accepted_post() {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let topic = fresh_topic();
    let producer = start(&broker.address(), &topic).await;
    producer.ready().await;
    let mut ids = accepted(&producer).await;

    broker.take_away().await;
    refused_until_known(&producer).await;

    broker.bring_back().await;
    producer.ready().await;
    ids.extend(accepted(&producer).await);
    assert_eq!(missing(ids, &broker, &topic).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_freezes_and_goes_on_loses_no_accepted_post() {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let topic = fresh_topic();
    let producer = start(&broker.address(), &topic).await;
    producer.ready().await;
    let mut ids = accepted(&producer).await;

    broker.freeze();
    refused_until_known(&producer).await;
    tracing::info!("THAW");

    broker.bring_back().await;
    producer.ready().await;
    tracing::info!("READY");
    ids.extend(accepted(&producer).await);
    assert_eq!(missing(ids, &broker, &topic).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_kafka_is_frozen_still_answers_what_is_in_flight() {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let producer = start(&broker.address(), &fresh_topic()).await;
    producer.ready().await;
    broker.freeze();
    let mut connection = producer.connect().await;
    connection.send(post(POST)).await;
    producer.metric("ingest_in_flight_posts 1").await;
    producer.stop();
    assert!(connection.receive().await.unavailable().starts_with(UNKNOWN));
    producer.stopped().await.unwrap();
}
