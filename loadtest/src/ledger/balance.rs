//! Compares the records that a consumer group has finished with the documents and the dead letters: each whole with
//! what the consumer makes of it. Pure.
//!
//! A record takes 48 bytes here, so documents and values are kept as [`sums`]. The document under a record's id must be
//! that of a record with the same text; a client that repeats a post leaves several of them. So its date may also be
//! that of a record which the group has not finished yet, or which the topic no longer has.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use bson::RawDocument;
use contract::decode::Decoded;
use contract::{PostId, Tombstone, document};

pub(crate) mod differences;
pub(crate) mod letters;
mod seen;
pub(crate) mod states;
mod sums;

use super::kept::Kept;
use letters::Letters;
pub(crate) use seen::Place;
use seen::Seen;
use sums::{DocumentSum, Sums};

/// A record that the group has finished.
#[derive(Debug, Clone, Copy)]
struct Finished {
    id: PostId,
    /// Its document without the date; `None` for a record that cannot become a document.
    expected: Option<NonZeroU64>,
    date: i64,
    offset: i64,
    partition: i32,
    topic: u16,
    document: Seen,
    letter: Seen,
}

const _: () = assert!(size_of::<Finished>() == 48, "what it takes is documented");

/// The records, while they are read.
#[derive(Debug)]
pub(crate) struct FinishedRecords {
    sums: Sums,
    letters: Letters,
    records: Vec<Finished>,
    gone_until: HashMap<(u16, i32), i64>,
}

/// All records, while the documents are read.
#[derive(Debug)]
pub(crate) struct Comparison {
    sums: Sums,
    /// By id and date.
    records: Vec<Finished>,
    /// The date of the oldest record that is left in each partition from which older ones were removed.
    gone_until: HashMap<(u16, i32), i64>,
    /// The dates of documents that only differ in their date.
    doubtful_dates: HashMap<PostId, i64>,
    kept: Kept,
}

/// What became of the records of one topic.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Balance {
    /// Records that the group has finished.
    pub(crate) records: u64,
    /// Those with the id of another one: a request or a batch that was sent again.
    pub(crate) repeated: u64,
    /// Those whose document is stored as they say.
    pub(crate) stored: u64,
    /// Those of them whose document has the date of a record that the topic no longer has.
    pub(crate) of_older: u64,
    /// Those that are dead letters, as they were sent.
    pub(crate) dead_lettered: u64,
    /// Stored and dead-lettered: usually sent again after the cause was fixed.
    pub(crate) both: u64,
    /// Neither stored nor dead-lettered, and beyond the retention: their documents were removed.
    pub(crate) removed: u64,
    /// Those with a tombstone in the place of their document.
    pub(crate) erased: u64,
    /// Neither stored nor dead-lettered.
    pub(crate) missing: u64,
    /// Stored or dead-lettered, but not as they were sent.
    pub(crate) changed: u64,
    /// The first records that are missing or changed.
    pub(crate) findings: Vec<RecordFinding>,
}

/// A record that is missing or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordFinding {
    pub(crate) place: Place,
    pub(crate) id: PostId,
    pub(crate) kind: RecordFindingKind,
}

/// What is wrong with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordFindingKind {
    Missing,
    /// Its document is another one.
    ChangedDocument,
    /// Its dead letter is another one.
    ChangedLetter,
}

impl FinishedRecords {
    /// Starts with all dead letters, and room for this number of records.
    pub(crate) fn new(letters: Letters, records: usize) -> Self {
        let (sums, mut room) = (letters.sums.clone(), Vec::new());
        // Offsets with wide gaps may promise more records than there is memory for.
        room.try_reserve_exact(records).ok();
        Self { sums, letters, records: room, gone_until: HashMap::new() }
    }

    /// Adds a record of this topic.
    pub(crate) fn add(&mut self, topic: u16, record: &Decoded) {
        let fetched = &record.fetched;
        let place = Place { topic, partition: fetched.partition, offset: fetched.offset };
        self.records.push(Finished {
            id: id_of(record),
            expected: expected(&self.sums, record).map(|sum| sum.content),
            date: fetched.timestamp_ms,
            offset: place.offset,
            partition: place.partition,
            topic,
            document: Seen::Nothing,
            letter: self.letters.seen(place, record),
        });
    }

    /// The oldest record that is left in a partition has this date, and older records were removed.
    pub(crate) fn gone_until(&mut self, topic: u16, partition: i32, date: i64) {
        self.gone_until.insert((topic, partition), date);
    }

    /// Ends adding, so that documents can be compared.
    pub(crate) fn complete(self) -> Comparison {
        let Self { sums, mut records, gone_until, .. } = self;
        records.sort_unstable_by_key(|record| (record.id, record.date, record.topic, record.partition, record.offset));
        Comparison { sums, records, gone_until, doubtful_dates: HashMap::new(), kept: Kept::default() }
    }
}

impl Comparison {
    /// Compares a document. One whose id no record has says nothing: its record may be gone, or not be finished.
    pub(crate) fn document(&mut self, document: &RawDocument) {
        let id = document.get(document::ID_FIELD).ok().flatten().and_then(document::decode_id);
        let Some(id) = id else { return };
        let sum = self.sums.of_document(document);
        let records = of_id(&mut self.records, id);
        if Tombstone::read(document).is_some() {
            records.iter_mut().for_each(|record| record.document = record.document.max(Seen::Erased));
            return;
        }
        let is = |record: &Finished| sum.is_some_and(|sum| record.is(sum));
        let is_of_a_record = records.iter().any(is);
        let may_be_stored = records.iter().any(|record| record.expected.is_some());
        for record in records {
            let seen = match (record.expected, sum) {
                // It has nothing to do with the document of a record that can become one.
                (None, _) if may_be_stored => continue,
                (Some(content), Some(sum)) if content == sum.content => match sum.date {
                    _ if is_of_a_record => Seen::AsSent,
                    Some(date) => {
                        self.doubtful_dates.insert(id, date);
                        Seen::OtherDate
                    }
                    None => Seen::Otherwise,
                },
                _ => Seen::Otherwise,
            };
            record.document = record.document.max(seen);
        }
    }

    /// Which documents must still be there, now that all of them were read.
    pub(crate) fn kept(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// Whether the records that the group has not finished matter.
    pub(crate) fn needs_unfinished(&self) -> bool {
        !self.doubtful_dates.is_empty()
    }

    /// A record that the group has not finished: it may be stored already.
    pub(crate) fn unfinished(&mut self, record: &Decoded) {
        let id = id_of(record);
        if self.doubtful_dates.get(&id) != Some(&record.fetched.timestamp_ms) {
            return;
        }
        let Some(sum) = expected(&self.sums, record) else { return };
        for finished in of_id(&mut self.records, id) {
            if finished.document == Seen::OtherDate && finished.expected == Some(sum.content) {
                finished.document = Seen::AsSent;
            }
        }
    }

    /// The result for each of this number of topics, with at most `named` findings each.
    pub(crate) fn conclude(mut self, topics: usize, named: usize) -> Vec<Balance> {
        let mut balances = vec![Balance::default(); topics];
        let mut findings = vec![BTreeMap::new(); topics];
        let mut last = None;
        for mut record in std::mem::take(&mut self.records) {
            let topic = usize::from(record.topic);
            let (balance, found) = (&mut balances[topic], &mut findings[topic]);
            balance.repeated += u64::from(last.replace(record.id) == Some(record.id));
            if record.document == Seen::OtherDate && self.is_of_older(&record) {
                record.document = Seen::AsSent;
                balance.of_older += 1;
            }
            if self.is_removed(&record) {
                balance.records += 1;
                balance.removed += 1;
                continue;
            }
            let Some(kind) = balance.add(&record) else { continue };
            let place = record.place();
            found.insert(place, RecordFinding { place, id: record.id, kind });
            if found.len() > named {
                found.pop_last();
            }
        }
        for (balance, found) in balances.iter_mut().zip(findings) {
            balance.findings = found.into_values().collect();
        }
        balances
    }

    /// Whether the record has become a document that was not kept.
    fn is_removed(&self, record: &Finished) -> bool {
        let is_nowhere = record.document == Seen::Nothing && record.letter == Seen::Nothing;
        is_nowhere && record.expected.is_some() && self.kept.may_be_removed(record.date)
    }

    /// Whether the document may be that of a record which the partition no longer has.
    fn is_of_older(&self, record: &Finished) -> bool {
        let gone_until = self.gone_until.get(&(record.topic, record.partition));
        matches!((self.doubtful_dates.get(&record.id), gone_until), (Some(date), Some(until)) if date <= until)
    }
}

impl Finished {
    fn place(&self) -> Place {
        Place { topic: self.topic, partition: self.partition, offset: self.offset }
    }

    /// Whether a document with this sum is that of this record.
    fn is(&self, sum: DocumentSum) -> bool {
        self.expected == Some(sum.content) && sum.date == Some(self.date)
    }
}

impl Balance {
    /// Counts a record, and returns what is wrong with it.
    fn add(&mut self, record: &Finished) -> Option<RecordFindingKind> {
        self.records += 1;
        let (is_stored, is_dead_lettered) = (record.document == Seen::AsSent, record.letter == Seen::AsSent);
        self.stored += u64::from(is_stored);
        self.dead_lettered += u64::from(is_dead_lettered);
        self.both += u64::from(is_stored && is_dead_lettered);
        self.erased += u64::from(record.document == Seen::Erased);
        let kind = match (record.document, record.letter) {
            (_, Seen::Otherwise) => RecordFindingKind::ChangedLetter,
            // A dead letter has what was sent. The document under its id is that of another record.
            (_, Seen::AsSent) | (Seen::AsSent | Seen::Erased, _) => return None,
            (Seen::Nothing, _) => RecordFindingKind::Missing,
            (Seen::OtherDate | Seen::Otherwise, _) => RecordFindingKind::ChangedDocument,
        };
        let is_missing = kind == RecordFindingKind::Missing;
        self.missing += u64::from(is_missing);
        self.changed += u64::from(!is_missing);
        Some(kind)
    }
}

/// The id that a record has, or would have, as a post.
fn id_of(record: &Decoded) -> PostId {
    record.id.post_id().expect("the id of a post is a UUID")
}

/// The sum of the document that the consumer makes of a record.
fn expected(sums: &Sums, record: &Decoded) -> Option<DocumentSum> {
    sums.of_document(record.outcome.as_ref().ok()?)
}

/// The records of an id.
fn of_id(records: &mut [Finished], id: PostId) -> &mut [Finished] {
    let start = records.partition_point(|record| record.id < id);
    let length = records[start..].partition_point(|record| record.id == id);
    &mut records[start..start + length]
}

#[cfg(test)]
mod tests;
