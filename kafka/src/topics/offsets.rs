//! Where a group's next member starts: finds the offsets of a time, and commits offsets from outside the group.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::reader::Reader;
use super::refusal::missing_right;

/// Why Kafka does not let a stranger commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotCommitted {
    /// The group has members, and only they may commit.
    HasMembers,
    /// The user lacks this right.
    Refused(String),
}

impl Reader {
    /// The offset of the first record of each of these partitions that is as late as this time, in ms since 1970; none
    /// where all are earlier.
    ///
    /// # Errors
    /// When Kafka does not answer.
    pub fn offsets_at(
        &self,
        topic: &str,
        partitions: &[i32],
        time_ms: i64,
    ) -> anyhow::Result<BTreeMap<i32, Option<i64>>> {
        let mut asked = TopicPartitionList::new();
        for partition in partitions {
            asked.add_partition_offset(topic, *partition, Offset::Offset(time_ms))?;
        }
        let answer = self.ask(|patience| self.consumer.offsets_for_times(asked.clone(), patience));
        let answer = answer.with_context(|| self.unreachable())?;
        let mut found = BTreeMap::new();
        for element in answer.elements() {
            let cannot = || format!("cannot find an offset of the time in partition {}", element.partition());
            element.error().with_context(cannot)?;
            let offset = match element.offset() {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            found.insert(element.partition(), offset);
        }
        Ok(found)
    }

    /// Commits these offsets (partition and next offset to read) for the reader's group, which must have no members.
    ///
    /// # Errors
    /// When Kafka does not answer, or has then not committed all of them. Within it, why Kafka refuses.
    pub fn commit(&self, topic: &str, offsets: &[(i32, i64)]) -> anyhow::Result<Result<(), NotCommitted>> {
        use RDKafkaErrorCode::{IllegalGeneration, RebalanceInProgress, UnknownMemberId};
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        match self.ask(|_| self.consumer.commit(&list, CommitMode::Sync)) {
            Ok(()) => {}
            Err(error) => {
                if let Some(missing) = missing_right(&error, "Read", topic, self.group_name()) {
                    return Ok(Err(NotCommitted::Refused(missing)));
                }
                let of_group = [UnknownMemberId, IllegalGeneration, RebalanceInProgress];
                if error.rdkafka_error_code().is_some_and(|code| of_group.contains(&code)) {
                    return Ok(Err(NotCommitted::HasMembers));
                }
                return Err(error).context("cannot commit");
            }
        }
        // librdkafka reports a failure only if no partition was committed.
        let ids: Vec<i32> = offsets.iter().map(|(partition, _)| *partition).collect();
        let committed = self.committed(topic, &ids)?.map_err(anyhow::Error::msg)?;
        for (partition, offset) in offsets {
            let is_done = committed.get(partition) == Some(offset);
            ensure!(is_done, "Kafka has not committed offset {offset} of partition {partition}");
        }
        Ok(Ok(()))
    }
}
