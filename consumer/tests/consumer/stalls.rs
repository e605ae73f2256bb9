//! Members that stall, and members that are killed: the others take over, nothing is lost or duplicated, and a member
//! that continues comes back by itself.

use std::time::{Duration, Instant};

use crate::running::{Endpoints, Member, Running};
use crate::support::{World, ids, wait_until};

const SOON: [(&str, &str); 2] = [("CONSUMER_BATCH_INTERVAL", "200ms"), ("CONSUMER_BATCH_MESSAGES", "10")];

/// Waits until each member holds two of the four partitions.
async fn wait_until_shared(world: &World, one: &Endpoints, two: &Endpoints) {
    wait_until("the partitions are shared", async || {
        (one.held(&world.topic).await, two.held(&world.topic).await) == (2, 2)
    })
    .await;
}

async fn wait_until_all_is_committed(world: &World, members: &[&Endpoints]) {
    let series = format!("kafka_consumergroup_lag{{consumergroup=\"{}\"", world.topic);
    wait_until("no lag is left", async || {
        let mut lags = Vec::new();
        for member in members {
            let text = member.get("/metrics").await;
            lags.extend(text.lines().filter(|line| line.starts_with(&series)).map(|line| line.ends_with(" 0")));
        }
        lags == [true; 4]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_frozen_loses_its_partitions_and_comes_back() {
    let world = World::new(4).await;
    let frozen = Member::start(&world, &SOON).await;
    let other = Running::start(world.config(&SOON)).await;
    wait_until_shared(&world, &frozen, &other).await;
    let mut sent = world.send_posts(200).await;
    frozen.signal("STOP");
    sent.extend(world.send_posts(200).await);
    wait_until("the other member holds all", async || other.held(&world.topic).await == 4).await;
    world.wait_for_documents(sent.len()).await;
    sent.extend(world.send_posts(200).await);

    frozen.signal("CONT");
    wait_until_shared(&world, &frozen, &other).await;
    sent.extend(world.send_posts(200).await);
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(sent.len()).await), sent);
    wait_until_all_is_committed(&world, &[&frozen, &other]).await;
    frozen.signal("TERM");
    assert_eq!(frozen.ended().await.code(), Some(0));
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_killed_is_replaced_with_the_settings_as_they_are() {
    let world = World::new(4).await;
    let killed = Member::start(&world, &[]).await;
    let other = Running::start(world.config(&[])).await;
    wait_until_shared(&world, &killed, &other).await;
    let mut sent = world.send_posts(500).await;
    wait_until("the member has work", async || {
        killed.metric("ingest_records_consumed_total{kind=\"post\"}").await > Some(0.0)
    })
    .await;
    killed.signal("KILL");
    let killed_at = Instant::now();
    assert_eq!(killed.ended().await.code(), None);
    wait_until("the other member holds all", async || other.held(&world.topic).await == 4).await;
    println!("taken over {:?} after the kill", killed_at.elapsed());
    sent.extend(world.send_posts(500).await);
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(sent.len()).await), sent);
    println!("all stored {:?} after the kill", killed_at.elapsed());
    other.stop().await;
}

/// It wakes up fenced, with records that it can no longer commit, and with the signal waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_stopped_while_it_is_frozen_ends_well() {
    let world = World::new(2).await;
    // A store that other tests keep busy may take longer than the default.
    let with_time = [&SOON[..], &[("STOP_GRACE", "40s")]].concat();
    let frozen = Member::start(&world, &with_time).await;
    wait_until("the member holds both", async || frozen.held(&world.topic).await == 2).await;
    let mut sent = world.send_posts(300).await;
    frozen.signal("STOP");
    // Longer than the session.
    tokio::time::sleep(Duration::from_secs(8)).await;
    frozen.signal("TERM");
    frozen.signal("CONT");
    assert_eq!(frozen.ended().await.code(), Some(0));
    let other = Running::start(world.config(&SOON)).await;
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(sent.len()).await), sent);
    other.stop().await;
}
