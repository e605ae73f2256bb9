//! A member that must not fetch keeps its partitions, and fetches as soon as it may.

use crate::running::Running;
use crate::world::{World, wait_until};

const RECORDS: usize = 20;
const CONSUMED: &str = "ingest_records_consumed_total{kind=\"record\"}";

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_fetched_before_it_may_be_nor_while_it_is_paused() {
    let world = World::new(2).await;
    world.send(0, RECORDS).await;
    let running = Running::paused(world.group());
    wait_until("the lag is shown", async || running.lag(0).is_some_and(|(lag, _)| lag == RECORDS as f64)).await;
    assert_eq!((running.held(), running.metric(CONSUMED)), (2, Some(0.0)));
    running.pause(false);
    running.wait_until_caught_up(0).await;
    assert_eq!(running.stored_of(0).len(), RECORDS);

    running.pause(true);
    // It is paused once a record stays where it is.
    wait_until("nothing more is fetched", async || {
        world.send(1, 1).await;
        running.lag(1).is_some_and(|(_, seconds)| seconds > 1.0)
    })
    .await;
    let consumed = running.metric(CONSUMED);
    world.send(1, RECORDS).await;
    let more = RECORDS as f64;
    wait_until("the lag grows", async || running.lag(1).is_some_and(|(lag, _)| lag >= more)).await;
    assert_eq!((running.held(), running.metric(CONSUMED)), (2, consumed));
    running.pause(false);
    running.wait_until_caught_up(1).await;
    assert!(!running.has_repeated());
    running.stop().await;
}
