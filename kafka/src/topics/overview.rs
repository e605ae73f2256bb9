//! What a topic is made of, whatever state it is in: a partition without a leader hides nothing of the others.

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
    /// From its oldest record to its end; `None` without a leader.
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
        let mut partitions = Vec::new();
        for partition in found.partitions() {
            partitions.push(self.partition(topic, partition)?);
        }
        partitions.sort_by_key(|partition| partition.id);
        Ok(Ok(partitions))
    }

    fn partition(&self, topic: &str, found: &MetadataPartition) -> anyhow::Result<PartitionOverview> {
        let leader = Some(found.leader()).filter(|leader| *leader >= 0);
        let offsets = match leader {
            Some(_) => self.offsets(topic, found.id())?,
            None => None,
        };
        let (replicas, in_sync) = (found.replicas().len(), found.isr().len());
        Ok(PartitionOverview { id: found.id(), leader, replicas, in_sync, offsets })
    }
}
