//! What the store takes without Kafka: documents like the consumer's, with the consumer's driver, batches, batches in flight
//! and write concern.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use bson::{DateTime, RawDocumentBuf, doc};
use contract::{Parser, PostId, document};
use mongodb::options::ClientOptions;
use mongodb::{Client, Collection};
use tokio::task::JoinSet;

use crate::post::RunId;
use crate::post::bodies::{Bodies, Shape};

/// Longest wait for a server that takes writes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What is inserted, and where to.
#[derive(Clone)]
pub(super) struct Insert {
    collection: Collection<RawDocumentBuf>,
    batch_messages: usize,
    concurrent_flushes: usize,
    run: RunId,
}

impl Insert {
    /// Into a collection of this name, with the consumer's settings.
    pub(super) async fn new(
        uri: &str,
        collection: &str,
        config: &consumer::Config,
        run: RunId,
    ) -> anyhow::Result<Self> {
        let mut options = ClientOptions::parse(uri).await.context("MONGO_URI cannot be used")?;
        let connections = u32::try_from(config.concurrent_flushes).unwrap_or(u32::MAX);
        options.app_name = Some("loadtest".to_owned());
        options.max_pool_size = Some(connections);
        options.max_connecting = Some(connections);
        options.server_selection_timeout = Some(CONNECT_TIMEOUT);
        let database = Client::with_options(options).context("MONGO_URI cannot be used")?.default_database();
        let database = database.context("MONGO_URI must name a database")?;
        Ok(Self {
            collection: database.collection_with_options(collection, consumer::durable_writes()),
            batch_messages: config.batch.messages,
            concurrent_flushes: config.concurrent_flushes,
            run,
        })
    }

    /// Makes the collection, with one document in it.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let first = RawDocumentBuf::try_from(&doc! { "title": "the first one makes the collection" })?;
        self.collection.insert_one(first).await.context("cannot write to the store")?;
        Ok(())
    }

    /// Inserts for `duration` and gives how many documents were stored.
    pub(super) async fn documents(&self, duration: Duration) -> anyhow::Result<u64> {
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
                    insert.collection.insert_many(&batch).ordered(false).await.context("cannot write to the store")?;
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

    /// Removes the collection.
    pub(super) async fn drop_collection(&self) -> anyhow::Result<()> {
        self.collection.drop().await.context("cannot drop the collection of the documents that were inserted")
    }
}
