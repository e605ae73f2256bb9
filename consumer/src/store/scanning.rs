//! Replaces documents in a store that has no condition for it. FerretDB 1 reads the whole collection to find, replace
//! or delete a single document; it reads and writes in two steps, between which another write may come; and each
//! statement of an `update` holds a connection to its database until the last one is done, so a hundred of them wait
//! for each other without end. Only inserts are quick.
//!
//! So a batch is inserted first. The documents of the keys that are there already are read together; the earlier ones
//! are deleted and inserted as they are now. For that moment such a key has no document; a process that is killed in it
//! reads the record again, because it is not committed. Only one batch is written at a time, and the members of a group
//! do not share a partition; a member that resumes too late is what only a store with conditions can stop.

use bson::doc;
use contract::document;

use super::answers::within;
use super::evidence::READ_BACK;
use super::guard::{Replacement, is_later};
use super::upsert::{not_now, warn_of_moved_keys};
use super::written::{NotWritten, set_duplicates_apart};
use super::{Store, guard};

/// What became of each document that was not newly stored, by its index.
type NotStored = Vec<(usize, NotWritten)>;

impl Store {
    /// Stores each of these, which have different keys, unless something as new is stored under its key. Returns those
    /// that were not newly stored, by their index.
    pub(super) async fn insert_or_replace(&self, replacements: &[Replacement<'_>]) -> NotStored {
        let _alone = self.one_at_a_time.lock().await;
        let mut not_stored = Vec::new();
        let all: Vec<usize> = (0..replacements.len()).collect();
        let there = self.insert_some(replacements, &all, &mut not_stored).await;
        if there.is_empty() {
            return not_stored;
        }
        let keys: Vec<&str> = there.iter().map(|(index, _)| replacements[*index].key).collect();
        let places = match self.places(&keys).await {
            Ok(places) => places,
            Err(reason) => {
                not_now(there.into_iter().map(|(index, _)| index), &reason, &mut not_stored);
                return not_stored;
            }
        };
        let (mut earlier, mut moved) = (Vec::new(), 0);
        for (index, message) in there {
            let state = &replacements[index];
            match places.of(state.key) {
                Some(old) if is_later(state.place, old) => {
                    moved += usize::from(old.partition != state.place.partition);
                    earlier.push((index, old.offset));
                }
                _ => not_stored.push((index, places.judge(state, message))),
            }
        }
        warn_of_moved_keys(moved);
        for earlier in earlier.chunks(READ_BACK) {
            // Another index may refuse the new document, so the old one must not be deleted before.
            if places.has_other_index {
                self.replace_each(replacements, earlier, &mut not_stored).await;
            } else {
                self.replace_together(replacements, earlier, &mut not_stored).await;
            }
        }
        not_stored
    }

    /// Replaces documents, each with the offset that it has now.
    async fn replace_together(
        &self,
        replacements: &[Replacement<'_>],
        earlier: &[(usize, i64)],
        not_stored: &mut NotStored,
    ) {
        let (indexes, offsets): (Vec<usize>, Vec<i64>) = earlier.iter().copied().unzip();
        let keys: Vec<&str> = indexes.iter().map(|index| replacements[*index].key).collect();
        // With the offsets, so that it deletes nothing new even if it is carried out late.
        let old = doc! { document::ID_FIELD: { "$in": keys }, guard::OFFSET: { "$in": offsets } };
        if let Err(reason) = within(self.lookup.deadline(), self.collection.delete_many(old)).await {
            return not_now(indexes.into_iter(), &reason, not_stored);
        }
        let there = self.insert_some(replacements, &indexes, not_stored).await;
        not_stored.extend(there.into_iter().map(|(index, message)| (index, NotWritten::NotNow(message))));
    }

    /// Replaces documents one by one, slowly.
    async fn replace_each(
        &self,
        replacements: &[Replacement<'_>],
        earlier: &[(usize, i64)],
        not_stored: &mut NotStored,
    ) {
        for (index, _) in earlier {
            let one = &replacements[*index];
            let judged = self.update(&[one.statement(one.if_any())]).await.into_iter().map(|(_, what)| (*index, what));
            let refused = set_duplicates_apart(judged, not_stored);
            not_stored.extend(self.judge_duplicates(replacements, refused).await);
        }
    }
}
