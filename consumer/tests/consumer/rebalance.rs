//! Members come and go; nothing is lost, and in a clean hand-over nothing is read twice.

use crate::running::Running;
use crate::support::{World, ids, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_the_work_and_one_takes_over_when_the_other_leaves() {
    let world = World::new(4).await;
    let settings = [("CONSUMER_BATCH_INTERVAL", "200ms"), ("CONSUMER_BATCH_MESSAGES", "10")];
    let one = Running::start(world.config(&settings)).await;
    wait_until("the first member holds all", async || one.held(&world.topic).await == 4).await;
    let mut sent = world.send_posts(400).await;
    let two = Running::start(world.config(&settings)).await;
    sent.extend(world.send_posts(400).await);
    wait_until("the partitions are shared", async || {
        (one.held(&world.topic).await, two.held(&world.topic).await) == (2, 2)
    })
    .await;
    sent.extend(world.send_posts(400).await);
    wait_until("both have stored all", async || stored(&one).await + stored(&two).await == 1200.0).await;
    assert!(stored(&two).await > 0.0);
    let before = stored(&one).await;

    sent.extend(world.send_posts(200).await);
    two.stop().await;
    sent.extend(world.send_posts(200).await);
    wait_until("the first member holds all again", async || one.held(&world.topic).await == 4).await;
    let documents = world.wait_for_documents(sent.len()).await;
    sent.sort();
    assert_eq!(ids(&documents), sent);
    assert!(stored(&one).await > before);
    assert_eq!(
        one.metric("ingest_records_duplicate_total{kind=\"post\"}").await,
        Some(0.0),
        "a clean hand-over reads nothing twice"
    );
    for partition in 0..4 {
        let lag = format!(
            "kafka_consumergroup_lag{{consumergroup=\"{0}\",topic=\"{0}\",partition=\"{partition}\"}}",
            world.topic
        );
        one.wait_for_metric(&lag, 0.0).await;
    }
    one.stop().await;
}

async fn stored(running: &Running) -> f64 {
    running.metric("ingest_records_stored_total{kind=\"post\"}").await.unwrap_or_default()
}
