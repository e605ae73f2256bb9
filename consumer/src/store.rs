//! The collection `posts` in MongoDB: connecting, inserting a batch, and saying for each document what became of it.

use std::time::Duration;

use anyhow::Context;
use bson::{Binary, RawDocumentBuf, doc};
use contract::dead_letter::Reason;
use contract::document;
use mongodb::error::ErrorKind;
use mongodb::options::{Acknowledgment, ClientOptions, CollectionOptions, WriteConcern};
use mongodb::{Client, Collection};
use service::{Backoff, Readiness, Registry};

use crate::classify::{self, Judgement};
use crate::config::Config;
use crate::decode::Fault;
use crate::store_pool;

/// The readiness condition that is set here: the store answers.
pub(crate) const CONDITION: &str = "store";

/// Name of the collection.
pub(crate) const COLLECTION: &str = "posts";

/// Longest wait for one answer; the driver by itself would wait for ever for a server that hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for a connection and for a server that takes writes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often the store is asked whether it is there.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// The collection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    posts: Collection<RawDocumentBuf>,
    /// Whether the collection has unique indexes beside the one of `_id`, so that a duplicate may be another document.
    has_other_unique_indexes: bool,
}

/// What became of a document that was not newly stored.
#[derive(Debug)]
pub(crate) enum NotStored {
    /// It is stored already.
    Duplicate,
    /// It can never be stored.
    Refused(Fault),
    /// It may be stored later, for this reason not now.
    NotNow(String),
}

impl Store {
    /// Connects, for as long as it takes.
    ///
    /// # Errors
    /// When the URI's options cannot be used at all.
    pub(crate) async fn connect(config: &Config, readiness: &Readiness, registry: &Registry) -> anyhow::Result<Self> {
        let flushes = u32::try_from(config.limits.concurrent_flushes).unwrap_or(u32::MAX);
        let mut options = ClientOptions::parse(&config.mongo_uri.uri).await.context("MONGO_URI cannot be used")?;
        options.app_name.get_or_insert_with(|| "consumer".to_owned());
        // The driver's own ten connections, made two at a time, would cap the flushes; one more is for the flush of a revoke,
        // which comes on top of them, and one for the watch.
        options.max_pool_size.get_or_insert(flushes.saturating_add(2));
        options.max_connecting.get_or_insert(flushes);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.server_selection_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.cmap_event_handler = Some(store_pool::observed(registry));
        let client = Client::with_options(options).context("MONGO_URI cannot be used")?;
        let posts = client.database(&config.mongo_uri.database).collection_with_options(COLLECTION, durable_writes());

        let mut backoff = Backoff::for_servers();
        loop {
            match answer(other_unique_indexes(&posts)).await {
                Ok(others) => {
                    readiness.met(CONDITION);
                    tracing::info!(
                        database = config.mongo_uri.database,
                        collection = COLLECTION,
                        other_unique_indexes = others.join(","),
                        "MongoDB connected successfully"
                    );
                    return Ok(Self { posts, has_other_unique_indexes: !others.is_empty() });
                }
                Err(error) => {
                    let was_known = !readiness.unmet(CONDITION, &error);
                    if !was_known || backoff.is_fresh() {
                        tracing::warn!(error, "cannot reach MongoDB, trying again");
                    }
                    backoff.wait().await;
                }
            }
        }
    }

    /// Asks now and then whether the store is there, so that readiness is true also while nothing is written.
    pub(crate) async fn watch(&self, readiness: &Readiness) {
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            let admin = self.posts.client().database("admin");
            match answer(admin.run_command(doc! { "ping": 1 })).await {
                Ok(_) => {
                    if readiness.met(CONDITION) {
                        tracing::info!("MongoDB answers again");
                    }
                }
                Err(error) => {
                    if readiness.unmet(CONDITION, &error) {
                        tracing::warn!(error, "MongoDB does not answer");
                    }
                }
            }
        }
    }

    /// Inserts the documents, unordered. Returns those that were not newly stored, by their index, or the reason why
    /// nothing is known of any of them: then all are to be inserted again.
    pub(crate) async fn insert(&self, documents: &[&RawDocumentBuf]) -> Result<Vec<(usize, NotStored)>, String> {
        let inserting = self.posts.insert_many(documents.iter().copied()).ordered(false);
        let error = match tokio::time::timeout(ANSWER_TIMEOUT, inserting).await {
            Ok(Ok(_)) => return Ok(Vec::new()),
            Ok(Err(error)) => error,
            Err(_) => return Err(no_answer()),
        };
        let ErrorKind::InsertMany(failure) = *error.kind else {
            return Err(error.kind.to_string());
        };
        let mut not_stored = Vec::new();
        for (index, judgement) in classify::insert_failure(failure, documents.len())? {
            let what = match judgement {
                Judgement::Transient(reason) => NotStored::NotNow(reason),
                Judgement::Document(message) => NotStored::Refused(Fault { reason: Reason::Refused, message }),
                Judgement::Duplicate(_) if !self.has_other_unique_indexes => NotStored::Duplicate,
                Judgement::Duplicate(message) => match self.has(documents[index]).await {
                    Ok(true) => NotStored::Duplicate,
                    Ok(false) => NotStored::Refused(Fault { reason: Reason::Conflict, message }),
                    Err(reason) => NotStored::NotNow(reason),
                },
            };
            not_stored.push((index, what));
        }
        Ok(not_stored)
    }

    /// Whether a document with this one's `_id` is stored.
    async fn has(&self, document: &RawDocumentBuf) -> Result<bool, String> {
        let id = document.get(document::ID_FIELD).ok().flatten().and_then(|id| id.as_binary()).map(|id| id.to_binary());
        let id: Binary = id.ok_or("the document has no id")?;
        answer(self.posts.find_one(doc! { document::ID_FIELD: id })).await.map(|found| found.is_some())
    }
}

/// How documents are written: with majority and journal, so that what is acknowledged survives a primary's failover.
pub fn durable_writes() -> CollectionOptions {
    let write_concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    CollectionOptions::builder().write_concern(write_concern).build()
}

/// Names of the unique indexes beside the one of `_id`, which says nothing of itself being unique.
async fn other_unique_indexes(posts: &Collection<RawDocumentBuf>) -> mongodb::error::Result<Vec<String>> {
    const NAMESPACE_NOT_FOUND: i32 = 26;
    let mut indexes = match posts.list_indexes().await {
        Ok(indexes) => indexes,
        Err(error) => match *error.kind {
            ErrorKind::Command(ref command) if command.code == NAMESPACE_NOT_FOUND => return Ok(Vec::new()),
            _ => return Err(error),
        },
    };
    let mut names = Vec::new();
    while indexes.advance().await? {
        let index = indexes.deserialize_current()?;
        let is_id = index.keys.keys().eq([document::ID_FIELD]);
        let options = index.options.unwrap_or_default();
        if !is_id && options.unique == Some(true) {
            names.push(options.name.unwrap_or_else(|| "unnamed".to_owned()));
        }
    }
    Ok(names)
}

async fn answer<T>(request: impl IntoFuture<Output = mongodb::error::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(ANSWER_TIMEOUT, request.into_future()).await {
        Ok(answer) => answer.map_err(|error| error.kind.to_string()),
        Err(_) => Err(no_answer()),
    }
}

fn no_answer() -> String {
    format!("no answer within {ANSWER_TIMEOUT:?}")
}
