//! Small worlds, compared with a model that keeps everything and looks at everything.

use std::collections::HashMap;

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, RawDocumentBuf};
use contract::dead_letter::{LeftOut, Reason};
use contract::decode::{Decoded, Decoder};
use contract::{DeadLetter, Fetched, Kind};
use proptest::prelude::*;

use super::letters::FoundLetter;
use super::*;
use crate::ledger::reconcile::CLOCK_SKEW;

const TOPICS: [&str; 2] = ["post", "order"];

/// A few of each, so that they meet often. The last content is too short for a post.
const CONTENTS: [&str; 3] = ["long enough", "long enoughe\u{301}", "short"];
const DATES: i64 = 3;

/// The change of a document that a tombstone has replaced.
const TOMBSTONE: u8 = 9;

/// A record, by what distinguishes it.
#[derive(Debug, Clone)]
struct Sketch {
    id: u8,
    content: usize,
    date: i64,
    topic: u16,
    partition: i32,
}

/// A dead letter of a record that has been changed in one way, or in none.
#[derive(Debug, Clone)]
struct LetterSketch {
    of: usize,
    change: u8,
}

/// A document under an id that has been changed in one way, or in none.
#[derive(Debug, Clone)]
struct DocumentSketch {
    content: usize,
    date: i64,
    change: u8,
}

#[derive(Debug, Clone)]
struct World {
    finished: Vec<Sketch>,
    unfinished: Vec<Sketch>,
    letters: Vec<LetterSketch>,
    documents: HashMap<u8, DocumentSketch>,
    gone_until: HashMap<(u16, i32), i64>,
    /// Documents with an earlier date may have been removed.
    kept_since: i64,
}

impl World {
    fn kept(&self) -> Kept {
        Kept::by(Some(CLOCK_SKEW), self.kept_since)
    }
}

fn sketch() -> impl Strategy<Value = Sketch> {
    (0..2_u8, 0..CONTENTS.len(), 0..DATES, 0..2_u16, 0..2_i32)
        .prop_map(|(id, content, date, topic, partition)| Sketch { id, content, date, topic, partition })
}

fn world() -> impl Strategy<Value = World> {
    let letter = (0..6_usize, 0..6_u8).prop_map(|(of, change)| LetterSketch { of, change });
    let document = (0..CONTENTS.len(), 0..DATES, 0..=TOMBSTONE).prop_map(|(content, date, change)| DocumentSketch {
        content,
        date,
        change,
    });
    (
        prop::collection::vec(sketch(), 0..6),
        prop::collection::vec(sketch(), 0..3),
        prop::collection::vec(letter, 0..4),
        prop::collection::hash_map(0..3_u8, document, 0..4),
        prop::collection::hash_map((0..2_u16, 0..2_i32), 0..DATES, 0..3),
        0..=DATES,
    )
        .prop_map(|(finished, unfinished, letters, documents, gone_until, kept_since)| World {
            finished,
            unfinished,
            letters,
            documents,
            gone_until,
            kept_since,
        })
}

/// An id as the producer makes it: no other key is one.
fn uuid(id: u8) -> PostId {
    let builder = uuid::Builder::from_bytes([id; 16]).with_variant(uuid::Variant::RFC4122);
    builder.with_version(uuid::Version::SortRand).into_uuid().into()
}

/// The record at this offset.
fn decoded(sketch: &Sketch, offset: usize) -> Decoded {
    let value = format!(r#"{{"title":"Hello","content":"{}"}}"#, CONTENTS[sketch.content]);
    Decoder::new(Kind::Post, TOPICS[usize::from(sketch.topic)]).decode(Fetched {
        partition: sketch.partition,
        offset: i64::try_from(offset).unwrap(),
        timestamp_ms: sketch.date,
        replay_attempts: 0,
        origin: None,
        trace: None,
        key: Some(uuid(sketch.id).to_key().to_vec()),
        value: Some(value.into_bytes()),
    })
}

/// A letter of this record: its own id, time and value, as changed.
fn changed_letter(record: &Decoded, change: u8) -> (DeadLetter, i64, Vec<u8>) {
    let mut letter = DeadLetter { reason: Reason::Invalid, ..record.dead_letter("post") };
    let (mut time_ms, mut value) = (record.fetched.timestamp_ms, record.fetched.value.clone().unwrap());
    match change {
        0 => value.push(b' '),
        1 => letter.id = uuid(9).into(),
        2 => time_ms += 100,
        // Of another record that was at the same place.
        3 => (letter.id, time_ms) = (uuid(9).into(), time_ms + 100),
        _ => {}
    }
    (letter, time_ms, value)
}

fn document(id: u8, sketch: &DocumentSketch) -> Document {
    let id = Binary { subtype: BinarySubtype::Uuid, bytes: uuid(id).uuid().into_bytes().to_vec() };
    let (content, date) = (CONTENTS[sketch.content], DateTime::from_millis(sketch.date));
    if sketch.change == TOMBSTONE {
        return bson::doc! { "_id": id, "kafka": { "erasedAt": date } };
    }
    let mut document = bson::doc! { "_id": id, "title": "Hello", "content": content, "createdAt": date };
    match sketch.change {
        0 => drop(document.insert("more", Bson::Null)),
        1 => drop(document.insert("content", Bson::Int32(5))),
        2 => drop(document.remove("content")),
        3 => drop(document.remove("createdAt")),
        4 => drop(document.insert("createdAt", sketch.date)),
        5 => {
            // Another order is no change.
            let id = document.remove("_id").unwrap();
            document.insert("_id", id);
        }
        _ => {}
    }
    document
}

fn measured(world: &World) -> Vec<Balance> {
    let records: Vec<Decoded> =
        world.finished.iter().enumerate().map(|(offset, sketch)| decoded(sketch, offset)).collect();
    let mut letters = Letters::default();
    for LetterSketch { of, change } in &world.letters {
        let Some((record, sketch)) = records.get(*of).zip(world.finished.get(*of)) else { continue };
        let (letter, time_ms, value) = changed_letter(record, *change);
        let (key, value) = (record.fetched.key.as_deref(), Some(&value[..]));
        let found = FoundLetter { letter: &letter, left_out: LeftOut::default(), time_ms: Some(time_ms), key, value };
        letters.add(sketch.topic, found);
    }
    let mut finished = FinishedRecords::new(letters.complete(), records.len());
    for (record, sketch) in records.iter().zip(&world.finished) {
        finished.add(sketch.topic, record);
    }
    for ((topic, partition), date) in &world.gone_until {
        finished.gone_until(*topic, *partition, *date);
    }
    let mut comparison = finished.complete();
    for (id, sketch) in &world.documents {
        comparison.document(&RawDocumentBuf::try_from(&document(*id, sketch)).unwrap());
    }
    if comparison.needs_unfinished() {
        for (offset, sketch) in (100..).zip(&world.unfinished) {
            comparison.unfinished(&decoded(sketch, offset));
        }
    }
    comparison.kept(world.kept());
    comparison.conclude(TOPICS.len(), usize::MAX)
}

/// Fields by name, so that two documents can be compared whatever the order.
fn by_name(document: Document) -> BTreeMap<String, Bson> {
    document.into_iter().collect()
}

/// The document that the consumer makes of a record, by its text and a date.
fn of_record(sketch: &Sketch, date: i64) -> BTreeMap<String, Bson> {
    by_name(document(sketch.id, &DocumentSketch { content: sketch.content, date, change: u8::MAX }))
}

fn modelled(world: &World) -> Vec<Balance> {
    let mut balances = vec![Balance::default(); TOPICS.len()];
    let is_post = |sketch: &Sketch| sketch.content + 1 < CONTENTS.len();
    let all = || world.finished.iter().chain(&world.unfinished).filter(|sketch| is_post(sketch));
    for (offset, sketch) in world.finished.iter().enumerate() {
        let balance = &mut balances[usize::from(sketch.topic)];
        balance.records += 1;
        let record = decoded(sketch, offset);
        let there = world.documents.get(&sketch.id).map(|found| by_name(document(sketch.id, found)));
        // Any record of the id with this text.
        let alike = || all().filter(|other| other.id == sketch.id && other.content == sketch.content);
        let is_of = |date: i64| there.as_ref() == Some(&of_record(sketch, date));
        let is_of_known = is_post(sketch) && alike().any(|other| is_of(other.date));
        let gone_until = world.gone_until.get(&(sketch.topic, sketch.partition));
        let is_of_older = is_post(sketch) && !is_of_known && gone_until.is_some_and(|until| (0..=*until).any(is_of));
        let is_stored = is_of_known || is_of_older;
        let of_place = world.letters.iter().filter(|letter| letter.of == offset);
        let letters: Vec<u8> = of_place.map(|letter| letter.change).filter(|change| *change != 3).collect();
        let is_letter_changed = letters.iter().any(|change| *change < 3);
        let is_nowhere = there.is_none() && letters.is_empty();
        if is_nowhere && is_post(sketch) && sketch.date < world.kept_since {
            balance.removed += 1;
            continue;
        }
        let is_dead_lettered = !letters.is_empty() && !is_letter_changed;
        balance.stored += u64::from(is_stored);
        balance.of_older += u64::from(is_of_older);
        balance.dead_lettered += u64::from(is_dead_lettered);
        balance.both += u64::from(is_stored && is_dead_lettered);
        let is_erased = world.documents.get(&sketch.id).is_some_and(|found| found.change == TOMBSTONE);
        balance.erased += u64::from(is_erased);
        // A document under the id of records that all cannot be stored, or of this one that can.
        let finished_posts = world.finished.iter().any(|other| other.id == sketch.id && is_post(other));
        let is_changed = there.is_some() && !is_stored && (is_post(sketch) || !finished_posts);
        let kind = if is_letter_changed {
            RecordFindingKind::ChangedLetter
        } else if is_stored || is_dead_lettered || is_erased {
            continue;
        } else if is_changed {
            RecordFindingKind::ChangedDocument
        } else {
            RecordFindingKind::Missing
        };
        balance.missing += u64::from(kind == RecordFindingKind::Missing);
        balance.changed += u64::from(kind != RecordFindingKind::Missing);
        let (partition, offset) = (record.fetched.partition, record.fetched.offset);
        let place = Place { topic: sketch.topic, partition, offset };
        balance.findings.push(RecordFinding { place, id: uuid(sketch.id), kind });
    }
    for balance in &mut balances {
        balance.findings.sort_by_key(|finding| finding.place);
    }
    balances
}

/// Without the repeated ones, which may be counted for either of two topics.
fn but_repeated(balances: Vec<Balance>) -> Vec<Balance> {
    balances.into_iter().map(|balance| Balance { repeated: 0, ..balance }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_record_is_as_the_model_says(world in world()) {
        let measured = measured(&world);
        let ids: std::collections::HashSet<u8> = world.finished.iter().map(|sketch| sketch.id).collect();
        let repeated = measured.iter().map(|balance| balance.repeated).sum::<u64>();
        prop_assert_eq!(repeated, (world.finished.len() - ids.len()) as u64);
        prop_assert_eq!(but_repeated(measured), but_repeated(modelled(&world)));
    }
}

#[test]
fn only_the_first_findings_are_kept_and_all_are_counted() {
    let finished: Vec<Sketch> =
        (0..9).map(|id| Sketch { id, content: 0, date: 0, topic: 1, partition: i32::from(id % 2) }).collect();
    let mut records = FinishedRecords::new(Letters::default(), 9);
    for (offset, sketch) in finished.iter().enumerate() {
        records.add(1, &decoded(sketch, offset));
    }
    let balances = records.complete().conclude(2, 3);
    assert_eq!(balances[0], Balance::default());
    assert_eq!((balances[1].records, balances[1].missing), (9, 9));
    let places: Vec<(i32, i64)> =
        balances[1].findings.iter().map(|finding| (finding.place.partition, finding.place.offset)).collect();
    assert_eq!(places, [(0, 0), (0, 2), (0, 4)]);
}

#[test]
fn a_document_that_is_seen_twice_counts_as_its_worst() {
    let sketch = Sketch { id: 1, content: 0, date: 0, topic: 0, partition: 0 };
    let mut records = FinishedRecords::new(Letters::default(), 1);
    records.add(0, &decoded(&sketch, 0));
    let mut comparison = records.complete();
    for change in [u8::MAX, 0, u8::MAX] {
        let document = document(1, &DocumentSketch { content: 0, date: 0, change });
        comparison.document(&RawDocumentBuf::try_from(&document).unwrap());
    }
    assert_eq!(comparison.conclude(1, 1)[0].changed, 1);
}
