//! Reads topics without being a member of any group: how far the group is, and every record that is in a topic. All of
//! it blocks the calling thread, every wait with a deadline.

use std::ops::ControlFlow;
use std::time::Duration;

use contract::dead_letter::{LeftOut, TIMESTAMP_HEADER};
use contract::{DeadLetter, PostId};
use kafka::Cluster;
use kafka::topics::{ReadRecord, Reader, ReaderConfig};

/// What the lab calls itself to the brokers.
pub(crate) const CLIENT_ID: &str = "loadtest";

/// Longest wait for an answer, and for the next record.
const PATIENCE: Duration = Duration::from_secs(10);

/// A reader that reports this group's progress.
pub(crate) fn reader(cluster: &Cluster, group: &str) -> anyhow::Result<Reader> {
    patient_reader(cluster, group, PATIENCE)
}

/// The same, with another patience.
pub(crate) fn patient_reader(cluster: &Cluster, group: &str, patience: Duration) -> anyhow::Result<Reader> {
    let (cluster, group) = (cluster.clone(), group.to_owned());
    Reader::new(ReaderConfig { cluster, client_id: CLIENT_ID, group, patience, picks_records: false })
}

/// Visits every record that is in a topic now, until `visit` breaks, and returns what it broke with. A topic that does
/// not exist has none.
pub(crate) fn scan<B>(
    reader: &Reader,
    topic: &str,
    visit: impl FnMut(ReadRecord<'_>) -> ControlFlow<B>,
) -> anyhow::Result<Option<B>> {
    reader.read(topic, &reader.all_offsets(topic)?, visit)
}

/// The id that the consumer gives to a record of this topic.
pub(crate) fn id_of(topic: &str, record: ReadRecord<'_>) -> PostId {
    let timestamp_ms = record.timestamp_ms().unwrap_or_default();
    PostId::of_record(record.key(), topic, record.partition(), record.offset(), timestamp_ms)
}

/// The dead letter that a record of the dead-letter topic is, if its headers can be read.
pub(crate) fn dead_letter_of(record: ReadRecord<'_>) -> Option<DeadLetter> {
    DeadLetter::from_headers(record.headers()).ok()
}

/// The dead letter that a record of the dead-letter topic is, with what it leaves out and, where a header has it, the
/// time of its own record.
pub(crate) fn letter_parts(record: ReadRecord<'_>) -> Option<(DeadLetter, LeftOut, Option<i64>)> {
    let left_out = LeftOut::from_headers(record.headers()).ok()?;
    let time_ms = match record.headers().find(|(name, _)| *name == TIMESTAMP_HEADER) {
        Some((_, text)) => Some(std::str::from_utf8(text).ok()?.parse().ok()?),
        None => None,
    };
    Some((dead_letter_of(record)?, left_out, time_ms))
}
