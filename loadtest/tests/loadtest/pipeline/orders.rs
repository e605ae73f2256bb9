//! Orders through the services of a live system: the lab proves its own there, `verify` those of anybody, and both see
//! a document that is not the last record of its key.

use std::process::Command;
use std::time::Instant;

use bson::{Document, doc};
use contract::PostId;
use futures_util::TryStreamExt;
use mongodb::{Client, Collection};
use tokio::task::{JoinHandle, spawn_blocking};

use super::{DEADLINE, Running};
use crate::run::{PATIENT, THRESHOLD};

/// Services with a topic of orders of their own.
struct LiveOrders {
    running: Running,
    names: [(&'static str, String); 3],
    orders: Collection<Document>,
}

impl LiveOrders {
    async fn start() -> Self {
        let name = format!("orders-{}", PostId::fresh());
        let names = [
            ("ORDER_KAFKA_TOPIC", name.clone()),
            ("ORDER_KAFKA_GROUP", name.clone()),
            ("ORDER_DLQ_TOPIC", format!("{name}.dlq")),
        ];
        let set: Vec<(&str, &str)> = names.iter().map(|(variable, value)| (*variable, value.as_str())).collect();
        let of_orders = [PATIENT, ("KINDS", "order"), ("KAFKA_PARTITIONS", "2")];
        let running = Running::start(&[&set[..], &of_orders].concat()).await;
        let client = Client::with_uri_str(&running.mongo_uri).await.unwrap();
        let orders = client.default_database().unwrap().collection("orders");
        Self { running, names, orders }
    }

    /// Exit code and output, once it has ended.
    fn loadtest(&self, arguments: &[&str]) -> JoinHandle<(i32, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(arguments).args(["--kind", "order"]).envs(self.names.iter().cloned());
        command
            .env("KAFKA_BROKER", self.running.consumer.kafka.cluster.bootstrap())
            .env("MONGO_URI", &self.running.mongo_uri);
        spawn_blocking(move || {
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
            (output.status.code().unwrap(), text)
        })
    }

    fn load(&self, report: &std::path::Path) -> JoinHandle<(i32, String)> {
        let Running { address, operators, .. } = &self.running;
        let (target, metrics, report) =
            (format!("http://{address}"), format!("http://{operators}"), report.display().to_string());
        let load = ["--vus", "8", "--think", "50ms", "--duration", "3s", "--keys", "20", "--hostile-share", "0.3"];
        let place = ["run", "--target", &target, "--target-metrics", &metrics, "--report", &report];
        self.loadtest(&[&place[..], &load, &THRESHOLD].concat())
    }

    async fn ids(&self) -> Vec<String> {
        let documents: Vec<Document> = self.orders.find(doc! {}).await.unwrap().try_collect().await.unwrap();
        documents.into_iter().map(|document| document.get_str("_id").unwrap().to_owned()).collect()
    }

    /// While the load lasts, the store has no document of the key for a moment when it replaces it.
    async fn set(&self, id: &str, fields: Document) {
        let deadline = Instant::now() + DEADLINE;
        let (key, change) = (doc! { "_id": id }, doc! { "$set": fields });
        while self.orders.update_one(key.clone(), change.clone()).await.unwrap().modified_count != 1 {
            assert!(Instant::now() < deadline, "{id} is changed in time");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_not_the_last_record_of_its_key_is_caught() {
    let live = LiveOrders::start().await;
    let report = tempfile::tempdir().unwrap();
    let (code, text) = live.load(report.path()).await.unwrap();
    assert_eq!(code, 0, "{text}");
    assert!(crate::report(report.path())["producer"]["cpu_seconds"].is_f64(), "the target's metrics were found");
    let (code, text) = live.loadtest(&["verify"]).await.unwrap();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("keys                    20") && text.contains("stored                  20"), "{text}");

    let ids = live.ids().await;
    let (code, text) = live.loadtest(&["show", &ids[0]]).await.unwrap();
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(" finished: {\"order_id\"") && text.contains("stored:"), "{text}");

    // An earlier state, as a write without a guard would leave it.
    live.set(&ids[0], doc! { "kafka.offset": -1_i64, "status": "PENDING" }).await;
    live.set(&ids[1], doc! { "quantity": 7_i32 }).await;
    live.orders.delete_one(doc! { "_id": &ids[2] }).await.unwrap();
    let (code, text) = live.loadtest(&["verify"]).await.unwrap();
    assert_eq!(code, 99, "{text}");
    for line in ["FAILED  stale==0", "FAILED  missing==0", "FAILED  changed==0", "stored                  17"] {
        assert!(text.contains(line), "{line} in {text}");
    }
    let named = [(0, "STALE"), (1, "CHANGED"), (2, "MISSING")].map(|(index, word): (usize, _)| (&ids[index], word));
    for (id, word) in named {
        let line = text.lines().find(|line| line.ends_with(&format!(", id {id}")));
        assert!(line.is_some_and(|line| line.trim_start().starts_with(word)), "{word} {id} in {text}");
    }
    for (index, word) in [(0, "stale: "), (2, "lost: ")] {
        let (code, text) = live.loadtest(&["show", &ids[index]]).await.unwrap();
        assert_eq!(code, 99, "{text}");
        assert!(text.lines().any(|line| line.starts_with(word)), "{text}");
    }
    let (code, text) = live.loadtest(&["show", "nobody's"]).await.unwrap();
    assert_eq!(code, 1, "{text}");
    live.running.stop.cancel();
    live.running.ended().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_held_back_during_a_run_fails_the_run() {
    let live = LiveOrders::start().await;
    let report = tempfile::tempdir().unwrap();
    let running = live.load(report.path());
    let deadline = Instant::now() + DEADLINE;
    let id = loop {
        if let Some(id) = live.ids().await.pop() {
            break id;
        }
        assert!(Instant::now() < deadline, "an order is stored in time");
    };
    // No later record replaces it.
    live.set(&id, doc! { "kafka.offset": i64::MAX }).await;
    let (code, text) = running.await.unwrap();
    assert_eq!(code, 99, "{text}");
    assert!(text.contains("FAILED  changed==0        1.000"), "{text}");
    assert!(text.contains("ok      missing==0"), "{text}");
    live.running.stop.cancel();
    live.running.ended().await;
}
