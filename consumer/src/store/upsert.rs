//! Writes one document for each key: its latest state, whatever is written again, late, or at the same time.
//!
//! A key that is probably new ([`known_keys`](super::known_keys)) is inserted. For any other, and for one that turns
//! out not to be new, the store gets the condition with the replacement ([`guard`](super::guard)). Where it finds an
//! earlier document of the key it replaces it. Where it finds none it tries to insert the new one; a duplicate key then
//! means that there is a document, which is as new, or comes from another partition, or was inserted at the same
//! moment.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::Store;
use super::guard::Replacement;
use super::update::Statement;
use super::written::{NotWritten, set_duplicates_apart};
use crate::classify::Judgement;

impl Store {
    /// Stores each of these, which have different keys, unless something as new is stored under its key. Returns those
    /// that were not newly stored, by their index.
    pub(crate) async fn upsert(&self, replacements: &[Replacement<'_>]) -> Vec<(usize, NotWritten)> {
        if !self.replaces_atomically() {
            return self.insert_or_replace(replacements).await;
        }
        let (known, new) = self.set_new_keys_apart(replacements);
        let (mut not_written, mut not_inserted) = (Vec::new(), Vec::new());
        let (refused, not_new) = tokio::join!(
            self.replace(replacements, &known, &mut not_written),
            self.insert_some(replacements, &new, &mut not_inserted)
        );
        not_written.append(&mut not_inserted);
        let mut again = refused;
        let not_new: Vec<usize> = not_new.into_iter().map(|(index, _)| index).collect();
        again.extend(self.replace(replacements, &not_new, &mut not_written).await);
        if !again.is_empty() {
            let refused = set_duplicates_apart(self.replace_again(replacements, &again).await, &mut not_written);
            not_written.extend(self.judge_duplicates(replacements, refused).await);
        }
        not_written
    }

    /// The indexes of those whose keys were written before, and of the others.
    fn set_new_keys_apart(&self, replacements: &[Replacement<'_>]) -> (Vec<usize>, Vec<usize>) {
        let mut keys = self.known_keys.lock().unwrap_or_else(PoisonError::into_inner);
        (0..replacements.len()).partition(|index| keys.note(replacements[*index].key))
    }

    /// Replaces the earlier documents of these, or inserts them where there are none. Returns those that were refused
    /// as duplicates.
    async fn replace(
        &self,
        replacements: &[Replacement<'_>],
        indexes: &[usize],
        not_written: &mut Vec<(usize, NotWritten)>,
    ) -> Vec<usize> {
        let of_indexes = indexes.iter().map(|index| &replacements[*index]);
        let statements: Vec<_> = of_indexes.map(|one| one.statement(one.if_earlier())).collect();
        let judged = self.update(&statements).await.into_iter().map(|(position, what)| (indexes[position], what));
        set_duplicates_apart(judged, not_written).into_iter().map(|(index, _)| index).collect()
    }

    /// Inserts these. Returns those that were refused as duplicates.
    pub(super) async fn insert_some(
        &self,
        replacements: &[Replacement<'_>],
        indexes: &[usize],
        not_written: &mut Vec<(usize, NotWritten)>,
    ) -> Vec<(usize, String)> {
        if indexes.is_empty() {
            return Vec::new();
        }
        let documents: Vec<_> = indexes.iter().map(|index| replacements[*index].document).collect();
        match self.insert_once(&documents).await {
            Ok(failures) => {
                let failures = failures.into_iter().map(|(position, what)| (indexes[position], what));
                set_duplicates_apart(failures, not_written)
            }
            Err(reason) => {
                not_now(indexes.iter().copied(), &reason, not_written);
                Vec::new()
            }
        }
    }

    /// Tries these once more, and also whether their keys have moved here from another partition. Returns those that
    /// were not stored either way.
    async fn replace_again(&self, replacements: &[Replacement<'_>], again: &[usize]) -> Vec<(usize, Judgement)> {
        let of_again = again.iter().map(|index| &replacements[*index]);
        let both = of_again.flat_map(|one| [one.statement(one.if_earlier()), one.statement(one.if_moved())]);
        let statements: Vec<_> = both.collect();
        let mut judged: BTreeMap<usize, Judgement> = self.update(&statements).await.into_iter().collect();
        let (mut not_stored, mut moved) = (Vec::new(), 0);
        for (position, index) in again.iter().enumerate() {
            match (judged.remove(&(2 * position)), judged.remove(&(2 * position + 1))) {
                (None, _) => {}
                (_, None) => moved += 1,
                (Some(one), Some(other)) => not_stored.push((*index, worse(one, other))),
            }
        }
        warn_of_moved_keys(moved);
        not_stored
    }

    /// A duplicate key says that something is stored: under this key, or in another unique index.
    pub(super) async fn judge_duplicates(
        &self,
        replacements: &[Replacement<'_>],
        duplicates: Vec<(usize, String)>,
    ) -> Vec<(usize, NotWritten)> {
        if duplicates.is_empty() {
            return Vec::new();
        }
        let keys: Vec<&str> = duplicates.iter().map(|(index, _)| replacements[*index].key).collect();
        let places = self.places(&keys).await;
        let judged = duplicates.into_iter().map(|(index, message)| match &places {
            Ok(places) => (index, places.judge(&replacements[index], message)),
            Err(reason) => (index, NotWritten::NotNow(reason.clone())),
        });
        judged.collect()
    }
}

impl<'a> Replacement<'a> {
    pub(super) fn statement(&self, filter: bson::RawDocumentBuf) -> Statement<'a> {
        Statement { filter, document: self.document }
    }
}

/// None of these was written, for this reason.
pub(super) fn not_now(indexes: impl Iterator<Item = usize>, reason: &str, not_written: &mut Vec<(usize, NotWritten)>) {
    not_written.extend(indexes.map(|index| (index, NotWritten::NotNow(reason.to_owned()))));
}

/// Partitions were added to the topic, or a replay brings a record from where its key was before.
pub(super) fn warn_of_moved_keys(count: usize) {
    if count > 0 {
        tracing::warn!(
            keys = count,
            "keys have moved to another partition, where the times of records decide which state is the latest"
        );
    }
}

/// Of two judgements on one document, the one that counts.
fn worse(one: Judgement, other: Judgement) -> Judgement {
    match (one, other) {
        (transient @ Judgement::Transient(_), _) | (_, transient @ Judgement::Transient(_)) => transient,
        (document @ Judgement::Document(_), _) | (_, document @ Judgement::Document(_)) => document,
        (duplicate, _) => duplicate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_stored_later_counts_before_what_never_is() {
        let (duplicate, document) = (Judgement::Duplicate("a".to_owned()), Judgement::Document("b".to_owned()));
        let transient = Judgement::Transient("c".to_owned());
        for (one, other, expected) in [
            (&duplicate, &transient, &transient),
            (&document, &transient, &transient),
            (&duplicate, &document, &document),
            (&duplicate, &duplicate, &duplicate),
        ] {
            assert_eq!(worse(one.clone(), other.clone()), *expected);
            assert_eq!(worse(other.clone(), one.clone()), *expected);
        }
    }
}
