//! The collection `posts` in MongoDB: connects, inserts a batch, and says what became of each document.
//!
//! A document that is refused as a duplicate is judged by the store's evidence ([`evidence`]), with rules without IO
//! ([`duplicates`]).

use std::time::Duration;

use anyhow::Context;
use bson::{RawDocumentBuf, doc};
use contract::dead_letter::Reason;
use contract::decode::RecordError;
use mongodb::error::ErrorKind;
use mongodb::options::{
    Acknowledgment, ClientOptions, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection};
use service::{Backoff, Readiness, Registry};

use self::answers::{ANSWER_TIMEOUT, answer, no_answer};
use self::duplicates::{Evidence, Verdict};
use self::evidence::Lookup;
use crate::classify::{self, Judgement};
use crate::config::ConsumerConfig;
use crate::store_pool;

mod answers;
mod duplicates;
mod evidence;

/// The readiness condition set here: the store answers.
pub(crate) const CONDITION: &str = "store";

/// Name of the collection.
pub(crate) const COLLECTION: &str = "posts";

/// Longest wait for a connection and for a server that takes writes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often to ask whether the store answers.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// The collection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    posts: Collection<RawDocumentBuf>,
    lookup: Lookup,
}

/// What became of a document that was not newly stored.
#[derive(Debug)]
pub(crate) enum NotInserted {
    /// It is already stored.
    Duplicate,
    /// It can never be stored.
    Refused(RecordError),
    /// It may be stored later; this is why not now.
    NotNow(String),
}

impl Store {
    /// Connects, without a deadline.
    ///
    /// # Errors
    /// When the URI's options are unusable.
    pub(crate) async fn connect(
        config: &ConsumerConfig,
        readiness: &Readiness,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let flushes = u32::try_from(config.kafka.limits.concurrent_flushes).unwrap_or(u32::MAX);
        let mut options = ClientOptions::parse(&config.mongo_uri.uri).await.context("MONGO_URI cannot be used")?;
        options.app_name.get_or_insert_with(|| "consumer".to_owned());
        // The driver's own ten connections, made two at a time, would cap the flushes. A revoke's flushes come on top
        // of the others, the same number again; one more is for the watch.
        options.max_pool_size.get_or_insert(flushes.saturating_mul(2).saturating_add(1));
        options.max_connecting.get_or_insert(flushes);
        options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.server_selection_timeout.get_or_insert(CONNECT_TIMEOUT);
        options.cmap_event_handler = Some(store_pool::observed(registry));
        let client = Client::with_options(options).context("MONGO_URI cannot be used")?;
        let posts =
            client.database(&config.mongo_uri.database).collection_with_options(COLLECTION, collection_options());

        let mut backoff = Backoff::for_servers();
        loop {
            match what_is_there(&posts).await {
                Ok((lookup, others)) => {
                    readiness.met(CONDITION);
                    tracing::info!(
                        database = config.mongo_uri.database,
                        collection = COLLECTION,
                        other_unique_indexes = others.join(","),
                        "MongoDB connected successfully"
                    );
                    return Ok(Self { posts, lookup });
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

    /// Asks regularly whether the store answers, so that readiness is right even while nothing is written.
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
    /// nothing is known of any of them: then all must be inserted again.
    pub(crate) async fn insert(&self, documents: &[&RawDocumentBuf]) -> Result<Vec<(usize, NotInserted)>, String> {
        let mut not_stored = Vec::new();
        let mut failures = self.insert_once(documents).await?;
        let mut before = None;
        loop {
            let refused = set_duplicates_apart(failures, &mut not_stored);
            if refused.is_empty() {
                break;
            }
            let of_refused = refused.iter().map(|(index, _)| documents[*index]);
            let now = match self.lookup.evidence(&self.posts, of_refused).await {
                Ok(evidence) => evidence,
                Err(reason) => {
                    not_stored
                        .extend(refused.into_iter().map(|(index, _)| (index, NotInserted::NotNow(reason.clone()))));
                    break;
                }
            };
            // Nothing is reinserted twice, so this ends.
            let again = judge(documents, refused, before.as_ref(), &now, &mut not_stored);
            if again.is_empty() {
                break;
            }
            let documents_again: Vec<_> = again.iter().map(|index| documents[*index]).collect();
            failures = match self.insert_once(&documents_again).await {
                Ok(failures) => failures.into_iter().map(|(position, failure)| (again[position], failure)).collect(),
                Err(reason) => {
                    not_stored.extend(again.into_iter().map(|index| (index, NotInserted::NotNow(reason.clone()))));
                    break;
                }
            };
            before = Some(now);
        }
        not_stored.sort_by_key(|(index, _)| *index);
        Ok(not_stored)
    }

    /// The documents that one insert did not newly store, by their index.
    async fn insert_once(&self, documents: &[&RawDocumentBuf]) -> Result<Vec<(usize, Judgement)>, String> {
        let inserting = self.posts.insert_many(documents.iter().copied()).ordered(false);
        let error = match tokio::time::timeout(ANSWER_TIMEOUT, inserting).await {
            Ok(Ok(_)) => return Ok(Vec::new()),
            Ok(Err(error)) => error,
            Err(_) => return Err(no_answer(ANSWER_TIMEOUT)),
        };
        match *error.kind {
            ErrorKind::InsertMany(failure) => classify::insert_failure(failure, documents.len()),
            kind => Err(kind.to_string()),
        }
    }
}

/// Returns the duplicates with MongoDB's own words; what became of the others is clear.
fn set_duplicates_apart(
    failures: Vec<(usize, Judgement)>,
    not_stored: &mut Vec<(usize, NotInserted)>,
) -> Vec<(usize, String)> {
    let mut duplicates = Vec::new();
    for (index, judgement) in failures {
        match judgement {
            Judgement::Duplicate(message) => duplicates.push((index, message)),
            Judgement::Document(message) => not_stored.push((index, refused(Reason::Refused, message))),
            Judgement::Transient(reason) => not_stored.push((index, NotInserted::NotNow(reason))),
        }
    }
    duplicates
}

/// Returns the documents to insert again; what became of the others is clear.
fn judge(
    documents: &[&RawDocumentBuf],
    duplicates: Vec<(usize, String)>,
    before: Option<&Evidence>,
    now: &Evidence,
    not_stored: &mut Vec<(usize, NotInserted)>,
) -> Vec<usize> {
    let mut again = Vec::new();
    for (index, message) in duplicates {
        let what = match duplicates::judge(documents[index], before, now) {
            Verdict::InsertAgain => {
                again.push(index);
                continue;
            }
            Verdict::Stored => NotInserted::Duplicate,
            Verdict::OtherContent => {
                refused(Reason::Conflict, format!("another post is stored under this id: {message}"))
            }
            Verdict::OtherDocument => refused(Reason::Conflict, message),
            Verdict::Undecided => {
                NotInserted::NotNow("the unique indexes changed while a duplicate was judged".to_owned())
            }
        };
        not_stored.push((index, what));
    }
    again
}

fn refused(reason: Reason, message: String) -> NotInserted {
    NotInserted::Refused(RecordError { reason, message })
}

/// How the store finds documents, and the names of its other unique indexes.
async fn what_is_there(posts: &Collection<RawDocumentBuf>) -> Result<(Lookup, Vec<String>), String> {
    Ok((Lookup::of(posts).await?, evidence::other_unique_indexes(posts).await?))
}

/// The URI's options for reading and writing do not count: what is judged must be there, and stay there.
fn collection_options() -> CollectionOptions {
    let mut options = durable_writes();
    options.read_concern = Some(ReadConcern::majority());
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options
}

/// How documents are written: with majority and journal, so that what is acknowledged survives a primary's failover.
pub fn durable_writes() -> CollectionOptions {
    let write_concern = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
    CollectionOptions::builder().write_concern(write_concern).build()
}
