//! A small pipeline: it answers `POST /create-post` as the producer does, once the post's document is in a real store,
//! and lies about one of them.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bson::RawDocumentBuf;
use bytes::Bytes;
use contract::{Parser, PostId, created, document};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mongodb::Collection;
use serde_json::Value;
use stack::Stack;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use super::lies::{FIRST, HonestPost, Lie};
use super::records::Records;

/// The most posts that are written together.
const BATCH: usize = 500;

/// A pipeline that listens, with a database, a topic and a group of its own.
pub(super) struct SmallPipeline {
    pub(super) url: String,
    /// Of topic, group and database.
    pub(super) name: String,
    pub(super) mongo_uri: String,
    pub(super) posts: Collection<RawDocumentBuf>,
    /// Has a line for each request.
    pub(super) audit_log: PathBuf,
    _directory: TempDir,
}

/// Documents to store, and whom to notify.
type Write = (Vec<RawDocumentBuf>, oneshot::Sender<()>);

struct Handler {
    lie: Option<Lie>,
    /// The posts that it has lied about.
    lied: AtomicU64,
    accepted: AtomicU64,
    /// The first of two posts whose contents are swapped.
    waiting: Mutex<Option<HonestPost>>,
    writer: mpsc::Sender<Write>,
    records: Records,
    audit_log: Mutex<File>,
}

impl SmallPipeline {
    /// Starts one with records in a topic, or without.
    pub(super) async fn start(stack: &Stack, lie: Option<Lie>, has_records: bool) -> Self {
        let name = format!("liar-{}", PostId::fresh());
        let server = stack.mongo_uri().rsplit_once('/').map_or(stack.mongo_uri(), |(server, _)| server);
        let mongo_uri = format!("{server}/{name}");
        let client = mongodb::Client::with_uri_str(&mongo_uri).await.unwrap();
        let posts: Collection<RawDocumentBuf> = client.default_database().unwrap().collection("posts");
        let records = Records::start(stack.kafka_broker(), &name, has_records, lie == Some(Lie::LeavesALag)).await;
        let (writer, writes) = mpsc::channel(BATCH);
        tokio::spawn(write(posts.clone(), writes));
        let directory = tempfile::tempdir().unwrap();
        let audit_log = directory.path().join("audit.log");
        let handler = Arc::new(Handler {
            lie,
            lied: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            waiting: Mutex::new(None),
            writer,
            records,
            audit_log: Mutex::new(File::create(&audit_log).unwrap()),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let handler = Arc::clone(&handler);
                let service = service_fn(move |request| answer(request, Arc::clone(&handler)));
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, name, mongo_uri, posts, audit_log, _directory: directory }
    }
}

/// Stores what comes, many at a time.
async fn write(posts: Collection<RawDocumentBuf>, mut writes: mpsc::Receiver<Write>) {
    let mut batch = Vec::new();
    while writes.recv_many(&mut batch, BATCH).await > 0 {
        let (documents, writers): (Vec<_>, Vec<_>) = batch.drain(..).unzip();
        let documents = documents.concat();
        if !documents.is_empty() {
            posts.insert_many(documents).await.unwrap();
        }
        for writer in writers {
            // The client may have gone.
            writer.send(()).ok();
        }
    }
}

async fn answer(request: Request<Incoming>, handler: Arc<Handler>) -> Result<Response<Full<Bytes>>, Infallible> {
    let id = request.headers().get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
    let (status, body) = match request.uri().path() {
        "/create-post" => match request.into_body().collect().await {
            Ok(body) => {
                let (answer, lie) = handler.create_post(body.to_bytes().to_vec()).await;
                id.inspect(|id| handler.audit(id, answer.0, lie));
                answer
            }
            Err(_) => (StatusCode::BAD_REQUEST, Vec::new()),
        },
        "/metrics" => (StatusCode::OK, handler.metrics().into_bytes()),
        "/readyz" => (StatusCode::OK, Vec::new()),
        _ => (StatusCode::NOT_FOUND, Vec::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    Ok(response)
}

impl Handler {
    fn metrics(&self) -> String {
        let accepted = self.accepted.load(Ordering::SeqCst);
        let lied = u64::from(self.lie == Some(Lie::CountsWrongly) && accepted > 0);
        format!("ingest_records_accepted_total{{kind=\"post\"}} {}\n", accepted - lied)
    }

    /// Writes the line of a request.
    fn audit(&self, id: &str, status: StatusCode, lie: Option<Lie>) {
        let counts = match status {
            StatusCode::CREATED => r#""accepted":1,"rejected":0"#,
            _ => r#""accepted":0,"rejected":1"#,
        };
        let line = format!("{{{counts},\"request_id\":\"{id}\"}}\n");
        let line = lie.map_or(line.clone(), |lie| lie.audited(&line));
        self.audit_log.lock().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// The answer to a post, and the lie about it.
    async fn create_post(&self, body: Vec<u8>) -> ((StatusCode, Vec<u8>), Option<Lie>) {
        if self.lie == Some(Lie::RejectsEverything) {
            return ((StatusCode::SERVICE_UNAVAILABLE, Vec::new()), None);
        }
        let (id, now) = (PostId::fresh(), bson::DateTime::now().timestamp_millis());
        let mut parsed = body.clone();
        let Ok(post) = Parser::default().parse(&mut parsed) else { return self.invalid(&body, id, now).await };
        let (title, content) = (post.title().to_owned(), post.content().to_owned());
        let post = HonestPost { id, title, content, document: document::encode(id, &post, now) };
        let lie = self.lie.filter(|lie| lie.can_be_about(&post) && self.is_now(*lie, &post.title));
        self.records.send(&post, now).await;
        (self.carry_out(lie, post, now).await, lie)
    }

    /// Whether it lies about the post with this title: about the first ones that it can lie about.
    fn is_now(&self, lie: Lie, title: &str) -> bool {
        number_in(title).is_some_and(|n| n >= FIRST) && self.lied.fetch_add(1, Ordering::SeqCst) < lie.posts()
    }

    async fn carry_out(&self, lie: Option<Lie>, post: HonestPost, now: i64) -> (StatusCode, Vec<u8>) {
        let documents = match lie {
            None => vec![post.document.clone()],
            Some(Lie::Swaps) => {
                let first = self.waiting.lock().unwrap().take();
                match first {
                    Some(first) => Lie::swapped(&first, &post),
                    None => {
                        *self.waiting.lock().unwrap() = Some(post.clone());
                        Vec::new()
                    }
                }
            }
            // The buffer is lost with the process.
            Some(Lie::AnswersAndDies) => Vec::new(),
            Some(lie) => lie.documents(&post),
        };
        match lie {
            Some(Lie::DeadLetters) => self.records.dead_letter(&post, &post.content, now).await,
            Some(Lie::DeadLettersAltered) => self.records.dead_letter(&post, &format!("{} ", post.content), now).await,
            _ => {}
        }
        self.store(documents).await;
        self.accepted.fetch_add(1, Ordering::SeqCst);
        let answered = if lie == Some(Lie::AnswersWithAnotherId) { PostId::fresh() } else { post.id };
        (StatusCode::CREATED, created::body(answered))
    }

    /// A post that breaks a rule, or is not JSON.
    async fn invalid(&self, body: &[u8], id: PostId, now: i64) -> ((StatusCode, Vec<u8>), Option<Lie>) {
        let rejected = ((StatusCode::BAD_REQUEST, Vec::new()), None);
        let Some(lie) = self.lie.filter(|lie| lie.is_about_invalid()) else { return rejected };
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return rejected };
        let Some(title) = fields.get("title").and_then(Value::as_str) else { return rejected };
        if !self.is_now(lie, title) {
            return rejected;
        }
        if lie == Lie::AuditsARejectedOne {
            return (rejected.0, Some(lie));
        }
        let mut document = bson::doc! { "_id": document::encode_id(id), "title": title };
        document.insert("content", fields.get("content").and_then(Value::as_str).unwrap_or_default());
        document.insert("createdAt", bson::DateTime::from_millis(now));
        self.store(vec![RawDocumentBuf::try_from(&document).unwrap()]).await;
        if lie == Lie::StoresARejectedOne {
            return rejected;
        }
        self.accepted.fetch_add(1, Ordering::SeqCst);
        ((StatusCode::CREATED, created::body(id)), Some(lie))
    }

    async fn store(&self, documents: Vec<RawDocumentBuf>) {
        let (stored, wait) = oneshot::channel();
        self.writer.send((documents, stored)).await.unwrap();
        wait.await.unwrap();
    }
}

/// The number in `load RUN n`, which more words may follow.
fn number_in(title: &str) -> Option<u64> {
    title.strip_prefix("load ")?.split(' ').nth(1)?.parse().ok()
}
