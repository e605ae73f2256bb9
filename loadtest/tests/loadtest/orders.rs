//! The real program with orders: the last record of each key is its document, in short runs, in bulks, and under kills.

use std::path::Path;
use std::process::{Command, Output};

use loadtest::schema;
use serde_json::Value;

use crate::report;
use crate::room::Room;
use crate::run::{PATIENT, THRESHOLD};

fn loadtest(arguments: &[&str], report: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    // Flushed often, so that the wait for the last batch is short.
    command.envs([PATIENT, ("CONSUMER_BATCH_INTERVAL", "500ms")]);
    command.args(arguments).arg("--report").arg(report).output().unwrap()
}

/// What the run has left, once it has passed.
fn passed(output: &Output, directory: &Path) -> Value {
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);
    let report = report(directory);
    assert_eq!(schema::faults(&report), [""; 0]);
    report
}

/// Every accepted order is in the topic, and every key has its last state.
fn assert_balanced(report: &Value) {
    let (states, count) = (&report["states"], |value: &Value| value.as_u64().unwrap());
    assert_eq!(report["kind"], "order");
    assert!(count(&report["accepted"]) > 0, "{report:#}");
    assert_eq!(count(&states["in_topic"]), count(&report["accepted"]) + count(&report["unknown_stored"]), "{report:#}");
    assert_eq!(report["stored"], states["keys"], "{report:#}");
    assert_eq!(count(&states["superseded"]), count(&states["in_topic"]) - count(&states["keys"]), "{report:#}");
    for fault in ["missing", "duplicated", "changed", "unexpected", "dead_lettered", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
    for fault in ["stale", "out_of_order"] {
        assert_eq!(states[fault], 0, "{fault} in {report:#}");
    }
    // Nobody looks where a query for keys reads the whole collection.
    let is_looked_for = report["accept_to_visible"]["off"].is_null();
    assert_eq!(states["older_seen"], if is_looked_for { 0.into() } else { Value::Null }, "{report:#}");
}

#[test]
fn a_run_of_orders_stores_the_last_state_of_each() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let load = ["--kind", "order", "--vus", "20", "--think", "50ms", "--duration", "3s", "--keys", "50"];
    let shares = ["--hostile-share", "0.3", "--invalid-share", "0.1", "--retry-share", "0.1", "--sample-share", "1"];
    let stack = ["--stack", "native", "--store", "memory"];
    let output = loadtest(&[&load[..], &shares, &stack, &THRESHOLD].concat(), directory.path());
    let report = passed(&output, directory.path());
    assert_balanced(&report);
    assert_eq!(report["states"]["keys"], 50);
    assert!(report["outcomes"]["invalid_refused"].as_u64().unwrap() > 0, "{report:#}");
    assert!(report["states"]["appended_again"].as_u64().unwrap() > 0, "some are sent twice: {report:#}");
    assert!(report["accept_to_visible"]["sampled"].as_u64().unwrap() > 0, "{report:#}");
    let page = std::fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(page.contains("each of the 50 keys is stored as its last record says"), "{page}");
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(table.contains(" of orders: 20 virtual users") && table.contains("ok      stale==0"), "{table}");
}

#[test]
fn each_record_of_a_bulk_is_proven_and_a_load_ends_at_its_number() {
    let _room = Room::shared();
    let of_bulks =
        ["--stack", "native", "--vus", "4", "--rate", "2000", "--duration", "60s", "--bulk", "30", "--audit-log"];
    let shares = ["--hostile-share", "0.3", "--invalid-share", "0.1", "--records", "2000", "--threshold", "failed==0%"];
    for kind in [&["--kind", "order", "--keys", "40"][..], &["--kind", "post"]] {
        let directory = tempfile::tempdir().unwrap();
        let output = loadtest(&[&of_bulks[..], &shares, kind].concat(), directory.path());
        let report = passed(&output, directory.path());
        let sent = ["accepted", "rejected", "unknown"].map(|count| report[count].as_u64().unwrap());
        assert_eq!(sent.iter().sum::<u64>(), 2_000, "{report:#}");
        assert_eq!(report["outcomes"]["invalid_refused"], report["rejected"], "{report:#}");
        assert_eq!(report["environment"]["load"]["rate"], 2_000.0);
        if kind[1] == "order" {
            assert_balanced(&report);
        } else {
            assert_eq!((&report["stored"], &report["missing"]), (&report["accepted"], &0.into()), "{report:#}");
        }
    }
}

#[test]
fn orders_survive_kills_of_their_consumer_and_of_their_producer() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let load = ["chaos", "--kind", "order", "--rate", "200", "--vus", "20", "--keys", "100", "--hold", "500ms"];
    // A document of a key has no title, so `index` is left out.
    let faults = ["--one-by-one", "--faults", "consumer-kill,producer-kill,rebalance,poison,index"];
    let output = loadtest(&[&load[..], &faults, &["--store", "secantus"]].concat(), directory.path());
    let report = passed(&output, directory.path());
    assert_balanced(&report);
    let happened = report["chaos"]["faults"].as_array().unwrap().iter().map(|fault| fault["fault"].as_str().unwrap());
    assert_eq!(happened.collect::<Vec<_>>(), ["consumer-kill", "producer-kill", "rebalance", "poison"]);
    let poison = &report["chaos"]["poison"];
    assert!(poison["sent"].as_u64().unwrap() > 0, "{poison:#}");
    assert_eq!((&poison["missing"], &poison["stored"]), (&0.into(), &0.into()), "{poison:#}");
}

#[test]
fn what_orders_do_not_have_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let target = ["--kind", "order", "--target", "http://localhost:1"];
    for (message, arguments) in [
        ("leave out --share", [&target[..], &["--share", "1/2", "--run", "00ab12cd"]].concat()),
        ("leave out --match-field", [&target[..], &["--match-field", "name"]].concat()),
        ("--content-length is that of posts", vec!["--kind", "order", "--content-length", "20"]),
        ("no fault is left for --kind order", vec!["chaos", "--kind", "order", "--faults", "index,partitions"]),
        ("'stale<1' cannot be judged for --kind post", vec!["--threshold", "stale<1"]),
        ("tune sends posts", vec!["tune", "--kind", "order"]),
        ("find-max sends single records", vec!["find-max", "--bulk", "7"]),
        ("give --rate with --bulk", vec!["--stages", "0s:5,1s:5", "--bulk", "7"]),
    ] {
        let output = loadtest(&arguments, directory.path());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{message}: {text}");
        assert!(text.contains(message), "{message}: {text}");
    }
}
