//! What requests do: documents, dead letters, committed offsets. Here it shows whether anything is lost or duplicated.

use super::broker::Kind;
use super::checks::Violation;
use super::member::Sent;
use super::statistics::Happened;
use super::world::World;
use crate::group::core::{LetterError, Shape};
use contract::dead_letter::Form;

impl World {
    /// Returns whether the record is stored.
    pub(super) fn insert(&mut self, index: usize) -> bool {
        let record = &self.broker.records[index];
        if record.kind != Kind::Good {
            self.statistics.happened(Happened::Refused);
            return false;
        }
        match self.broker.documents[record.document] {
            Some(body) if body == record.body => self.statistics.happened(Happened::DuplicateAbsorbed),
            Some(_) => {
                self.statistics.happened(Happened::Refused);
                return false;
            }
            None => {
                let (letters, document, body) = (record.letters, record.document, record.body);
                self.broker.documents[document] = Some(body);
                if letters > 0 {
                    self.violate(Violation::StoredAndDeadLettered, || format!("record {index}"));
                }
            }
        }
        true
    }

    pub(super) fn append_letter(&mut self, index: usize, shape: Shape) -> Result<(), LetterError> {
        let record = &self.broker.records[index];
        let bytes = match shape.form {
            Form::Whole => record.bytes,
            Form::WithoutValue => record.key_bytes,
            Form::WithoutRecord => 0,
        };
        if bytes > self.settings.letter_limit {
            self.statistics.happened(Happened::LetterTooLarge);
            return Err(LetterError::TooLarge);
        }
        if self.settings.is_letter_topic_strict && !shape.has_new_timestamp {
            self.statistics.happened(Happened::LetterTooOld);
            return Err(LetterError::TooOld);
        }
        if self.settings.is_letter_topic_strict && !shape.has_id_as_key {
            return Err(LetterError::NeedsKey);
        }
        if self.broker.is_stored(index) {
            self.violate(Violation::StoredAndDeadLettered, || format!("record {index}"));
        }
        let letters = &mut self.broker.records[index].letters;
        *letters += 1;
        let is_copy = *letters > 1;
        self.statistics.happened(if is_copy { Happened::LetterCopied } else { Happened::LetterAppended });
        Ok(())
    }

    pub(super) fn commit(&mut self, id: Option<u64>, generation: u64, offsets: &[Sent]) -> Result<(), String> {
        if !id.is_some_and(|id| self.coordinator.admits(id, generation)) {
            self.statistics.happened(Happened::CommitFenced);
            return Err("fenced".to_owned());
        }
        for sent in offsets {
            let partition = sent.partition as usize;
            // A commit that its topic's deletion overtakes does not count for the new topic: Kafka forgets offsets of a
            // deleted topic.
            if sent.incarnation != self.broker.logs[partition].incarnation {
                continue;
            }
            if let Some(record) = self.broker.passed_by(partition, sent.next) {
                self.violate(Violation::CommitPassesUnfinished, || format!("{sent:?} passes record {record}"));
            }
            self.broker.logs[partition].committed = Some(sent.next);
        }
        self.statistics.happened(Happened::Committed);
        Ok(())
    }
}
