//! The ledger of a kind whose last record of a key is its document. It has three accounts, each exact:
//!
//! 1. what the clients were answered against what is in the topic: every accepted record is there, as it was sent,
//!    under its key, once, and in the order in which its user sent it;
//! 2. the topic against the dead letters: the last record of each key that can be stored, by its place;
//! 3. that record against the key's document, compared whole, its place included.
//!
//! A record with a request that was answered neither 2xx nor 4xx may be appended long after it was sent, so after later
//! ones of its key. It then overtakes them, and counts as the last one: that is allowed, and counted. Pure: the caller
//! reads the topics and the store, in passes as for [posts](super::reconcile).

use std::io;

use bson::RawDocument;

use super::accepted_ids::FinishedLog;
use super::bitmap::Bitmap;
use super::books::pass::Pass;
use super::books::{Counts, Ledger, StateCounts};
use super::expected::shown;
use super::named::{BREAKS_RULE, Finding, FindingKind, NamedFindings};
use super::order::OrderKey;
use super::plan::RunPlan;
use super::reconcile::{Reconciled, Strictness};
use documents::Verdict;
use records::Compared;

mod documents;
mod keys;
mod letters;
pub(crate) mod older;
mod records;
pub(crate) mod source;
pub(crate) mod stored;

pub(crate) use keys::is_later;
use keys::{Appended, KeyStates};
pub(crate) use letters::StateLetter;
use letters::StateLetters;
use older::OlderStates;
pub(crate) use records::TopicRecord;
use source::States;

/// What is compared, in words.
const COMPARED: &str = "whole records in the topic, and the whole document of each key with its last one";

/// A reconciliation in progress.
pub(crate) struct StateReconciliation {
    source: States,
    strictness: Strictness,
    pass: Pass,
    keys: KeyStates,
    letters: StateLetters,
    /// Records by number: with a copy in the dead letters, and with a copy that can be stored.
    dead_lettered: Bitmap,
    storable: Bitmap,
    /// Of the findings that are no account of a single record's answer.
    counts: Counts,
    states: StateCounts,
    named: NamedFindings,
    documents: u64,
    letters_read: u64,
    /// Records of the run in the topic, and those of them that are dead letters.
    records_read: u64,
    dead_in_topic: u64,
}

impl StateReconciliation {
    /// Starts with what the clients sent and were answered. What comes next is first every dead letter, then every
    /// record of the topic, then every document.
    pub(crate) fn begin(ledger: Ledger, plan: RunPlan, strictness: Strictness) -> Self {
        Self {
            source: States::of(plan),
            strictness,
            pass: Pass::Entry(ledger),
            keys: KeyStates::default(),
            letters: StateLetters::default(),
            dead_lettered: Bitmap::default(),
            storable: Bitmap::default(),
            counts: Counts::default(),
            states: StateCounts::default(),
            named: NamedFindings::default(),
            documents: 0,
            letters_read: 0,
            records_read: 0,
            dead_in_topic: 0,
        }
    }

    /// What the ids of the run start with.
    pub(crate) fn prefix(&self) -> &str {
        self.source.keys().prefix()
    }

    /// A dead letter that was written in the run, of a record of the topic.
    pub(crate) fn dead_letter(&mut self, letter: &StateLetter<'_>) {
        self.letters.add(letter);
        self.letters_read += 1;
    }

    /// A record of the topic, in the order of its partition.
    pub(crate) fn record(&mut self, record: &TopicRecord<'_>) {
        let Some(compared) = self.source.compare_record(record) else { return };
        match (&mut self.pass, compared.n) {
            (Pass::Closer(_), None) => {}
            (Pass::Closer(examination), Some(n)) => examination.document(n, compared.answer, || record.shown()),
            (Pass::Entry(ledger), Some(n)) if !ledger.is_beyond(n) => self.enter(n, compared, record),
            (Pass::Entry(ledger), _) => {
                ledger.foreign();
                self.records_read += 1;
                self.add(FindingKind::NoNumber, None, None, None, || Some(record.shown()));
            }
        }
    }

    fn enter(&mut self, n: u64, compared: Compared, record: &TopicRecord<'_>) {
        let Pass::Entry(ledger) = &mut self.pass else { return };
        let Compared { key, answer, differs, .. } = compared;
        let TopicRecord { place, origin, .. } = *record;
        let (is_copy, is_replay) = (ledger.is_stored(n), origin.is_some());
        // What was sent without an answer may be appended at any time. What was sent again after an answer may not: its
        // user sends the next record only then.
        let is_uncertain = ledger.was_unknown(n);
        let is_repeated = is_uncertain || self.source.keys().is_sent_repeatedly(n);
        let off_ms = if is_replay { 0 } else { ledger.date_distance_ms(n, place.timestamp_ms) };
        let is_beyond_skew = u128::from(off_ms.unsigned_abs()) > self.strictness.clock_skew.as_millis();
        let time = is_beyond_skew.then(|| format!("its time is {off_ms} ms off that of its request (--clock-skew)"));
        let differs = differs.into_iter().chain(time).reduce(|all, more| format!("{all}, {more}"));
        // What a broker took twice from a producer that gave up another record is harmless while the order is kept.
        if is_copy && (is_repeated || is_replay || ledger.is_near_unknown(n)) {
            self.states.appended_again += u64::from(!is_replay);
        } else {
            ledger.stored(n, answer, false);
        }
        let is_expected = ledger.is_expected(n);
        // An accepted one is a fault of its own.
        let is_broken = ledger.is_unknown(n) && self.source.breaks_rule(n);
        self.records_read += 1;
        if let Some(differs) = differs.filter(|_| is_expected) {
            self.counts.changed += 1;
            self.add(FindingKind::Changed, Some(n), key, Some(differs), || Some(record.shown()));
        }
        if is_broken {
            self.counts.unexpected += 1;
            let differs = Some(BREAKS_RULE.to_owned());
            self.add(FindingKind::NotAccepted, Some(n), key, differs, || Some(record.shown()));
        }
        let letter = self.letters.of(record);
        let is_dead = letter.is_some();
        if let Some(differs) = letter.flatten().filter(|_| is_expected) {
            self.counts.changed += 1;
            self.add(FindingKind::Changed, Some(n), key, Some(differs), || Some(record.shown()));
        }
        if is_dead {
            self.dead_in_topic += 1;
            self.dead_lettered.insert(n);
            self.add(FindingKind::DeadLettered, Some(n), key, None, || Some(record.shown()));
        } else {
            self.storable.insert(n);
        }
        let Some(key) = key else { return };
        if !is_replay {
            let are_in_one_bulk = |one, other| self.source.keys().are_in_one_bulk(one, other);
            match self.keys.append(key, n, place.partition, is_copy, are_in_one_bulk) {
                Appended::InOrder => {}
                Appended::Late(_) if is_uncertain => self.states.overtaken += 1,
                Appended::Late(newer) => {
                    let differs = format!("it follows number {newer} of its key, which was sent later");
                    self.out_of_order(n, key, differs, || Some(record.shown()));
                }
                // No answer decides where a record goes, only its key.
                Appended::Elsewhere(newest) => {
                    let differs = format!("it is in another partition than number {newest} of its key");
                    self.out_of_order(n, key, differs, || Some(record.shown()));
                }
            }
        }
        if !is_dead {
            self.keys.storable(key, n, origin.unwrap_or(place));
        }
    }

    /// A document of the store, after all records.
    pub(crate) fn document(&mut self, document: &RawDocument) {
        let Pass::Entry(ledger) = &self.pass else { return };
        self.documents += 1;
        let verdict = self.source.judge(document, &mut self.keys, |n| ledger.is_expected(n));
        let (kind, n, differs) = match verdict {
            Verdict::AsLast => return,
            Verdict::Elsewhere if !self.strictness.is_own_store => return,
            Verdict::Elsewhere => (FindingKind::NotOfTheRun, None, None),
            Verdict::Unexpected(n) => (FindingKind::NotAccepted, n, None),
            Verdict::Stale { n, last } => {
                (FindingKind::Stale, Some(n), Some(format!("the last record of its key is number {last}")))
            }
            Verdict::Changed { n, differs } => (FindingKind::Changed, Some(n), Some(differs)),
        };
        match kind {
            FindingKind::Stale => self.states.stale += 1,
            FindingKind::Changed => self.counts.changed += 1,
            _ => self.counts.unexpected += 1,
        }
        let key = document.get_str("_id").ok().and_then(|id| self.source.keys().key_of(id));
        self.add(kind, n, key, differs, || Some(shown(document)));
    }

    /// Older states that somebody who looked has seen after newer ones.
    pub(crate) fn older(&mut self, older: &OlderStates) {
        self.states.older_seen = Some(older.count);
        for seen in &older.first {
            self.add(FindingKind::OlderSeen, seen.n, None, Some(seen.text()), || None);
        }
    }

    fn out_of_order(&mut self, n: u64, key: OrderKey, differs: String, there: impl FnOnce() -> Option<String>) {
        self.states.out_of_order += 1;
        self.add(FindingKind::OutOfOrder, Some(n), Some(key), Some(differs), there);
    }

    /// Names a finding, if it is among the first of its kind.
    fn add(
        &mut self,
        kind: FindingKind,
        n: Option<u64>,
        key: Option<OrderKey>,
        differs: Option<String>,
        there: impl FnOnce() -> Option<String>,
    ) {
        let source = &self.source;
        self.named.add(kind, n, || {
            let sent = n.zip(key).and_then(|(n, key)| source.shown(n, key.vu));
            Finding { differs, sent, there: there(), ..Finding::of(kind, n) }
        });
    }

    /// Ends a pass. Returns whether another pass over the topic is needed.
    ///
    /// # Errors
    /// When the accepted ids cannot be read.
    pub(crate) fn needs_another_pass(&mut self, accepted: &FinishedLog) -> io::Result<bool> {
        self.end_entry();
        self.pass.needs_another(accepted)
    }

    /// What shows only once every document was seen: keys without one, and what stands last although it was sent first.
    fn end_entry(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        for (key, ended) in keys.end() {
            self.states.keys += u64::from(ended.is_storable);
            self.counts.stored += u64::from(ended.is_found);
            if let Some((n, newer)) = ended.late_copy {
                // The rest of a bulk that was sent again may not be there.
                let Pass::Entry(ledger) = &self.pass else { continue };
                if ledger.was_unknown(n) || ledger.was_unknown(newer) {
                    self.states.overtaken += 1;
                } else {
                    let differs = format!("it stands last of its key, but number {newer} was sent later");
                    self.out_of_order(n, key, differs, || None);
                }
            }
            if let Some(n) = ended.not_stored {
                self.counts.missing += 1;
                let differs =
                    format!("it is the last of {}, of which there is no document", self.source.keys().id(key));
                self.add(FindingKind::Missing, Some(n), Some(key), Some(differs), || None);
            }
        }
    }

    /// The result, once no other pass is needed.
    pub(crate) fn finish(self) -> Reconciled {
        let (answered, mut named) = self.pass.finish();
        named.merge(self.named);
        let mut findings = named.into_list();
        let is_replayed = |n: Option<u64>| n.is_some_and(|n| self.storable.contains(n));
        findings.retain(|finding| finding.kind != FindingKind::DeadLettered || !is_replayed(finding.n));
        let in_topic = answered.stored;
        let (dead_lettered, replayed) = self.dead_lettered.divided_by(&self.storable);
        let states =
            StateCounts { in_topic, superseded: self.storable.count().saturating_sub(self.states.keys), ..self.states };
        let counts = Counts {
            stored: self.counts.stored,
            missing: answered.missing + self.counts.missing,
            changed: answered.changed + self.counts.changed,
            unexpected: answered.unexpected + self.counts.unexpected,
            dead_lettered,
            replayed,
            states: Some(states),
            ..answered
        };
        Reconciled {
            counts,
            findings,
            ids_compared: true,
            compared: COMPARED.to_owned(),
            documents: self.documents,
            letters: self.letters_read,
            records: Some(self.records_read - self.dead_in_topic),
        }
    }
}

#[cfg(test)]
mod tests;
