//! A plain rdkafka consumer with a member's settings. It only notes its callbacks.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use kafka::group::{GroupConfig, client_config};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;

use crate::world::DEADLINE;

/// A plain consumer.
pub(crate) type Plain = BaseConsumer<Callbacks>;

type Call = Box<dyn FnOnce(&Plain) + Send>;

/// What a consumer's callbacks said.
#[derive(Default)]
pub(crate) struct Callbacks {
    notes: Mutex<Notes>,
    /// Called within the callback of the next revoke.
    on_revoke: Mutex<Option<Call>>,
}

#[derive(Default)]
struct Notes {
    changes: Vec<Change>,
    held: Vec<i32>,
}

/// Partitions that came or went.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    pub(crate) partitions: Vec<i32>,
    /// The thread of the callback.
    pub(crate) thread: ThreadId,
    pub(crate) at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Assigned,
    Revoked,
    Lost,
}

impl Callbacks {
    /// Does this within the callback of the next revoke.
    pub(crate) fn on_revoke(&self, call: impl FnOnce(&Plain) + Send + 'static) {
        *self.on_revoke.lock().unwrap() = Some(Box::new(call));
    }

    /// The partitions held, ascending.
    pub(crate) fn held(&self) -> Vec<i32> {
        self.notes().held.clone()
    }

    /// Every change so far that named a partition.
    pub(crate) fn changes(&self) -> Vec<Change> {
        self.notes().changes.clone()
    }

    fn note(&self, kind: Kind, mut partitions: Vec<i32>) {
        partitions.sort_unstable();
        let mut notes = self.notes();
        notes.held.retain(|partition| !partitions.contains(partition));
        if kind == Kind::Assigned {
            notes.held.extend(&partitions);
            notes.held.sort_unstable();
        }
        if !partitions.is_empty() {
            notes.changes.push(Change { kind, partitions, thread: thread::current().id(), at: Instant::now() });
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Callbacks {}

impl ConsumerContext for Callbacks {
    fn pre_rebalance(&self, consumer: &Plain, rebalance: &Rebalance<'_>) {
        let Rebalance::Revoke(list) = rebalance else { return };
        let call = self.on_revoke.lock().unwrap().take();
        if let Some(call) = call {
            call(consumer);
        }
        let kind = if consumer.assignment_lost() { Kind::Lost } else { Kind::Revoked };
        self.note(kind, list.elements().iter().map(|element| element.partition()).collect());
    }

    fn post_rebalance(&self, _: &Plain, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        self.note(Kind::Assigned, list.elements().iter().map(|element| element.partition()).collect());
    }
}

/// Subscribes to the group's topic, with a member's settings and these.
pub(crate) fn join(group: &GroupConfig, set: &[(&str, &str)]) -> Plain {
    let mut config = client_config(group).unwrap();
    set.iter().for_each(|(name, value)| _ = config.set(*name, *value));
    let consumer: Plain = config.create_with_context(Callbacks::default()).unwrap();
    consumer.subscribe(&[&group.topic]).unwrap();
    consumer
}

/// Polls once, for a moment; returns the partition and offset of what came.
pub(crate) fn poll(consumer: &Plain) -> Option<(i32, i64)> {
    use RDKafkaErrorCode::{AllBrokersDown, BrokerTransportFailure, PollExceeded};
    match consumer.poll(Duration::from_millis(20))? {
        Ok(message) => Some((message.partition(), message.offset())),
        // A broker that is away, or a member that has not polled.
        Err(KafkaError::MessageConsumption(AllBrokersDown | BrokerTransportFailure | PollExceeded)) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Polls these in turn until it is reached, and returns all that came.
pub(crate) fn poll_until(what: &str, consumers: &[&Plain], mut is_reached: impl FnMut() -> bool) -> Vec<(i32, i64)> {
    let deadline = Instant::now() + DEADLINE;
    let mut records = Vec::new();
    while !is_reached() {
        assert!(Instant::now() < deadline, "not reached in time: {what}");
        records.extend(consumers.iter().filter_map(|consumer| poll(consumer)));
    }
    records
}

/// Polls until the partition has given this many records, and returns all that came.
pub(crate) fn poll_records(consumer: &Plain, partition: i32, count: usize) -> Vec<(i32, i64)> {
    let deadline = Instant::now() + DEADLINE;
    let mut records = Vec::new();
    while records.iter().filter(|(from, _)| *from == partition).count() < count {
        assert!(Instant::now() < deadline, "partition {partition} gave {} of {count} records", records.len());
        records.extend(poll(consumer));
    }
    records
}
