//! Assumptions about commits. They are why the acknowledged offsets are compared with what the group says it has
//! committed.

use std::collections::BTreeMap;

use kafka::topics::{NotCommitted, Reader, ReaderConfig};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;

use crate::plain::{join, poll_until};
use crate::world::{DEADLINE, World, offsets, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_for_one_of_its_partitions_fails_and_commits_the_others() {
    let world = World::new(2).await;
    let one = join(&world.group(), &[]);
    poll_until("one holds both", &[&one], || one.context().held() == [0, 1]);
    for (number, offsets_sent) in [[(0, 5), (7, 3)], [(7, 3), (0, 6)]].into_iter().enumerate() {
        let error = one.commit(&world.list(&offsets_sent), CommitMode::Sync).unwrap_err();
        assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::UnknownTopicOrPartition));
        let seen = one.committed_offsets(world.names(&[0, 1, 7]), DEADLINE).unwrap();
        assert_eq!(offsets(&seen), BTreeMap::from([(0, Some(5 + number as i64)), (1, None), (7, None)]));
    }
}

/// Who resets offsets looks for members first; this is what holds if one joins in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_commits_for_a_group_without_members_and_for_no_other() {
    let world = World::new(2).await;
    let one = join(&world.group(), &[]);
    poll_until("one holds both", &[&one], || one.context().held() == [0, 1]);
    let cluster = world.group().cluster;
    let (group, patience) = (world.topic.clone(), DEADLINE);
    let config = ReaderConfig { cluster, client_id: "stranger", group, patience, picks_records: false };
    let stranger = Reader::new(config).unwrap();
    assert_eq!(stranger.commit(&world.topic, &[(0, 5)]).unwrap(), Err(NotCommitted::HasMembers));
    assert_eq!(world.committed(&[0]), BTreeMap::from([(0, None)]));
    drop(one);
    wait_until("the group is empty", async || {
        stranger.group().unwrap().is_none_or(|described| described.members.is_empty())
    })
    .await;
    assert_eq!(stranger.commit(&world.topic, &[(0, 5), (1, 0)]).unwrap(), Ok(()));
    assert_eq!(world.committed(&[0, 1]), BTreeMap::from([(0, Some(5)), (1, Some(0))]));
}
