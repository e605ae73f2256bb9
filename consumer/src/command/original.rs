//! Fetches the record of a dead letter that lacks a part of it, from the topic that it came from. There retention may have
//! removed it, and a topic that was created anew has another record at its offset.

use std::time::Instant;

use anyhow::{Context, anyhow};
use contract::dead_letter::Form;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::{Offset, TopicPartitionList};

use super::archive::{ANSWER_TIMEOUT, Archived, POLL_TIMEOUT, reader};
use crate::config::KafkaSettings;
use contract::Fetched;

/// The topic that the dead letters came from.
pub(super) struct Originals {
    consumer: BaseConsumer,
    topic: String,
}

/// Why a dead letter is still incomplete.
pub(super) enum Incomplete {
    /// The topic has its record no more.
    Gone(String),
    /// It may have it; Kafka did not answer.
    Unknown(anyhow::Error),
}

impl Originals {
    pub(super) fn new(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let mut config = reader(settings);
        // Of each place just the one batch of records there, which a broker sends however large it is.
        config.set("queued.min.messages", "1").set("fetch.message.max.bytes", "1");
        let consumer = config.create().context("cannot make the Kafka consumer")?;
        Ok(Self { consumer, topic: settings.topic.clone() })
    }

    /// Puts key and value into a dead letter that lacks one of them.
    ///
    /// # Errors
    /// Why the letter remains as it was.
    pub(super) fn complete(&self, archived: &mut Archived) -> Result<(), Incomplete> {
        if archived.left_out.form == Form::Whole {
            return Ok(());
        }
        let (partition, offset) = (archived.letter.partition, archived.letter.offset);
        let (low, high) = self.ends(partition)?;
        if offset < low {
            return Err(gone("retention has removed its record from the topic"));
        }
        if offset >= high {
            return Err(gone("the topic was created anew and has no record at its offset"));
        }
        let original = self.fetch(partition, offset)?;
        if !is_record_of(&original, archived, &self.topic) {
            return Err(gone("the topic was created anew and has another record at its offset"));
        }
        (archived.key, archived.value) = (original.key, original.value);
        Ok(())
    }

    fn ends(&self, partition: i32) -> Result<(i64, i64), Incomplete> {
        self.consumer.fetch_watermarks(&self.topic, partition, ANSWER_TIMEOUT).map_err(|error| {
            use RDKafkaErrorCode::{UnknownPartition, UnknownTopic, UnknownTopicOrPartition};
            match error.rdkafka_error_code() {
                Some(UnknownPartition | UnknownTopic | UnknownTopicOrPartition) => {
                    gone("the topic was created anew and has not its partition")
                }
                _ => unknown(anyhow!(error).context(format!("cannot tell the ends of the topic {}", self.topic))),
            }
        })
    }

    fn fetch(&self, partition: i32, offset: i64) -> Result<Fetched, Incomplete> {
        let mut list = TopicPartitionList::new();
        let added = list.add_partition_offset(&self.topic, partition, Offset::Offset(offset));
        let assigned = added.and_then(|()| self.consumer.assign(&list));
        assigned.context("cannot read the topic").map_err(unknown)?;
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        let mut last_error = None;
        while Instant::now() < deadline {
            match self.consumer.poll(POLL_TIMEOUT) {
                Some(Ok(message)) if message.partition() != partition || message.offset() < offset => {}
                Some(Ok(message)) if message.offset() == offset => return Ok(fetched(&message)),
                Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => {
                    return Err(gone("the topic has no record at its offset any more"));
                }
                // What may pass is tried again by librdkafka itself.
                Some(Err(error)) => last_error = Some(error),
                None => {}
            }
        }
        let place = format!("{}, partition {partition}, offset {offset}", self.topic);
        let why = last_error.map_or(String::new(), |error| format!(": {error}"));
        Err(unknown(anyhow!("Kafka has not sent the record of {place} within {ANSWER_TIMEOUT:?}{why}")))
    }
}

fn gone(why: &str) -> Incomplete {
    Incomplete::Gone(why.to_owned())
}

fn unknown(error: anyhow::Error) -> Incomplete {
    Incomplete::Unknown(error)
}

fn fetched(message: &BorrowedMessage<'_>) -> Fetched {
    Fetched {
        partition: message.partition(),
        offset: message.offset(),
        timestamp_ms: message.timestamp().to_millis().unwrap_or_default(),
        replay_attempts: 0,
        trace: None,
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
    }
}

/// Whether the letter speaks of this record, by all that it tells of it. An id that is not the key stands for topic,
/// partition, offset and time.
fn is_record_of(record: &Fetched, archived: &Archived, topic: &str) -> bool {
    let Archived { letter, left_out, .. } = archived;
    record.id(topic) == letter.id
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
        Fetched { partition: 3, offset: 17, timestamp_ms: 1_000, replay_attempts: 0, trace: None, key, value }
    }

    fn letter_of(record: &Fetched, form: Form) -> Archived {
        Archived {
            letter: DeadLetter {
                topic: "post".to_owned(),
                partition: record.partition,
                offset: record.offset,
                reason: Reason::Undecodable,
                message: String::new(),
                id: record.id("post"),
            },
            left_out: LeftOut::new(form, record.value.as_deref()),
            position: (0, 0),
            timestamp_ms: record.timestamp_ms,
            is_own_time: true,
            replay_attempts: 0,
            key: record.key.clone().filter(|_| form.has_key()),
            value: None,
        }
    }

    #[test]
    fn a_letter_knows_its_record_and_no_other_one() {
        let without_key = Fetched { key: None, ..record() };
        let foreign_key = Fetched { key: Some(b"42".to_vec()), ..record() };
        let without_value = Fetched { value: None, ..record() };
        for form in [Form::WithoutValue, Form::WithoutRecord] {
            for one in [&record(), &without_key, &foreign_key, &without_value] {
                let letter = letter_of(one, form);
                assert!(is_record_of(one, &letter, "post"));
                for other in [
                    Fetched { timestamp_ms: 1_001, ..one.clone() },
                    Fetched { value: Some(b"shorter".to_vec()), ..one.clone() },
                    Fetched { key: Some(PostId::fresh().to_key().to_vec()), ..one.clone() },
                ] {
                    assert!(!is_record_of(&other, &letter, "post"), "{form:?}, {one:?}, {other:?}");
                }
            }
        }
    }

    #[test]
    fn a_topic_that_notes_its_own_time_says_nothing_of_the_records() {
        let letter = Archived { timestamp_ms: 2_000, is_own_time: false, ..letter_of(&record(), Form::WithoutValue) };
        assert!(is_record_of(&record(), &letter, "post"));
        assert!(!is_record_of(&Fetched { key: None, ..record() }, &letter, "post"));
    }
}
