//! Asks the store what stands in the way of a state that it refused as a duplicate: where the records of its documents
//! stand in their topic, and whether it may be another unique index.

use std::collections::HashMap;

use bson::doc;
use contract::dead_letter::Reason;
use contract::{Place, Tombstone, document};

use super::answers::within;
use super::evidence::{READ_BACK, other_unique_indexes};
use super::guard::{Replacement, is_later, is_set_back};
use super::written::NotWritten;
use super::{Store, guard};

/// What is stored under a key.
#[derive(Debug, Clone, Copy)]
struct Stored {
    /// Nothing if the document does not name one.
    place: Option<Place>,
    is_tombstone: bool,
}

/// What is stored, as the majority has acknowledged it.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By key. A key without a document is absent.
    by_key: HashMap<String, Stored>,
    /// There is a unique index besides that of `_id`.
    pub(super) has_other_index: bool,
}

impl Places {
    /// The place of the document that is stored under this key, if it names one.
    pub(super) fn of(&self, key: &str) -> Option<Place> {
        self.by_key.get(key)?.place
    }

    /// What became of a state that the store refused as a duplicate, in its own words.
    pub(super) fn judge(&self, state: &Replacement<'_>, message: String) -> NotWritten {
        match self.by_key.get(state.key) {
            Some(Stored { place: Some(stored), is_tombstone }) if !is_later(state.place, *stored) => {
                if *is_tombstone {
                    NotWritten::Erased
                } else if is_set_back(state.place, *stored) {
                    NotWritten::SetBack
                } else {
                    NotWritten::Already
                }
            }
            Some(Stored { place: None, .. }) => {
                NotWritten::refused(Reason::Conflict, format!("another document is stored under this id: {message}"))
            }
            _ if self.has_other_index => NotWritten::refused(Reason::Conflict, message),
            _ => NotWritten::NotNow(format!("what was in its way has changed: {message}")),
        }
    }
}

impl Store {
    /// What is stored under these keys.
    pub(super) async fn places(&self, keys: &[&str]) -> Result<Places, String> {
        let has_other_index = !other_unique_indexes(&self.collection).await?.is_empty();
        let mut places = Places { has_other_index, ..Places::default() };
        for keys in keys.chunks(READ_BACK) {
            within(self.lookup.deadline(), self.read_places(keys, &mut places)).await?;
        }
        Ok(places)
    }

    async fn read_places(&self, keys: &[&str], places: &mut Places) -> mongodb::error::Result<()> {
        let finding = self.collection.find(doc! { document::ID_FIELD: { "$in": keys.to_vec() } });
        let finding = finding.projection(doc! { guard::PLACE_FIELD: 1 }).max_time(self.lookup.deadline());
        let mut stored = finding.await?;
        while stored.advance().await? {
            let document = stored.current();
            if let Ok(key) = document.get_str(document::ID_FIELD) {
                let is_tombstone = Tombstone::read(document).is_some();
                places.by_key.insert(key.to_owned(), Stored { place: guard::place_of(document), is_tombstone });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    fn at(partition: i32, offset: i64, timestamp_ms: i64) -> Place {
        Place { partition, offset, timestamp_ms }
    }

    fn judged(stored: Option<Option<Place>>, has_other_index: bool) -> NotWritten {
        judged_by(stored.map(|place| Stored { place, is_tombstone: false }), has_other_index)
    }

    fn judged_by(stored: Option<Stored>, has_other_index: bool) -> NotWritten {
        let by_key = stored.map(|stored| ("A".to_owned(), stored)).into_iter().collect();
        let document = rawdoc! { "_id": "A" };
        let state = Replacement::new(at(0, 7, 100), &document);
        Places { by_key, has_other_index }.judge(&state, "product_id_1".to_owned())
    }

    #[test]
    fn a_duplicate_is_stored_already_only_if_what_is_stored_is_as_new() {
        for stored in [at(0, 7, 100), at(0, 8, 50), at(1, 0, 100), at(1, 0, 101)] {
            for has_other_index in [true, false] {
                assert!(matches!(judged(Some(Some(stored)), has_other_index), NotWritten::Already), "{stored:?}");
            }
        }
        for stored in [None, Some(Some(at(0, 6, 200))), Some(Some(at(1, 9, 99)))] {
            let what = judged(stored, true);
            let NotWritten::Refused(error) = what else { panic!("{stored:?}: {what:?}") };
            assert_eq!((error.reason, error.message.as_str()), (Reason::Conflict, "product_id_1"));
            let what = judged(stored, false);
            assert!(matches!(what, NotWritten::NotNow(_)), "nothing is in its way any more: {stored:?}: {what:?}");
        }
        let what = judged(Some(None), false);
        assert!(matches!(&what, NotWritten::Refused(error) if error.reason == Reason::Conflict), "{what:?}");
    }

    #[test]
    fn a_newer_record_at_an_earlier_offset_is_told_apart() {
        for stored in [at(0, 8, 100 - 60_001), at(0, i64::MAX, i64::MIN)] {
            let what = judged(Some(Some(stored)), true);
            assert!(matches!(what, NotWritten::SetBack), "{stored:?}: {what:?}");
        }
        for stored in [at(0, 8, 100 - 60_000), at(0, 7, -60_001), at(1, 8, 100)] {
            let what = judged(Some(Some(stored)), true);
            assert!(matches!(what, NotWritten::Already), "{stored:?}: {what:?}");
        }
    }

    #[test]
    fn what_was_erased_stays_out_unless_its_record_is_later() {
        let tombstone = |place| Some(Stored { place: Some(place), is_tombstone: true });
        for place in [at(0, 7, 100), at(0, 8, 50), at(1, 0, 100)] {
            let what = judged_by(tombstone(place), true);
            assert!(matches!(what, NotWritten::Erased), "{place:?}: {what:?}");
        }
        let what = judged_by(tombstone(at(0, 6, 200)), false);
        assert!(matches!(what, NotWritten::NotNow(_)), "it must be written again: {what:?}");
    }
}
