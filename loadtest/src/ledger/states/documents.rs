//! A document, compared whole with the last record of its key. Pure.

use bson::{Document, RawDocument};
use contract::Place;

use super::keys::{KeyStates, LastRecord, is_later};
use crate::ledger::order::Orders;

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

impl Orders {
    /// Judges a document. `is_expected` says whether the record of a number may be stored.
    pub(super) fn judge(
        &self,
        document: &RawDocument,
        keys: &mut KeyStates,
        is_expected: impl Fn(u64) -> bool,
    ) -> Verdict {
        let text = |name: &str| document.get_str(name).ok();
        let Some(id) = text("_id").filter(|id| self.is_of_run(id)) else { return Verdict::Elsewhere };
        let n = text("customer_id").and_then(|customer| self.number_in(customer));
        let Some(key) = self.key_of(id) else { return Verdict::Unexpected(n) };
        let Some(LastRecord { n: last, place }) = keys.found(key) else { return Verdict::Unexpected(n) };
        // A last record that breaks a rule is a finding of the topic.
        let Some(state) = self.state(last, key.vu) else { return Verdict::AsLast };
        let Some(differs) = differences(document, &state.document(place)) else { return Verdict::AsLast };
        let Some(n) = n.filter(|n| *n != last) else { return Verdict::Changed { n: last, differs } };
        if !is_expected(n) {
            return Verdict::Unexpected(Some(n));
        }
        let earlier = place_in(document).filter(|other| is_later(place, *other));
        let is_whole = earlier
            .zip(self.state(n, key.vu))
            .is_some_and(|(other, state)| differences(document, &state.document(other)).is_none());
        if is_whole { Verdict::Stale { n, last } } else { Verdict::Changed { n: last, differs } }
    }
}

/// Where a document says that its record stands.
pub(crate) fn place_in(document: &RawDocument) -> Option<Place> {
    let kafka = document.get_document("kafka").ok()?;
    Some(Place {
        partition: kafka.get_i32("partition").ok()?,
        offset: kafka.get_i64("offset").ok()?,
        timestamp_ms: kafka.get_datetime("timestamp").ok()?.timestamp_millis(),
    })
}

/// What differs between a document and what it must be, by fields, whatever their order.
fn differences(document: &RawDocument, expected: &Document) -> Option<String> {
    let Ok(found) = Document::try_from(document) else { return Some("it cannot be read to its end".to_owned()) };
    let mut differing: Vec<String> =
        expected.iter().filter(|(name, value)| found.get(name) != Some(value)).map(|(name, _)| name.clone()).collect();
    differing.extend(found.keys().filter(|name| !expected.contains_key(name)).map(|name| format!("{name} is added")));
    if document.iter().count() > found.len() {
        differing.push("a field is there twice".to_owned());
    }
    (!differing.is_empty()).then(|| differing.join(", "))
}
