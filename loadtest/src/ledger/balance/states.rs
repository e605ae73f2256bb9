//! The same for a kind whose last record of a key is its document: the document of each key must be that of the last
//! record that the group has finished and that is not a dead letter. A key takes some 150 bytes. Pure.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;

use bson::{RawDocument, RawDocumentBuf};
use contract::decode::Decoded;
use contract::{Place, Tombstone, document};

use super::differences;
use super::letters::Letters;
use super::seen::{self, Seen};
use super::sums::Sums;
use crate::ledger::kept::Kept;
use crate::ledger::states::is_later;
use crate::ledger::states::stored::place_in;

/// All keys, while records and documents are read.
#[derive(Debug)]
pub(crate) struct KeyedComparison {
    sums: Sums,
    letters: Letters,
    keys: HashMap<String, LastFinished>,
    /// Records by key that cannot become a document and are not dead-lettered.
    nowhere: BTreeMap<String, Vec<Place>>,
    /// Keys whose document may be that of a record which the group has not finished yet.
    doubtful: HashMap<String, (Option<NonZeroU64>, RawDocumentBuf)>,
    kept: Kept,
    balance: StateBalance,
    findings: BTreeMap<(StateFindingKind, String), StateFinding>,
    named: usize,
}

#[derive(Debug, Clone, Copy)]
struct LastFinished {
    place: Place,
    sum: Option<NonZeroU64>,
    is_found: bool,
}

/// What became of a topic's records.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct StateBalance {
    /// Records that the group has finished, and those of them that are dead letters as they were sent.
    pub(crate) records: u64,
    pub(crate) dead_lettered: u64,
    /// Keys with a record that can be stored, and those whose document is the last of them.
    pub(crate) keys: u64,
    pub(crate) stored: u64,
    /// Keys without a document whose last record is beyond the retention.
    pub(crate) removed: u64,
    /// Keys with a tombstone in place of a document, and records of such keys that cannot become one and are not
    /// dead-lettered.
    pub(crate) erased: u64,
    /// Other keys without a document, and records that cannot become one and are not dead-lettered.
    pub(crate) missing: u64,
    /// Documents of an earlier record than the last one.
    pub(crate) stale: u64,
    /// Documents that are not what the last record says, and dead letters that are not as they were sent.
    pub(crate) changed: u64,
    /// The first findings of each kind.
    pub(crate) findings: Vec<StateFinding>,
}

/// What is wrong with a key or a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StateFindingKind {
    Missing,
    Stale,
    Changed,
}

/// A key or a record that is not as it should be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StateFinding {
    pub(crate) kind: StateFindingKind,
    /// The record's id, which is its key.
    pub(crate) id: String,
    /// Where the record stands that should be stored, or dead-lettered.
    pub(crate) place: Place,
    /// The document that is there.
    stored: Option<RawDocumentBuf>,
    /// What differs.
    pub(crate) lines: Vec<String>,
}

impl StateFinding {
    /// Says what differs from this record, which stands at its place.
    pub(crate) fn explain(&mut self, record: &Decoded) {
        match (&record.outcome, &self.stored) {
            (Ok(sent), Some(stored)) => self.lines.extend(differences::of_documents(sent, stored)),
            (Err(error), None) => self.lines.push(format!("it cannot become a document: {}", error.log_line())),
            _ => {}
        }
    }
}

impl KeyedComparison {
    /// Starts with all dead letters; at most this many findings of each kind are named.
    pub(crate) fn new(letters: Letters, named: usize) -> Self {
        Self {
            sums: letters.sums.clone(),
            letters,
            keys: HashMap::new(),
            nowhere: BTreeMap::new(),
            doubtful: HashMap::new(),
            kept: Kept::default(),
            balance: StateBalance::default(),
            findings: BTreeMap::new(),
            named,
        }
    }

    /// A record that the group has finished.
    pub(crate) fn record(&mut self, record: &Decoded) {
        let fetched = &record.fetched;
        let at = seen::Place { topic: 0, partition: fetched.partition, offset: fetched.offset };
        let place = fetched.place();
        self.balance.records += 1;
        match (self.letters.seen(at, record), &record.outcome) {
            (Seen::AsSent, _) => self.balance.dead_lettered += 1,
            (Seen::Otherwise | Seen::OtherDate, _) => {
                self.balance.changed += 1;
                let lines = vec!["its dead letter is not as it was sent".to_owned()];
                self.name(StateFindingKind::Changed, record.id.to_string(), place, None, lines);
            }
            (Seen::Nothing | Seen::Erased, Err(_)) => {
                self.nowhere.entry(record.id.to_string()).or_default().push(place);
            }
            (Seen::Nothing | Seen::Erased, Ok(document)) => {
                let sum = self.sums.of_document(document).map(|sum| sum.content);
                let next = LastFinished { place, sum, is_found: false };
                let last = self.keys.entry(record.id.to_string()).or_insert(next);
                if is_later(place, last.place) {
                    *last = next;
                }
            }
        }
    }

    /// A document, after all records. One whose key no record has says nothing: its records may be gone, or not be
    /// finished.
    pub(crate) fn document(&mut self, document: &RawDocument) {
        let Ok(id) = document.get_str(document::ID_FIELD) else { return };
        let sum = self.sums.of_document(document).map(|sum| sum.content);
        let erased_until = Tombstone::read(document).and_then(|_| place_in(document));
        if let (Some(until), Some(places)) = (erased_until, self.nowhere.get_mut(id)) {
            let before = places.len();
            places.retain(|place| is_later(*place, until));
            self.balance.erased += (before - places.len()) as u64;
        }
        let Some(last) = self.keys.get_mut(id) else { return };
        last.is_found = true;
        let LastFinished { place, sum: expected, .. } = *last;
        if sum.is_some() && sum == expected {
            self.balance.stored += 1;
            return;
        }
        match place_in(document) {
            Some(until) if erased_until.is_some() && !is_later(place, until) => self.balance.erased += 1,
            Some(other) if is_later(other, place) => {
                self.doubtful.insert(id.to_owned(), (sum, document.to_owned()));
            }
            Some(other) if is_later(place, other) => {
                self.balance.stale += 1;
                let line = format!("the document is that of partition {}, offset {}", other.partition, other.offset);
                self.name(StateFindingKind::Stale, id.to_owned(), place, None, vec![line]);
            }
            _ => self.changed(id.to_owned(), place, document.to_owned()),
        }
    }

    /// Which documents must still be there, now that all of them were read.
    pub(crate) fn kept(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// Whether the records that the group has not finished matter.
    pub(crate) fn needs_unfinished(&self) -> bool {
        !self.doubtful.is_empty()
    }

    /// A record that the group has not finished: it may be stored already.
    pub(crate) fn unfinished(&mut self, record: &Decoded) {
        let Ok(document) = &record.outcome else { return };
        let sum = self.sums.of_document(document).map(|sum| sum.content);
        let id = record.id.to_string();
        if self.doubtful.get(&id).is_some_and(|(of_document, _)| *of_document == sum) {
            self.doubtful.remove(&id);
            self.balance.stored += 1;
        }
    }

    /// The result.
    pub(crate) fn conclude(mut self) -> StateBalance {
        for (id, places) in std::mem::take(&mut self.nowhere) {
            for place in places {
                self.balance.missing += 1;
                self.name(StateFindingKind::Missing, id.clone(), place, None, Vec::new());
            }
        }
        let keys = std::mem::take(&mut self.keys);
        for (id, (_, document)) in std::mem::take(&mut self.doubtful) {
            let place = keys[&id].place;
            self.changed(id, place, document);
        }
        self.balance.keys = keys.len() as u64;
        for (id, last) in keys.into_iter().filter(|(_, last)| !last.is_found) {
            if self.kept.may_be_removed(last.place.timestamp_ms) {
                self.balance.removed += 1;
                continue;
            }
            self.balance.missing += 1;
            let lines = vec!["there is no document".to_owned()];
            self.name(StateFindingKind::Missing, id, last.place, None, lines);
        }
        StateBalance { findings: self.findings.into_values().collect(), ..self.balance }
    }

    fn changed(&mut self, id: String, place: Place, document: RawDocumentBuf) {
        self.balance.changed += 1;
        self.name(StateFindingKind::Changed, id, place, Some(document), Vec::new());
    }

    fn name(
        &mut self,
        kind: StateFindingKind,
        id: String,
        place: Place,
        stored: Option<RawDocumentBuf>,
        lines: Vec<String>,
    ) {
        self.findings.insert((kind, id.clone()), StateFinding { kind, id, place, stored, lines });
        let of_kind = self.findings.keys().filter(|(other, _)| *other == kind);
        if of_kind.count() > self.named {
            let last = self.findings.keys().rfind(|(other, _)| *other == kind).cloned();
            last.and_then(|last| self.findings.remove(&last));
        }
    }
}

#[cfg(test)]
mod tests;
