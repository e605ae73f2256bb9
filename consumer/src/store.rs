//! A collection in MongoDB: connects, and says whether the store answers. How records are written is in [`insert`] and
//! [`upsert`].
//!
//! Each kind has a client of its own. The driver works on the runtime that made its client, so a client for all kinds
//! would cost each flush of the others two switches between threads, and would end with the kind that made it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bson::{RawDocumentBuf, doc};
use mongodb::options::{
    Acknowledgment, ClientOptions, CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection};
use service::{Backoff, Readiness};
use tokio::sync::Mutex;

use self::answers::answer;
use self::evidence::Lookup;
use self::known_keys::KnownKeys;
pub use self::update::guarded_updates;
use crate::config::{MongoUri, parse};
use crate::store_pool::StorePool;

mod answers;
pub(crate) mod control;
mod duplicates;
pub(crate) mod erase;
mod evidence;
pub(crate) mod expiry;
pub(crate) mod guard;
mod insert;
mod known_keys;
mod places;
mod scanning;
mod time;
mod update;
mod upsert;
pub(crate) mod written;

/// The readiness condition set here: the store answers.
pub(crate) const CONDITION: &str = "store";

/// Longest wait for a connection and for a server that takes writes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How often to ask whether the store answers.
const WATCH_INTERVAL: Duration = Duration::from_secs(2);

/// The id of no document.
const NO_ID: &str = "readiness";

/// Where the documents of a kind are stored.
pub(crate) struct StorePlace<'a> {
    pub(crate) mongo_uri: &'a MongoUri,
    pub(crate) collection: &'a str,
    /// Batches that are written at the same time.
    pub(crate) concurrent_flushes: usize,
}

/// The collection. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    collection: Collection<RawDocumentBuf>,
    lookup: Lookup,
    /// Of a kind with one document for each key.
    known_keys: Arc<std::sync::Mutex<KnownKeys>>,
    /// Held while documents are replaced, or removed by key, in a store that does not do so atomically.
    one_at_a_time: Arc<Mutex<()>>,
}

impl Store {
    /// Connects, without a deadline.
    ///
    /// # Errors
    /// When the URI's options are unusable.
    pub(crate) async fn connect(
        place: &StorePlace<'_>,
        readiness: &Readiness,
        pool: &StorePool,
    ) -> anyhow::Result<Self> {
        let mut backoff = Backoff::for_servers();
        loop {
            let connected = match client(place, Some(pool)).await {
                Ok(client) => Self::at(place, &client).await,
                Err(error) if place.mongo_uri.is_fixed() => return Err(error),
                Err(error) => Err(format!("{error:#}")),
            };
            match connected {
                Ok(store) => {
                    readiness.met(CONDITION);
                    return Ok(store);
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

    /// Connects once, for a command.
    ///
    /// # Errors
    /// Why the store cannot be used.
    pub(crate) async fn open(mongo_uri: &MongoUri, collection: &str) -> anyhow::Result<Self> {
        let place = StorePlace { mongo_uri, collection, concurrent_flushes: 1 };
        Self::at(&place, &client(&place, None).await?).await.map_err(anyhow::Error::msg)
    }

    /// What is at this place.
    async fn at(place: &StorePlace<'_>, client: &Client) -> Result<Self, String> {
        let database = client.database(&place.mongo_uri.database);
        let collection = database.collection_with_options(place.collection, collection_options());
        let (lookup, others) = what_is_there(&collection).await?;
        tracing::info!(
            database = place.mongo_uri.database,
            collection = place.collection,
            other_unique_indexes = others.join(","),
            "MongoDB connected successfully"
        );
        Ok(Self { collection, lookup, known_keys: Arc::default(), one_at_a_time: Arc::default() })
    }

    /// Asks regularly whether the store answers, so that readiness is right even while nothing is written.
    pub(crate) async fn watch(&self, readiness: &Readiness) {
        loop {
            tokio::time::sleep(WATCH_INTERVAL).await;
            // Not `ping`, which a store answers to everybody.
            match answer(self.collection.find_one(doc! { "_id": NO_ID })).await {
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

    /// This store in place of a previous one, whose writes may still be under way: what waits for its turn
    /// waits for theirs, too.
    pub(crate) fn in_turn_after(self, previous: &Self) -> Self {
        Self { one_at_a_time: Arc::clone(&previous.one_at_a_time), ..self }
    }

    /// Whether a replacement is one step for the store. Where it is not, two at the same time may overtake each other.
    pub(crate) fn replaces_atomically(&self) -> bool {
        self.lookup == Lookup::Indexed
    }
}

/// Whether the collection can be read.
///
/// # Errors
/// Why not, within a few seconds.
pub(crate) async fn reach(mongo_uri: &MongoUri, collection: &str) -> anyhow::Result<()> {
    let place = StorePlace { mongo_uri, collection, concurrent_flushes: 1 };
    let client = client(&place, None).await?;
    let collection = client.database(&mongo_uri.database).collection::<RawDocumentBuf>(collection);
    answer(collection.find_one(doc! { "_id": NO_ID })).await.map(drop).map_err(anyhow::Error::msg)
}

/// A client for the flushes of a kind. Nothing is connected yet.
async fn client(place: &StorePlace<'_>, pool: Option<&StorePool>) -> anyhow::Result<Client> {
    let uri = place.mongo_uri.read()?;
    let flushes = u32::try_from(place.concurrent_flushes).unwrap_or(u32::MAX);
    let connection = parse(&uri).map_err(|reason| anyhow::anyhow!("MONGO_URI {reason}"))?;
    let mut options = ClientOptions::parse(connection).await.context("MONGO_URI cannot be used")?;
    options.app_name.get_or_insert_with(|| "consumer".to_owned());
    // The driver's own ten connections, made two at a time, would cap the flushes. A revoke's flushes come on top
    // of the others, the same number again; two more are for the watch, and for what operators want.
    options.max_pool_size.get_or_insert(flushes.saturating_mul(2).saturating_add(2));
    options.max_connecting.get_or_insert(flushes);
    options.connect_timeout.get_or_insert(CONNECT_TIMEOUT);
    options.server_selection_timeout.get_or_insert(CONNECT_TIMEOUT);
    options.cmap_event_handler = pool.map(StorePool::handler);
    Client::with_options(options).context("MONGO_URI cannot be used")
}

/// How the store finds documents, and the names of its other unique indexes.
async fn what_is_there(collection: &Collection<RawDocumentBuf>) -> Result<(Lookup, Vec<String>), String> {
    Ok((Lookup::of(collection).await?, evidence::other_unique_indexes(collection).await?))
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
