//! Where a group starts that has never committed.

use kafka::group::{GroupConfig, OffsetReset};

use crate::running::Running;
use crate::world::{World, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_starts_behind_the_last_record_never_sees_the_earlier_ones() {
    let world = World::new(1).await;
    world.send(0, 5).await;
    let running = Running::start(GroupConfig { offset_reset: OffsetReset::Latest, ..world.group() });
    wait_until("it stores a record", async || {
        // Until it has found the end, it takes none.
        world.send(0, 1).await;
        !running.stored_of(0).is_empty()
    })
    .await;
    assert!(running.stored_of(0)[0] >= 5, "{:?}", running.stored_of(0));
    running.wait_until_caught_up(0).await;
    assert_eq!(running.metric("ingest_offsets_skipped_total{kind=\"record\"}"), Some(0.0), "retention deleted none");
    running.stop().await;
}
