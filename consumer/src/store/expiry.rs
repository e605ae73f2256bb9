//! Removes documents that are older than a kind's retention. A store with TTL indexes does it by itself, by an index of
//! our own name; FerretDB 1 has none and refuses to make one. Whether a store really removes what its index covers is
//! not assumed: what it has not removed some minutes later is removed from here, as where there is no such index, a
//! bounded number at a time.

use std::time::Duration;

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use contract::{Write, document};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use super::answers::within;
use super::{Store, guard};
use crate::retention::NO_TIME_MS;

/// The name of our index. No other one is changed or dropped.
pub(crate) const INDEX: &str = "ingest_retention";

/// The most documents that are removed at once.
pub(crate) const MOST: usize = 1_000;

/// Longest wait for an index, which may have to read a large collection first.
pub(super) const INDEX_TIMEOUT: Duration = Duration::from_secs(600);

/// Longest wait for old documents to be found or removed.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(120);

const NAMESPACE_NOT_FOUND: i32 = 26;

/// How old documents are removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Removal {
    /// By the store, which has an index for it.
    ByIndex,
    /// Only from here, because the store does not make the index, for this reason.
    InBatches(String),
}

/// The field with the time of a document's record.
pub(crate) fn date_field(write: Write) -> &'static str {
    match write {
        Write::Insert => "createdAt",
        Write::Upsert => "kafka.timestamp",
    }
}

impl Store {
    /// Makes, changes or drops our index, so that the store removes documents after this time, or none.
    ///
    /// # Errors
    /// Why the store does not answer, or still has our index as it was. Then it must be tried again.
    pub(crate) async fn keep_for(&self, time: Option<Duration>, date: &str) -> Result<Removal, String> {
        match tokio::time::timeout(INDEX_TIMEOUT, self.set_index(time, date)).await {
            Ok(Ok(())) => Ok(Removal::ByIndex),
            Ok(Err(error)) => match *error.kind {
                ErrorKind::Command(command) => {
                    // By an index that cannot be changed the store keeps removing what must be kept.
                    match within(REMOVE_TIMEOUT, our_index(&self.collection)).await? {
                        Some(_) => Err(format!("its index {INDEX} cannot be changed: {}", command.message)),
                        None => Ok(Removal::InBatches(command.message)),
                    }
                }
                kind => Err(kind.to_string()),
            },
            Err(_) => Err(format!("no answer within {INDEX_TIMEOUT:?}")),
        }
    }

    async fn set_index(&self, time: Option<Duration>, date: &str) -> mongodb::error::Result<()> {
        let there = our_index(&self.collection).await?;
        let Some(time) = time else {
            if there.is_some() {
                self.collection.drop_index(INDEX).await?;
                tracing::info!(collection = self.collection.name(), "documents are kept without a limit of time again");
            }
            return Ok(());
        };
        let (keys, dated) = (doc! { date: 1 }, dated(date));
        let options = there.as_ref().and_then(|index| index.options.clone()).unwrap_or_default();
        match there {
            Some(index) if index.keys == keys && options.partial_filter_expression.as_ref() == Some(&dated) => {
                if options.expire_after == Some(time) {
                    return Ok(());
                }
                let database = self.collection.client().database(&self.collection.namespace().db);
                let seconds = time.as_secs() as i64;
                let index = doc! { "name": INDEX, "expireAfterSeconds": seconds };
                let changed = database.run_command(doc! { "collMod": self.collection.name(), "index": index }).await;
                if changed.is_ok() {
                    return Ok(());
                }
                self.collection.drop_index(INDEX).await?;
            }
            Some(_) => self.collection.drop_index(INDEX).await?,
            None => {}
        }
        let options =
            IndexOptions::builder().name(INDEX.to_owned()).expire_after(time).partial_filter_expression(dated).build();
        self.collection.create_index(IndexModel::builder().keys(keys).options(options).build()).await.map(drop)
    }

    /// Removes documents whose date is before this, [`MOST`] at most, and returns how many. Those of records without a
    /// time stay. Where documents are not replaced in one step, those of keys are removed one by one, and only of
    /// partitions that this member holds: only it writes them, and it does not while one is removed.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn remove_before(&self, time_ms: i64, write: Write, held: &[i32]) -> Result<u64, String> {
        let date = date_field(write);
        let is_old = doc! { date: { "$gt": DateTime::from_millis(NO_TIME_MS), "$lt": DateTime::from_millis(time_ms) } };
        let is_one_by_one = write == Write::Upsert && !self.replaces_atomically();
        let mut find = is_old.clone();
        if is_one_by_one {
            find.insert("kafka.partition", doc! { "$in": held.to_vec() });
        }
        let ids = within(REMOVE_TIMEOUT, self.ids_of(find)).await?;
        if ids.is_empty() {
            return Ok(0);
        }
        if is_one_by_one {
            return self.remove_one_by_one(ids, time_ms).await;
        }
        let mut old = doc! { document::ID_FIELD: { "$in": ids } };
        // It may have been replaced since.
        old.extend(is_old);
        let deleted = within(REMOVE_TIMEOUT, self.collection.delete_many(old)).await?;
        Ok(deleted.deleted_count)
    }

    async fn ids_of(&self, find: Document) -> mongodb::error::Result<Vec<Bson>> {
        let old = self.collection.clone_with_type::<Document>();
        let mut old = old.find(find).projection(doc! { document::ID_FIELD: 1 }).limit(MOST as i64).await?;
        let mut ids = Vec::new();
        while old.advance().await? {
            ids.extend(old.deserialize_current()?.remove(document::ID_FIELD));
        }
        Ok(ids)
    }

    /// By its id alone, a document with a text as its id is found quickly everywhere; so it is read first.
    async fn remove_one_by_one(&self, ids: Vec<Bson>, time_ms: i64) -> Result<u64, String> {
        let mut removed = 0;
        for id in ids {
            let _alone = self.one_at_a_time.lock().await;
            let by_id = doc! { document::ID_FIELD: id };
            let stored = within(REMOVE_TIMEOUT, self.collection.find_one(by_id.clone())).await?;
            let place = stored.and_then(|document| guard::place_of(&document));
            if place.is_some_and(|place| (NO_TIME_MS + 1..time_ms).contains(&place.timestamp_ms)) {
                removed += within(REMOVE_TIMEOUT, self.collection.delete_one(by_id)).await?.deleted_count;
            }
        }
        Ok(removed)
    }
}

/// Finds the documents of records that have a time.
pub(super) fn dated(date: &str) -> Document {
    doc! { date: { "$gt": DateTime::from_millis(NO_TIME_MS) } }
}

/// Our index, if it is there.
async fn our_index(collection: &Collection<RawDocumentBuf>) -> Result<Option<IndexModel>, Error> {
    let mut indexes = match collection.list_indexes().await {
        Ok(indexes) => indexes,
        Err(error) => match *error.kind {
            ErrorKind::Command(ref command) if command.code == NAMESPACE_NOT_FOUND => return Ok(None),
            _ => return Err(error),
        },
    };
    while indexes.advance().await? {
        let index = indexes.deserialize_current()?;
        if index.options.as_ref().and_then(|options| options.name.as_deref()) == Some(INDEX) {
            return Ok(Some(index));
        }
    }
    Ok(None)
}
