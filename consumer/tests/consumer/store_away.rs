//! Kafka or the store is not there yet, or goes away.

use stack::kafka::BrokerOptions;
use stack::store::StoreOptions;
use stack::{environment, free_port, kafka, store};

use crate::running::Running;
use crate::support::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_started_first_waits_for_the_store_and_the_topic() {
    let stack = stack::shared().await;
    let port = free_port();
    let world = World::at(stack.kafka_broker(), &store::uri(port));
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    running.wait_for_readyz("store: ").await;
    assert!(running.get("/livez").await.starts_with("HTTP/1.1 200"));
    let server =
        store::start(&StoreOptions { port: Some(port), ..StoreOptions::default() }, environment).await.unwrap();
    running.wait_for_readyz("does not exist yet").await;
    world.create_topic(1).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    world.send_posts(3).await;
    world.wait_for_documents(3).await;
    running.stop().await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_away_holds_the_batch_and_nothing_is_lost() {
    let stack = stack::shared().await;
    let mut server = store::start(&StoreOptions::default(), environment).await.unwrap();
    let world = World::at(stack.kafka_broker(), &store::uri(server.port()));
    world.create_topic(1).await;
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    world.send_posts(10).await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 10.0).await;

    server.kill().await.unwrap();
    world.send_posts(500).await;
    running.wait_for_readyz("flush: MongoDB does not take documents").await;
    assert!(running.metric("ingest_store_retries_total{kind=\"post\"}").await > Some(0.0));
    server.restart().await.unwrap();
    world.wait_for_documents(510).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    assert_eq!(running.metric("ingest_records_dead_lettered_total{kind=\"post\",reason=\"refused\"}").await, Some(0.0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_goes_away_comes_back_unaided() {
    let stack = stack::shared().await;
    let mut server = kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let world = World::at(&server.address(), stack.mongo_uri());
    world.create_topic(1).await;
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    world.send_posts(10).await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 10.0).await;
    server.kill().await.unwrap();
    running.wait_for_readyz("kafka: does not answer").await;
    server.restart().await.unwrap();
    world.send_posts(10).await;
    world.wait_for_documents(20).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}
