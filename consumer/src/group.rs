//! Group membership: what happens when partitions come and go. librdkafka calls back on the fetcher's thread, within its
//! poll, and goes on only when the callback returns. So a revoke waits here until the pipeline has finished exactly the
//! partitions named, and their offsets are committed before they are given up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc as std_mpsc};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc;

use crate::config::Config;
use crate::lag;
use crate::metrics::{Metrics, PartitionChange};
use crate::outbox::Outbox;

/// A member of the group.
pub(crate) type GroupConsumer = BaseConsumer<GroupContext>;

/// The pipeline is to finish these partitions; no more of their records are coming.
#[derive(Debug)]
pub(crate) struct Revoke {
    pub(crate) partitions: Vec<i32>,
    /// Another member may have them already: there is nothing to wait for.
    pub(crate) are_lost: bool,
    /// Gets the offsets that may be committed for them.
    pub(crate) reply: std_mpsc::Sender<Vec<(i32, i64)>>,
}

/// The callbacks' state.
pub(crate) struct GroupContext {
    topic: String,
    revoke_timeout: Duration,
    revokes: mpsc::UnboundedSender<Revoke>,
    /// The fetcher's own: when that has ended, the pipeline must hear of it.
    outbox: Weak<Outbox>,
    book: Arc<lag::Book>,
    metrics: Arc<Metrics>,
    /// The partitions held, each with the number of its assignment.
    held: Mutex<BTreeMap<i32, u64>>,
    assignments: AtomicU64,
    /// Fetching is paused: what is assigned now starts paused, too.
    is_paused: AtomicBool,
    /// The pipeline has ended and everything is committed.
    is_closing: AtomicBool,
}

impl GroupContext {
    pub(crate) fn new(
        config: &Config,
        revokes: mpsc::UnboundedSender<Revoke>,
        outbox: Weak<Outbox>,
        book: Arc<lag::Book>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            topic: config.kafka.topic.clone(),
            revoke_timeout: config.kafka.revoke_timeout,
            revokes,
            outbox,
            book,
            metrics,
            held: Mutex::default(),
            assignments: AtomicU64::new(0),
            is_paused: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
        }
    }

    /// The number of the partition's assignment, if it is held: it changes when the partition was away meanwhile.
    pub(crate) fn assignment(&self, partition: i32) -> Option<u64> {
        self.held().get(&partition).copied()
    }

    /// Pauses fetching, or takes it up again.
    pub(crate) fn set_paused(&self, consumer: &GroupConsumer, is_paused: bool) {
        self.is_paused.store(is_paused, Ordering::Relaxed);
        let held: Vec<i32> = self.held().keys().copied().collect();
        self.apply_pause(
            consumer,
            &to_list(&self.topic, held.into_iter().map(|partition| (partition, None))),
            is_paused,
        );
    }

    /// From now on a revoke is not told to the pipeline any more.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    fn apply_pause(&self, consumer: &GroupConsumer, partitions: &TopicPartitionList, is_paused: bool) {
        let outcome = if is_paused { consumer.pause(partitions) } else { consumer.resume(partitions) };
        if let Err(error) = outcome {
            tracing::warn!(%error, is_paused, "cannot pause or resume fetching");
        }
    }

    fn revoke(&self, consumer: &GroupConsumer, partitions: &[i32]) {
        let are_lost = consumer.assignment_lost();
        // The pipeline must know of every record that there is.
        if let Some(outbox) = self.outbox.upgrade() {
            outbox.hand_on();
        }
        if !self.is_closing.load(Ordering::Relaxed) {
            let (reply, offsets) = std_mpsc::channel();
            let told = self.revokes.send(Revoke { partitions: partitions.to_vec(), are_lost, reply });
            // The pipeline answers within the timeout; a little more covers its own way there.
            let offsets =
                told.ok().and_then(|()| offsets.recv_timeout(self.revoke_timeout + Duration::from_millis(500)).ok());
            let offsets = offsets.unwrap_or_default();
            if !are_lost && !offsets.is_empty() {
                let list =
                    to_list(&self.topic, offsets.into_iter().map(|(partition, offset)| (partition, Some(offset))));
                if let Err(error) = consumer.commit(&list, CommitMode::Sync) {
                    tracing::warn!(%error, ?partitions, "cannot commit before giving partitions up, their records are read again");
                }
            }
        }
        let mut held = self.held();
        for partition in partitions {
            held.remove(partition);
        }
        drop(held);
        self.book.give_up(partitions);
        self.metrics.rebalanced(if are_lost { PartitionChange::Lost } else { PartitionChange::Revoked });
        tracing::info!(topic = self.topic, ?partitions, are_lost, "partitions given up");
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<i32, u64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConsumerContext for GroupContext {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(list) => self.revoke(consumer, &partitions_of(list)),
            Rebalance::Assign(_) => {}
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance failed"),
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        let partitions = partitions_of(list);
        let number = self.assignments.fetch_add(1, Ordering::Relaxed);
        self.held().extend(partitions.iter().map(|partition| (*partition, number)));
        self.book.hold(&partitions);
        // A rebalance that brings nothing new is told of, too.
        if !partitions.is_empty() {
            self.metrics.rebalanced(PartitionChange::Assigned);
        }
        if self.is_paused.load(Ordering::Relaxed) {
            self.apply_pause(consumer, list, true);
        }
        tracing::info!(topic = self.topic, ?partitions, "partitions assigned");
    }
}

impl ClientContext for GroupContext {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

/// A list of partitions of one topic, each with its offset if it has one.
pub(crate) fn to_list(topic: &str, partitions: impl Iterator<Item = (i32, Option<i64>)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        let mut element = list.add_partition(topic, partition);
        if let Some(offset) = offset {
            element.set_offset(Offset::Offset(offset)).expect("offsets of records are not negative");
        }
    }
    list
}

fn partitions_of(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(|element| element.partition()).collect()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rdkafka::ClientConfig;
    use service::{Registry, Settings};

    use super::*;
    use crate::decode::{Decoder, Fetched};

    /// Otherwise the pipeline would finish the partition without that record, and meet it after the hand-over.
    #[test]
    fn what_is_fetched_reaches_the_pipeline_before_the_revoke_does() {
        let config = Config::read(&mut Settings::new(&|_| None));
        let metrics = Arc::new(Metrics::new(&Registry::new(&[]), config.concurrent_flushes));
        let (outbox, mut records) = Outbox::new();
        let (revokes, mut revoked) = mpsc::unbounded_channel();
        let context = GroupContext::new(&config, revokes, Arc::downgrade(&outbox), Arc::default(), metrics);
        // It knows of no broker, so it connects to none.
        let consumer: GroupConsumer =
            ClientConfig::new().set("group.id", &config.kafka.group).create_with_context(context).unwrap();
        let fetched = Fetched {
            partition: 3,
            offset: 7,
            timestamp_ms: 0,
            replay_attempts: 0,
            trace: None,
            key: None,
            value: None,
        };
        assert!(outbox.add(Decoder::new(&config.kafka.topic).decode(fetched)));
        let pipeline = thread::spawn(move || {
            let Revoke { partitions, reply, .. } = revoked.blocking_recv().unwrap();
            let known = records.try_recv().unwrap_or_default();
            // Nothing is finished, so that there is nothing to commit.
            reply.send(Vec::new()).unwrap();
            (partitions, known.iter().map(|record| record.fetched.offset).collect::<Vec<_>>())
        });
        consumer.context().revoke(&consumer, &[3]);
        assert_eq!(pipeline.join().unwrap(), (vec![3], vec![7]));
    }
}
