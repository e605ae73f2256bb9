//! What a topic is made of, whatever state it is in: a partition without a leader, or with one that does not answer,
//! hides nothing of the others.

use std::collections::BTreeSet;
use std::ops::Range;

use anyhow::Context;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataPartition;

use super::reader::Reader;
use super::refusal::{TO_KNOW, missing_right};

/// A partition with its brokers and its offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionOverview {
    /// Its number.
    pub id: i32,
    /// The id of the broker that leads it, if one does.
    pub leader: Option<i32>,
    /// How many brokers have it.
    pub replicas: usize,
    /// How many of them are in sync.
    pub in_sync: usize,
    /// From its oldest record to its end; `None` without a leader, or while that does not answer.
    pub offsets: Option<Range<i64>>,
}

/// Why nothing can be said about a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoOverview {
    /// It does not exist.
    Missing,
    /// Kafka does not let the user know it, or says something else of it.
    Refused(String),
}

impl Reader {
    /// Every partition of a topic.
    ///
    /// # Errors
    /// When Kafka does not answer. Within it, why nothing is known of the topic.
    pub fn overview(&self, topic: &str) -> anyhow::Result<Result<Vec<PartitionOverview>, NoOverview>> {
        let metadata = self.ask(|patience| self.consumer.fetch_metadata(Some(topic), patience));
        let metadata = metadata.with_context(|| self.unreachable())?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else {
            return Ok(Err(NoOverview::Missing));
        };
        match found.error().map(RDKafkaErrorCode::from) {
            None => {}
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                return Ok(Err(NoOverview::Missing));
            }
            Some(code) => {
                let error = KafkaError::MetadataFetch(code);
                let missing = missing_right(&error, TO_KNOW, topic, self.group_name());
                return Ok(Err(NoOverview::Refused(missing.unwrap_or_else(|| error.to_string()))));
            }
        }
        let mut silent = BTreeSet::new();
        let overview = found.partitions().iter().map(|found| self.partition(topic, found, &mut silent));
        let mut partitions: Vec<PartitionOverview> = overview.collect();
        partitions.sort_by_key(|partition| partition.id);
        Ok(Ok(partitions))
    }

    /// A leader that does not answer is asked once: each question costs all of the patience.
    fn partition(&self, topic: &str, found: &MetadataPartition, silent: &mut BTreeSet<i32>) -> PartitionOverview {
        let (id, leader) = (found.id(), Some(found.leader()).filter(|leader| *leader >= 0));
        let asked = leader.filter(|leader| !silent.contains(leader)).map(|leader| (leader, self.offsets(topic, id)));
        let offsets = match asked {
            Some((_, Ok(offsets))) => offsets,
            Some((leader, Err(error))) => {
                tracing::debug!(topic, id, leader, error = format!("{error:#}"), "a leader does not answer");
                silent.insert(leader);
                None
            }
            None => None,
        };
        PartitionOverview { id, leader, replicas: found.replicas().len(), in_sync: found.isr().len(), offsets }
    }
}
