//! Reading the store: every document of a run, or one document by its id.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bson::{Document, RawDocumentBuf, doc};
use contract::{PostId, document};
use mongodb::options::ClientOptions;
use mongodb::{Collection, Database};
use tokio::time::timeout;

use crate::post::RunId;
use crate::settings::Lookup;
use crate::text::grouped;

/// The consumer's default.
const DEFAULT_URI: &str = "mongodb://localhost:27017/scalable-api";

/// Name of the collection.
const POSTS: &str = "posts";

/// Longest wait for a server to be there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for one answer; some stores read the whole collection before the first document comes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Documents per answer; projected, they have some hundred bytes each. More of them make nothing faster.
const DOCUMENTS_PER_ANSWER: u32 = 5_000;

/// How often a pass over the collection tells how far it is.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The collection of posts.
pub(crate) struct Store {
    database: Database,
    posts: Collection<RawDocumentBuf>,
}

impl Store {
    /// The store that a URI names, with its database. Connects when it is first asked.
    pub(crate) async fn new(uri: &str) -> anyhow::Result<Self> {
        let parsed = timeout(CONNECT_TIMEOUT, ClientOptions::parse(uri)).await;
        let mut options =
            parsed.context("no answer in time").and_then(|options| Ok(options?)).with_context(wrong_uri)?;
        options.app_name = Some("loadtest".to_owned());
        options.server_selection_timeout = Some(CONNECT_TIMEOUT);
        let client = mongodb::Client::with_options(options).with_context(wrong_uri)?;
        let database = client.default_database().with_context(wrong_uri)?;
        Ok(Self { posts: database.collection(POSTS), database })
    }

    /// The store that `MONGO_URI` names, or the services' default.
    pub(crate) async fn given(lookup: Lookup<'_>) -> anyhow::Result<Self> {
        let uri = lookup("MONGO_URI").filter(|uri| !uri.is_empty());
        Self::new(uri.as_deref().unwrap_or(DEFAULT_URI)).await
    }

    /// Name and version, as the server tells them.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        let info = answer(self.database.run_command(doc! { "buildInfo": 1 })).await?;
        let version = info.get_str("version").unwrap_or("of unknown version");
        Ok(match info.get_str("ferretdbVersion") {
            Ok(ferretdb) => format!("FerretDB {ferretdb} (speaks as MongoDB {version})"),
            Err(_) => format!("MongoDB {version}"),
        })
    }

    /// Visits every document of a run, in any order, with the number in its title and its id. One pass over the
    /// collection: neither store has an index on the title. (On FerretDB the pass takes some 60 µs a document, whatever
    /// the filter, the projection and the size of the answers.)
    pub(crate) async fn documents(&self, run: RunId, mut visit: impl FnMut(u64, PostId)) -> anyhow::Result<()> {
        let found = self.posts.find(of_run(run)).projection(doc! { "_id": 1, "title": 1 });
        let mut cursor = answer(found.batch_size(DOCUMENTS_PER_ANSWER).into_future()).await?;
        let (mut read, mut told) = (0_u64, Instant::now());
        while answer(cursor.advance()).await? {
            read += 1;
            if told.elapsed() > TELL_EVERY {
                told = Instant::now();
                eprintln!("read {} documents", grouped(read));
            }
            let document = cursor.current();
            let number = document.get_str("title").ok().and_then(|title| run.number_in(title));
            let id =
                document.get(document::ID_FIELD).context("a document cannot be read")?.and_then(document::decode_id);
            if let Some(n) = number {
                // An id that is no UUID is surely another one than the client was told.
                visit(n, id.unwrap_or(uuid::Uuid::max().into()));
            }
        }
        Ok(())
    }

    /// Visits the id of every document, whoever has stored it; `None` for one that is no UUID. One pass over the collection.
    pub(crate) async fn ids(&self, mut visit: impl FnMut(Option<PostId>)) -> anyhow::Result<()> {
        let found = self.posts.find(doc! {}).projection(doc! { document::ID_FIELD: 1 });
        let mut cursor = answer(found.batch_size(DOCUMENTS_PER_ANSWER).into_future()).await?;
        while answer(cursor.advance()).await? {
            let id = cursor.current().get(document::ID_FIELD).context("a document cannot be read")?;
            visit(id.and_then(document::decode_id));
        }
        Ok(())
    }

    /// How many documents of a run there are.
    pub(crate) async fn count(&self, run: RunId) -> anyhow::Result<u64> {
        answer(self.posts.count_documents(of_run(run)).into_future()).await
    }

    /// The document with this id.
    pub(crate) async fn find(&self, id: PostId) -> anyhow::Result<Option<Document>> {
        let posts = self.posts.clone_with_type::<Document>();
        answer(posts.find_one(doc! { document::ID_FIELD: document::encode_id(id) }).into_future()).await
    }
}

/// Titles that start with the run's prefix. Whether the rest is a number is judged here, not there.
fn of_run(run: RunId) -> Document {
    doc! { "title": { "$regex": format!("^{}", run.title_prefix()) } }
}

async fn answer<T>(request: impl IntoFuture<Output = mongodb::error::Result<T>>) -> anyhow::Result<T> {
    let failed = "cannot read from the store: is it there, and is MONGO_URI right?";
    match timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => answer.context(failed),
        Err(_) => bail!("no answer from the store within {ANSWER_TIMEOUT:?}"),
    }
}

fn wrong_uri() -> &'static str {
    "MONGO_URI (or --mongo-uri) must be a MongoDB URI that names a database, such as \
     mongodb://localhost:27017/scalable-api"
}
