//! What MongoDB answers when it fails over, and what becomes of the records meanwhile: nothing is lost, duplicated or
//! thrown away, and the consumer says that it is not ready.

use bson::{Document, doc};
use contract::PostId;
use mongodb::Client;
use tokio::sync::{Mutex, MutexGuard};

use crate::running::Running;
use crate::support::{World, ids, post, wait_until};

/// Some commands of the consumer fail until [`Failing::no_more`].
pub(crate) struct Failing {
    client: Client,
    /// A server holds one such failure at a time.
    _only_one: MutexGuard<'static, ()>,
}

impl Failing {
    pub(crate) async fn start(world: &World, command: &str, how: Document) -> Self {
        static ONLY_ONE: Mutex<()> = Mutex::const_new(());
        let only_one = ONLY_ONE.lock().await;
        let client = world.posts().await.client().clone();
        let mut data = doc! { "failCommands": [command], "appName": &world.topic };
        data.extend(how);
        fail_command(&client, doc! { "configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data }).await;
        Self { client, _only_one: only_one }
    }

    pub(crate) async fn no_more(self) {
        fail_command(&self.client, doc! { "configureFailPoint": "failCommand", "mode": "off" }).await;
    }
}

async fn fail_command(client: &Client, command: Document) {
    client.database("admin").run_command(command).await.unwrap();
}

/// The store's URI with an application name that distinguishes the consumer's commands from the test's.
pub(crate) fn named_uri(world: &World) -> String {
    format!("{}?appName={}&heartbeatFrequencyMS=500", world.mongo_uri, world.topic)
}

async fn start(world: &World) -> Running {
    let uri = named_uri(world);
    Running::start(world.config(&[("CONSUMER_BATCH_INTERVAL", "100ms"), ("MONGO_URI", &uri)])).await
}

async fn expect_no_dead_letters(running: &Running) {
    for reason in ["refused", "conflict"] {
        let series = format!("ingest_records_dead_lettered_total{{kind=\"post\",reason=\"{reason}\"}}");
        assert_eq!(running.metric(&series).await, Some(0.0), "{reason}");
    }
}

const HELD_UP: &str = "flush: MongoDB does not take documents";

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_fails_over_or_hangs_up_holds_the_batch() {
    let world = World::on_mongodb().await;
    let running = start(&world).await;
    let mut sent = Vec::new();
    // ShutdownInProgress, PrimarySteppedDown, NotWritablePrimary.
    let codes = [91, 189, 10107].map(|code| doc! { "errorCode": code });
    for how in codes.into_iter().chain([doc! { "closeConnection": true }]) {
        let failing = Failing::start(&world, "insert", how).await;
        sent.extend(world.send_posts(20).await);
        running.wait_for_readyz(HELD_UP).await;
        failing.no_more().await;
        running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", sent.len() as f64).await;
        running.wait_for_readyz("HTTP/1.1 200").await;
    }
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(sent.len()).await), sent);
    assert_eq!(running.metric("ingest_records_duplicate_total{kind=\"post\"}").await, Some(0.0));
    expect_no_dead_letters(&running).await;
    running.stop().await;
}

/// The documents are there, but not yet for certain: they must not count as stored, either at first or as duplicates of
/// themselves.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_majority_has_not_acknowledged_is_not_stored() {
    let world = World::on_mongodb().await;
    let running = start(&world).await;
    let error = doc! { "code": 64, "codeName": "WriteConcernFailed", "errmsg": "waiting for replication timed out" };
    let failing = Failing::start(&world, "insert", doc! { "writeConcernError": error }).await;
    let mut sent = world.send_posts(20).await;
    running.wait_for_readyz(&format!("{HELD_UP}: write concern not met")).await;
    world.wait_for_documents(20).await;
    wait_until("it tried again", async || {
        running.metric("ingest_store_retries_total{kind=\"post\"}").await >= Some(3.0)
    })
    .await;
    for series in ["ingest_records_stored_total{kind=\"post\"}", "ingest_records_duplicate_total{kind=\"post\"}"] {
        assert_eq!(running.metric(series).await, Some(0.0), "{series}");
    }

    failing.no_more().await;
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 20.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    sent.sort();
    assert_eq!(ids(&world.wait_for_documents(20).await), sent);
    expect_no_dead_letters(&running).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_that_cannot_be_read_back_is_neither_stored_nor_thrown_away() {
    let world = World::on_mongodb().await;
    let running = start(&world).await;
    let key = PostId::fresh().to_key();
    world.send(Some(&key), Some(&post(0))).await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 1.0).await;

    let failing = Failing::start(&world, "find", doc! { "errorCode": 50 }).await;
    world.send(Some(&key), Some(&post(0))).await;
    running.wait_for_readyz(HELD_UP).await;
    assert_eq!(running.metric("ingest_records_duplicate_total{kind=\"post\"}").await, Some(0.0));
    expect_no_dead_letters(&running).await;
    // Another one may be there by now, or none.
    world.posts().await.delete_one(doc! {}).await.unwrap();
    failing.no_more().await;
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 2.0).await;
    running.wait_for_readyz("HTTP/1.1 200").await;
    world.wait_for_documents(1).await;
    running.stop().await;
}
