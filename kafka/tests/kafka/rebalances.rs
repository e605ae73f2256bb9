//! Assumptions about rebalances: their callbacks run within a poll and must return first, they distinguish lost
//! partitions from those to give up, and they bring added partitions.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::plain::{Kind, Plain, join, poll, poll_records, poll_until};
use crate::world::{DEADLINE, World, wait_until};

/// Several heartbeats of the member that waits, and less than the session of the one that keeps it waiting.
const HOLD: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn a_revoke_comes_within_a_poll_and_the_partition_goes_to_nobody_before_it_returns() {
    let world = World::new(2).await;
    let one = join(&world.group(), &[]);
    poll_until("one holds both", &[&one], || one.context().held() == [0, 1]);
    let ((revoking, asked), (release, released)) = (mpsc::channel(), mpsc::channel());
    one.context().on_revoke(move |_| {
        revoking.send(()).unwrap();
        released.recv_timeout(DEADLINE).unwrap();
    });
    let two = join(&world.group(), &[]);
    let (polling, released_at) = thread::scope(|scope| {
        let polling = scope.spawn(|| {
            poll_until("two holds what one has given up", &[&one], || two.context().held().len() == 1);
            thread::current().id()
        });
        poll_until("one is asked to give up", &[&two], || asked.try_recv().is_ok());
        let until = Instant::now() + HOLD;
        poll_until("several heartbeats have passed", &[&two], || Instant::now() > until);
        assert_eq!(two.context().changes().len(), 0, "nothing is given to the other while the callback waits");
        let released_at = Instant::now();
        release.send(()).unwrap();
        poll_until("two holds one", &[&two], || two.context().held().len() == 1);
        (polling.join().unwrap(), released_at)
    });
    let revoked = one.context().changes().into_iter().find(|change| change.kind == Kind::Revoked).unwrap();
    let assigned = &two.context().changes()[0];
    assert_eq!((revoked.thread, &revoked.partitions), (polling, &assigned.partitions));
    assert!(revoked.at >= released_at && assigned.at >= revoked.at);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_does_not_poll_loses_its_partitions_and_cannot_set_back_what_the_next_one_commits() {
    let world = World::new(1).await;
    world.send(0, 10).await;
    // The lowest that librdkafka accepts: the session timeout.
    let one = join(&world.group(), &[("max.poll.interval.ms", "6000")]);
    poll_records(&one, 0, 5);
    commit(&one, &world, 2).unwrap();

    wait_until("one learns that it has lost it", async || one.assignment_lost()).await;

    let two = join(&world.group(), &[]);
    poll_until("two has it", &[&two], || two.context().held() == [0]);
    assert_eq!(poll_records(&two, 0, 1)[0], (0, 2), "two continues where the group has committed");
    commit(&two, &world, 8).unwrap();
    assert_eq!(commit(&one, &world, 5), Err(RDKafkaErrorCode::UnknownMemberId));
    // Not even while nobody is in the group.
    drop(two);
    let (outcomes, within_revoke) = mpsc::channel();
    let list = world.list(&[(0, 5)]);
    one.context().on_revoke(move |consumer| outcomes.send(code(consumer.commit(&list, CommitMode::Sync))).unwrap());
    let stale = poll_until("one gives up", &[&one], || one.context().held().is_empty());
    assert_eq!((stale, one.context().changes().last().unwrap().kind), (vec![], Kind::Lost));
    assert_eq!(within_revoke.try_recv().unwrap(), Err(RDKafkaErrorCode::UnknownMemberId));
    assert_eq!(world.committed(&[0])[&0], Some(8));

    let fetched = poll_until("one is a member again", &[&one], || commit(&one, &world, 9).is_ok());
    assert!(fetched.is_empty() || fetched[0] == (0, 8), "{fetched:?}");
}

/// librdkafka ignores that the interval is over while the group rebalances. So neither the next poll nor
/// `assignment_lost` says that the partition is lost, and it keeps giving records; only the broker knows.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_stalls_in_a_rebalance_reads_on_for_a_while_but_commits_nothing() {
    let world = World::new(1).await;
    world.send(0, 10).await;
    let one = join(&world.group(), &[("max.poll.interval.ms", "6000")]);
    poll_records(&one, 0, 5);
    let two = join(&world.group(), &[]);
    poll_until("two has it", &[&two], || two.context().held() == [0]);
    commit(&two, &world, 8).unwrap();

    assert!(!one.assignment_lost());
    assert_eq!(poll_records(&one, 0, 1), [(0, 5)]);
    assert_eq!(commit(&one, &world, 6), Err(RDKafkaErrorCode::UnknownMemberId));
    poll_until("one gives up", &[&one, &two], || one.context().held().is_empty());
    assert_eq!(one.context().changes().last().unwrap().kind, Kind::Lost);
    assert_eq!(world.committed(&[0])[&0], Some(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_added_comes_as_one_more_assignment() {
    let world = World::new(1).await;
    let one = join(&world.group(), &[("topic.metadata.refresh.interval.ms", "500")]);
    poll_until("one holds it", &[&one], || one.context().held() == [0]);
    world.grow_topic(3).await;
    world.send(2, 1).await;
    poll_until("one holds all", &[&one], || one.context().held() == [0, 1, 2]);
    let changes: Vec<_> = one.context().changes().into_iter().map(|change| (change.kind, change.partitions)).collect();
    assert_eq!(changes, [(Kind::Assigned, vec![0]), (Kind::Assigned, vec![1, 2])], "the first is not assigned again");
    assert_eq!(poll_records(&one, 2, 1), [(2, 0)], "from the beginning");
    assert_eq!(poll(&one), None);
}

fn commit(consumer: &Plain, world: &World, offset: i64) -> Result<(), RDKafkaErrorCode> {
    code(consumer.commit(&world.list(&[(0, offset)]), CommitMode::Sync))
}

fn code(outcome: Result<(), KafkaError>) -> Result<(), RDKafkaErrorCode> {
    outcome.map_err(|error| error.rdkafka_error_code().unwrap())
}
