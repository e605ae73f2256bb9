//! Members that end, whichever way: what they held is free at once, and none of their threads lives on.

use std::time::Duration;

use kafka::group::GroupConfig;
use stack::kafka::BrokerOptions;
use stack::{Server, environment};

use crate::running::{Parts, Running};
use crate::world::{World, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_member_whose_handler_fails_leaves_the_group_to_the_others_at_once() {
    let world = World::new(1).await;
    // Longer than the wait for anything here: the next one gets the partition in time only if this one leaves.
    let group = GroupConfig { session_timeout: Duration::from_secs(50), ..world.group() };
    let failing = Running::panicking(group.clone());
    wait_until("it holds the partition", async || failing.held() == 1).await;
    world.send(0, 10).await;
    let (outcome, parts) = failing.ended().await;
    assert_eq!(outcome.unwrap_err().to_string(), "a flush failed");
    parts.wait_until_gone().await;

    let next = Running::start(group);
    wait_until("the next one has it all", async || next.stored_of(0).len() == 10).await;
    next.wait_until_caught_up(0).await;
    next.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_without_a_broker_ends_when_its_caller_waits_no_longer() {
    let broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let parts = stop_and_abandon(&broker, async || broker.kill().await.unwrap()).await;
    parts.wait_until_gone().await;
}

/// librdkafka reports nothing about a commit before it has tried it three times, each for up to `socket.timeout.ms`.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_before_a_frozen_broker_ends_when_its_caller_waits_no_longer_and_the_broker_continues() {
    let broker = stack::kafka::start(&BrokerOptions::default(), environment).await.unwrap();
    let parts = stop_and_abandon(&broker, async || broker.pause().unwrap()).await;
    broker.resume().unwrap();
    parts.wait_until_gone().await;
}

/// Stops a member that has stored what it cannot commit, because the broker went away in between, and waits for it no
/// longer.
async fn stop_and_abandon(broker: &Server, go_away: impl AsyncFnOnce()) -> Parts {
    let world = World::at(&broker.address());
    world.create_topic(1).await;
    let mut running = Running::held_up(world.group());
    world.send(0, 1).await;
    running.wait_for_unready("flush: not now").await;
    go_away().await;
    running.relent();
    wait_until("the record is stored", async || running.stored_of(0) == [0]).await;
    running.ask_to_stop();
    running.wait_for_unready("commit: ").await;
    assert!(running.is_running(), "it does not give up its commit by itself");
    running.abandon()
}
