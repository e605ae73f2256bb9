//! Reading the store: every document of a run, or one document by its id.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use anyhow::{Context, bail};
use bson::{Bson, Document, RawDocument, RawDocumentBuf, doc};
use contract::{Kind, PostId, document};
use mongodb::options::{ClientOptions, IndexOptions};
use mongodb::{Collection, Database, IndexModel};
use tokio::time::timeout;

use crate::ledger::expected::Layout;
use crate::ledger::plan::RunPlan;
use crate::ledger::post::RunId;
use crate::pipeline::settings::Lookup;

/// The consumer's default.
const DEFAULT_URI: &str = "mongodb://localhost:27017/scalable-api";

/// Longest wait for a server to appear.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for one answer; some stores read the whole collection before the first document comes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);

/// Documents per answer, some hundred bytes each. More of them make nothing faster.
const DOCUMENTS_PER_ANSWER: u32 = 5_000;

/// Where the documents are, and how they are recognised.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    /// A MongoDB URI that names a database.
    pub(crate) uri: String,
    /// Name of the collection.
    pub(crate) collection: String,
    /// Which of their fields hold what a post says.
    pub(crate) layout: Layout,
}

impl Documents {
    /// Those of our own consumer.
    pub(crate) fn of(kind: Kind, uri: String) -> Self {
        Self { uri, collection: kind.collection().to_owned(), layout: Layout::Whole }
    }

    /// Those of this plan, which has the marker where its bodies have it.
    pub(crate) fn of_plan(&self, plan: &RunPlan) -> Self {
        let marker = plan.bodies.map(|bodies| Layout::Marked(bodies.marker().join(".")));
        Self { layout: marker.unwrap_or_else(|| self.layout.clone()), ..self.clone() }
    }
}

/// The collection of one kind of record.
pub(crate) struct StoreReader {
    database: Database,
    posts: Collection<RawDocumentBuf>,
    layout: Layout,
}

impl StoreReader {
    /// The store with these documents. Connects on the first request.
    pub(crate) async fn new(Documents { uri, collection, layout }: &Documents) -> anyhow::Result<Self> {
        let parsed = timeout(CONNECT_TIMEOUT, ClientOptions::parse(uri)).await;
        let mut options =
            parsed.context("no answer in time").and_then(|options| Ok(options?)).with_context(wrong_uri)?;
        options.app_name = Some("loadtest".to_owned());
        options.server_selection_timeout = Some(CONNECT_TIMEOUT);
        let client = mongodb::Client::with_options(options).with_context(wrong_uri)?;
        let database = client.default_database().with_context(wrong_uri)?;
        Ok(Self { posts: database.collection(collection), database, layout: layout.clone() })
    }

    /// The store that `MONGO_URI` names, or the services' default.
    pub(crate) async fn given(kind: Kind, lookup: Lookup<'_>) -> anyhow::Result<Self> {
        let uri = lookup("MONGO_URI").filter(|uri| !uri.is_empty());
        Self::new(&Documents::of(kind, uri.unwrap_or(DEFAULT_URI.to_owned()))).await
    }

    /// Name and version, as the server reports them.
    pub(crate) async fn version(&self) -> anyhow::Result<String> {
        let info = answer(self.database.run_command(doc! { "buildInfo": 1 })).await?;
        let version = info.get_str("version").unwrap_or("of unknown version");
        for (name, field) in [("FerretDB", "ferretdbVersion"), ("SecantusDB", "secantusVersion")] {
            if let Ok(its_own) = info.get_str(field) {
                return Ok(format!("{name} {its_own} (speaks as MongoDB {version})"));
            }
        }
        // Only MongoDB's own servers report what they were built from.
        let kind = if info.contains_key("gitVersion") { "MongoDB" } else { "a store that speaks as MongoDB" };
        Ok(format!("{kind} {version}"))
    }

    /// Which fields of a document hold what a post says.
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Visits documents in any order: those of a run or, if it is `None`, all that there are. One pass over the
    /// collection, because neither store has an index on the title. (On FerretDB the pass takes about 60 µs a document,
    /// whatever the filter, the projection and the size of the answers.)
    pub(crate) async fn documents(&self, run: Option<RunId>, visit: impl FnMut(&RawDocument)) -> anyhow::Result<()> {
        self.visit(run.map(|run| self.of_run(run)).unwrap_or_default(), visit).await
    }

    async fn visit(&self, filter: Document, mut visit: impl FnMut(&RawDocument)) -> anyhow::Result<()> {
        let mut cursor = answer(self.posts.find(filter).batch_size(DOCUMENTS_PER_ANSWER).into_future()).await?;
        while answer(cursor.advance()).await? {
            visit(cursor.current());
        }
        Ok(())
    }

    /// Why documents cannot be looked up by their ids without reading the whole collection; `None` if they can.
    pub(crate) async fn finds_no_ids(&self) -> anyhow::Result<Option<String>> {
        let info = answer(self.database.run_command(doc! { "buildInfo": 1 })).await?;
        // Its index of `_id` does not serve UUIDs.
        let is_ferretdb = info.contains_key("ferretdbVersion");
        Ok(is_ferretdb.then(|| "on FerretDB a look-up by _id reads the whole collection".to_owned()))
    }

    /// Which of these ids belong to documents, as UUIDs or as texts. One query, which reads no other document.
    pub(crate) async fn which(&self, ids: &[PostId]) -> anyhow::Result<HashSet<PostId>> {
        let uuids = ids.iter().copied().map(|id| Bson::Binary(document::encode_id(id)));
        let any: Vec<Bson> = uuids.chain(ids.iter().map(|id| Bson::String(id.to_string()))).collect();
        let found = self.posts.find(doc! { document::ID_FIELD: { "$in": any } });
        let found = found.projection(doc! { document::ID_FIELD: 1 }).batch_size(DOCUMENTS_PER_ANSWER);
        let mut cursor = answer(found.into_future()).await?;
        let mut there = HashSet::new();
        while answer(cursor.advance()).await? {
            let id = cursor.current().get(document::ID_FIELD).context("a document cannot be read")?;
            let of_text = |text: &str| PostId::from_key(text.as_bytes());
            there.extend(id.and_then(|id| document::decode_id(id).or_else(|| id.as_str().and_then(of_text))));
        }
        Ok(there)
    }

    /// The documents of these keys. One query.
    pub(crate) async fn of_keys(&self, keys: &BTreeSet<&str>) -> anyhow::Result<Vec<RawDocumentBuf>> {
        let any: Vec<&str> = keys.iter().copied().collect();
        let found = self.posts.find(doc! { document::ID_FIELD: { "$in": any } }).batch_size(DOCUMENTS_PER_ANSWER);
        let mut cursor = answer(found.into_future()).await?;
        let mut documents = Vec::new();
        while answer(cursor.advance()).await? {
            documents.push(cursor.current().to_owned());
        }
        Ok(documents)
    }

    /// Visits the documents whose `_id` is a text with this start, or all that there are.
    pub(crate) async fn with_prefix(
        &self,
        prefix: Option<&str>,
        visit: impl FnMut(&RawDocument),
    ) -> anyhow::Result<()> {
        let filter = prefix.map(|prefix| doc! { document::ID_FIELD: { "$regex": format!("^{prefix}") } });
        self.visit(filter.unwrap_or_default(), visit).await
    }

    /// The documents with these ids. One query.
    pub(crate) async fn find_all(&self, ids: &[PostId]) -> anyhow::Result<HashMap<PostId, RawDocumentBuf>> {
        let any: Vec<_> = ids.iter().copied().map(document::encode_id).collect();
        let mut cursor = answer(self.posts.find(doc! { document::ID_FIELD: { "$in": any } }).into_future()).await?;
        let mut documents = HashMap::new();
        while answer(cursor.advance()).await? {
            let document = cursor.current();
            let id = document.get(document::ID_FIELD).context("a document cannot be read")?;
            documents.extend(id.and_then(document::decode_id).map(|id| (id, document.to_owned())));
        }
        Ok(documents)
    }

    /// How many documents a run has.
    pub(crate) async fn count(&self, run: RunId) -> anyhow::Result<u64> {
        answer(self.posts.count_documents(self.of_run(run)).into_future()).await
    }

    /// The document with this id.
    pub(crate) async fn find(&self, id: PostId) -> anyhow::Result<Option<Document>> {
        let posts = self.posts.clone_with_type::<Document>();
        answer(posts.find_one(doc! { document::ID_FIELD: document::encode_id(id) }).into_future()).await
    }

    /// From now on no two documents may have the same title.
    pub(crate) async fn make_unique(&self, index: &str) -> anyhow::Result<()> {
        let options = IndexOptions::builder().name(index.to_owned()).unique(true).build();
        let model = IndexModel::builder().keys(doc! { self.layout.title(): 1 }).options(options).build();
        answer(self.posts.create_index(model).into_future()).await.context("cannot create an index").map(drop)
    }

    /// Drops an index.
    pub(crate) async fn drop_index(&self, index: &str) -> anyhow::Result<()> {
        answer(self.posts.drop_index(index).into_future()).await.context("cannot drop an index")
    }

    /// Titles that start with the run's prefix. Whether the rest is a number is checked here, not in the store.
    fn of_run(&self, run: RunId) -> Document {
        doc! { self.layout.title(): { "$regex": format!("^{}", run.title_prefix()) } }
    }
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
