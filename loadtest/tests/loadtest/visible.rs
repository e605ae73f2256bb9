//! The real program with a store in which posts can be looked up by id: the share of them that is sampled is seen.

use std::path::Path;
use std::process::{Command, Output};

use loadtest::schema;
use serde_json::Value;

use crate::report;
use crate::room::Room;
use crate::run::{PATIENT, threshold};

fn loadtest(arguments: &[&str], report: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments).args(threshold(arguments)).args(["--stack", "native", "--report"]).arg(report);
    // Every flush waits for its interval, because the load never fills a batch before.
    let settings = [PATIENT, ("CONSUMER_BATCH_INTERVAL", "500ms"), ("CONSUMER_BATCH_MESSAGES", "10000")];
    command.envs(settings).output().unwrap()
}

#[test]
fn sampled_posts_are_seen_when_they_are_flushed() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let load = ["--store", "memory", "--vus", "20", "--think", "100ms", "--duration", "3s", "--sample-share", "1"];
    let thresholds = ["--threshold", "visible_p50>50ms", "--threshold", "visible_max<300s"];
    let output = loadtest(&[&load[..], &thresholds[..]].concat(), directory.path());
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{table}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(table.contains(" posts looked for\n") && table.contains("ok      visible_p50>50ms"), "{table}");
    assert!(table.contains("latency.hgrm, visible.hgrm"), "{table}");

    let report = report(directory.path());
    assert_eq!(schema::faults(&report), [""; 0]);
    assert_eq!((&report["stored"], &report["ids"]), (&report["accepted"], &"compared".into()), "{report:#}");
    assert_eq!((&report["missing"], &report["unexpected"]), (&0.into(), &0.into()), "{report:#}");
    assert_eq!(report["environment"]["store"], "a store that speaks as MongoDB 5.0.0");
    let visible = &report["accept_to_visible"];
    let sampled = visible["sampled"].as_u64().unwrap();
    // The bound on their number in a second leaves out some.
    assert!((50..=report["accepted"].as_u64().unwrap()).contains(&sampled), "{visible:#}");
    assert_eq!((&visible["off"], &visible["not_seen"]), (&Value::Null, &0.into()), "{visible:#}");
    let hgrm = std::fs::read_to_string(directory.path().join("visible.hgrm")).unwrap();
    assert!(hgrm.contains(&format!("Total count    = {sampled:>12}]")), "{hgrm}");
    let page = std::fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(page.contains("<h2>From acceptance to visibility"), "{page}");
}

#[test]
fn where_a_look_reads_everything_none_is_taken() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let load = ["--store", "ferretdb", "--vus", "5", "--think", "100ms", "--duration", "1s"];
    let output = loadtest(&load, directory.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = report(directory.path());
    let visible = &report["accept_to_visible"];
    assert_eq!(visible["off"], "on FerretDB a look-up by _id reads the whole collection");
    assert_eq!((&visible["sampled"], &visible["time_ms"]["p99"]), (&0.into(), &Value::Null), "{visible:#}");
    assert!(!report["accept_to_store_seconds"].as_array().unwrap().is_empty(), "{report:#}");

    let output = loadtest(&[&load[..], &["--threshold", "visible_p99<6s"]].concat(), directory.path());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("--threshold 'visible_p99<6s' cannot be judged"), "{text}");
}
