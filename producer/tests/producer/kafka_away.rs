//! Kafka comes late, goes, freezes, and comes back.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use contract::PostId;

use crate::broker::{self, Broker};
use crate::client::{PATIENCE, POST, Response, post, post_with};
use crate::running::Producer;
use crate::topic::{fresh_topic, partitions, records};

/// The answer to a post that was sent on to Kafka, so that nobody knows whether it is there.
const UNKNOWN: &str = "Kafka did not acknowledge in time";

/// The answer to a post that was not.
const AWAY: &str = "Kafka cannot be reached: try again";

/// The longest that a client waits with `PRODUCER_TIMEOUT=2s`; the rest is for a busy machine.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

async fn start(broker: &str, topic: &str) -> Producer {
    let settings =
        [("KAFKA_BROKER", broker), ("KAFKA_TOPIC", topic), ("KAFKA_PARTITIONS", "3"), ("PRODUCER_TIMEOUT", "2s")];
    Producer::start(&settings).await
}

/// Sends this many posts at once; returns their answers, which all come in time.
async fn rejected(producer: &Producer, count: usize) -> Vec<String> {
    let started = Instant::now();
    let responses = producer.ask_all((0..count).map(|_| post(POST))).await;
    assert!(started.elapsed() < LONGEST_WAIT, "answered after {:?}", started.elapsed());
    responses.iter().map(Response::unavailable).collect()
}

/// Posts until Kafka is known to be away. All are rejected in time, and at once when it is known.
async fn rejected_until_known(producer: &Producer) {
    let started = Instant::now();
    let mut details = rejected(producer, 30).await;
    while details.last().is_some_and(|detail| detail != AWAY) {
        assert!(started.elapsed() < PATIENCE, "nobody notices that Kafka is away");
        details.extend(rejected(producer, 1).await);
    }
    assert_eq!(rejected(producer, 20).await, [AWAY; 20]);

    let (unknown, away): (Vec<_>, Vec<_>) = details.into_iter().partition(|detail| detail.starts_with(UNKNOWN));
    assert!(away.iter().all(|detail| detail == AWAY), "{away:?}");
    let count = "ingest_records_rejected_total{kind=\"post\",";
    producer.metric(&format!("{count}reason=\"unacknowledged\"}} {}", unknown.len())).await;
    producer.metric(&format!("{count}reason=\"kafka_away\"}} {}", away.len() + 20)).await;

    let problem = producer.get("/readyz").await.problem(503);
    assert!(problem["detail"].as_str().unwrap().starts_with("kafka: "), "{problem}");
    assert_eq!(producer.get("/livez").await.status, 200);
    assert_eq!(producer.ask(post("{}")).await.status, 400);
}

/// Sends posts over all partitions and lanes, each again until it is accepted: a broker that is just back may be slow.
/// Returns their ids.
async fn accepted(producer: &Producer) -> HashSet<String> {
    let fresh_post = || post_with(&format!("Idempotency-Key: {}\r\n", PostId::fresh()), POST);
    let mut waiting: Vec<Vec<u8>> = (0..30).map(|_| fresh_post()).collect();
    let mut ids = HashSet::new();
    let started = Instant::now();
    while !waiting.is_empty() {
        assert!(started.elapsed() < PATIENCE, "{} posts are still rejected", waiting.len());
        let responses = producer.ask_all(waiting.iter().cloned()).await;
        let (created, rejected): (Vec<_>, Vec<_>) =
            waiting.into_iter().zip(responses).partition(|(_, response)| response.status == 201);
        ids.extend(created.iter().map(|(_, response)| response.created_id()));
        rejected.iter().for_each(|(_, response)| drop(response.unavailable()));
        waiting = rejected.into_iter().map(|(post, _)| post).collect();
    }
    assert_eq!(ids.len(), 30);
    producer.metric("ingest_in_flight_records{kind=\"post\"} 0").await;
    ids
}

/// Checks that none of these ids is missing in Kafka.
async fn all_are_there(ids: HashSet<String>, broker: &Broker, topic: &str) {
    let found: HashSet<String> = records(&broker.address(), topic).await.into_iter().map(|record| record.key).collect();
    let missing: Vec<&String> = ids.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Posts before and after the trouble are accepted and there; those during it are rejected.
async fn loses_no_accepted_post(trouble: impl AsyncFnOnce(&Broker)) {
    let mut broker = broker::borrow().await;
    broker.bring_back().await;
    let topic = fresh_topic();
    let producer = start(&broker.address(), &topic).await;
    producer.ready().await;
    let mut ids = accepted(&producer).await;

    trouble(&broker).await;
    rejected_until_known(&producer).await;

    broker.bring_back().await;
    producer.ready().await;
    ids.extend(accepted(&producer).await);
    all_are_there(ids, &broker, &topic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_comes_late_finds_the_producer_waiting() {
    let mut broker = broker::borrow().await;
    broker.take_away().await;
    let topic = fresh_topic();
    let producer = start(&broker.address(), &topic).await;
    rejected_until_known(&producer).await;

    broker.bring_back().await;
    producer.ready().await;
    assert_eq!(partitions(&broker.address(), &topic).await, 3);
    all_are_there(accepted(&producer).await, &broker, &topic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_stops_and_comes_back_loses_no_accepted_post() {
    loses_no_accepted_post(Broker::take_away).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_freezes_and_continues_loses_no_accepted_post() {
    loses_no_accepted_post(async |broker: &Broker| broker.freeze()).await;
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
    producer.metric("ingest_in_flight_records{kind=\"post\"} 1").await;
    producer.stop();
    assert!(connection.receive().await.unavailable().starts_with(UNKNOWN));
    producer.stopped().await.unwrap();
}
