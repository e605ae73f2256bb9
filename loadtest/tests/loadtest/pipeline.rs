//! Producer and consumer together, each through its real `run`, on a real broker and a real document store: what a
//! client posts is stored under the id in its answer.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use contract::{PostId, document};
use mongodb::{Client, Collection};
use service::tls::Audience;
use service::{Addresses, Listeners, ServiceConfig, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod keys;
mod orders;
mod receiver;
mod secure;
mod shares;
mod traces;
mod verified;

const DEADLINE: Duration = Duration::from_secs(30);

/// Both services, with a topic, a group and a database of their own.
struct Running {
    address: String,
    /// Where the producer shows its metrics.
    operators: String,
    mongo_uri: String,
    posts: Collection<Document>,
    consumer: consumer::ConsumerConfig,
    stop: CancellationToken,
    tasks: [JoinHandle<anyhow::Result<()>>; 2],
}

impl Running {
    async fn start(set: &[(&str, &str)]) -> Self {
        let stack = stack::shared().await;
        let name = format!("pipeline-{}", PostId::fresh());
        let dead_letters = format!("{name}.dlq");
        let server = stack.mongo_uri().rsplit_once('/').map_or(stack.mongo_uri(), |(server, _)| server);
        let mongo_uri = format!("{server}/{name}");
        let mut variables: HashMap<&str, &str> = [
            ("KINDS", "post"),
            ("KAFKA_BROKER", stack.kafka_broker()),
            ("MONGO_URI", &mongo_uri),
            ("KAFKA_TOPIC", &name),
            ("KAFKA_GROUP", &name),
            ("DLQ_TOPIC", &dead_letters),
            ("CONSUMER_BATCH_INTERVAL", "200ms"),
        ]
        .into();
        variables.extend(set.iter().copied());
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let producer = producer::ProducerConfig::read(&mut settings);
        let consumer = consumer::ConsumerConfig::read(&mut settings);
        assert_eq!(settings.finish().1, []);

        let stop = CancellationToken::new();
        let listeners = free_listeners().await;
        let Addresses { clients, operators } = listeners.addresses().unwrap();
        // Where it is asked whether it is ready.
        let asked = ServiceConfig {
            host: operators.ip().to_string(),
            admin_port: operators.port(),
            ..producer.service.clone()
        };
        let tasks = [
            tokio::spawn(producer::run(producer, listeners, stop.clone())),
            tokio::spawn(consumer::run(consumer.clone(), free_listeners().await, stop.clone())),
        ];
        let posts = Client::with_uri_str(&mongo_uri).await.unwrap().database(&name).collection("posts");
        let (address, operators) = (clients.to_string(), operators.to_string());
        let running = Self { address, operators, mongo_uri, posts, consumer, stop, tasks };
        let deadline = Instant::now() + DEADLINE;
        while !is_ready(asked.clone()).await {
            assert!(Instant::now() < deadline, "the producer is ready in time");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        running
    }

    /// Waits until both services have ended, after `stop` is cancelled.
    async fn ended(self) {
        for task in self.tasks {
            tokio::time::timeout(DEADLINE, task).await.expect("it stops in time").unwrap().unwrap();
        }
    }
}

async fn is_ready(service: ServiceConfig) -> bool {
    let asking = move || service::program::ask(&service, Audience::Operators, None, "GET /readyz");
    tokio::task::spawn_blocking(asking).await.unwrap().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// Posts a body. Returns the id from a 201, or the whole answer.
async fn post(address: &str, body: &str) -> Result<PostId, String> {
    post_with(address, "", body).await
}

/// Posts a body with these header lines beside the usual ones.
async fn post_with(address: &str, header_lines: &str, body: &str) -> Result<PostId, String> {
    let length = body.len();
    let head = format!(
        "POST /create-post HTTP/1.1\r\nhost: x\r\n{header_lines}connection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    let answer = exchange(address, &format!("{head}{body}")).await.map_err(|error| error.to_string())?;
    let id = answer.split_once(r#""id":""#).and_then(|(_, rest)| PostId::from_key(rest.as_bytes().get(..36)?));
    id.filter(|_| answer.starts_with("HTTP/1.1 201")).ok_or(answer)
}

pub(crate) async fn exchange(address: &str, request: &str) -> std::io::Result<String> {
    let mut answer = String::new();
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request.as_bytes()).await?;
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// All documents by their ids, once there is this number.
async fn wait_for_documents(posts: &Collection<Document>, count: usize) -> HashMap<PostId, Document> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let mut found = HashMap::new();
        let mut cursor = posts.find(doc! {}).await.unwrap();
        while cursor.advance().await.unwrap() {
            let id = cursor.current().get(document::ID_FIELD).unwrap().unwrap();
            found.insert(document::decode_id(id).unwrap(), cursor.deserialize_current().unwrap());
        }
        if found.len() >= count {
            assert_eq!(found.len(), count);
            return found;
        }
        assert!(Instant::now() < deadline, "{} of {count} documents are stored in time", found.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until the service's metrics have this line.
async fn wait_for_metric(address: &str, line: &str) {
    let deadline = Instant::now() + DEADLINE;
    let request = "GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    while !exchange(address, request).await.unwrap().lines().any(|other| other == line) {
        assert!(Instant::now() < deadline, "{line} in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn free_listeners() -> Listeners {
    Listeners::bind("127.0.0.1", 0, 0).await.unwrap()
}

fn json(title: &str) -> String {
    serde_json::json!({ "title": title, "content": "With \"quotes\", a\u{301}ccents and 😀", "more": 1 }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_is_stored_under_the_id_in_its_answer() {
    let running = Running::start(&[("KAFKA_PARTITIONS", "3")]).await;
    let before = bson::DateTime::now();
    let mut ids = Vec::new();
    for number in 0..20 {
        ids.push(post(&running.address, &json(&format!("Post {number}"))).await.unwrap());
    }
    assert!(post(&running.address, r#"{"title":"x"}"#).await.unwrap_err().starts_with("HTTP/1.1 400"));
    let stored = wait_for_documents(&running.posts, 20).await;
    for (number, id) in ids.iter().enumerate() {
        let document = &stored[id];
        assert_eq!(document.get_str("title").unwrap(), format!("Post {number}"));
        assert_eq!(document.get_str("content").unwrap(), "With \"quotes\", a\u{301}ccents and 😀");
        let created_at = *document.get_datetime("createdAt").unwrap();
        assert!((before..=bson::DateTime::now()).contains(&created_at), "{created_at}");
        assert_eq!(document.len(), 4, "unknown fields are dropped");
    }
    running.stop.cancel();
    running.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_consumer_reads_every_codec_of_the_producer() {
    for codec in ["none", "gzip", "lz4", "snappy", "zstd"] {
        let running = Running::start(&[("PRODUCER_COMPRESSION", codec), ("PRODUCER_LINGER", "50ms")]).await;
        let bodies: Vec<String> = (0..20).map(|number| json(&format!("{codec} {number}"))).collect();
        // At the same time, so that a compressed batch holds several records.
        let accepted = futures_util::future::join_all(bodies.iter().map(|body| post(&running.address, body))).await;
        let stored = wait_for_documents(&running.posts, 20).await;
        assert!(accepted.iter().all(|id| stored.contains_key(id.as_ref().unwrap())), "{codec}");
        running.stop.cancel();
        running.ended().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing_that_was_accepted() {
    let running = Running::start(&[("CONSUMER_BATCH_MESSAGES", "7")]).await;
    let (answers, mut accepted) = mpsc::unbounded_channel();
    for client in 0..8 {
        let (answers, address) = (answers.clone(), running.address.clone());
        tokio::spawn(async move {
            for number in 0.. {
                match post(&address, &json(&format!("{client}-{number}"))).await {
                    Ok(id) => answers.send(id).unwrap(),
                    Err(_) => break,
                }
            }
        });
    }
    drop(answers);
    let mut ids = Vec::new();
    while let Some(id) = accepted.recv().await {
        ids.push(id);
        // In the middle of the load; the clients continue until their connections are refused.
        if ids.len() == 300 {
            running.stop.cancel();
        }
    }
    let (posts, consumer) = (running.posts.clone(), running.consumer.clone());
    running.ended().await;

    // What was accepted but not consumed before the stop is the next member's.
    let stop = CancellationToken::new();
    let next = tokio::spawn(consumer::run(consumer, free_listeners().await, stop.clone()));
    let stored = wait_for_documents(&posts, ids.len()).await;
    assert!(ids.iter().all(|id| stored.contains_key(id)));
    stop.cancel();
    next.await.unwrap().unwrap();
}
