//! Where a key is whose last record is its document: its records in the topic, in order, its dead letters, and its
//! document, which must be that of the last record that the group has finished, or of a later one, and whole.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Context;
use bson::{Document, RawDocument, RawDocumentBuf};
use contract::decode::Decoder;
use contract::{DeadLetter, Kind, Place, Tombstone};
use kafka::group::GroupConfig;
use tokio::task::spawn_blocking;

use super::shown::{place as place_text, readable, there};
use crate::base::exit;
use crate::ledger::balance::differences;
use crate::ledger::states::is_later;
use crate::ledger::states::stored::place_in;
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, dead_letter_of};

/// The most characters of a value that are shown.
const SHOWN: usize = 300;

/// A record of the key.
#[derive(Debug, Clone, PartialEq)]
struct KeyRecord {
    /// Its partition and offset.
    at: (i32, i64),
    /// Where it stood first.
    place: Place,
    is_finished: bool,
    value: String,
    /// `None` if it cannot become one.
    document: Option<RawDocumentBuf>,
}

/// What Kafka has of a key.
#[derive(Default)]
struct OfKey {
    records: Vec<KeyRecord>,
    letters: Vec<DeadLetter>,
    /// Where each partition of the topic starts: what stood before is gone.
    starts: Vec<(i32, i64)>,
}

/// What is to say of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyVerdict {
    Stored,
    /// There is a tombstone, and no later record was finished.
    Erased,
    /// Nothing that can be stored was finished yet.
    Waiting,
    DeadLettered,
    /// There is a document, whose record is gone from the topic, and no later record was finished.
    Gone,
    /// The document is not that of the last finished record.
    Stale,
    /// The document is not what any record of the key says that can be stored.
    Other,
    Lost,
    Nowhere,
}

/// Says where the key is. The exit code is 1 for one that is nowhere, and 99 for one whose last record is not stored.
pub(super) async fn show(kind: Kind, id: &str, store: &StoreReader, names: GroupConfig) -> anyhow::Result<ExitCode> {
    let read = async || {
        let (key, asked) = (id.to_owned(), names.clone());
        spawn_blocking(move || read(kind, &key, &asked)).await.context("looking into Kafka failed")?
    };
    let (mut of_key, mut stored) = (OfKey::default(), None);
    let mut verdict = KeyVerdict::Nowhere;
    // The store is asked after Kafka, and both once more before anything is called lost: records come in meanwhile.
    for _ in 0..2 {
        of_key = read().await?;
        stored = store.of_keys(&BTreeSet::from([id])).await?.into_iter().next();
        verdict = judge(&of_key, &of_key, stored.as_deref());
        if verdict == KeyVerdict::Other {
            // It may be that of a record which came in meanwhile.
            verdict = judge(&of_key, &read().await?, stored.as_deref());
        }
        if !matches!(verdict, KeyVerdict::Stale | KeyVerdict::Lost | KeyVerdict::Other) {
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
        let document = Document::try_from(document)?;
        println!("{}:\n{:#}", there(&document)?, readable(&id, &document)?);
    }
    Ok(match verdict {
        KeyVerdict::Stored | KeyVerdict::Erased | KeyVerdict::Waiting | KeyVerdict::DeadLettered => ExitCode::SUCCESS,
        KeyVerdict::Gone => {
            println!("its record is gone from topic {}, so there is nothing to compare the document with", names.topic);
            ExitCode::SUCCESS
        }
        KeyVerdict::Other => {
            println!("changed: the document is not what its record in topic {} says", names.topic);
            ExitCode::from(exit::THRESHOLD_FAILED)
        }
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

/// Judges a key by its records before its document was read, and by the document, which must be that of a record that
/// is known by now.
fn judge(of_key: &OfKey, by_now: &OfKey, stored: Option<&RawDocument>) -> KeyVerdict {
    let finished = of_key.records.iter().filter(|record| record.is_finished);
    let storable = finished.filter(|record| !of_key.is_dead(record)).map(|record| record.place);
    let last = storable.reduce(|last, next| if is_later(next, last) { next } else { last });
    match (last, stored) {
        (last, Some(document)) => by_now.judge(document, last),
        (Some(_), None) => KeyVerdict::Lost,
        (None, None) if of_key.records.iter().any(|record| !record.is_finished) => KeyVerdict::Waiting,
        (None, None) if !of_key.letters.is_empty() => KeyVerdict::DeadLettered,
        (None, None) => KeyVerdict::Nowhere,
    }
}

impl OfKey {
    fn is_dead(&self, record: &KeyRecord) -> bool {
        self.letters.iter().any(|letter| (letter.partition, letter.offset) == record.at)
    }

    /// Judges a document by the records, where the last one that was finished and can be stored stands at this place.
    fn judge(&self, document: &RawDocument, last: Option<Place>) -> KeyVerdict {
        let Some(place) = place_in(document) else { return KeyVerdict::Other };
        if last.is_some_and(|last| is_later(last, place)) {
            return KeyVerdict::Stale;
        }
        if Tombstone::read(document).is_some() {
            return KeyVerdict::Erased;
        }
        let is_its_document = |record: &KeyRecord| {
            let sent = record.document.as_deref();
            sent.is_some_and(|sent| differences::of_documents(sent, document).is_empty())
        };
        let mut there = self.records.iter().filter(|record| record.place == place && !self.is_dead(record)).peekable();
        let is_gone =
            self.starts.iter().any(|(partition, start)| *partition == place.partition && *start > place.offset);
        match there.peek().is_some() {
            false if is_gone => KeyVerdict::Gone,
            _ if there.any(is_its_document) => KeyVerdict::Stored,
            _ => KeyVerdict::Other,
        }
    }
}

fn read(kind: Kind, id: &str, names: &GroupConfig) -> anyhow::Result<OfKey> {
    let kafka = topic::reader(&names.cluster, &names.group)?;
    let mut letters = Vec::new();
    topic::scan(&kafka, &names.dead_letter_topic, |record| {
        letters.extend(dead_letter_of(record).filter(|letter| letter.id.to_string() == id));
        ControlFlow::<()>::Continue(())
    })?;
    let progress = kafka.progress(&names.topic)?;
    let next = |partition| progress.iter().find(|of| of.partition == partition).map_or(0, |of| of.next());
    let starts = kafka.all_offsets(&names.topic)?.into_iter().map(|(partition, range)| (partition, range.start));
    let starts = starts.collect();
    let (mut records, mut decoder) = (Vec::new(), Decoder::new(kind, &names.topic));
    topic::scan(&kafka, &names.topic, |record| {
        if record.key() == Some(id.as_bytes()) {
            let at = (record.partition(), record.offset());
            let value = String::from_utf8_lossy(record.value().unwrap_or_default());
            let fetched = record.fetched();
            let place = fetched.place();
            let document = decoder.decode(fetched).outcome.ok();
            let (is_finished, value) = (at.1 < next(at.0), value.chars().take(SHOWN).collect());
            records.push(KeyRecord { at, place, is_finished, value, document });
        }
        ControlFlow::<()>::Continue(())
    })?;
    records.sort_by_key(|record| record.at);
    Ok(OfKey { records, letters, starts })
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use contract::RecordId;
    use contract::dead_letter::Reason;

    use super::*;

    fn record(offset: i64, is_finished: bool) -> KeyRecord {
        let place = Place { partition: 0, offset, timestamp_ms: 0 };
        KeyRecord { at: (0, offset), place, is_finished, value: String::new(), document: Some(document(offset, 1)) }
    }

    fn document(offset: i64, quantity: i32) -> RawDocumentBuf {
        let place = doc! { "partition": 0, "offset": offset, "timestamp": DateTime::from_millis(0) };
        RawDocumentBuf::try_from(&doc! { "_id": "A", "quantity": quantity, "kafka": place }).unwrap()
    }

    fn of_key(records: &[KeyRecord], letters: &[DeadLetter]) -> OfKey {
        OfKey { records: records.to_vec(), letters: letters.to_vec(), starts: vec![(0, 2)] }
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
            let of_key = of_key(records, letters);
            judge(&of_key, &of_key, stored.map(|offset| document(offset, 1)).as_deref())
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
        assert_eq!(judged(&records[..1], &letters, Some(7)), KeyVerdict::Other, "no record stands there");
        assert_eq!(judged(&records[..2], &letters, Some(7)), KeyVerdict::Other, "a dead letter is not stored");
        assert_eq!(judged(&[], &[], Some(1)), KeyVerdict::Gone);
        assert_eq!(judged(&[], &[], Some(2)), KeyVerdict::Other, "the topic still has what stood there");
    }

    #[test]
    fn a_tombstone_must_be_that_of_the_last_finished_record_too() {
        let known = of_key(&[record(3, true), record(7, true)], &[]);
        let judged = |offset| {
            let place = Place { partition: 0, offset, timestamp_ms: 0 };
            let tombstone = Tombstone { erased_at_ms: 0, kept_until_ms: None }.of_key("A", &place);
            judge(&known, &known, Some(&tombstone))
        };
        assert_eq!([6, 7, 8].map(judged), [KeyVerdict::Stale, KeyVerdict::Erased, KeyVerdict::Erased]);
    }

    #[test]
    fn a_document_must_say_what_its_record_says() {
        let known = of_key(&[record(3, true), record(7, true)], &[]);
        let judged = |known: &OfKey, stored: &RawDocument| judge(known, known, Some(stored));
        assert_eq!(judged(&known, &document(7, 1)), KeyVerdict::Stored);
        assert_eq!(judged(&known, &document(7, 2)), KeyVerdict::Other, "altered");
        let without_place = RawDocumentBuf::try_from(&doc! { "_id": "A", "quantity": 1 }).unwrap();
        assert_eq!(judged(&known, &without_place), KeyVerdict::Other);
        let by_now = of_key(&[record(3, true), record(7, true), record(9, true)], &[]);
        assert_eq!(judge(&known, &known, Some(&document(9, 1))), KeyVerdict::Other);
        assert_eq!(judge(&known, &by_now, Some(&document(9, 1))), KeyVerdict::Stored, "it came in meanwhile");
    }
}
