//! Removes the dead letters of records. Kafka deletes only the start of a partition, so the other letters there are
//! first sent once more, as they are, and acknowledged: a kill in between leaves some of them twice, by their headers
//! the same, and none is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{ControlFlow, Range};

use anyhow::{Context, bail};
use contract::{DeadLetter, RecordId};
use kafka::group::GroupConfig;
use kafka::topics::{Admin, ReadRecord, Reader, Repeater};
use tokio::runtime::Runtime;

/// Letters may come, or be sent back by another command, while others are removed; more often in a row they hardly do.
const ROUNDS: usize = 3;

/// Where the dead letters of a kind are.
pub(super) struct Letters<'a> {
    pub(super) group: &'a GroupConfig,
    pub(super) reader: &'a Reader,
    pub(super) admin: &'a Admin,
    pub(super) runtime: &'a Runtime,
}

/// Dead letters that were found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct FoundLetters {
    /// How many of each record.
    pub(super) counts: BTreeMap<RecordId, u64>,
    /// The last one of each partition.
    last: BTreeMap<i32, i64>,
}

impl Letters<'_> {
    /// The dead letters of these records.
    ///
    /// # Errors
    /// When Kafka does not answer, or does not let the user see them.
    pub(super) fn find(&self, subjects: &BTreeSet<RecordId>) -> anyhow::Result<FoundLetters> {
        let mut found = FoundLetters::default();
        let topic = &self.group.dead_letter_topic;
        let offsets = self.reader.all_offsets(topic)?;
        if offsets.is_empty() {
            // The user may not know it, or there is no such topic.
            self.runtime.block_on(kafka::reach(&self.group.cluster, topic))?;
            bail!(
                "the topic {topic} does not exist, so no dead letters were looked for: no consumer has run with it, or \
                 DLQ_TOPIC should name another one"
            );
        }
        self.reader.read(topic, &offsets, |record| {
            if let Some(subject) = self.concerned(record, subjects) {
                *found.counts.entry(subject).or_default() += 1;
                found.last.insert(record.partition(), record.offset());
            }
            ControlFlow::<()>::Continue(())
        })?;
        Ok(found)
    }

    /// Removes the dead letters of these records. Returns how many of each there were.
    ///
    /// # Errors
    /// Why some may still be there. Nothing else is lost.
    pub(super) fn remove(&self, subjects: &BTreeSet<RecordId>) -> anyhow::Result<BTreeMap<RecordId, u64>> {
        let mut removed = BTreeMap::new();
        for _ in 0..ROUNDS {
            let FoundLetters { counts, last } = self.find(subjects)?;
            if last.is_empty() {
                return Ok(removed);
            }
            for (partition, last) in last {
                self.remove_up_to(partition, last, subjects)?;
            }
            counts.into_iter().for_each(|(subject, count)| *removed.entry(subject).or_default() += count);
        }
        bail!("dead letters of these records keep coming, erase them again")
    }

    /// Sends the other letters of the partition up to this one once more, and deletes all of them where they were.
    fn remove_up_to(&self, partition: i32, last: i64, subjects: &BTreeSet<RecordId>) -> anyhow::Result<()> {
        let topic = &self.group.dead_letter_topic;
        let offsets = self.reader.offsets(topic, partition)?;
        let Range { start, .. } =
            offsets.with_context(|| format!("the topic {topic} has lost partition {partition}"))?;
        // Deletes nothing. What keeps Kafka from deleting is said before the others are sent once more.
        let may_delete = self.runtime.block_on(self.admin.delete_before(topic, partition, start));
        may_delete.with_context(|| format!("cannot delete letters of partition {partition} of the topic {topic}"))?;
        let mut repeater = Repeater::new(&self.group.cluster, "consumer")?;
        let failed = self.reader.read(topic, &[(partition, start..last + 1)], |record| {
            if self.concerned(record, subjects).is_some() {
                return ControlFlow::Continue(());
            }
            match self.runtime.block_on(repeater.repeat(record)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        })?;
        let sent = failed.map_or_else(|| self.runtime.block_on(repeater.finish()), Err);
        sent.with_context(|| format!("cannot keep the other letters of the topic {topic}, so none is deleted"))?;
        let deleted = self.runtime.block_on(self.admin.delete_before(topic, partition, last + 1));
        deleted.with_context(|| format!("cannot delete letters of partition {partition} of the topic {topic}"))
    }

    /// The record whose letter this is, if it is one of these: by the id that the letter names, or by its key.
    fn concerned(&self, record: ReadRecord<'_>, subjects: &BTreeSet<RecordId>) -> Option<RecordId> {
        let letter = DeadLetter::from_headers(record.headers()).ok()?;
        subject_of(letter, &self.group.topic, record.key(), subjects)
    }
}

fn subject_of(letter: DeadLetter, topic: &str, key: Option<&[u8]>, subjects: &BTreeSet<RecordId>) -> Option<RecordId> {
    if letter.topic != topic {
        return None;
    }
    let by_key = || key.and_then(|key| std::str::from_utf8(key).ok()).map(RecordId::from_text);
    [Some(letter.id), by_key()].into_iter().flatten().find(|id| subjects.contains(id))
}

#[cfg(test)]
mod tests {
    use contract::dead_letter::Reason;

    use super::*;

    #[test]
    fn a_letter_is_of_the_record_that_it_names_or_whose_key_it_has() {
        let id = RecordId::from_text;
        let subjects = BTreeSet::from(["A", "6ae2dfe4-1723-5035-a463-d55783a966eb"].map(id));
        let letter = |topic: &str, id| DeadLetter {
            topic: topic.to_owned(),
            partition: 0,
            offset: 7,
            reason: Reason::Invalid,
            message: String::new(),
            id,
        };
        let of = |topic, name, key| subject_of(letter(topic, id(name)), "orders", key, &subjects);
        assert_eq!(of("orders", "A", None), Some(id("A")));
        assert_eq!(of("orders", "B", Some(&b"A"[..])), Some(id("A")), "its content may be under another id");
        assert_eq!(of("orders", "6ae2dfe4-1723-5035-a463-d55783a966eb", Some(b"\xff")), subjects.first().cloned());
        assert_eq!(of("orders", "B", Some(b"B")), None);
        assert_eq!(of("posts", "A", Some(b"A")), None, "two kinds may share a topic of dead letters");
    }
}
