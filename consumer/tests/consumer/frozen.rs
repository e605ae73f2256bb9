//! A member that is frozen while its buffer is full: fault 1 of issue 15, in which 431 of 3,000 posts were lost
//! silently.

use std::time::Duration;

use crate::running::{Member, Running};
use crate::support::{World, ids, wait_until};

const POSTS: usize = 3_000;

/// A buffer so small that it is full, and a batch so large that it is not flushed, when the member freezes.
const FULL: [(&str, &str); 4] = [
    ("CONSUMER_BUFFER_BYTES", "1000000"),
    ("CONSUMER_BATCH_MESSAGES", "100000"),
    ("CONSUMER_BATCH_INTERVAL", "20s"),
    // A store that other tests keep busy may take longer than the default.
    ("STOP_GRACE", "40s"),
];

/// Longer than the session, so that the group gives the partition away.
const FROZEN: Duration = Duration::from_secs(9);

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_freezes_with_a_full_buffer_loses_nothing() {
    let world = World::new(1).await;
    let mut sent = world.send_large_posts(POSTS).await;
    let frozen = Member::start(&world, &FULL).await;
    wait_until("the buffer is full", async || {
        frozen.metric("ingest_buffered_bytes{kind=\"post\"}").await.is_some_and(|bytes| bytes >= 1_000_000.0)
    })
    .await;
    // Waits until fetching is paused: a second after the buffer is full.
    tokio::time::sleep(Duration::from_secs(2)).await;
    frozen.signal("STOP");
    tokio::time::sleep(FROZEN).await;
    frozen.signal("CONT");
    wait_until("the member holds the partition again", async || {
        frozen.metric("ingest_rebalances_total{kind=\"post\",change=\"assigned\"}").await == Some(2.0)
    })
    .await;
    wait_until("it stores again", async || {
        frozen.metric("ingest_records_stored_total{kind=\"post\"}").await > Some(0.0)
    })
    .await;
    frozen.signal("TERM");
    assert_eq!(frozen.ended().await.code(), Some(0));

    let other = Running::start(world.config(&[])).await;
    let lag = format!("kafka_consumergroup_lag{{consumergroup=\"{0}\",topic=\"{0}\",partition=\"0\"}}", world.topic);
    other.wait_for_metric("ingest_rebalances_total{kind=\"post\",change=\"assigned\"}", 1.0).await;
    wait_until("Kafka has said where the partition ends", async || {
        other
            .metric(&format!("kafka_topic_partition_current_offset{{topic=\"{}\",partition=\"0\"}}", world.topic))
            .await
            == Some(POSTS as f64)
    })
    .await;
    other.wait_for_metric(&lag, 0.0).await;
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(POSTS).await), sent);
    other.stop().await;
}
