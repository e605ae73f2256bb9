//! What happens when partitions come and go. librdkafka calls back on the fetcher's thread, within its poll, and
//! continues only when the callback returns. So a revoke waits here until the pipeline has finished and committed
//! exactly the partitions named, or until its time is over.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use service::failpoint::{self, Step};

use super::front::Front;
use super::lag::Book;
use super::metrics::{GroupMetrics, PartitionChange};
use super::rights::Rights;
use crate::security::librdkafka::TokenCallback;

/// The pipeline itself gives up in time; this margin covers its answer.
const REVOKE_MARGIN: Duration = Duration::from_millis(500);

/// A member of the group.
pub(super) type GroupConsumer<R> = BaseConsumer<Context<R>>;

/// The callbacks' state.
pub(super) struct Context<R> {
    topic: String,
    revoke_timeout: Duration,
    front: Arc<Front<R>>,
    book: Arc<Book>,
    metrics: Arc<GroupMetrics>,
    tokens: TokenCallback,
    rights: Rights,
    /// The pipeline has ended and everything is committed.
    is_closing: AtomicBool,
}

impl<R> Context<R> {
    pub(super) fn new(
        topic: &str,
        revoke_timeout: Duration,
        front: Arc<Front<R>>,
        book: Arc<Book>,
        metrics: Arc<GroupMetrics>,
        tokens: TokenCallback,
        rights: Rights,
    ) -> Self {
        let is_closing = AtomicBool::new(false);
        Self { topic: topic.to_owned(), revoke_timeout, front, book, metrics, tokens, rights, is_closing }
    }

    /// What Kafka lets the member do.
    pub(super) fn rights(&self) -> &Rights {
        &self.rights
    }

    /// Whether the client must be polled before it can connect.
    pub(super) fn needs_polls(&self) -> bool {
        self.tokens.is_needed()
    }

    /// From now on no revoke waits for the pipeline.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }
}

impl<R: Send + Sync + 'static> Context<R> {
    /// Pauses and resumes what is not as it should be, partition by partition.
    pub(super) fn apply(&self, consumer: &GroupConsumer<R>, changes: &super::fetching::Changes) {
        for (partitions, is_paused) in [(&changes.pause, true), (&changes.resume, false)] {
            if partitions.is_empty() {
                continue;
            }
            let list = to_list(&self.topic, partitions.iter().map(|partition| (*partition, None)));
            let outcome = if is_paused { consumer.pause(&list) } else { consumer.resume(&list) };
            if let Err(error) = &outcome {
                tracing::warn!(%error, is_paused, ?partitions, "cannot pause or resume fetching, trying again");
            }
            self.front.applied(partitions, is_paused, outcome.is_ok());
        }
    }

    fn revoke(&self, partitions: &[i32], are_lost: bool) {
        if !self.is_closing.load(Ordering::Relaxed) {
            let over = self.front.revoke(partitions, are_lost);
            if over.recv_timeout(self.revoke_timeout + REVOKE_MARGIN).is_err() {
                tracing::warn!(
                    ?partitions,
                    "partitions are given up before they were finished, the rest is read again"
                );
            }
            failpoint::reach(Step::RevokeAnswered);
        }
        self.front.give_up(partitions);
        // Lost partitions are shown until the next assignment: a member that is cut off from Kafka must not look fine.
        if !are_lost {
            self.book.give_up(partitions);
        }
        self.metrics.rebalanced(if are_lost { PartitionChange::Lost } else { PartitionChange::Revoked });
        tracing::info!(topic = self.topic, ?partitions, are_lost, "partitions given up");
    }
}

impl<R: Send + Sync + 'static> ConsumerContext for Context<R> {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(list) => self.revoke(&partitions_of(list), consumer.assignment_lost()),
            Rebalance::Assign(_) => {}
            Rebalance::Error(error) => tracing::warn!(%error, "rebalance failed"),
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let Rebalance::Assign(list) = rebalance else { return };
        self.rights.joined();
        let partitions = partitions_of(list);
        let held = self.front.held().into_iter().map(|(partition, _)| partition);
        self.book.settle(&held.chain(partitions.iter().copied()).collect::<Vec<_>>());
        // A rebalance that brings nothing new also calls back.
        if partitions.is_empty() {
            return;
        }
        self.front.assign(&partitions);
        self.apply(consumer, &self.front.changes());
        self.book.hold(&partitions);
        self.metrics.rebalanced(PartitionChange::Assigned);
        tracing::info!(topic = self.topic, ?partitions, "partitions assigned");
    }
}

impl<R: Send + Sync + 'static> ClientContext for Context<R> {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.token()
    }

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
    }
}

/// A list of partitions of one topic, each with its offset if it has one.
pub(super) fn to_list(topic: &str, partitions: impl Iterator<Item = (i32, Option<i64>)>) -> TopicPartitionList {
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
