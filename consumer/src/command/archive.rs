//! Reads the dead-letter topic from its start to the end that it has when the command starts.

use std::ops::{ControlFlow, Range};
use std::time::Duration;

use anyhow::bail;
use contract::dead_letter::{LeftOut, TIMESTAMP_HEADER};
use contract::{DeadLetter, Place};
use kafka::group::GroupConfig;
use kafka::topics::{ReadRecord, Reader};

use crate::beginning::reader_config;

/// Longest wait for an answer of Kafka.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// The dead-letter topic as it is when the command starts.
pub(super) struct Archive {
    reader: Reader,
    topic: String,
    /// The offsets of each partition.
    offsets: Vec<(i32, Range<i64>)>,
}

/// A dead letter with the parts that it has of its record.
pub(super) struct Archived {
    pub(super) letter: DeadLetter,
    pub(super) left_out: LeftOut,
    /// Partition and offset in the dead-letter topic.
    pub(super) position: (i32, i64),
    pub(super) timestamp_ms: i64,
    /// Whether that is the record's own time. It is, unless the letter has no header with it (those before 0.2.0) and
    /// the topic notes when a letter arrived.
    pub(super) is_own_time: bool,
    pub(super) replay_attempts: u32,
    /// Where the record stood before it was sent back for the first time, if it was and its headers say so.
    pub(super) origin: Option<Place>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
}

impl Archive {
    /// Asks for the topic's partitions and their ends.
    pub(super) fn open(config: &GroupConfig) -> anyhow::Result<Self> {
        let (reader, topic) = (Reader::new(reader_config(config, PATIENCE))?, config.dead_letter_topic.clone());
        let offsets = reader.all_offsets(&topic)?;
        if offsets.is_empty() {
            bail!(
                "the topic {topic} does not exist: no consumer has run with it, or DLQ_TOPIC should name another one"
            );
        }
        Ok(Self { reader, topic, offsets })
    }

    /// Hands each dead letter to `each`, in its partition's order. Returns how many records lack the headers of one.
    pub(super) fn read(&self, mut each: impl FnMut(Archived) -> anyhow::Result<()>) -> anyhow::Result<u64> {
        let mut unreadable = 0;
        let failed = self.reader.read(&self.topic, &self.offsets, |record| match archived(record).map(&mut each) {
            Some(Err(error)) => ControlFlow::Break(error),
            Some(Ok(())) => ControlFlow::Continue(()),
            None => {
                unreadable += 1;
                ControlFlow::Continue(())
            }
        })?;
        failed.map_or(Ok(unreadable), Err)
    }
}

impl Archived {
    /// Where the record stood first.
    pub(super) fn first_place(&self) -> Place {
        let DeadLetter { partition, offset, .. } = self.letter;
        self.origin.unwrap_or(Place { partition, offset, timestamp_ms: self.timestamp_ms })
    }
}

fn archived(record: ReadRecord<'_>) -> Option<Archived> {
    let own_time = record.headers().find(|(name, _)| *name == TIMESTAMP_HEADER);
    let own_time = own_time.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse().ok());
    Some(Archived {
        letter: DeadLetter::from_headers(record.headers()).ok()?,
        left_out: LeftOut::from_headers(record.headers()).ok()?,
        position: (record.partition(), record.offset()),
        timestamp_ms: own_time.or(record.timestamp_ms()).unwrap_or_default(),
        is_own_time: own_time.is_some() || record.has_senders_time(),
        replay_attempts: record.replay_attempts(),
        origin: record.origin(),
        key: record.key().map(<[u8]>::to_vec),
        value: record.value().map(<[u8]>::to_vec),
    })
}
