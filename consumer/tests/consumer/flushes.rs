//! When batches are flushed, and what is committed.

use crate::running::Running;
use crate::support::{World, ids, post, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn full_batches_are_flushed_by_size_and_the_rest_by_the_timer_of_its_first_record() {
    let world = World::new(1).await;
    let sent = world.send_posts(250).await;
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "2s")])).await;
    let stored = world.wait_for_documents(250).await;
    assert_eq!(ids(&stored), {
        let mut sent = sent;
        sent.sort();
        sent
    });
    running.wait_for_metric("ingest_flush_batch_records_count{kind=\"post\"}", 3.0).await;
    assert_eq!(running.metric("ingest_flush_batch_records_bucket{kind=\"post\",le=\"50\"}").await, Some(1.0));
    assert_eq!(running.metric("ingest_flush_batch_records_bucket{kind=\"post\",le=\"99\"}").await, Some(1.0));
    assert_eq!(running.metric("ingest_flush_batch_records_bucket{kind=\"post\",le=\"100\"}").await, Some(3.0));
    assert_eq!(running.metric("ingest_flushes_total{kind=\"post\",trigger=\"size\"}").await, Some(2.0));
    assert_eq!(running.metric("ingest_flushes_total{kind=\"post\",trigger=\"interval\"}").await, Some(1.0));
    assert_eq!(running.metric("ingest_records_consumed_total{kind=\"post\"}").await, Some(250.0));
    assert_eq!(running.metric("ingest_records_stored_total{kind=\"post\"}").await, Some(250.0));
    assert_eq!(running.metric("ingest_accept_to_store_seconds_count{kind=\"post\"}").await, Some(250.0));
    let lag = format!("kafka_consumergroup_lag{{consumergroup=\"{0}\",topic=\"{0}\",partition=\"0\"}}", world.topic);
    running.wait_for_metric(&lag, 0.0).await;
    for (gauge, value) in [
        ("ingest_buffered_bytes{kind=\"post\"}", 0.0),
        ("ingest_buffered_bytes_limit{kind=\"post\"}", 16e6),
        ("ingest_flushes_in_flight{kind=\"post\"}", 0.0),
        ("ingest_flushes_in_flight_limit{kind=\"post\"}", 4.0),
        ("ingest_store_connections{state=\"in_use\"}", 0.0),
        ("ingest_rebalances_total{kind=\"post\",change=\"assigned\"}", 1.0),
    ] {
        running.wait_for_metric(gauge, value).await;
    }
    assert!(running.metric("ingest_store_connections{state=\"idle\"}").await >= Some(1.0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_make_a_flush_too() {
    let world = World::new(1).await;
    world.send_posts(10).await;
    let settings = [("CONSUMER_BATCH_BYTES", "1000"), ("CONSUMER_BATCH_INTERVAL", "1h")];
    let running = Running::start(world.config(&settings)).await;
    // A post weighs some 450 bytes in memory: three make a batch, and the tenth waits for more.
    running.wait_for_metric("ingest_flushes_total{kind=\"post\",trigger=\"bytes\"}", 3.0).await;
    running.stop().await;
    world.wait_for_documents(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_flushes_commits_and_leaves() {
    let world = World::new(1).await;
    let interval = [("CONSUMER_BATCH_INTERVAL", "1h")];
    let running = Running::start(world.config(&interval)).await;
    world.send_posts(7).await;
    running.wait_for_metric("ingest_records_consumed_total{kind=\"post\"}", 7.0).await;
    running.stop().await;
    world.wait_for_documents(7).await;

    let next = Running::start(world.config(&interval)).await;
    world.send_posts(1).await;
    next.wait_for_metric("ingest_records_consumed_total{kind=\"post\"}", 1.0).await;
    next.stop().await;
    world.wait_for_documents(8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_is_sent_again_is_stored_once() {
    let world = World::new(1).await;
    let id = world.send_posts(1).await[0];
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 1.0).await;
    world.send(Some(&id.to_key()), Some(&post(0))).await;
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 1.0).await;
    assert_eq!(running.metric("ingest_records_stored_total{kind=\"post\"}").await, Some(1.0));
    world.wait_for_documents(1).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_bounded_by_pausing_and_everything_is_stored_in_the_end() {
    let world = World::new(2).await;
    world.send_posts(3000).await;
    // A budget of a thousand records with an interval that fills it: fetching has to wait again and again.
    let settings = [
        ("CONSUMER_BUFFER_BYTES", "1000000"),
        ("CONSUMER_BATCH_MESSAGES", "100000"),
        ("CONSUMER_BATCH_INTERVAL", "3s"),
    ];
    let running = Running::start(world.config(&settings)).await;
    wait_until("all stored", async || {
        running.metric("ingest_records_stored_total{kind=\"post\"}").await == Some(3000.0)
    })
    .await;
    assert!(running.metric("ingest_flushes_total{kind=\"post\",trigger=\"interval\"}").await >= Some(2.0));
    running.stop().await;
    world.wait_for_documents(3000).await;
}
