//! `loadtest chaos` on the real native stack, short.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::Command;

use serde_json::Value;

#[path = "../src/report/schema.rs"]
mod schema;

/// Runs chaos to its end; the report.
fn chaos(arguments: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["chaos", "--rate", "100", "--vus", "50", "--hold", "500ms"]).args(arguments);
    // Flushed often, so that the wait for the last batch is short.
    command.arg("--report").arg(directory.path()).env("CONSUMER_BATCH_INTERVAL", "500ms");
    let output = command.output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);
    let report = serde_json::from_slice(&std::fs::read(directory.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(schema::faults(&report), [""; 0]);
    let page = std::fs::read_to_string(directory.path().join("report.html")).unwrap();
    assert!(page.contains("<h2>Faults") && page.contains("<h2>Throughput"), "{page}");
    report
}

fn faults(report: &Value) -> Vec<&str> {
    report["chaos"]["faults"].as_array().unwrap().iter().map(|fault| fault["fault"].as_str().unwrap()).collect()
}

#[test]
fn a_client_that_sends_everything_three_times_across_kills_has_each_post_stored_once() {
    let report = chaos(&["--one-by-one", "--faults", "producer-kill=2,consumer-kill,poison", "--repeat", "3"]);
    assert_eq!(faults(&report), ["producer-kill", "producer-kill", "consumer-kill", "poison"]);
    assert!(report["accepted"].as_u64().unwrap() > 300, "{report:#}");
    assert_eq!(
        report["stored"].as_u64(),
        report["accepted"].as_u64().map(|n| n + report["unknown_stored"].as_u64().unwrap())
    );
    for fault in ["missing", "duplicated", "unexpected", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
    let poison = &report["chaos"]["poison"];
    assert_eq!((&poison["sent"], &poison["missing"]), (&28.into(), &0.into()), "{poison:#}");
    for fault in report["chaos"]["faults"].as_array().unwrap() {
        assert!(fault["accepted_again_seconds"].is_f64() && fault["lag_gone_seconds"].is_f64(), "{fault:#}");
    }
}

#[test]
fn members_that_come_and_go_cleanly_count_each_document_once() {
    let report = chaos(&["--one-by-one", "--faults", "rebalance=3"]);
    assert_eq!(faults(&report), ["rebalance"; 3]);
    for (counter, count) in [("accepted", "accepted"), ("stored", "stored")] {
        let counted = &report["counted"][format!("ingest_posts_{counter}_total")];
        assert_eq!(counted, &report[count], "{counter} in {report:#}");
    }
    for nothing in ["missing", "duplicated", "unexpected", "unknown", "dead_lettered", "lag_left"] {
        assert_eq!(report[nothing], 0, "{nothing} in {report:#}");
    }
}

#[test]
fn three_brokers_outlive_the_loss_of_any_one() {
    let report = chaos(&["--brokers", "3", "--duration", "15s", "--faults", "leader-kill,cut-store,rebalance"]);
    let mut happened = faults(&report);
    happened.sort_unstable();
    assert_eq!(happened, ["cut-store", "leader-kill", "rebalance"]);
    assert_eq!(report["environment"]["producer_settings"]["KAFKA_REPLICATION"], "3");
    for fault in ["missing", "duplicated", "unexpected", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
}
