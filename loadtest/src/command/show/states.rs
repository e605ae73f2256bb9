//! Where a key is whose last record is its document: its records in the topic, in order, its dead letters, and its
//! document, which must be that of the last record that the group has finished.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Context;
use bson::Document;
use contract::{DeadLetter, Place};
use kafka::group::GroupConfig;
use tokio::task::spawn_blocking;

use super::shown::{place as place_text, readable};
use crate::base::exit;
use crate::ledger::states::is_later;
use crate::ledger::states::stored::place_in;
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, dead_letter_of};

/// The most characters of a value that are shown.
const SHOWN: usize = 300;

/// A record of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyRecord {
    /// Its partition and offset.
    at: (i32, i64),
    /// Where it stood first.
    place: Place,
    is_finished: bool,
    value: String,
}

/// What Kafka has of a key.
#[derive(Default)]
struct OfKey {
    records: Vec<KeyRecord>,
    letters: Vec<DeadLetter>,
}

/// What is to say of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyVerdict {
    Stored,
    /// Nothing that can be stored was finished yet.
    Waiting,
    DeadLettered,
    /// The document is not that of the last finished record.
    Stale,
    Lost,
    Nowhere,
}

/// Says where the key is. The exit code is 1 for one that is nowhere, and 99 for one whose last record is not stored.
pub(super) async fn show(id: &str, store: &StoreReader, names: GroupConfig) -> anyhow::Result<ExitCode> {
    let (mut of_key, mut stored) = (OfKey::default(), None);
    let mut verdict = KeyVerdict::Nowhere;
    // The store is asked after Kafka, and both once more before anything is called lost: records come in meanwhile.
    for _ in 0..2 {
        let (key, asked) = (id.to_owned(), names.clone());
        of_key = spawn_blocking(move || read(&key, &asked)).await.context("looking into Kafka failed")??;
        stored = store.of_keys(&BTreeSet::from([id])).await?.into_iter().next();
        verdict = judge(&of_key, stored.as_ref().map(|document| place_in(document)));
        if !matches!(verdict, KeyVerdict::Stale | KeyVerdict::Lost) {
            break;
        }
    }
    println!("{} records of {id} in topic {}:", of_key.records.len(), names.topic);
    for KeyRecord { at: (partition, offset), is_finished, value, .. } in &of_key.records {
        let state = if *is_finished { "finished" } else { "waiting" };
        println!("  partition {partition}, offset {offset}, {state}: {value}");
    }
    for DeadLetter { topic, partition, offset, reason, message, .. } in &of_key.letters {
        println!(
            "dead-lettered: {message} ({}); it was in {}",
            reason.as_str(),
            place_text(topic, *partition, *offset)
        );
    }
    if let Some(document) = &stored {
        println!("stored:\n{:#}", readable(&id, &Document::try_from(document)?)?);
    }
    Ok(match verdict {
        KeyVerdict::Stored | KeyVerdict::Waiting | KeyVerdict::DeadLettered => ExitCode::SUCCESS,
        KeyVerdict::Stale => {
            println!("stale: group {} has finished a later record than that of the document", names.group);
            ExitCode::from(exit::THRESHOLD_FAILED)
        }
        KeyVerdict::Lost => {
            println!("lost: group {} has finished the records, but there is no document", names.group);
            ExitCode::from(exit::THRESHOLD_FAILED)
        }
        KeyVerdict::Nowhere => {
            println!("not found: neither in the store, nor in topic {}", names.topic);
            ExitCode::from(exit::FAILED)
        }
    })
}

/// Judges a key by its records and by where its document says that its record stands.
fn judge(of_key: &OfKey, stored: Option<Option<Place>>) -> KeyVerdict {
    let is_dead =
        |record: &KeyRecord| of_key.letters.iter().any(|letter| (letter.partition, letter.offset) == record.at);
    let finished = of_key.records.iter().filter(|record| record.is_finished);
    let storable = finished.filter(|record| !is_dead(record)).map(|record| record.place);
    let last = storable.reduce(|last, next| if is_later(next, last) { next } else { last });
    match (last, stored) {
        (Some(last), Some(Some(place))) if is_later(last, place) => KeyVerdict::Stale,
        (_, Some(_)) => KeyVerdict::Stored,
        (Some(_), None) => KeyVerdict::Lost,
        (None, None) if of_key.records.iter().any(|record| !record.is_finished) => KeyVerdict::Waiting,
        (None, None) if !of_key.letters.is_empty() => KeyVerdict::DeadLettered,
        (None, None) => KeyVerdict::Nowhere,
    }
}

fn read(id: &str, names: &GroupConfig) -> anyhow::Result<OfKey> {
    let kafka = topic::reader(&names.brokers, &names.group)?;
    let mut letters = Vec::new();
    topic::scan(&kafka, &names.dead_letter_topic, |record| {
        letters.extend(dead_letter_of(record).filter(|letter| letter.id.to_string() == id));
        ControlFlow::<()>::Continue(())
    })?;
    let progress = kafka.progress(&names.topic)?;
    let next = |partition| progress.iter().find(|of| of.partition == partition).map_or(0, |of| of.next());
    let mut records = Vec::new();
    topic::scan(&kafka, &names.topic, |record| {
        if record.key() == Some(id.as_bytes()) {
            let at = (record.partition(), record.offset());
            let value = String::from_utf8_lossy(record.value().unwrap_or_default());
            let place = record.fetched().place();
            let (is_finished, value) = (at.1 < next(at.0), value.chars().take(SHOWN).collect());
            records.push(KeyRecord { at, place, is_finished, value });
        }
        ControlFlow::<()>::Continue(())
    })?;
    records.sort_by_key(|record| record.at);
    Ok(OfKey { records, letters })
}

#[cfg(test)]
mod tests {
    use contract::RecordId;
    use contract::dead_letter::Reason;

    use super::*;

    fn record(offset: i64, is_finished: bool) -> KeyRecord {
        let place = Place { partition: 0, offset, timestamp_ms: 0 };
        KeyRecord { at: (0, offset), place, is_finished, value: String::new() }
    }

    #[test]
    fn a_document_must_be_that_of_the_last_finished_record() {
        let letters = [DeadLetter {
            topic: "orders".to_owned(),
            partition: 0,
            offset: 7,
            reason: Reason::Refused,
            message: String::new(),
            id: RecordId::from_text("A"),
        }];
        let judged = |records: &[KeyRecord], letters: &[DeadLetter], stored: Option<i64>| {
            let of_key = OfKey { records: records.to_vec(), letters: letters.to_vec() };
            judge(&of_key, stored.map(|offset| Some(record(offset, true).place)))
        };
        let records = [record(3, true), record(7, true), record(9, false)];
        assert_eq!(judged(&records, &[], Some(7)), KeyVerdict::Stored);
        assert_eq!(judged(&records, &[], Some(9)), KeyVerdict::Stored, "stored, and not committed yet");
        assert_eq!(judged(&records, &[], Some(3)), KeyVerdict::Stale);
        assert_eq!(judged(&records, &[], None), KeyVerdict::Lost);
        assert_eq!(judged(&records, &letters, Some(3)), KeyVerdict::Stored, "the later one is a dead letter");
        assert_eq!(judged(&records[1..2], &letters, None), KeyVerdict::DeadLettered);
        assert_eq!(judged(&records[2..], &[], None), KeyVerdict::Waiting);
        assert_eq!(judged(&[], &[], None), KeyVerdict::Nowhere);
    }
}
