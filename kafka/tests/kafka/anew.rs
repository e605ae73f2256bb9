//! A topic that is deleted and made anew under a member, and is longer than its position by then: librdkafka reads on
//! at that position without a word (`positions`), so the member says it and ends, and the next one reads everything.

use crate::running::Running;
use crate::world::{World, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_is_read_from_its_beginning_by_the_next_member() {
    let world = World::new(1).await;
    world.send(0, 20).await;
    let running = Running::start(world.group());
    running.wait_until_caught_up(0).await;
    world.delete_topic().await;
    world.create_topic(1).await;
    world.send(0, 50).await;
    let (outcome, parts) = running.ended().await;
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("was deleted and made anew") && error.contains(&world.topic), "{error}");
    parts.wait_until_gone().await;

    let next = Running::start(world.group());
    wait_until("all of the new topic is stored", async || next.stored_of(0) == (0..50).collect::<Vec<_>>()).await;
    next.wait_until_caught_up(0).await;
    next.stop().await;
}
