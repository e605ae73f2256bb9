//! What operators want of the kinds of a database, as a document for each kind in a collection of its own. It is there
//! for all members of a group, those of the future included, and nobody has to run for it to be changed. And which
//! topics an erasure of dead letters is at work on, because two of them would bring back each other's letters.

use bson::{DateTime, Document, doc};
use contract::{Kind, document};
use mongodb::Collection;

use super::answers::answer;
use super::{Store, StorePlace, client, collection_options};
use crate::config::MongoUri;

/// The collection.
const COLLECTION: &str = "ingest_control";

/// That operators have paused a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) since: DateTime,
    pub(crate) by: String,
}

/// What operators want. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Control {
    collection: Collection<Document>,
}

impl Pause {
    /// Since when, as people write it.
    pub(crate) fn since_text(&self) -> String {
        self.since.try_to_rfc3339_string().unwrap_or_else(|_| format!("{} ms", self.since.timestamp_millis()))
    }
}

impl Control {
    /// By a client of its own; nothing is connected yet.
    ///
    /// # Errors
    /// When the URI cannot be used.
    pub(crate) async fn connect(mongo_uri: &MongoUri) -> anyhow::Result<Self> {
        let place = StorePlace { mongo_uri, collection: COLLECTION, concurrent_flushes: 1 };
        let database = client(&place, None).await?.database(&mongo_uri.database);
        Ok(Self { collection: database.collection_with_options(COLLECTION, collection_options()) })
    }

    /// In the database of this store, by its client.
    pub(crate) fn of(store: &Store) -> Self {
        let database = store.collection.client().database(&store.collection.namespace().db);
        Self { collection: database.collection_with_options(COLLECTION, collection_options()) }
    }

    /// Whether the kind is paused.
    ///
    /// # Errors
    /// Why that is not known.
    pub(crate) async fn pause_of(&self, kind: Kind) -> Result<Option<Pause>, String> {
        match answer(self.collection.find_one(by_kind(kind))).await? {
            Some(found) => pause_in(&found),
            None => Ok(None),
        }
    }

    /// Pauses the kind. One that is paused already stays as it is. Returns the pause, and whether it is new.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn pause(&self, kind: Kind, by: &str) -> Result<(Pause, bool), String> {
        if let Some(pause) = self.pause_of(kind).await? {
            return Ok((pause, false));
        }
        let pause = Pause { since: DateTime::now(), by: by.to_owned() };
        let mut document = by_kind(kind);
        document.insert("paused", doc! { "since": pause.since, "by": by });
        answer(self.collection.replace_one(by_kind(kind), document).upsert(true)).await?;
        Ok((pause, true))
    }

    /// Resumes the kind. Returns the pause that is over, if there was one.
    ///
    /// # Errors
    /// Why not.
    pub(crate) async fn resume(&self, kind: Kind) -> Result<Option<Pause>, String> {
        // Also what cannot be understood must be removable.
        let was_paused = self.pause_of(kind).await.ok().flatten();
        answer(self.collection.delete_one(by_kind(kind))).await?;
        Ok(was_paused)
    }

    /// Notes that the dead letters of this topic are being erased. Returns since when another erasure does that, if one
    /// does.
    ///
    /// # Errors
    /// Why that is not known.
    pub(crate) async fn begin_erasing(&self, topic: &str) -> Result<Option<DateTime>, String> {
        let begun = doc! { "$setOnInsert": { "since": DateTime::now() } };
        let noted = answer(self.collection.update_one(by_topic(topic), begun).upsert(true)).await?;
        if noted.upserted_id.is_some() {
            return Ok(None);
        }
        let found = answer(self.collection.find_one(by_topic(topic))).await?;
        // It may just have ended; who asks again gets in.
        Ok(Some(found.and_then(|found| found.get_datetime("since").ok().copied()).unwrap_or_else(DateTime::now)))
    }

    /// They are erased, or the erasure is given up.
    ///
    /// # Errors
    /// Why that cannot be noted.
    pub(crate) async fn end_erasing(&self, topic: &str) -> Result<(), String> {
        answer(self.collection.delete_one(by_topic(topic))).await.map(drop)
    }
}

/// No kind has a name with a space.
fn by_topic(topic: &str) -> Document {
    doc! { document::ID_FIELD: format!("erasing {topic}") }
}

fn by_kind(kind: Kind) -> Document {
    doc! { document::ID_FIELD: kind.name() }
}

/// The pause in a kind's document, if there is one.
fn pause_in(found: &Document) -> Result<Option<Pause>, String> {
    if found.get("paused").is_none_or(|paused| *paused == bson::Bson::Null) {
        return Ok(None);
    }
    let read = || {
        let paused = found.get_document("paused").ok()?;
        let by = paused.get_str("by").ok()?.to_owned();
        Some(Pause { since: *paused.get_datetime("since").ok()?, by })
    };
    let wrong = || format!("`paused` in a document of {COLLECTION} must have the date `since` and the text `by`");
    read().ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_whether_its_kind_is_paused_or_is_not_understood() {
        let pause = Pause { since: DateTime::from_millis(1_500), by: "ann".to_owned() };
        let paused = doc! { "_id": "post", "paused": { "since": pause.since, "by": "ann" } };
        assert_eq!(pause_in(&paused), Ok(Some(pause)));
        for running in [doc! { "_id": "post" }, doc! { "_id": "post", "paused": null }] {
            assert_eq!(pause_in(&running), Ok(None));
        }
        for wrong in [doc! { "paused": true }, doc! { "paused": {} }, doc! { "paused": { "since": 1, "by": "ann" } }] {
            assert!(pause_in(&wrong).is_err(), "{wrong}");
        }
    }
}
