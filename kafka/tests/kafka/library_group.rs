//! A group as a program has it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use contract::DeadLetter;
use kafka::group::core::BatchLimits;
use kafka::group::{Answer, ConsumerRecord, Group, GroupOptions, Handler, batches, each};

use crate::ordered::reader;
use crate::world::{DEADLINE, World, wait_until};

fn options(world: &World) -> GroupOptions {
    GroupOptions::new(&world.broker, &world.topic)
}

fn start(world: &World, handler: impl Handler) -> Group {
    Group::start(options(world), &[&world.topic], handler).unwrap()
}

/// Waits until the group has ended by itself.
async fn ended(mut group: Group) -> anyhow::Result<()> {
    tokio::time::timeout(DEADLINE, group.ended()).await.expect("it ends in time")
}

/// The places of the records that a handler was given, as often as it was given them.
#[derive(Clone, Default)]
struct Given(Arc<Mutex<Vec<(i32, i64)>>>);

impl Given {
    fn note(&self, record: &ConsumerRecord) {
        self.0.lock().unwrap().push((record.partition(), record.offset()));
    }

    fn all(&self) -> Vec<(i32, i64)> {
        self.0.lock().unwrap().clone()
    }

    async fn wait_for(&self, count: usize) {
        wait_until(&format!("{count} records are given"), async || self.all().len() >= count).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_commits_what_was_handled_and_the_next_member_continues_there() {
    let world = World::new(2).await;
    world.send(0, 30).await;
    world.send(1, 5).await;
    let given = Given::default();
    let handler = |given: &Given| {
        let given = given.clone();
        batches(move |records: Vec<ConsumerRecord>| {
            records.iter().for_each(|record| given.note(record));
            async move { vec![Answer::Stored; records.len()] }
        })
    };
    let group = start(&world, handler(&given));
    given.wait_for(35).await;
    group.stop().await.unwrap();
    assert_eq!(world.committed(&[0, 1]), BTreeMap::from([(0, Some(30)), (1, Some(5))]));

    world.send(1, 1).await;
    let later = Given::default();
    let group = start(&world, handler(&later));
    later.wait_for(1).await;
    wait_until("it has no lag", async || {
        let standings = group.standings();
        standings.len() == 2 && standings.iter().all(|(topic, at)| *topic == world.topic && at.lag == 0)
    })
    .await;
    assert_eq!(group.check(), Ok(()));
    group.stop().await.unwrap();
    assert_eq!(later.all(), [(1, 5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_stored_later_is_tried_again_and_not_committed_before() {
    let world = World::new(1).await;
    world.send(0, 3).await;
    let (given, is_away) = (Given::default(), Arc::new(Mutex::new(true)));
    let group = start(&world, {
        let (given, is_away) = (given.clone(), Arc::clone(&is_away));
        each(move |record: ConsumerRecord| {
            given.note(&record);
            let is_later = record.offset() == 1 && *is_away.lock().unwrap();
            async move { if is_later { Answer::Later("the store is away".to_owned()) } else { Answer::Stored } }
        })
    });
    wait_until("the second record is tried three times", async || {
        given.all().iter().filter(|(_, offset)| *offset == 1).count() >= 3
    })
    .await;
    wait_until("it says so", async || group.check().is_err_and(|why| why.contains("the store is away"))).await;
    wait_until("the first is committed", async || world.committed(&[0])[&0] == Some(1)).await;
    *is_away.lock().unwrap() = false;
    group.stop().await.unwrap();
    assert_eq!(world.committed(&[0])[&0], Some(3));
    assert_eq!(given.all().iter().filter(|(_, offset)| *offset != 1).count(), 2, "the others were stored once");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_one_batch_at_a_time_what_is_left_of_it_comes_again_before_the_next() {
    let world = World::new(1).await;
    world.send(0, 4).await;
    let (given, is_away) = (Given::default(), Arc::new(Mutex::new(true)));
    let handler = batches({
        let (given, is_away) = (given.clone(), Arc::clone(&is_away));
        move |records: Vec<ConsumerRecord>| {
            records.iter().for_each(|record| given.note(record));
            let mut answers = vec![Answer::Stored; records.len()];
            if std::mem::take(&mut *is_away.lock().unwrap()) {
                answers[0] = Answer::Later("the store is away".to_owned());
            }
            async { answers }
        }
    });
    // Only a full batch is handed over.
    let batch = BatchLimits { messages: 2, bytes: 1_000_000, interval: DEADLINE };
    let group = Group::start(GroupOptions { batch, ..options(&world) }, &[&world.topic], handler).unwrap();
    given.wait_for(5).await;
    assert_eq!(given.all(), [0, 1, 0, 2, 3].map(|offset| (0, offset)));
    group.stop().await.unwrap();
    assert_eq!(world.committed(&[0])[&0], Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_is_a_dead_letter_with_the_handlers_reason() {
    let world = World::new(1).await;
    world.send(0, 3).await;
    let reject = |record: ConsumerRecord| async move {
        match record.json::<u64>() {
            Err(error) if record.offset() == 1 => Answer::Rejected(format!("not a number: {error}")),
            _ => Answer::Stored,
        }
    };
    let options = GroupOptions { limit: Some(3), ..options(&world) };
    ended(Group::start(options, &[&world.topic], each(reject)).unwrap()).await.unwrap();
    assert_eq!(world.committed(&[0])[&0], Some(3));

    let (reader, letters) = (reader(&world), format!("{}.dlq", world.topic));
    let mut found = Vec::new();
    let offsets = reader.all_offsets(&letters).unwrap();
    reader
        .read(&letters, &offsets, |record| {
            let letter = DeadLetter::from_headers(record.headers()).unwrap();
            found.push((letter.topic, letter.offset, letter.message, record.value().map(<[u8]>::to_vec)));
            ControlFlow::<()>::Continue(())
        })
        .unwrap();
    let [(topic, 1, message, Some(value))] = &found[..] else { panic!("{found:?}") };
    assert_eq!((topic, &value[..]), (&world.topic, &[b'x'; 1_000][..]));
    assert!(message.starts_with("not a number: expected value"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_ends_after_exactly_this_number_of_records_over_all_topics() {
    let (world, other) = (World::new(2).await, World::new(1).await);
    for partition in [0, 1] {
        world.send(partition, 40).await;
    }
    other.send(0, 40).await;
    let mut read = Vec::new();
    for limit in [25, 1, 94] {
        let count = Arc::new(AtomicUsize::new(0));
        let note = {
            let count = Arc::clone(&count);
            move |_| {
                count.fetch_add(1, Ordering::Relaxed);
                async { Answer::Stored }
            }
        };
        let options = GroupOptions { limit: Some(limit), ..options(&world) };
        ended(Group::start(options, &[&world.topic, &other.topic], each(note)).unwrap()).await.unwrap();
        read.push(count.load(Ordering::Relaxed));
        let committed = [world.committed(&[0, 1]), other.committed_by(&world.topic, &[0])];
        let committed = committed.into_iter().flat_map(BTreeMap::into_values);
        let committed: i64 = committed.map(Option::unwrap_or_default).sum();
        assert_eq!(usize::try_from(committed).unwrap(), read.iter().sum::<usize>());
    }
    assert_eq!(read, [25, 1, 94], "and none twice");
}

/// Otherwise a mistake in a handler would lose records.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_leaves_out_answers_stores_nothing() {
    let world = World::new(1).await;
    world.send(0, 2).await;
    let is_mistaken = Arc::new(Mutex::new(true));
    let group = start(&world, {
        let is_mistaken = Arc::clone(&is_mistaken);
        batches(move |records: Vec<ConsumerRecord>| {
            let missing = usize::from(*is_mistaken.lock().unwrap());
            async move { vec![Answer::Stored; records.len() - missing] }
        })
    });
    wait_until("it says so", async || group.check().is_err_and(|why| why.contains("answers for"))).await;
    assert_eq!(world.committed(&[0])[&0], None);
    *is_mistaken.lock().unwrap() = false;
    group.stop().await.unwrap();
    assert_eq!(world.committed(&[0])[&0], Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_panics_ends_the_group_and_commits_nothing() {
    let world = World::new(1).await;
    world.send(0, 2).await;
    let group = start(&world, each(|record: ConsumerRecord| async move { panic!("at {}", record.offset()) }));
    let error = format!("{:#}", ended(group).await.unwrap_err());
    assert!(error.contains(&world.topic) && error.contains("a flush failed"), "{error}");
    assert_eq!(world.committed(&[0])[&0], None);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_cannot_work_are_an_error_at_the_start() {
    let store = || each(|_| async { Answer::Stored });
    assert!(Group::start(GroupOptions::new("localhost:9092", "group"), &[], store()).is_err());
    let options = GroupOptions { limit: Some(0), ..GroupOptions::new("localhost:9092", "group") };
    assert!(Group::start(options, &["topic"], store()).is_err());
}
