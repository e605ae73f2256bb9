//! Fetches the record of an incomplete dead letter from the record's topic. Retention may have removed it there, and a
//! recreated topic has another record at its offset.

use std::ops::ControlFlow;

use contract::dead_letter::Form;
use contract::decode::Decoder;
use contract::{Fetched, Kind};
use kafka::group::GroupConfig;
use kafka::topics::{Reader, ReaderConfig};

use super::archive::{Archived, PATIENCE};
use crate::beginning::reader_config;

/// The topic that the dead letters came from.
pub(super) struct Originals {
    kind: Kind,
    reader: Reader,
    topic: String,
}

/// Why a dead letter is still incomplete.
pub(super) enum Incomplete {
    /// The topic no longer has its record.
    Gone(String),
    /// The topic may have it; Kafka did not answer.
    Unknown(anyhow::Error),
}

impl Originals {
    pub(super) fn new(kind: Kind, config: &GroupConfig) -> anyhow::Result<Self> {
        let reader = Reader::new(ReaderConfig { picks_records: true, ..reader_config(config, PATIENCE) })?;
        Ok(Self { kind, reader, topic: config.topic.clone() })
    }

    /// Its name.
    pub(super) fn topic(&self) -> &str {
        &self.topic
    }

    /// Puts key and value into a dead letter that lacks one of them.
    ///
    /// # Errors
    /// Why the letter stays as it was.
    pub(super) fn complete(&self, archived: &mut Archived) -> Result<(), Incomplete> {
        if archived.left_out.form == Form::Whole {
            return Ok(());
        }
        let (partition, offset) = (archived.letter.partition, archived.letter.offset);
        let offsets = self.reader.offsets(&self.topic, partition).map_err(Incomplete::Unknown)?;
        let Some(offsets) = offsets else {
            return Err(gone("the topic was recreated and does not have its partition"));
        };
        if offset < offsets.start {
            return Err(gone("retention has removed its record from the topic"));
        }
        if offset >= offsets.end {
            return Err(gone("the topic was recreated and has no record at its offset"));
        }
        let original = self.fetch(partition, offset)?;
        if !is_record_of(&original, archived, &mut Decoder::new(self.kind, &self.topic)) {
            return Err(gone("the topic was recreated and has another record at its offset"));
        }
        (archived.key, archived.value) = (original.key, original.value);
        Ok(())
    }

    fn fetch(&self, partition: i32, offset: i64) -> Result<Fetched, Incomplete> {
        let place = [(partition, offset..offset + 1)];
        let found = self.reader.read(&self.topic, &place, |record| ControlFlow::Break(record.fetched()));
        let found = found.map_err(Incomplete::Unknown)?;
        found.ok_or_else(|| gone("the topic has no record at its offset any more"))
    }
}

fn gone(why: &str) -> Incomplete {
    Incomplete::Gone(why.to_owned())
}

/// Whether the letter describes this record, by everything that it says about it. An id that is not the key stands for
/// topic, partition, offset and time.
fn is_record_of(record: &Fetched, archived: &Archived, decoder: &mut Decoder) -> bool {
    let Archived { letter, left_out, .. } = archived;
    letter.id == decoder.decode(record.clone()).id
        && record.value.as_ref().map(Vec::len) == left_out.value_bytes
        && (!left_out.form.has_key() || record.key == archived.key)
        && (!archived.is_own_time || record.timestamp_ms == archived.timestamp_ms)
}

#[cfg(test)]
mod tests {
    use contract::dead_letter::{LeftOut, Reason};
    use contract::{DeadLetter, PostId};

    use super::*;

    fn record() -> Fetched {
        let key = Some(PostId::from_key(b"6ae2dfe4-1723-5035-a463-d55783a966eb").unwrap().to_key().to_vec());
        let value = Some(b"not a post".to_vec());
        Fetched {
            partition: 3,
            offset: 17,
            timestamp_ms: 1_000,
            replay_attempts: 0,
            origin: None,
            trace: None,
            key,
            value,
        }
    }

    fn posts() -> Decoder {
        Decoder::new(Kind::Post, "post")
    }

    fn letter_of(record: &Fetched, form: Form) -> Archived {
        Archived {
            letter: DeadLetter {
                topic: "post".to_owned(),
                partition: record.partition,
                offset: record.offset,
                reason: Reason::Undecodable,
                message: String::new(),
                id: record.post_id("post").into(),
            },
            left_out: LeftOut::new(form, record.value.as_deref()),
            position: (0, 0),
            timestamp_ms: record.timestamp_ms,
            is_own_time: true,
            replay_attempts: 0,
            origin: None,
            key: record.key.clone().filter(|_| form.has_key()),
            value: None,
        }
    }

    #[test]
    fn a_letter_knows_its_record_and_no_other() {
        let without_key = Fetched { key: None, ..record() };
        let foreign_key = Fetched { key: Some(b"42".to_vec()), ..record() };
        let without_value = Fetched { value: None, ..record() };
        for form in [Form::WithoutValue, Form::WithoutRecord] {
            for one in [&record(), &without_key, &foreign_key, &without_value] {
                let letter = letter_of(one, form);
                assert!(is_record_of(one, &letter, &mut posts()));
                for other in [
                    Fetched { timestamp_ms: 1_001, ..one.clone() },
                    Fetched { value: Some(b"shorter".to_vec()), ..one.clone() },
                    Fetched { key: Some(PostId::fresh().to_key().to_vec()), ..one.clone() },
                ] {
                    assert!(!is_record_of(&other, &letter, &mut posts()), "{form:?}, {one:?}, {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_topic_that_notes_its_own_time_says_nothing_about_the_records() {
        let letter = Archived { timestamp_ms: 2_000, is_own_time: false, ..letter_of(&record(), Form::WithoutValue) };
        assert!(is_record_of(&record(), &letter, &mut posts()));
        assert!(!is_record_of(&Fetched { key: None, ..record() }, &letter, &mut posts()));
    }
}
