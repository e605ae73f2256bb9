//! Two generators share a run against one real pipeline, and what they leave is merged into one report.

use std::path::Path;
use std::process::{Command, Output};

use bson::{Document, doc};
use loadtest::schema;
use serde_json::Value;

use super::Running;
use crate::report;
use crate::room::Room;

const RUN: &str = "00ab12cd";

/// Instead of the default ones: how long answers take says nothing here.
const THRESHOLD: [&str; 2] = ["--threshold", "failed<1%"];

impl Running {
    async fn loadtest(&self, arguments: &[&str], report: &Path) -> Output {
        let kafka = &self.consumer.kafka;
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(arguments).args(THRESHOLD).arg("--report").arg(report).envs([
            ("KAFKA_BROKER", &kafka.cluster.bootstrap()),
            ("KAFKA_TOPIC", &kafka.topic),
            ("KAFKA_GROUP", &kafka.group),
            ("DLQ_TOPIC", &kafka.dead_letter_topic),
            ("MONGO_URI", &self.mongo_uri),
        ]);
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
    }
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn count(report: &Value, name: &str) -> u64 {
    report[name].as_u64().unwrap_or_else(|| panic!("{name} in {report:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shares_are_one_run() {
    let _room = Room::shared();
    let running = Running::start(&[]).await;
    let url = format!("http://{}", running.address);
    let folder = tempfile::tempdir().unwrap();
    let directories = ["one", "two"].map(|name| folder.path().join(name));
    let load = ["--target", &url, "--run", RUN, "--vus", "7", "--rate", "200", "--duration", "3s"];
    let load = [&load[..], &["--invalid-share", "0.1", "--retry-share", "0.1"]].concat();
    let [first, second] = ["1/2", "2/2"].map(|share| [&load[..], &["--share", share]].concat());
    let (one, two) =
        tokio::join!(running.loadtest(&first, &directories[0]), running.loadtest(&second, &directories[1]));
    for output in [one, two] {
        assert!(output.status.success(), "{}", text(&output));
        assert!(text(&output).contains("`loadtest merge` reconciles all shares together"), "{}", text(&output));
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
    let output = running.loadtest(&["merge", one, two], &merged).await;
    assert!(output.status.success(), "{}", text(&output));
    let whole = report(&merged);
    assert_eq!(schema::faults(&whole), [""; 0]);
    for name in ["accepted", "rejected", "unknown"] {
        assert_eq!(count(&whole, name), shares.iter().map(|share| count(share, name)).sum::<u64>(), "{name}");
    }
    assert_eq!((&whole["stored"], &whole["ids"]), (&whole["accepted"], &"compared".into()), "{whole:#}");
    for fault in ["missing", "duplicated", "unexpected", "dead_lettered", "lag_left"] {
        assert_eq!(whole[fault], 0, "{fault} in {whole:#}");
    }
    // 200 posts a second for three seconds, whichever share sent them.
    assert!(count(&whole["outcomes"], "accepted") + count(&whole["outcomes"], "invalid_refused") == 600, "{whole:#}");
    let points = whole["series"].as_array().unwrap();
    let accepted = points.iter().map(|point| point["accepted_per_second"].as_f64().unwrap()).sum::<f64>();
    assert_eq!(accepted as u64, count(&whole, "accepted"), "{points:#?}");
    let slowest = |report: &Value| report["latency_ms"]["max"].as_f64().unwrap();
    assert_eq!(slowest(&whole), slowest(&shares[0]).max(slowest(&shares[1])));
    assert_eq!(whole["run"], RUN);

    // A document that is gone is missed, by its number and its id.
    let gone: Document = running.posts.find_one_and_delete(doc! {}).await.unwrap().unwrap();
    let output = running.loadtest(&["merge", two, one], &merged).await;
    assert_eq!(output.status.code(), Some(99), "{}", text(&output));
    let whole = report(&merged);
    assert_eq!((&whole["missing"], &whole["unexpected"]), (&1.into(), &0.into()), "{whole:#}");
    let title = gone.get_str("title").unwrap();
    assert!(title.ends_with(&format!(" {}", whole["findings"][0]["n"])), "{title}: {whole:#}");

    let output = running.loadtest(&["merge", one], &merged).await;
    assert_eq!(output.status.code(), Some(64), "{}", text(&output));
    assert!(text(&output).contains("the share 2/2 is missing"), "{}", text(&output));
}
