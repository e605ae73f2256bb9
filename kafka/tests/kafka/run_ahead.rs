//! A record that cannot be stored holds up only its own partition, and within bounds.

use kafka::group::core::RunAhead;

use crate::running::Running;
use crate::world::{World, wait_until};

const AHEAD: usize = 20;
const BUFFERED: usize = 30;
const RECORDS: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_held_up_pauses_its_partition_within_bounds_and_no_other_one() {
    let world = World::new(2).await;
    world.send(0, RECORDS).await;
    world.send(1, RECORDS).await;
    let mut group = world.group();
    group.limits.run_ahead = RunAhead { records: AHEAD, bytes: 1_000_000 };
    let running = Running::held_up_within(group, BUFFERED * 1_000);
    running.wait_for_metric("ingest_partitions_ahead{kind=\"record\"}", 1.0).await;
    wait_until("it is held up for a while", async || {
        let why = running.wait_for_unready("flush: not now, for ").await;
        let seconds = why.split_once("flush: not now, for ").and_then(|(_, rest)| rest.split_once(" s"));
        seconds.and_then(|(seconds, _)| seconds.parse().ok()).is_some_and(|seconds: u64| seconds >= 2)
    })
    .await;
    wait_until("the other partition continues", async || running.stored_of(1).len() == RECORDS).await;
    running.wait_until_caught_up(1).await;
    running.wait_for_metric("ingest_partitions_ahead{kind=\"record\"}", 1.0).await;
    let taken = running.metric("ingest_records_consumed_total{kind=\"record\"}").unwrap() as usize - RECORDS;
    // The buffer takes records until one exceeds it.
    assert!((AHEAD + 1..=AHEAD + 1 + BUFFERED + 1).contains(&taken), "{taken} records were taken");
    assert!(!running.stored_of(0).contains(&0) && world.committed(&[0])[&0].is_none());
    assert!(running.lag(0).unwrap().1 > 0.0);

    running.relent();
    wait_until("all is stored", async || running.stored_of(0).len() == RECORDS).await;
    running.wait_until_caught_up(0).await;
    running.wait_for_metric("ingest_partitions_ahead{kind=\"record\"}", 0.0).await;
    running.wait_for_ready().await;
    assert!(!running.has_repeated());
    running.stop().await;
    assert_eq!(world.committed(&[0, 1]).into_values().collect::<Vec<_>>(), [Some(RECORDS as i64); 2]);
}
