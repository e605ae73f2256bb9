//! The real program against pipelines that are not ours: one that fills another collection in another shape, and one
//! whose store cannot be reached.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use bson::{Document, doc};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mongodb::Collection;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::report;
use crate::run::threshold;

/// A server that puts what it gets into a document of its own shape, if it has a store, and names no id.
async fn foreign(entries: Option<Collection<Document>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/api", listener.local_addr().unwrap());
    let entries = Arc::new(entries);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let entries = Arc::clone(&entries);
            let service = service_fn(move |request| take(request, Arc::clone(&entries)));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    url
}

async fn take(
    request: Request<Incoming>,
    entries: Arc<Option<Collection<Document>>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let status = if request.uri() == "/api/create-post" { StatusCode::ACCEPTED } else { StatusCode::NOT_FOUND };
    let body = request.into_body().collect().await?.to_bytes();
    if let (StatusCode::ACCEPTED, Some(entries)) = (status, entries.as_ref()) {
        let post: Value = serde_json::from_slice(&body).unwrap();
        let payload = doc! { "title": post["title"].as_str().unwrap(), "content": post["content"].as_str().unwrap() };
        entries.insert_one(doc! { "payload": payload }).await.unwrap();
    }
    let mut response = Response::new(Full::from(""));
    *response.status_mut() = status;
    Ok(response)
}

async fn loadtest(url: &str, report: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.env_remove("MONGO_URI").env_remove("KAFKA_BROKER").args(["--target", url, "--report"]).arg(report);
    command.args(["--vus", "5", "--duration", "1s", "--think", "100ms"]).args(arguments).args(threshold(arguments));
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

#[tokio::test]
async fn another_pipelines_documents_are_found_by_its_field() {
    let stack = stack::shared().await;
    let client = mongodb::Client::with_uri_str(stack.mongo_uri()).await.unwrap();
    let url = foreign(Some(client.default_database().unwrap().collection("entries"))).await;
    let directory = tempfile::tempdir().unwrap();
    let place = ["--mongo-uri", stack.mongo_uri(), "--collection", "entries", "--match-field", "payload.title"];
    let output = loadtest(&url, directory.path(), &place).await;
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(table.contains("  ids              ignored"), "{table}");
    let found = report(directory.path());
    assert!(found["accepted"].as_u64().unwrap() >= 5, "{found:#}");
    assert_eq!(found["stored"], found["accepted"], "{found:#}");
    assert_eq!(found["ids"], "not compared");
    assert_eq!((&found["missing"], &found["unexpected"]), (&0.into(), &0.into()), "{found:#}");
    assert_eq!(found["compared"], "payload.title");
    assert!(table.contains("  compared      only these fields of each document: payload.title"), "{table}");

    // More fields can be named, and each of them counts.
    let output =
        loadtest(&url, directory.path(), &[&place[..], &["--content-field", "payload.content"]].concat()).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(report(directory.path())["compared"], "payload.title, payload.content");
    let output = loadtest(&url, directory.path(), &[&place[..], &["--created-field", "at"]].concat()).await;
    assert_eq!(output.status.code(), Some(99), "{output:?}");
    let found = report(directory.path());
    assert_eq!(
        (&found["changed"], &found["findings"][0]["differs"]),
        (&found["accepted"], &"at is no date".into()),
        "{found:#}"
    );

    // The wrong field has nothing, and the report says so.
    let place = ["--mongo-uri", stack.mongo_uri(), "--collection", "entries", "--drain-timeout", "1s"];
    let output = loadtest(&url, directory.path(), &place).await;
    assert_eq!(output.status.code(), Some(99), "{output:?}");
    let found = report(directory.path());
    assert_eq!(found["missing"], found["accepted"], "{found:#}");
}

#[tokio::test]
async fn without_a_store_the_answers_are_judged() {
    let url = foreign(None).await;
    let directory = tempfile::tempdir().unwrap();
    let output = loadtest(&url, directory.path(), &["--no-reconcile", "--threshold", "accepted>4"]).await;
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(table.contains("nothing was reconciled") && table.contains("ok      accepted>4"), "{table}");
    assert!(!table.contains("p95<2000ms") && !table.contains("missing==0"), "{table}");
    let found = report(directory.path());
    for unknown in [
        "stored",
        "missing",
        "duplicated",
        "changed",
        "unexpected",
        "dead_lettered",
        "compared",
        "ids",
        "drain_seconds",
    ] {
        assert_eq!(found.get(unknown), Some(&Value::Null), "{unknown} in {found:#}");
    }
    assert_eq!(found["environment"]["store"], Value::Null);

    let output = loadtest(&url, directory.path(), &["--no-reconcile", "--threshold", "rate>1000000"]).await;
    assert_eq!(output.status.code(), Some(99), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("FAILED  rate>1000000"), "{output:?}");

    // This server accepts everything, even posts that break a rule.
    let output = loadtest(&url, directory.path(), &["--no-reconcile", "--invalid-share", "1"]).await;
    assert_eq!(output.status.code(), Some(99), "{output:?}");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains("posts that break a rule on purpose (--invalid-share) were answered 2xx"), "{table}");
    let found = report(directory.path());
    assert_eq!(found["invalid_accepted"], found["accepted"], "{found:#}");

    for threshold in ["missing==0", "drain<10s"] {
        let output = loadtest(&url, directory.path(), &["--no-reconcile", "--threshold", threshold]).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{text}");
        assert!(text.contains(&format!("--threshold '{threshold}' cannot be judged")), "{text}");
    }
}
