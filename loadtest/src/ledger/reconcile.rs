//! Compares the documents and dead letters of a run with what its clients sent and were answered. The caller reads the
//! store and the topic and hands in what is there, pass by pass: one pass is enough if the books balance; otherwise a
//! closer look follows.

use std::io;
use std::time::Duration;

use bson::RawDocument;
use contract::DeadLetter;

use super::accepted_ids::FinishedLog;
use super::books::pass::Pass;
use super::books::{Counts, Ledger};
use super::expected::{Compared, ComparedLetter, ExpectedPosts, Origin, shown, shown_letter};
use super::named::{BREAKS_RULE, Finding, FindingKind, NamedFindings};

/// How far the clock that dates documents may be from ours, unless it is said.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_millis(100);

/// How strict a reconciliation is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Strictness {
    /// Another pipeline need not use our ids: if its answers or its documents have none at all, the posts' numbers
    /// alone decide.
    pub(crate) may_lack_ids: bool,
    /// The store was empty before the run and served nobody else, so every document must be one of the run.
    pub(crate) is_own_store: bool,
    /// How far a document's date may be from the time of its request, because clocks differ.
    pub(crate) clock_skew: Duration,
}

/// The result.
pub(crate) struct Reconciled {
    /// The ledger in numbers.
    pub(crate) counts: Counts,
    /// The first findings.
    pub(crate) findings: Vec<Finding>,
    /// Whether every document's id was compared with the one that the client got.
    pub(crate) ids_compared: bool,
    /// What of each document was compared, in words.
    pub(crate) compared: String,
    /// All documents and all dead letters that were read, no matter who sent them.
    pub(crate) documents: u64,
    pub(crate) letters: u64,
    /// The run's records in the topic that can be stored, copies included, where the topic was read.
    pub(crate) records: Option<u64>,
}

/// A record of the dead-letter topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LetterRecord<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    /// What its headers say, if they can be read.
    pub(crate) headers: Option<&'a DeadLetter>,
}

/// A reconciliation in progress.
pub(crate) struct Reconciliation {
    expected: ExpectedPosts,
    strictness: Strictness,
    pass: Pass,
    /// What the first pass shows without a closer look.
    named: NamedFindings,
    ids_compared: bool,
    documents: u64,
    letters: u64,
}

impl Reconciliation {
    /// Starts with what the clients sent and were answered.
    pub(crate) fn begin(ledger: Ledger, expected: ExpectedPosts, strictness: Strictness) -> Self {
        Self {
            expected,
            strictness,
            pass: Pass::Entry(ledger),
            named: NamedFindings::default(),
            ids_compared: true,
            documents: 0,
            letters: 0,
        }
    }

    /// A document of the store. In each pass, all documents come before the dead letters.
    pub(crate) fn document(&mut self, document: &RawDocument) {
        let Compared { from, id, differs, created_at_ms } = self.expected.compare(document);
        let there = || shown(document);
        self.documents += u64::from(matches!(self.pass, Pass::Entry(_)));
        match (&mut self.pass, from) {
            (_, Origin::Extra) | (Pass::Closer(_), Origin::NoNumber | Origin::Elsewhere) => {}
            (Pass::Entry(_), Origin::Elsewhere) if !self.strictness.is_own_store => {}
            (Pass::Entry(ledger), Origin::NoNumber | Origin::Elsewhere) => {
                ledger.foreign();
                let kind = if from == Origin::NoNumber { FindingKind::NoNumber } else { FindingKind::NotOfTheRun };
                self.named.add(kind, None, || Finding { there: Some(there()), ..Finding::of(kind, None) });
            }
            (Pass::Entry(ledger), Origin::Post(n)) => {
                let distance_ms = created_at_ms.map_or(0, |date| ledger.date_distance_ms(n, date));
                let is_beyond_skew = u128::from(distance_ms.unsigned_abs()) > self.strictness.clock_skew.as_millis();
                let date = is_beyond_skew.then(|| date_off(distance_ms));
                let differs = differs.into_iter().chain(date).reduce(|all, more| format!("{all}, {more}"));
                ledger.stored(n, id, differs.is_some());
                // An accepted one is a fault of its own.
                if ledger.is_unknown(n) && self.expected.breaks_rule(n) {
                    ledger.foreign();
                    let (kind, differs) = (FindingKind::NotAccepted, Some(BREAKS_RULE.to_owned()));
                    let finding = || Finding { differs, there: Some(there()), ..Finding::of(kind, Some(n)) };
                    self.named.add(kind, Some(n), finding);
                }
                if let Some(differs) = differs.filter(|_| ledger.is_expected(n)) {
                    self.named.add(FindingKind::Changed, Some(n), || changed(n, differs, there()));
                }
            }
            (Pass::Closer(examination), Origin::Post(n)) => examination.document(n, id, there),
        }
    }

    /// How many posts differ from what was sent, as far as is known; `None` in a closer look.
    pub(crate) fn changed(&self) -> Option<u64> {
        match &self.pass {
            Pass::Entry(ledger) => Some(ledger.counts(0).changed),
            Pass::Closer(_) => None,
        }
    }

    /// A record of the dead-letter topic.
    pub(crate) fn dead_letter(&mut self, letter: LetterRecord<'_>) {
        let LetterRecord { key, value, headers } = letter;
        self.letters += u64::from(matches!(self.pass, Pass::Entry(_)));
        let Some(value) = value else { return };
        let Some(compared) = self.expected.compare_letter(key, value, headers) else { return };
        let ComparedLetter { n, id, differs } = compared;
        let there = || shown_letter(key, value, headers);
        match &mut self.pass {
            Pass::Entry(ledger) => {
                ledger.dead_lettered(n, id, differs.is_some());
                if let Some(differs) = differs.filter(|_| ledger.is_expected(n)) {
                    self.named.add(FindingKind::Changed, Some(n), || changed(n, differs, there()));
                }
                if ledger.is_dead_lettered(n) {
                    let kind = FindingKind::DeadLettered;
                    self.named.add(kind, Some(n), || Finding { there: Some(there()), ..Finding::of(kind, Some(n)) });
                }
            }
            Pass::Closer(examination) => examination.dead_letter(n, id, there),
        }
    }

    /// Ends a pass over all documents and dead letters. Returns whether another pass is needed.
    ///
    /// # Errors
    /// When the accepted ids cannot be read.
    pub(crate) fn needs_another_pass(&mut self, accepted: &FinishedLog) -> io::Result<bool> {
        if let Pass::Entry(ledger) = &mut self.pass {
            self.ids_compared = !self.strictness.may_lack_ids || ledger.has_ids();
            if !self.ids_compared {
                ledger.ignore_ids();
            }
        }
        self.pass.needs_another(accepted)
    }

    /// The result, once no other pass is needed.
    pub(crate) fn finish(self) -> Reconciled {
        let (counts, mut named) = self.pass.finish();
        named.merge(self.named);
        let mut findings = named.into_list();
        for finding in &mut findings {
            finding.sent = finding.n.and_then(|n| self.expected.sent(n));
        }
        Reconciled {
            counts,
            findings,
            ids_compared: self.ids_compared,
            compared: self.expected.compared(),
            documents: self.documents,
            letters: self.letters,
            records: None,
        }
    }
}

fn changed(n: u64, differs: String, there: String) -> Finding {
    let kind = FindingKind::Changed;
    Finding { differs: Some(differs), there: Some(there), ..Finding::of(kind, Some(n)) }
}

fn date_off(distance_ms: i64) -> String {
    let seconds = distance_ms.unsigned_abs() as f64 / 1e3;
    if distance_ms < 0 {
        format!("createdAt is {seconds:.1} s before the request (--clock-skew)")
    } else {
        format!("createdAt is {seconds:.1} s after the answer (--clock-skew)")
    }
}

#[cfg(test)]
mod tests;
