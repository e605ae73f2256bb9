//! Workers that learn by Kafka what they can claim, with a real broker.

use std::time::Duration;

use kafka::{Publisher, PublisherOptions};
use serde_json::{Value, json};
use stack::Server as Broker;
use stack::kafka::BrokerOptions;
use submissions::Roles;
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;

use crate::client::{JSON, within_patience};
use crate::postgres::fresh_database;
use crate::program::serving;
use crate::running::{BAD, GOOD, Server, eventually, id, sqlite};

async fn broker() -> Broker {
    stack::kafka::start(&BrokerOptions::default(), stack::environment).await.unwrap()
}

/// The address of the broker that most of these tests share.
async fn shared_broker() -> String {
    static SHARED: OnceCell<Broker> = OnceCell::const_new();
    SHARED.get_or_init(broker).await.address()
}

/// The settings of processes that share a database, a topic and a group.
struct World {
    broker: String,
    name: String,
    database: String,
    _folder: tempfile::TempDir,
}

impl World {
    fn at(broker: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("submissions-{}", uuid::Uuid::now_v7().simple());
        Self { broker, name, database: sqlite(folder.path()), _folder: folder }
    }

    /// At the shared broker.
    async fn new() -> Self {
        Self::at(shared_broker().await)
    }

    fn settings<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let kafka = [
            ("USE_KAFKA", "true"),
            ("KAFKA_BROKER", self.broker.as_str()),
            ("SUBMISSION_KAFKA_TOPIC", self.name.as_str()),
            ("SUBMISSION_KAFKA_GROUP", self.name.as_str()),
            ("DATABASE_POOL", "4"),
            ("HEARTBEAT", "200ms"),
            ("CACHE_ENTRIES", "0"),
        ];
        [&kafka[..], more].concat()
    }

    async fn start(&self, roles: Roles, more: &[(&str, &str)]) -> Server {
        Server::with_database(roles, &self.database, &self.settings(more)).await
    }

    /// A process that looks in the store.
    async fn start_without_kafka(&self, roles: Roles, more: &[(&str, &str)]) -> Server {
        let settings = [&[("USE_KAFKA", "false")][..], &self.settings(more)[1..]].concat();
        Server::with_database(roles, &self.database, &settings).await
    }
}

/// Submits this many contents that pass, and one that fails.
async fn submit_many(server: &Server, count: usize) {
    let mut bulk: Vec<Value> = (0..count).map(|number| json!({ "content": format!("{GOOD} {number}") })).collect();
    bulk.push(json!({ "content": BAD }));
    let answer = server.post("/api/submissions/bulk", JSON, &Value::from(bulk).to_string()).await.json(202);
    assert_eq!(answer["accepted"], count + 1);
}

/// Waits until this many have passed, this many have failed, and there are no others.
async fn ended(server: &Server, passed: usize, failed: usize) {
    let all = json!({ "PENDING": 0, "PROCESSING": 0, "PASSED": passed, "FAILED": failed, "CANCELLED": 0 });
    eventually(&all.to_string(), async || server.get("/api/stats").await.json(200)["statuses"] == all).await;
}

/// The lag of each partition that the worker holds.
async fn lags(worker: &Server) -> Vec<String> {
    let metrics = worker.look("/metrics").await;
    let rows = metrics.text().lines().filter(|line| line.starts_with("kafka_consumergroup_lag{"));
    rows.map(|row| row.rsplit(' ').next().unwrap().to_owned()).collect()
}

async fn begun(server: &Server) -> u64 {
    server.counted("submissions_total", "PROCESSING").await
}

async fn two_workers_share_the_work(world: World) {
    let api = world.start(Roles::API, &[]).await;
    let quick = [("WORK_TIME", "5ms")];
    let workers = [world.start(Roles::WORKER, &quick).await, world.start(Roles::WORKER, &quick).await];
    for worker in &workers {
        eventually("half of the partitions", async || lags(worker).await.len() == 2).await;
    }
    submit_many(&api, 300).await;
    ended(&api, 300, 1).await;
    let counts = [begun(&workers[0]).await, begun(&workers[1]).await];
    assert!(counts.iter().all(|count| *count > 50) && counts.iter().sum::<u64>() == 301, "{counts:?}");
    assert!(api.counted("submissions_announced_total", "").await >= 301);
    for worker in workers {
        eventually("everything is committed", async || lags(&worker).await.iter().all(|lag| lag == "0")).await;
        worker.stopped().await;
    }
    api.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_work_on_a_file() {
    two_workers_share_the_work(World::new().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_the_work_on_postgresql() {
    two_workers_share_the_work(World { database: fresh_database().await, ..World::new().await }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_worker_that_is_killed_is_begun_again() {
    let world = World::new().await;
    let api = world.start(Roles::API, &[]).await;
    let settings = world.settings(&[("WORK_TIME", "60s")]);
    let (mut killed, _) = serving(&["worker"], &world.database, &settings).await;
    let submission = api.submit(GOOD).await;
    api.becomes(id(&submission), "PROCESSING").await;
    killed.kill().await.unwrap();
    let mut log = String::new();
    within_patience("its log", killed.stderr.take().unwrap().read_to_string(&mut log)).await.unwrap();
    let received = log.lines().find(|line| line.contains("Received submission event from Kafka"));
    assert!(received.is_some_and(|line| line.contains(id(&submission)) && line.contains("partition")), "{log}");
    assert!(log.contains("Status: PENDING -> PROCESSING"), "{log}");

    let other = world.start(Roles::WORKER, &[("WORK_TIME", "5ms")]).await;
    let passed = api.becomes(id(&submission), "PASSED").await;
    assert_eq!((&passed["losses"], &passed["failures"]), (&json!(1), &json!(0)), "{passed}");
    other.stopped().await;
    api.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_broker_is_away_submissions_are_accepted_and_then_done() {
    let mut broker = broker().await;
    let world = World::at(broker.address());
    let api = world.start(Roles::API, &[]).await;
    let worker = world.start(Roles::WORKER, &[("WORK_TIME", "5ms")]).await;
    submit_many(&api, 10).await;
    ended(&api, 10, 1).await;
    broker.kill().await.unwrap();
    submit_many(&api, 20).await;
    let first = api.submit(GOOD).await;
    eventually("failures", async || api.counted("submissions_announce_failures_total", "").await >= 1).await;
    eventually("not ready", async || worker.get("/readyz").await.status == 503).await;
    assert_eq!(api.get("/readyz").await.status, 200, "it accepts submissions");
    assert_eq!(api.submission(id(&first)).await["status"], "PENDING");
    broker.restart().await.unwrap();
    ended(&api, 31, 2).await;
    eventually("ready", async || worker.get("/readyz").await.status == 200).await;
    assert_eq!(begun(&worker).await, 33, "nothing was begun twice");
    worker.stopped().await;
    api.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_is_done_whichever_way_is_switched_on() {
    let world = World::new().await;
    let quick = [("WORK_TIME", "5ms")];
    let without = world.start_without_kafka(Roles::API, &[]).await;
    submit_many(&without, 50).await;
    without.stopped().await;

    let with = world.start(Roles::ALL, &quick).await;
    ended(&with, 50, 1).await;
    let retried = with.post("/api/submissions/retry?status=FAILED", "", "").await.json(200);
    assert_eq!(retried, json!({ "retried": 1 }));
    eventually("the retry", async || begun(&with).await == 52).await;
    ended(&with, 50, 1).await;
    with.stopped().await;

    // Their records are in the topic when nobody looks there any more.
    let with = world.start(Roles::API, &[]).await;
    submit_many(&with, 30).await;
    eventually("records", async || with.counted("submissions_announced_total", "").await >= 31).await;
    with.stopped().await;
    let without = world.start_without_kafka(Roles::ALL, &quick).await;
    ended(&without, 80, 2).await;
    assert_eq!(begun(&without).await, 31);
    without.stopped().await;

    let with = world.start(Roles::ALL, &quick).await;
    eventually("all partitions, read to their ends", async || lags(&with).await == ["0"; 4]).await;
    assert_eq!(begun(&with).await, 0, "what is final is not begun again");
    let last = with.submit(GOOD).await;
    with.becomes(id(&last), "PASSED").await;
    with.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_record_becomes_a_dead_letter_and_holds_nothing_up() {
    let world = World::new().await;
    let server = world.start(Roles::ALL, &[("WORK_TIME", "5ms")]).await;
    let publisher = Publisher::connect(PublisherOptions::batched(&world.broker)).await.unwrap();
    for number in 0..150 {
        publisher.send(&world.name, format!("key-{number}"), "not from here").await.unwrap();
    }
    // The id of nothing that there is.
    let unknown = uuid::Uuid::now_v7();
    publisher.send_json(&world.name, "key", &json!({ "id": unknown })).await.unwrap();
    publisher.close().await.unwrap();
    let dead = async || server.counted("ingest_records_dead_lettered_total", "submission").await;
    eventually("dead letters", async || dead().await == 150).await;
    let submission = server.submit(GOOD).await;
    server.becomes(id(&submission), "PASSED").await;
    eventually("everything is committed", async || lags(&server).await.iter().all(|lag| lag == "0")).await;
    assert_eq!((dead().await, server.get("/readyz").await.status), (150, 200));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_worker_keeps_its_partitions_and_hands_on_what_it_has_not_claimed() {
    let world = World::new().await;
    let api = world.start(Roles::API, &[]).await;
    let slow = [("WORK_TIME", "60s"), ("WORKER_CONCURRENCY", "2")];
    let full = world.start(Roles::WORKER, &slow).await;
    submit_many(&api, 40).await;
    eventually("room for no more", async || begun(&full).await == 2).await;
    // Longer than the session timeout, after which a member that is silent has lost its partitions.
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!((begun(&full).await, lags(&full).await.len(), full.get("/readyz").await.status), (2, 4, 200));
    full.stopped().await;
    let other = world.start(Roles::WORKER, &[("WORK_TIME", "5ms")]).await;
    ended(&api, 40, 1).await;
    assert_eq!(begun(&other).await, 41);
    other.stopped().await;
    api.stopped().await;
}
