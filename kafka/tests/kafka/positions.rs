//! Assumptions about positions that no longer exist, because records are deleted or the topic is another one. They are
//! why the first record's offset shows what was skipped, and why an offset can mean another record than before.

use rdkafka::consumer::{CommitMode, Consumer};

use crate::plain::{join, poll_records};
use crate::world::{DEADLINE, World, offsets};

#[tokio::test(flavor = "multi_thread")]
async fn a_position_below_the_low_watermark_jumps_to_it_and_the_group_keeps_what_it_has_committed() {
    let world = World::new(1).await;
    world.send(0, 30).await;
    let one = join(&world.group(), &[]);
    let records = poll_records(&one, 0, 5);
    one.commit(&world.list(&[(0, 5)]), CommitMode::Sync).unwrap();
    drop(one);
    world.delete_before(0, 20).await;

    let two = join(&world.group(), &[]);
    assert_eq!(records, (0..5).map(|offset| (0, offset)).collect::<Vec<_>>());
    assert_eq!(poll_records(&two, 0, 1), [(0, 20)]);
    let seen = two.committed_offsets(world.names(&[0]), DEADLINE).unwrap();
    assert_eq!(offsets(&seen)[&0], Some(5));

    // The same under one assignment.
    two.pause(&world.names(&[0])).unwrap();
    world.send(0, 10).await;
    world.delete_before(0, 35).await;
    two.resume(&world.names(&[0])).unwrap();
    assert_eq!(poll_records(&two, 0, 1), [(0, 35)]);
    assert_eq!(two.context().changes().len(), 1);
}

/// What a member that has read ten records of a topic gets when the topic is deleted and recreated with this many.
async fn read_recreated(count: usize) -> Vec<i64> {
    let world = World::new(1).await;
    world.send(0, 10).await;
    let one = join(&world.group(), &[]);
    poll_records(&one, 0, 10);
    one.commit(&world.list(&[(0, 10)]), CommitMode::Sync).unwrap();
    // It does not poll while the topic is away, so it does not learn that.
    one.pause(&world.names(&[0])).unwrap();
    world.delete_topic().await;
    world.create_topic(1).await;
    world.send(0, count).await;
    one.resume(&world.names(&[0])).unwrap();
    let mut last = -1;
    let mut offsets = Vec::new();
    while last + 1 < count as i64 {
        let (_, offset) = poll_records(&one, 0, 1)[0];
        last = offset;
        offsets.push(offset);
    }
    assert_eq!(one.context().changes().len(), 1, "under the same assignment");
    assert_eq!(world.committed(&[0])[&0], None, "its committed offset goes with the topic");
    offsets
}

#[tokio::test(flavor = "multi_thread")]
async fn the_position_in_a_recreated_topic_is_set_back_if_it_lies_beyond_the_end() {
    assert_eq!(read_recreated(3).await, [0, 1, 2]);
}

/// This is why no consumer may run while its topic is recreated.
#[tokio::test(flavor = "multi_thread")]
async fn the_position_in_a_recreated_topic_stays_if_it_lies_within() {
    assert_eq!(read_recreated(13).await, [10, 11, 12], "the first ten are skipped without a word");
}
