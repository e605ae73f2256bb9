//! A dead-letter topic that is deleted, and dead letters whose records are.

use std::collections::BTreeSet;

use rdkafka::admin::AdminOptions;
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use crate::dead_letters_command::dead_letters;
use crate::running::Running;
use crate::support::{World, ids};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

/// The producer of the dead letters already knows the topic, with the sequence numbers of what it sent there.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_topic_that_is_deleted_and_recreated_gets_what_waited_for_it() {
    let world = World::new(1).await;
    let running = Running::start(world.config(&SOON)).await;
    for _ in 0..3 {
        world.send(None, Some(b"before")).await;
    }
    world.wait_for_dead_letters(3).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;

    for round in 1..=2 {
        world.delete(&world.dead_letter_topic()).await;
        for _ in 0..2 {
            world.send(None, Some(b"meanwhile")).await;
        }
        running.wait_for_readyz("flush: Kafka does not take dead letters").await;
        // They are not committed.
        running.wait_for_metric(&world.lag(0), 2.0).await;
        world.create(&world.dead_letter_topic(), 1, &[("retention.ms", "-1")]).await;
        let letters = world.wait_for_dead_letters(2).await;
        let offsets: BTreeSet<i64> = letters.iter().map(|(letter, _)| letter.offset).collect();
        assert_eq!(offsets, [2 * round + 1, 2 * round + 2].into());
        assert!(letters.iter().all(|(_, message)| message.payload() == Some(&b"meanwhile"[..])));
        running.wait_for_metric(&world.lag(0), 0.0).await;
        running.wait_for_readyz("HTTP/1.1 200").await;
    }
    let behind = world.send_posts(3).await;
    assert_eq!(ids(&world.wait_for_documents(3).await), behind);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_its_topic_no_longer_has_is_not_replayed() {
    let world = World::new(1).await;
    world.create(&world.dead_letter_topic(), 1, &[("max.message.bytes", "10000")]).await;
    let running = Running::start(world.config(&SOON)).await;
    world.send(None, Some(&[b'x'; 20_000])).await;
    world.send(None, Some(b"small")).await;
    world.wait_for_dead_letters(2).await;
    running.wait_for_metric(&world.lag(0), 0.0).await;
    running.stop().await;

    let mut removed = TopicPartitionList::new();
    removed.add_partition_offset(&world.topic, 0, Offset::Offset(1)).unwrap();
    world.admin().delete_records(&removed, &AdminOptions::new()).await.unwrap();
    let why = "retention has removed its record from the topic";
    let shown = dead_letters(&world, 0, &["show", "0/0"]).await;
    assert!(shown.contains(&format!("without its value of 20000 bytes: {why}\n")), "{shown}");
    assert!(shown.ends_with("20000 bytes\n(left out)\n\n"), "{shown}");
    let sent = dead_letters(&world, 1, &["replay"]).await;
    assert!(sent.contains(&format!("not replayed, {why}\n")) && sent.contains("acknowledged: 1\n"), "{sent}");
    assert!(sent.ends_with("no longer has it: 1\n"), "{sent}");

    // The same offsets again, first without a record and then with another one.
    world.delete(&world.topic).await;
    world.create_topic(1).await;
    let dry = dead_letters(&world, 1, &["replay", "--dry-run"]).await;
    assert!(dry.contains("the topic was recreated and has no record at its offset"), "{dry}");
    world.send(None, Some(&[b'x'; 20_000])).await;
    let shown = dead_letters(&world, 0, &["show", "0/0"]).await;
    assert!(shown.contains("the topic was recreated and has another record at its offset"), "{shown}");
}
