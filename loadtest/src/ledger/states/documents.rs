//! A document, compared whole with the last record of its key. Pure.

use bson::RawDocument;

use super::keys::{KeyStates, LastRecord, is_later};
use super::source::States;
use super::stored::place_in;

/// What a document turns out as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the last record of its key.
    AsLast,
    /// It is not of this run.
    Elsewhere,
    /// Its key was never sent, or its state was rejected or is that of no record; with the number that it names.
    Unexpected(Option<u64>),
    /// It is record `n`, whole, but `last` came later.
    Stale { n: u64, last: u64 },
    /// It is not what record `n` said, the last one of its key.
    Changed { n: u64, differs: String },
}

impl States {
    /// Judges a document. `is_expected` says whether the record of a number may be stored.
    pub(super) fn judge(
        &self,
        document: &RawDocument,
        keys: &mut KeyStates,
        is_expected: impl Fn(u64) -> bool,
    ) -> Verdict {
        let id = document.get_str("_id").ok().filter(|id| self.keys().is_of_run(id));
        let Some(id) = id else { return Verdict::Elsewhere };
        let n = self.number_of(document);
        let Some(key) = self.keys().key_of(id) else { return Verdict::Unexpected(n) };
        let Some(LastRecord { n: last, place }) = keys.found(key) else { return Verdict::Unexpected(n) };
        // A last record that breaks a rule is a finding of the topic.
        let Some(Some(differs)) = self.differs(document, last, key.vu, place) else { return Verdict::AsLast };
        let Some(n) = n.filter(|n| *n != last) else { return Verdict::Changed { n: last, differs } };
        if !is_expected(n) {
            return Verdict::Unexpected(Some(n));
        }
        let earlier = place_in(document).filter(|other| is_later(place, *other));
        let is_whole = earlier.is_some_and(|other| self.differs(document, n, key.vu, other) == Some(None));
        if is_whole { Verdict::Stale { n, last } } else { Verdict::Changed { n: last, differs } }
    }
}
