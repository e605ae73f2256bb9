//! Reads the records that a consumer group has finished, and their dead letters, for their [comparison](Comparison)
//! with the documents. The committed offsets come first: a record's document or dead letter exists before its offset is
//! committed.

use std::collections::{BTreeSet, HashSet};
use std::ops::ControlFlow;

use contract::Kind;
use contract::decode::Decoder;
use kafka::topics::Reader;

use super::topic::{self, letter_parts};
use crate::ledger::balance::letters::{FoundLetter, Letters};
use crate::ledger::balance::{Comparison, FinishedRecords};
use crate::ledger::standing::Standing;

pub(crate) mod reread;

/// What a group reads.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// What all topics have.
    pub(crate) kind: Kind,
    pub(crate) group: String,
    pub(crate) topics: Vec<String>,
    /// Where their dead letters may be.
    pub(crate) dead_letter_topics: BTreeSet<String>,
}

/// All that was read.
pub(crate) struct ReadTopics {
    /// How far the group is in each topic.
    pub(crate) standings: Vec<Standing>,
    pub(crate) records: FinishedRecords,
    /// Records of the dead-letter topics that are not dead letters by their headers.
    pub(crate) unreadable_letters: u64,
}

impl Scope {
    /// The topics with their places in the list.
    pub(super) fn indexed(&self) -> impl Iterator<Item = (u16, &str)> {
        (0..).zip(self.topics.iter().map(String::as_str))
    }

    /// The place of a topic in the list.
    pub(super) fn index_of(&self, topic: &str) -> Option<u16> {
        self.indexed().find(|(_, other)| *other == topic).map(|(index, _)| index)
    }
}

/// Reads all topics. Blocks the calling thread.
pub(crate) fn read(kafka: &Reader, scope: &Scope) -> anyhow::Result<ReadTopics> {
    let mut standings = Vec::new();
    for topic in &scope.topics {
        let progress = kafka.progress(topic)?;
        anyhow::ensure!(
            !progress.is_empty(),
            "there is no topic {topic}: set KAFKA_TOPIC (or --topic) to that of the producer"
        );
        standings.push(Standing::of(&scope.group, topic, &progress));
    }
    let letters = letters(kafka, scope)?;
    let unreadable_letters = letters.unreadable;
    let room = standings.iter().map(Standing::most_finished).sum::<u64>();
    let mut records = FinishedRecords::new(letters, usize::try_from(room).unwrap_or(usize::MAX));
    for ((index, topic), standing) in scope.indexed().zip(&standings) {
        let mut decoder = Decoder::new(scope.kind, topic);
        let mut cut: HashSet<i32> = standing.cut.iter().copied().collect();
        kafka.read(topic, &standing.finished, |record| {
            let record = decoder.decode(record.fetched());
            let fetched = &record.fetched;
            if cut.remove(&fetched.partition) {
                records.gone_until(index, fetched.partition, fetched.timestamp_ms);
            }
            records.add(index, &record);
            ControlFlow::<()>::Continue(())
        })?;
    }
    Ok(ReadTopics { standings, records, unreadable_letters })
}

/// Reads the records that the group has not finished, if it matters. Blocks the calling thread.
pub(crate) fn read_unfinished(
    kafka: &Reader,
    scope: &Scope,
    standings: &[Standing],
    comparison: &mut Comparison,
) -> anyhow::Result<()> {
    if !comparison.needs_unfinished() {
        return Ok(());
    }
    for (topic, standing) in scope.topics.iter().zip(standings) {
        let mut decoder = Decoder::new(scope.kind, topic);
        kafka.read(topic, &standing.unfinished, |record| {
            comparison.unfinished(&decoder.decode(record.fetched()));
            ControlFlow::<()>::Continue(())
        })?;
    }
    Ok(())
}

/// The dead letters of records of these topics.
fn letters(kafka: &Reader, scope: &Scope) -> anyhow::Result<Letters> {
    let mut letters = Letters::default();
    for topic in &scope.dead_letter_topics {
        topic::scan(kafka, topic, |record| {
            match letter_parts(record) {
                Some((letter, left_out, time_ms)) => {
                    if let Some(index) = scope.index_of(&letter.topic) {
                        let (key, value) = (record.key(), record.value());
                        letters.add(index, FoundLetter { letter: &letter, left_out, time_ms, key, value });
                    }
                }
                None => letters.unreadable += 1,
            }
            ControlFlow::<()>::Continue(())
        })?;
    }
    Ok(letters.complete())
}
