//! Too many dead letters: the consumer pauses loudly, loses nothing, and continues once someone has decided.

use std::collections::BTreeSet;

use crate::running::{Member, Running};
use crate::support::{World, ids, wait_until};

/// One flush at a time, so that it is known which records are judged first.
const ONE_BY_ONE: [(&str, &str); 3] =
    [("CONSUMER_BATCH_INTERVAL", "100ms"), ("CONSUMER_BATCH_MESSAGES", "20"), ("CONSUMER_CONCURRENT_FLUSHES", "1")];

const NO_LIMIT: [(&str, &str); 2] = [("DLQ_MAX_SHARE", "1"), ("DLQ_MAX_CONSECUTIVE", "0")];

fn settings<'a>(set: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    ONE_BY_ONE.into_iter().chain(set.iter().copied()).collect()
}

async fn send_poison(world: &World, count: usize) {
    for _ in 0..count {
        world.send_to(Some(0), None, Some(b"not a post")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_of_poison_stops_at_the_limit_and_is_drained_once_there_is_none() {
    let world = World::new(1).await;
    let mut sent = world.send_posts(5).await;
    send_poison(&world, 30).await;
    sent.extend(world.send_posts(5).await);

    let running = Running::start(world.config(&settings(&[("DLQ_MAX_CONSECUTIVE", "10")]))).await;
    running
        .wait_for_readyz("dead_letters: consuming is paused, more than DLQ_MAX_CONSECUTIVE=10 records in a row")
        .await;
    let readyz = running.get("/readyz").await;
    assert!(readyz.starts_with("HTTP/1.1 503"), "{readyz}");
    assert!(readyz.contains("partition 0, offset 15: undecodable, ") && readyz.contains("restart"), "{readyz}");
    let letters = world.wait_for_dead_letters(10).await;
    assert_eq!(letters.iter().map(|(letter, _)| letter.offset).collect::<Vec<_>>(), (5..15).collect::<Vec<_>>());
    let lag = format!("kafka_consumergroup_lag{{consumergroup=\"{0}\",topic=\"{0}\",partition=\"0\"}}", world.topic);
    running.wait_for_metric(&lag, 25.0).await;
    running.stop().await;

    let unlimited = Running::start(world.config(&settings(&NO_LIMIT))).await;
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(10).await), sent);
    unlimited.wait_for_metric(&lag, 0.0).await;
    let letters = world.wait_for_dead_letters(30).await;
    assert_eq!(letters.iter().map(|(letter, _)| letter.offset).collect::<Vec<_>>(), (5..35).collect::<Vec<_>>());
    unlimited.wait_for_readyz("HTTP/1.1 200").await;
    unlimited.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_that_is_too_large_stops_it_although_good_records_lie_between() {
    let world = World::new(1).await;
    let mut sent = Vec::new();
    for _ in 0..20 {
        send_poison(&world, 1).await;
        sent.extend(world.send_posts(1).await);
    }
    let running = Running::start(world.config(&settings(&[("DLQ_MAX_SHARE", "0.005")]))).await;
    running.wait_for_readyz("more than DLQ_MAX_SHARE=0.005 of the last 1000 records").await;
    world.wait_for_dead_letters(5).await;
    running.stop().await;
    let unlimited = Running::start(world.config(&settings(&NO_LIMIT))).await;
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(20).await), sent);
    world.wait_for_dead_letters(20).await;
    unlimited.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_in_ten_is_dead_lettered_without_a_pause() {
    let world = World::new(2).await;
    let mut sent = Vec::new();
    for _ in 0..200 {
        world.send(None, Some(b"not a post")).await;
        sent.extend(world.send_posts(9).await);
    }
    let running = Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms")])).await;
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(1800).await), sent);
    world.wait_for_dead_letters(200).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_while_records_are_held_is_a_clean_one() {
    let world = World::new(1).await;
    send_poison(&world, 3).await;
    let member = Member::start(&world, &settings(&[("DLQ_MAX_CONSECUTIVE", "1")])).await;
    member.wait_for_readyz("DLQ_MAX_CONSECUTIVE=1").await;
    member.signal("TERM");
    assert_eq!(member.ended().await.code(), Some(0));
    world.wait_for_dead_letters(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_holds_records_hands_its_partitions_over() {
    let world = World::new(2).await;
    send_poison(&world, 20).await;
    let one = Running::start(world.config(&settings(&[("DLQ_MAX_CONSECUTIVE", "5")]))).await;
    one.wait_for_readyz("DLQ_MAX_CONSECUTIVE=5").await;
    let two = Running::start(world.config(&settings(&NO_LIMIT))).await;
    wait_until("the partitions are shared", async || {
        (one.held(&world.topic).await, two.held(&world.topic).await) == (1, 1)
    })
    .await;
    one.stop().await;
    let sent = world.send_posts(50).await;
    assert_eq!(ids(&world.wait_for_documents(50).await), {
        let mut sent = sent;
        sent.sort();
        sent
    });
    let letters = world.wait_for_dead_letters(20).await;
    assert_eq!(letters.iter().map(|(letter, _)| letter.offset).collect::<BTreeSet<_>>().len(), 20);
    two.stop().await;
}
