//! Puts tombstones in place of documents, in one step where the store has one. Whatever is written under the same id
//! afterwards, also by a consumer that was frozen meanwhile, is a duplicate key, and the tombstone is what it finds.

use std::time::Duration;

use bson::{Bson, doc};
use contract::tombstone::KEPT_UNTIL;
use contract::{Place, PostId, RecordId, Tombstone, Write, document};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;

use super::Store;
use super::answers::within;
use super::expiry::{INDEX_TIMEOUT, dated};
use super::guard::Replacement;
use super::update::Statement;
use super::written::{NotWritten, set_duplicates_apart};

/// The name of the index by which the store removes tombstones.
const INDEX: &str = "ingest_erasure";

/// What is stored under the id of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    Document,
    Tombstone,
}

impl Store {
    /// What is stored under this id.
    ///
    /// # Errors
    /// Why the store does not say.
    pub(crate) async fn found(&self, id: &RecordId, write: Write) -> Result<Found, String> {
        let by_id = self.collection.find_one(doc! { document::ID_FIELD: stored_id(id, write) });
        let stored = within(self.lookup.deadline(), by_id).await?;
        Ok(match stored.map(|document| Tombstone::read(&document)) {
            None => Found::Nothing,
            Some(None) => Found::Document,
            Some(Some(_)) => Found::Tombstone,
        })
    }

    /// Puts a tombstone in place of the document with this id, or where there is none.
    ///
    /// # Errors
    /// What became of it instead.
    pub(crate) async fn erase_id(&self, id: PostId, tombstone: Tombstone) -> Result<(), NotWritten> {
        let filter = bson::rawdoc! { "_id": document::encode_id(id) };
        let statement = Statement { filter, document: &tombstone.of_id(id) };
        let judged = self.update_within(self.lookup.deadline(), &[statement]).await;
        let mut not_written = Vec::new();
        // Another write came between: there is something to replace now.
        let again = set_duplicates_apart(judged, &mut not_written).pop();
        let again = again.map(|(_, message)| NotWritten::NotNow(message));
        not_written.pop().map(|(_, what)| what).or(again).map_or(Ok(()), Err)
    }

    /// Puts a tombstone in place of the document of this key, or where there is none, unless its record stands at `end`
    /// or beyond. The tombstone itself stands just before, so that the next record of the key replaces it.
    ///
    /// # Errors
    /// What became of it instead.
    pub(crate) async fn erase_key(&self, key: &str, end: Place, tombstone: Tombstone) -> Result<(), NotWritten> {
        let document = &tombstone.of_key(key, &Place { offset: end.offset - 1, ..end });
        let not_written = self.upsert(&[Replacement { key, place: end, document }]).await.pop();
        not_written.map_or(Ok(()), |(_, what)| Err(what))
    }

    /// Has the store remove tombstones on their dates.
    ///
    /// # Errors
    /// Why the store does not do so; then they stay.
    pub(crate) async fn remove_tombstones_in_time(&self) -> Result<(), String> {
        let options = IndexOptions::builder().name(INDEX.to_owned()).expire_after(Duration::ZERO);
        let options = options.partial_filter_expression(dated(KEPT_UNTIL)).build();
        let index = IndexModel::builder().keys(doc! { KEPT_UNTIL: 1 }).options(options).build();
        within(INDEX_TIMEOUT, self.collection.create_index(index)).await.map(drop)
    }
}

/// The `_id` of a record's document.
fn stored_id(id: &RecordId, write: Write) -> Bson {
    match (write, id.post_id()) {
        (Write::Insert, Some(id)) => document::encode_id(id).into(),
        _ => id.to_string().into(),
    }
}
