//! A few keys with some records each, a store that is right, and every way in which it can be wrong.

use std::time::Duration;

use bson::{Document, doc};
use contract::dead_letter::{Form, LeftOut};
use contract::decode::Decoder;
use contract::{Fetched, Kind};

use super::*;
use crate::ledger::balance::letters::FoundLetter;

const TOPIC: &str = "orders";

fn decoded(key: &str, offset: i64, quantity: u32, origin: Option<i64>) -> Decoded {
    let value =
        format!(r#"{{"order_id":"{key}","customer_id":"c","product_id":"p","quantity":{quantity},"price":"1.00"}}"#);
    let at = |offset| Place { partition: 0, offset, timestamp_ms: 1_000 };
    Decoder::new(Kind::Order, TOPIC).decode(Fetched {
        partition: 0,
        offset,
        timestamp_ms: 1_000,
        replay_attempts: u32::from(origin.is_some()),
        origin: origin.map(at),
        trace: None,
        key: Some(key.as_bytes().to_vec()),
        value: Some(value.into_bytes()),
    })
}

/// Key A at 0, 2 and 5, key B at 1, and a record that is not an order at 3; the group has finished all but the last.
fn records() -> Vec<Decoded> {
    let broken = decoded("broken", 3, 0, None);
    assert!(broken.outcome.is_err());
    vec![decoded("A", 0, 1, None), decoded("B", 1, 2, None), decoded("A", 2, 3, None), broken, decoded("A", 5, 4, None)]
}

fn document(record: &Decoded) -> RawDocumentBuf {
    record.outcome.clone().unwrap()
}

fn letters_of(records: &[&Decoded]) -> Letters {
    let mut letters = Letters::default();
    for record in records {
        let (letter, fetched) = (record.dead_letter(TOPIC), &record.fetched);
        let left_out = LeftOut::new(Form::Whole, fetched.value.as_deref());
        let (key, value) = (fetched.key.as_deref(), fetched.value.as_deref());
        letters.add(0, FoundLetter { letter: &letter, left_out, time_ms: Some(1_000), key, value });
    }
    letters.complete()
}

fn balance(
    finished: &[Decoded],
    letters: Letters,
    documents: &[RawDocumentBuf],
    unfinished: &[Decoded],
) -> StateBalance {
    let mut comparison = KeyedComparison::new(letters, 20);
    finished.iter().for_each(|record| comparison.record(record));
    documents.iter().for_each(|document| comparison.document(document));
    if comparison.needs_unfinished() {
        unfinished.iter().for_each(|record| comparison.unfinished(record));
    }
    comparison.conclude()
}

fn edited(record: &Decoded, field: &str, value: impl Into<bson::Bson>) -> RawDocumentBuf {
    let mut document = Document::try_from(document(record)).unwrap();
    document.insert(field, value);
    RawDocumentBuf::try_from(&document).unwrap()
}

#[test]
fn the_last_finished_record_of_each_key_is_its_document() {
    let records = records();
    let right = [document(&records[2]), document(&records[1])];
    let (finished, unfinished) = records.split_at(4);
    let found = balance(finished, letters_of(&[&records[3]]), &right, unfinished);
    let well = StateBalance { records: 4, dead_lettered: 1, keys: 2, stored: 2, ..StateBalance::default() };
    assert_eq!(found, well);
    // Stored, and not committed yet.
    let ahead = [document(&records[4]), document(&records[1])];
    assert_eq!(balance(finished, letters_of(&[&records[3]]), &ahead, unfinished), well);
}

#[test]
fn every_lie_of_a_store_is_seen() {
    let records = records();
    let (finished, unfinished) = records.split_at(4);
    let b = document(&records[1]);
    type Count = fn(&StateBalance) -> (u64, StateFindingKind);
    let missing: Count = |balance| (balance.missing, StateFindingKind::Missing);
    let stale: Count = |balance| (balance.stale, StateFindingKind::Stale);
    let changed: Count = |balance| (balance.changed, StateFindingKind::Changed);
    let places = doc! { "partition": 0, "offset": 9_i64, "timestamp": bson::DateTime::from_millis(1_000) };
    for (name, documents, count) in [
        ("no document", vec![b.clone()], missing),
        ("an earlier state", vec![document(&records[0]), b.clone()], stale),
        ("another value", vec![edited(&records[2], "status", "FAILED"), b.clone()], changed),
        ("one field more", vec![edited(&records[2], "note", 1), b.clone()], changed),
        ("a place that the topic does not have", vec![edited(&records[2], "kafka", places), b.clone()], changed),
        ("an unfinished one that is altered", vec![edited(&records[4], "status", "FAILED"), b.clone()], changed),
    ] {
        let found = balance(finished, letters_of(&[&records[3]]), &documents, unfinished);
        let (number, kind) = count(&found);
        assert_eq!((number, found.stored, found.findings.len()), (1, 1, 1), "{name}: {found:?}");
        assert_eq!((found.findings[0].kind, found.findings[0].id.as_str()), (kind, "A"), "{name}");
    }
    let lost = balance(finished, letters_of(&[]), &[document(&records[2]), b], unfinished);
    assert_eq!((lost.missing, lost.findings[0].id.as_str()), (1, "broken"), "it is no dead letter");
}

#[test]
fn a_key_without_a_document_may_be_beyond_the_retention_but_a_stale_one_is_not() {
    let (finished, after) = (&records()[..3], |seconds| Kept::by(Some(Duration::from_secs(seconds)), 61_000));
    let found = |kept, documents: &[RawDocumentBuf]| {
        let mut comparison = KeyedComparison::new(letters_of(&[]), 20);
        finished.iter().for_each(|record| comparison.record(record));
        documents.iter().for_each(|document| comparison.document(document));
        comparison.kept(kept);
        let StateBalance { removed, missing, stale, .. } = comparison.conclude();
        (removed, missing, stale)
    };
    let b = [document(&finished[1])];
    assert_eq!(found(after(30), &b), (1, 0, 0));
    assert_eq!(found(after(90), &b), (0, 1, 0), "it is young enough to be there");
    assert_eq!(found(after(30), &[document(&finished[0])]), (1, 0, 1));
}

#[test]
fn a_dead_letter_is_not_the_last_record_until_it_is_sent_back() {
    let records = records();
    let (finished, b) = (&records[..3], document(&records[1]));
    let letters = || letters_of(&[&records[2]]);
    let before = [document(&records[0]), b.clone()];
    assert_eq!(balance(finished, letters(), &before, &[]).stored, 2);
    let replayed = decoded("A", 7, 3, Some(2));
    let with_replay = finished.iter().chain([&replayed]).map(again).collect::<Vec<_>>();
    let found = balance(&with_replay, letters(), &before, &[]);
    assert_eq!((found.stored, found.stale), (1, 1), "{found:?}");
    assert_eq!(balance(&with_replay, letters(), &[document(&replayed), b], &[]).stored, 2);
}

fn again(record: &Decoded) -> Decoded {
    let (fetched, id, outcome) = (record.fetched.clone(), record.id.clone(), record.outcome.clone());
    Decoded { fetched, id, outcome }
}

#[test]
fn what_differs_is_explained_by_its_record() {
    let records = records();
    let documents = [edited(&records[2], "status", "FAILED"), document(&records[1])];
    let mut found = balance(&records[..3], letters_of(&[]), &documents, &[]);
    found.findings[0].explain(&records[2]);
    assert_eq!(found.findings[0].lines, [r#"status: sent "PENDING", stored "FAILED""#]);
}

#[test]
fn a_tombstone_stands_for_the_records_of_its_key_before_it_and_for_no_later_one() {
    let records = records();
    let tombstone = |key, offset| {
        let place = Place { partition: 0, offset, timestamp_ms: 2_000 };
        Tombstone { erased_at_ms: 2_000, kept_until_ms: None }.of_key(key, &place)
    };
    let (finished, b) = (&records[..4], document(&records[1]));
    // The record that is not an order has no dead letter any more.
    let documents = [tombstone("A", 2), tombstone("broken", 4), b.clone()];
    let found = balance(finished, letters_of(&[]), &documents, &[]);
    let well = StateBalance { records: 4, keys: 2, stored: 1, erased: 2, ..StateBalance::default() };
    assert_eq!(found, well);
    let found = balance(finished, letters_of(&[&records[3]]), &[tombstone("A", 1), b], &[]);
    assert_eq!((found.erased, found.stale, found.missing), (0, 1, 0), "A was sent again after it was erased");
}
