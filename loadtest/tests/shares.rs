//! Two generators share a run against one real pipeline, and what they leave is merged into one report.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use bson::{Document, doc};
use serde_json::Value;

#[path = "../src/report/schema.rs"]
mod schema;

const RUN: &str = "00ab12cd";

/// A pipeline by `loadtest up`, which ends when this is dropped.
struct Up {
    child: Child,
    producer: String,
    kafka: String,
    store: String,
}

impl Up {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(["up", "--stack", "native"]).env("CONSUMER_BATCH_INTERVAL", "500ms");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut value = |name: &str| {
            let line = lines.find(|line| line.as_ref().unwrap().starts_with(name)).unwrap().unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        let producer = value("producer").trim_end_matches("/status").to_owned();
        let (kafka, store) = (value("Kafka"), value("store"));
        // Nobody reads the rest, and it fits into the pipe.
        Self { child, producer, kafka, store }
    }

    fn loadtest(&self, arguments: &[&str], report: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(arguments).arg("--report").arg(report);
        command.env("KAFKA_BROKER", &self.kafka).env("MONGO_URI", &self.store);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let term = Command::new("/bin/sh").args(["-c", r#"kill "$0""#, &self.child.id().to_string()]).status();
        if term.is_ok_and(|sent| sent.success()) {
            self.child.wait().ok();
        }
    }
}

fn report(directory: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(directory.join("report.json")).unwrap()).unwrap()
}

fn told(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shares_are_one_run() {
    let up = Up::start();
    let folder = tempfile::tempdir().unwrap();
    let directories = ["one", "two"].map(|name| folder.path().join(name));
    let load = ["--target", &up.producer, "--run", RUN, "--vus", "7", "--rate", "200", "--duration", "3s"];
    let kinds = ["--invalid-share", "0.1", "--retry-share", "0.1"];
    let children: Vec<Child> = ["1/2", "2/2"]
        .iter()
        .zip(&directories)
        .map(|(share, directory)| {
            let arguments = [&load[..], &kinds[..], &["--share", share]].concat();
            up.loadtest(&arguments, directory).spawn().unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        assert!(told(&output).contains("`loadtest merge` reconciles all shares together"), "{}", told(&output));
    }
    let shares = directories.each_ref().map(|directory| report(directory));
    for share in &shares {
        assert_eq!(schema::faults(share), [""; 0]);
        assert_eq!((&share["stored"], &share["ids"]), (&Value::Null, &Value::Null), "{share:#}");
        assert!(count(share, "accepted") > 150, "{share:#}");
    }
    assert_eq!(shares[1]["environment"]["load"]["share"], "2/2");

    let merged = folder.path().join("merged");
    let [one, two] = directories.each_ref().map(|directory| directory.to_str().unwrap());
    let output = up.loadtest(&["merge", one, two], &merged).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let whole = report(&merged);
    assert_eq!(schema::faults(&whole), [""; 0]);
    for name in ["accepted", "rejected", "unknown"] {
        assert_eq!(count(&whole, name), shares.iter().map(|share| count(share, name)).sum::<u64>(), "{name}");
    }
    assert_eq!((&whole["stored"], &whole["ids"]), (&whole["accepted"], &"compared".into()), "{whole:#}");
    for fault in ["missing", "duplicated", "unexpected", "dead_lettered", "lag_left"] {
        assert_eq!(whole[fault], 0, "{fault} in {whole:#}");
    }
    // 200 posts a second for three seconds, whoever has sent them; both shares are late by as much as they may be.
    assert!(count(&whole["outcomes"], "accepted") + count(&whole["outcomes"], "invalid_refused") == 600, "{whole:#}");
    let points = whole["series"].as_array().unwrap();
    let accepted = points.iter().map(|point| point["accepted_per_second"].as_f64().unwrap()).sum::<f64>();
    assert_eq!(accepted as u64, count(&whole, "accepted"), "{points:#?}");
    let slowest = |report: &Value| report["latency_ms"]["max"].as_f64().unwrap();
    assert_eq!(slowest(&whole), slowest(&shares[0]).max(slowest(&shares[1])));
    assert_eq!(whole["run"], RUN);

    // A document that is not there any more is missed, by its number and its id.
    let client = mongodb::Client::with_uri_str(&up.store).await.unwrap();
    let posts = client.default_database().unwrap().collection::<Document>("posts");
    let gone = posts.find_one_and_delete(doc! {}).await.unwrap().unwrap();
    let output = up.loadtest(&["merge", two, one], &merged).output().unwrap();
    assert_eq!(output.status.code(), Some(99), "{}", told(&output));
    let whole = report(&merged);
    assert_eq!((&whole["missing"], &whole["unexpected"]), (&1.into(), &0.into()), "{whole:#}");
    let title = gone.get_str("title").unwrap();
    assert!(title.ends_with(&format!(" {}", whole["findings"][0]["n"])), "{title}: {whole:#}");

    let output = up.loadtest(&["merge", one], &merged).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", told(&output));
    assert!(told(&output).contains("the share 2/2 is missing"), "{}", told(&output));
}
