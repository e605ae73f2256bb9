//! A dead letter that does not get through holds up only its own partition, which reads ahead within bounds, and
//! readiness says so although everything else works.

use crate::running::Running;
use crate::support::{World, post, wait_until};

const BOUND: usize = 100;
const POSTS: usize = 400;

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_stuck_reads_ahead_within_bounds_and_the_others_continue() {
    let world = World::new(2).await;
    let settings = [
        ("CONSUMER_BATCH_INTERVAL", "100ms"),
        ("CONSUMER_BATCH_MESSAGES", "10"),
        ("CONSUMER_RUN_AHEAD_RECORDS", &BOUND.to_string()),
        // At most this much is on its way between the bound and the pause.
        ("CONSUMER_BUFFER_BYTES", "1000000"),
    ];
    let running = Running::start(world.config(&settings)).await;
    running.wait_for_metric("ingest_rebalances_total{kind=\"post\",change=\"assigned\"}", 1.0).await;
    world.delete(&world.dead_letter_topic()).await;
    world.send_to(Some(0), None, Some(b"not a post")).await;
    running.wait_for_readyz("flush: Kafka does not take dead letters").await;
    for number in 0..POSTS {
        world.send_to(Some(0), None, Some(&post(number))).await;
    }
    running.wait_for_metric("ingest_partitions_ahead{kind=\"post\"}", 1.0).await;
    for number in 0..POSTS {
        world.send_to(Some(1), None, Some(&post(number))).await;
    }
    running.wait_for_metric(&world.lag(1), 0.0).await;
    let readyz = running.get("/readyz").await;
    assert!(readyz.starts_with("HTTP/1.1 503") && readyz.contains(", for "), "{readyz}");
    let stored = running.metric("ingest_records_stored_total{kind=\"post\"}").await.unwrap_or_default();
    assert!(
        stored >= POSTS as f64 && stored < 1.9 * POSTS as f64,
        "{stored} stored, too many of those behind the letter"
    );
    assert!(running.metric("ingest_dead_letter_retries_total{kind=\"post\"}").await > Some(0.0));

    world.create(&world.dead_letter_topic(), 1, &[]).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    wait_until("the partition is no longer paused", async || {
        running.metric("ingest_partitions_ahead{kind=\"post\"}").await == Some(0.0)
    })
    .await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 2.0 * POSTS as f64).await;
    world.wait_for_dead_letters(1).await;
    running.stop().await;
}
