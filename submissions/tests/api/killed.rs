//! The program is killed while it answers and works: what was answered is there afterwards, and is worked on until its
//! end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use submissions::Roles;
use tokio::task::JoinSet;

use crate::client::{JSON, request, try_ask};
use crate::program::{export, serving};
use crate::running::{GOOD, Server, eventually, id, sqlite};

/// How many clients submit at a time.
const CLIENTS: usize = 8;

/// How often the program is killed.
const KILLS: usize = 3;

/// Nobody reads the log, and a program whose pipe is full would wait.
const SETTINGS: &[(&str, &str)] = &[("WORK_TIME", "20ms"), ("HEARTBEAT", "200ms"), ("LOG", "warn")];

/// What was answered 202: the content of each id.
type Answered = Arc<Mutex<BTreeMap<String, String>>>;

/// Submits one content after another, each by one request, until the program is gone.
async fn submit(address: SocketAddr, number: Arc<AtomicUsize>, answered: Answered) {
    loop {
        let content = format!("number {}", number.fetch_add(1, Ordering::Relaxed));
        let body = json!({ "content": content }).to_string();
        let Some(response) = try_ask(address, &request("POST", "/api/submissions", JSON, &body)).await else { return };
        let submission = response.json(202);
        answered.lock().unwrap().insert(id(&submission).to_owned(), content);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_each_kill_and_ends_once() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path());
    let (number, answered) = (Arc::new(AtomicUsize::new(0)), Answered::default());
    for kill in 1..=KILLS {
        let (mut child, address) = serving(&[], &url, SETTINGS).await;
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(submit(address, Arc::clone(&number), Arc::clone(&answered)));
        }
        let count = || answered.lock().unwrap().len();
        eventually("answers", async || count() >= kill * 100).await;
        child.kill().await.unwrap();
        clients.join_all().await;
    }
    let (child, address) = serving(&[], &url, SETTINGS).await;
    let open = async || {
        let stats = try_ask(address, &request("GET", "/api/stats", "", "")).await.unwrap().json(200);
        stats["statuses"]["PENDING"].as_i64().unwrap() + stats["statuses"]["PROCESSING"].as_i64().unwrap()
    };
    eventually("the end of all", async || open().await == 0).await;
    drop(child);
    let exported: BTreeMap<String, Value> =
        export(&url).await.into_iter().map(|submission| (id(&submission).to_owned(), submission)).collect();
    for (id, content) in answered.lock().unwrap().iter() {
        let submission = exported.get(id).unwrap_or_else(|| panic!("{id} was answered and is gone"));
        assert_eq!(submission["content"], *content);
    }
    for submission in exported.values() {
        // Each has a digit.
        let is_long_enough = submission["content"].as_str().unwrap().len() >= 10;
        let expected = if is_long_enough { "PASSED" } else { "FAILED" };
        assert_eq!((&submission["status"], &submission["failures"]), (&json!(expected), &json!(0)), "{submission}");
    }
}

#[tokio::test]
async fn a_server_that_starts_again_continues() {
    let folder = tempfile::tempdir().unwrap();
    let url = sqlite(folder.path());
    let keyed = format!("{JSON}idempotency-key: k1\r\n");
    let body = json!({ "content": GOOD }).to_string();
    let server = Server::with_database(Roles::ALL, &url, &[("WORK_TIME", "60s")]).await;
    let first = server.post("/api/submissions", &keyed, &body).await.json(202);
    server.becomes(id(&first), "PROCESSING").await;
    server.stopped().await;
    let server = Server::with_database(Roles::API, &url, &[]).await;
    let given_back = server.post("/api/submissions", &keyed, &body).await.json(202);
    assert_eq!((&given_back["id"], &given_back["status"]), (&first["id"], &json!("PENDING")), "given back at once");
    server.stopped().await;
    let server = Server::with_database(Roles::ALL, &url, &[("WORK_TIME", "1ms")]).await;
    assert_eq!(server.becomes(id(&first), "PASSED").await["given_back"], 1);
    server.stopped().await;
}
