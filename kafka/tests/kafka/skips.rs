//! Retention overtakes a group: what it never sees is counted exactly, and everything after it is handled.

use kafka::group::core::RunAhead;

use crate::running::Running;
use crate::world::{World, wait_until};

const SKIPPED: &str = "ingest_offsets_skipped_total{kind=\"record\"}";

/// The group has committed 10, and nobody is in it.
async fn world() -> World {
    let world = World::new(1).await;
    world.send(0, 10).await;
    let before = Running::start(world.group());
    wait_until("all is stored", async || before.stored_of(0).len() == 10).await;
    before.wait_until_caught_up(0).await;
    assert_eq!(before.metric(SKIPPED), Some(0.0));
    before.stop().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_while_nobody_reads_is_counted_and_the_rest_is_handled() {
    let world = world().await;
    world.send(0, 40).await;
    world.delete_before(0, 33).await;
    let running = Running::start(world.group());
    running.wait_for_metric(SKIPPED, 23.0).await;
    wait_until("the rest is stored", async || running.stored_of(0) == (33..50).collect::<Vec<_>>()).await;
    running.wait_until_caught_up(0).await;
    assert!(!running.has_repeated());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_emptied_is_counted_without_a_record() {
    let world = world().await;
    world.send(0, 20).await;
    world.delete_before(0, 30).await;
    let running = Running::start(world.group());
    running.wait_for_metric(SKIPPED, 20.0).await;
    running.wait_until_caught_up(0).await;
    world.send(0, 5).await;
    wait_until("what comes next is stored", async || running.stored_of(0) == (30..35).collect::<Vec<_>>()).await;
    running.wait_until_caught_up(0).await;
    assert_eq!(running.metric(SKIPPED), Some(20.0), "each once");
    assert!(!running.has_repeated());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_before_a_member_that_holds_back_is_counted_under_the_same_assignment() {
    const RECORDS: usize = 300;
    let world = World::new(1).await;
    world.send(0, RECORDS).await;
    let mut group = world.group();
    group.limits.run_ahead = RunAhead { records: 20, bytes: 1_000_000 };
    let running = Running::held_up_within(group, 30_000);
    running.wait_for_metric("ingest_partitions_ahead{kind=\"record\"}", 1.0).await;
    world.delete_before(0, 250).await;
    running.relent();
    wait_until("the rest is stored", async || running.stored_of(0).ends_with(&[299])).await;
    let skipped = RECORDS - running.stored_of(0).len();
    assert!(skipped > 100, "{skipped}");
    running.wait_for_metric(SKIPPED, skipped as f64).await;
    running.wait_until_caught_up(0).await;
    assert!(!running.has_repeated());
    running.stop().await;
}
