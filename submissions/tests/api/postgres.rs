//! Several processes that share a database of PostgreSQL.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use submissions::Roles;

use crate::client::{JSON, request, try_ask};
use crate::program::{export, serving};
use crate::running::{BAD, GOOD, Server, eventually, id};

/// The URL of a new database on the server that all tests share.
pub(crate) async fn fresh_database() -> String {
    let server = stack::shared_postgres().await;
    let name = format!("api_{}", uuid::Uuid::now_v7().simple());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::raw_sql(&format!("CREATE DATABASE {name}")).execute(&mut connection).await.unwrap();
    let (before, _) = server.rsplit_once('/').unwrap();
    format!("{before}/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_and_workers_share_a_database() {
    let url = fresh_database().await;
    let few = [("DATABASE_POOL", "4"), ("WORK_TIME", "10ms"), ("CACHE_ENTRIES", "0")];
    let first = Server::with_database(Roles::API, &url, &few).await;
    let second = Server::with_database(Roles::API, &url, &few).await;
    let keyed = format!("{JSON}idempotency-key: k1\r\n");
    let body = json!({ "content": GOOD }).to_string();
    let (one, other) =
        tokio::join!(first.post("/api/submissions", &keyed, &body), second.post("/api/submissions", &keyed, &body));
    assert_eq!(id(&one.json(202)), id(&other.json(202)), "the key holds in all processes");
    let bulk: Vec<Value> =
        (0..300).map(|number| json!({ "content": format!("{BAD} {}", "x".repeat(number)) })).collect();
    assert_eq!(
        first.post("/api/submissions/bulk", JSON, &Value::from(bulk).to_string()).await.json(202)["accepted"],
        300
    );
    assert_eq!(second.get("/api/stats").await.json(200)["statuses"]["PENDING"], 301);

    let workers = [
        Server::with_database(Roles::WORKER, &url, &few).await,
        Server::with_database(Roles::WORKER, &url, &few).await,
    ];
    let statuses = async || first.get("/api/stats").await.json(200)["statuses"].clone();
    let all = json!({ "PENDING": 0, "PROCESSING": 0, "PASSED": 1, "FAILED": 300, "CANCELLED": 0 });
    eventually("the end of all", async || statuses().await == all).await;
    assert_eq!(first.get("/api/workers").await.json(200)["workers"].as_array().unwrap().len(), 2);
    let retried = second.post("/api/submissions/retry?status=FAILED", "", "").await.json(200);
    assert_eq!(retried, json!({ "retried": 300 }));
    eventually("the end of all again", async || statuses().await == all).await;
    for server in workers.into_iter().chain([first, second]) {
        server.stopped().await;
    }
    assert_eq!(export(&url).await.len(), 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_worker_that_is_killed_is_done_by_another_one() {
    let url = fresh_database().await;
    let api = Server::with_database(Roles::API, &url, &[("DATABASE_POOL", "4"), ("HEARTBEAT", "200ms")]).await;
    let (mut killed, _) =
        serving(&["worker"], &url, &[("DATABASE_POOL", "4"), ("HEARTBEAT", "200ms"), ("WORK_TIME", "60s")]).await;
    let submission = api.submit(GOOD).await;
    api.becomes(id(&submission), "PROCESSING").await;
    killed.kill().await.unwrap();
    let (other, address) =
        serving(&["worker"], &url, &[("DATABASE_POOL", "4"), ("HEARTBEAT", "200ms"), ("WORK_TIME", "10ms")]).await;
    let passed = api.becomes(id(&submission), "PASSED").await;
    assert_eq!((&passed["losses"], &passed["failures"]), (&json!(1), &json!(0)), "{passed}");
    assert!(try_ask(address, &request("GET", "/readyz", "", "")).await.is_some_and(|ready| ready.status == 200));
    drop(other);
    api.stopped().await;
}
