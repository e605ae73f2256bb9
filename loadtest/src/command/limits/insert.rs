//! What the store takes without Kafka: documents like the consumer's, with the consumer's driver, batches, batches in
//! flight and write concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bson::{DateTime, RawDocumentBuf, doc};
use contract::{Parser, PostId, document};
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ledger::post::RunId;
use crate::ledger::post::bodies::{Bodies, Shape};

/// Longest wait for a server that takes writes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for one answer. The consumer gives up sooner; here a slow store must be measured, and only one that
/// hangs ends the measure.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What is inserted, and where to.
#[derive(Clone)]
pub(crate) struct Insert {
    collection: Collection<RawDocumentBuf>,
    batch_messages: usize,
    concurrent_flushes: usize,
    run: RunId,
}

impl Insert {
    /// Into a collection of this name, with the consumer's settings.
    pub(crate) async fn new(
        uri: &str,
        collection: &str,
        config: &consumer::ConsumerConfig,
        run: RunId,
    ) -> anyhow::Result<Self> {
        let concurrent_flushes = config.kafka.limits.concurrent_flushes;
        Ok(Self {
            collection: self::collection(uri, collection, concurrent_flushes).await?,
            batch_messages: config.kafka.limits.batch.messages,
            concurrent_flushes,
            run,
        })
    }

    /// Creates the collection, with one document in it.
    pub(crate) async fn prepare(&self) -> anyhow::Result<()> {
        let first = RawDocumentBuf::try_from(&doc! { "title": "the first one makes the collection" })?;
        answer("insert a first document", self.collection.insert_one(first)).await.map(drop)
    }

    /// Inserts for `duration` and returns how many documents were stored.
    pub(crate) async fn documents(&self, duration: Duration) -> anyhow::Result<u64> {
        let (end, stored) = (Instant::now() + duration, Arc::new(AtomicU64::new(0)));
        let mut flushes = JoinSet::new();
        for flush in 0..self.concurrent_flushes as u64 {
            let (insert, stored) = (self.clone(), Arc::clone(&stored));
            flushes.spawn(async move {
                let mut bodies = Bodies::new(insert.run, flush, Shape::default());
                let (mut parser, mut n) = (Parser::default(), 0);
                while Instant::now() < end {
                    let batch: Vec<RawDocumentBuf> = (0..insert.batch_messages)
                        .map(|_| {
                            n += 1;
                            let mut body = bodies.post(n).body.to_vec();
                            let post = parser.parse(&mut body).expect("the generator's posts are valid");
                            document::encode(PostId::fresh(), &post, DateTime::now().timestamp_millis())
                        })
                        .collect();
                    answer("insert a batch", insert.collection.insert_many(&batch).ordered(false)).await?;
                    stored.fetch_add(batch.len() as u64, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = flushes.join_next().await {
            ended.context("inserting failed")??;
        }
        Ok(stored.load(Ordering::Relaxed))
    }

    /// Removes the collection if it exists.
    pub(crate) async fn drop_collection(&self) -> anyhow::Result<()> {
        drop_collection(&self.collection).await
    }
}

/// The collection of this name, with a client that has a connection for each flush.
pub(super) async fn collection(
    uri: &str,
    name: &str,
    concurrent_flushes: usize,
) -> anyhow::Result<Collection<RawDocumentBuf>> {
    let mut options = ClientOptions::parse(uri).await.context("MONGO_URI cannot be used")?;
    let connections = u32::try_from(concurrent_flushes).unwrap_or(u32::MAX);
    options.app_name = Some("loadtest".to_owned());
    options.max_pool_size = Some(connections);
    options.max_connecting = Some(connections);
    options.server_selection_timeout = Some(CONNECT_TIMEOUT);
    let database = Client::with_options(options).context("MONGO_URI cannot be used")?.default_database();
    let database = database.context("MONGO_URI must name a database")?;
    Ok(database.collection_with_options(name, consumer::durable_writes()))
}

/// Removes the collection if it exists. Looks first, because the store in memory returns no error code for one that
/// does not; that store also lists all collections, whatever is asked for.
pub(super) async fn drop_collection(collection: &Collection<RawDocumentBuf>) -> anyhow::Result<()> {
    let (name, database) = (collection.name(), collection.client().database(&collection.namespace().db));
    let names = answer("list its collections", database.list_collection_names()).await?;
    if !names.iter().any(|there| there == name) {
        return Ok(());
    }
    answer("drop the collection of the documents that were written", collection.drop()).await
}

/// The store's answer to this request. The driver alone would wait for it forever.
pub(super) async fn answer<T>(
    what: &str,
    request: impl IntoFuture<Output = mongodb::error::Result<T>>,
) -> anyhow::Result<T> {
    match timeout(ANSWER_TIMEOUT, request.into_future()).await {
        Ok(answer) => answer.with_context(|| format!("the store cannot {what}")),
        Err(_) => bail!("the store did not {what} within {ANSWER_TIMEOUT:?}"),
    }
}
