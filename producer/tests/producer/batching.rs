//! Batches, codecs and partitions: many posts at once, read back by another client.

use std::collections::BTreeSet;

use kafka::publish::LANES_PER_BROKER;
use rskafka::client::ClientBuilder;

use crate::client::{POST, post};
use crate::running::Producer;
use crate::topic::{fresh_topic, partitions, records};

/// Sends this many posts at once; returns their ids.
async fn accepted(producer: &Producer, count: usize) -> BTreeSet<String> {
    let responses = producer.ask_all((0..count).map(|_| post(POST))).await;
    let ids: BTreeSet<String> = responses.iter().map(|response| response.created_id()).collect();
    assert_eq!(ids.len(), count);
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn every_codec_is_readable() {
    let broker = stack::shared().await.kafka_broker();
    for codec in ["none", "gzip", "lz4", "snappy", "zstd"] {
        let topic = fresh_topic();
        let settings = [("PRODUCER_COMPRESSION", codec), ("PRODUCER_LINGER", "20ms")];
        let producer = Producer::with_kafka(&topic, &settings).await;
        let ids = accepted(&producer, 50).await;
        let records = records(broker, &topic).await;
        assert_eq!(records.len(), 50, "{codec}");
        assert_eq!(records.iter().map(|record| record.key.clone()).collect::<BTreeSet<_>>(), ids, "{codec}");
        assert!(records.iter().all(|record| record.value == POST), "{codec}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_may_be_as_small_as_one_post() {
    let topic = fresh_topic();
    let settings = [
        ("PRODUCER_BATCH_BYTES", "1"),
        ("PRODUCER_LINGER", "1h"),
        ("PRODUCER_LINGER_ADAPTIVE", "false"),
        ("PRODUCER_TIMEOUT", "2h"),
    ];
    let producer = Producer::with_kafka(&topic, &settings).await;
    // A batch that is full with its first post does not wait for the linger time.
    for count in 1..=2 {
        producer.ask(post(POST)).await.created_id();
        producer.metric(&format!("ingest_produce_batch_records_count{{kind=\"post\"}} {count}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_grow_with_the_load() {
    let topic = fresh_topic();
    let settings = [("PRODUCER_LINGER", "50ms"), ("PRODUCER_LINGER_ADAPTIVE", "false")];
    let producer = Producer::with_kafka(&topic, &settings).await;
    // Each lane connects for its first batch.
    for _ in 0..LANES_PER_BROKER {
        producer.ask(post(POST)).await.created_id();
    }
    // No two of these fit into 7,700 bytes.
    let large = format!(r#"{{"title":"Hello","content":"{}"}}"#, "🦀".repeat(1000));
    let responses = producer.ask_all((0..100).map(|_| post(&large))).await;
    assert!(responses.iter().all(|response| response.status == 201));
    let metrics = producer.look("/metrics").await;
    let batches =
        metrics.text().lines().find_map(|line| line.strip_prefix("ingest_produce_batch_records_count{kind=\"post\"} "));
    let batches: usize = batches.unwrap().parse().unwrap();
    assert!(batches < LANES_PER_BROKER + 100, "{batches} batches");
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_spread_over_the_partitions() {
    let topic = fresh_topic();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "4")]).await;
    let broker = stack::shared().await.kafka_broker();
    assert_eq!(partitions(broker, &topic).await, 4);
    for _ in 0..8 {
        producer.ask(post(POST)).await.created_id();
    }
    let used: BTreeSet<i32> = records(broker, &topic).await.iter().map(|record| record.partition).collect();
    assert!(used.iter().eq(&[0, 1, 2, 3]), "{used:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_topic_is_used_as_it_is() {
    let broker = stack::shared().await.kafka_broker();
    let topic = fresh_topic();
    let client = ClientBuilder::new(vec![broker.to_owned()]).build().await.unwrap();
    client.controller_client().unwrap().create_topic(&topic, 3, 1, 5_000).await.unwrap();
    let producer = Producer::with_kafka(&topic, &[("KAFKA_PARTITIONS", "2")]).await;
    let ids = accepted(&producer, 60).await;
    assert_eq!(partitions(broker, &topic).await, 3);
    let records = records(broker, &topic).await;
    assert!(records.iter().map(|record| &record.key).collect::<BTreeSet<_>>().into_iter().eq(&ids));
}
