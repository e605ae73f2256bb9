//! A topic that is deleted and recreated under a member, and has grown beyond its position: librdkafka reads on at that
//! position without a word (`positions`), so the member reports it and ends, and the next one reads everything.

use crate::running::Running;
use crate::world::{World, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_recreated_topic_is_read_from_its_beginning_by_the_next_member() {
    let world = World::new(1).await;
    world.send(0, 20).await;
    let running = Running::start(world.group());
    running.wait_until_caught_up(0).await;
    world.delete_topic().await;
    world.create_topic(1).await;
    world.send(0, 50).await;
    let (outcome, parts) = running.ended().await;
    let error = outcome.unwrap_err().to_string();
    assert!(error.contains("was deleted and recreated") && error.contains(&world.topic), "{error}");
    parts.wait_until_gone().await;

    let next = Running::start(world.group());
    wait_until("all of the new topic is stored", async || next.stored_of(0) == (0..50).collect::<Vec<_>>()).await;
    next.wait_until_caught_up(0).await;
    next.stop().await;
}
