//! A native store: its data survive a kill, and what stands in its way is named.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::{Client, Collection};
use stack::store::{self, StoreOptions};
use stack::{StoreKind, environment, free_port};

async fn posts(port: u16) -> Collection<Document> {
    let client = Client::with_uri_str(store::uri(port)).await.unwrap();
    client.default_database().unwrap().collection("posts")
}

#[tokio::test]
async fn a_store_keeps_its_port_and_its_data() {
    let port = free_port();
    let options = StoreOptions { port: Some(port), ..StoreOptions::default() };
    let mut server = store::start(&options, environment).await.unwrap();
    assert_eq!(server.port(), port);
    posts(port).await.insert_one(doc! { "_id": 1 }).await.unwrap();

    let pid = server.pid();
    server.kill().await.unwrap();
    assert!(server.exit_status().is_some());
    assert!(tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err());
    server.restart().await.unwrap();
    assert_ne!(server.pid(), pid);
    posts(port).await.insert_one(doc! { "_id": 2 }).await.unwrap();

    server.stop().await.unwrap();
    server.restart().await.unwrap();
    assert_eq!(posts(port).await.count_documents(doc! {}).await.unwrap(), 2);
}

#[tokio::test]
async fn a_paused_store_answers_once_it_is_resumed() {
    let server = store::start(&StoreOptions::default(), environment).await.unwrap();
    let posts = posts(server.port()).await;
    posts.insert_one(doc! { "_id": 1 }).await.unwrap();

    server.pause().unwrap();
    let count = tokio::spawn(async move { posts.count_documents(doc! {}).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!count.is_finished(), "a paused store answered");
    assert_eq!(server.exit_status(), None);

    server.resume().unwrap();
    assert_eq!(count.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_taken_port_and_a_missing_tool_are_named_together() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
    let port = listener.local_addr().unwrap().port();
    let options = StoreOptions { kind: StoreKind::Mongod, port: Some(port), ..StoreOptions::default() };
    let error = store::start(&options, |_| None).await.unwrap_err().to_string();
    let sentences: Vec<&str> = error.lines().collect();
    assert_eq!(sentences.len(), 2, "{error}");
    assert!(sentences[0].starts_with("There is no mongod on this machine: "), "{error}");
    assert!(sentences[1].starts_with(&format!("Port {port} is taken on this machine: ")), "{error}");
}
