//! A kind that is stuck, or that fails, is not the others' trouble.

use std::time::Duration;

use bson::doc;

use crate::mongodb_answers::{Failing, named_uri};
use crate::order_world::{SOME_TIME_MS, STORED, State};
use crate::running::Running;
use crate::support::{World, ids, wait_until};

const POSTS_CONSUMED: &str = "ingest_records_consumed_total{kind=\"post\"}";
const ORDERS_CONSUMED: &str = "ingest_records_consumed_total{kind=\"order\"}";
const BOTH: (&str, &str) = ("KINDS", "post,order");
const SOON: (&str, &str) = ("CONSUMER_BATCH_INTERVAL", "100ms");

#[tokio::test(flavor = "multi_thread")]
async fn orders_whose_dead_letters_cannot_be_written_hold_up_no_posts() {
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let running = Running::start(world.config(&[BOTH, SOON])).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    world.delete(&world.order_dead_letter_topic()).await;
    world.send_to_orders(0, SOME_TIME_MS, Some(b"A"), b"not an order").await;
    running.wait_for_readyz("order: flush: Kafka does not take dead letters").await;

    let posts = world.send_posts(500).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    let stored = ids(&world.wait_for_documents(500).await);
    assert!(stored.len() == 500 && posts.iter().all(|id| stored.contains(id)));
    let readyz = running.get("/readyz").await;
    assert!(readyz.starts_with("HTTP/1.1 503"), "{readyz}");
    assert!(readyz.contains("\"order: flush: Kafka does not take dead letters"), "of nothing else: {readyz}");
    world.create(&world.order_dead_letter_topic(), 1, &[]).await;
    world.wait_for_order_letters(1).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

/// They hold all that they can get of the buffer, which is smaller than what waits in the topic.
#[tokio::test(flavor = "multi_thread")]
async fn orders_that_the_store_does_not_take_hold_up_no_posts() {
    const ORDERS: i64 = 3_000;
    let world = World::on_mongodb().await;
    world.create_order_topic(1).await;
    let uri = named_uri(&world);
    let small = [("CONSUMER_BUFFER_BYTES", "1000000"), ("MONGO_URI", &uri)];
    let running = Running::start(world.config(&[&[BOTH, SOON], &small[..]].concat())).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    world.send_orders((0..ORDERS).map(|n| (format!("A-{n}"), 1))).await;
    running.wait_for_metric(STORED, ORDERS as f64).await;
    let stored = running.metric(ORDERS_CONSUMED).await.unwrap();
    // Each has a document now, so the next states are replacements, which posts never are.
    let failing = Failing::start(&world, "update", doc! { "errorCode": 91 }).await;
    world.send_orders((0..ORDERS).map(|n| (format!("A-{n}"), 2))).await;
    running.wait_for_readyz("order: flush: MongoDB does not take documents").await;
    let mut read = 0.0;
    wait_until("orders hold all that they can get", async || {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let before = std::mem::replace(&mut read, running.metric(ORDERS_CONSUMED).await.unwrap());
        read > stored && read == before
    })
    .await;
    assert!(read < stored + ORDERS as f64, "the buffer holds all, and is not full");

    // More than the buffer holds at a time.
    let posts = world.send_large_posts(2_000).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    let mut expected = posts;
    expected.sort();
    assert_eq!(ids(&world.wait_for_documents(2_000).await), expected);
    assert_eq!(world.orders().await.count_documents(doc! { "quantity": 2 }).await.unwrap(), 0);
    assert!(running.get("/readyz").await.contains("order: flush: "));

    failing.no_more().await;
    // As long as there are more and more: the store makes each replacement durable by itself.
    let mut stored = 0;
    while stored < ORDERS as u64 {
        let before = stored;
        wait_until("more orders are stored", async || {
            stored = world.orders().await.count_documents(doc! { "quantity": 2 }).await.unwrap();
            stored > before
        })
        .await;
    }
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

/// The engine of orders ends with an error when their topic is deleted and recreated. Posts that wait for company are
/// stored and committed before the process ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_fails_ends_the_consumer_after_the_others_have_flushed() {
    let world = World::new(1).await;
    world.create_order_topic(1).await;
    let late = [BOTH, ("CONSUMER_BATCH_INTERVAL", "1h"), ("ORDER_CONSUMER_BATCH_INTERVAL", "100ms")];
    let running = Running::start(world.config(&late)).await;
    world.send_order(State::new("A", 1)).await;
    world.wait_for_order(State::new("A", 1)).await;
    world.wait_for_finished_orders(&running, &world.order_topic(), 1).await;
    let posts = world.send_posts(7).await;
    wait_until("the posts are read", async || running.metric(POSTS_CONSUMED).await == Some(7.0)).await;

    wait_until("the engine of orders fails", async || {
        world.delete(&world.order_topic()).await;
        world.create_order_topic(1).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        if running.has_ended() {
            return true;
        }
        // It has seen the topic missing, and has given its partition up in time. So it starts again with the new one.
        world.send_order(State::new("A", 1)).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        false
    })
    .await;
    let error = format!("{:#}", running.ended().await.unwrap_err());
    assert!(error.starts_with("the engine of the kind order failed: Kafka has forgotten"), "{error}");
    assert_eq!(ids(&world.wait_for_documents(7).await), posts);
    let next = Running::start(world.config(&[SOON])).await;
    next.wait_for_metric(&world.lag(0), 0.0).await;
    assert_eq!(next.metric(POSTS_CONSUMED).await, Some(0.0), "they were committed");
    next.stop().await;
}
