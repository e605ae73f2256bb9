//! `loadtest chaos` on the real native stack, short.

use std::process::Command;

use loadtest::schema;
use serde_json::Value;

use crate::room::Room;

/// Runs chaos to its end, at a rate that fills no buffer. Returns the report.
fn chaos(arguments: &[&str]) -> Value {
    chaos_with(&[], "100", arguments)
}

fn chaos_with(variables: &[(&str, &str)], rate: &str, arguments: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["chaos", "--rate", rate, "--vus", "50", "--hold", "500ms"]).args(arguments);
    // Flushed often, so that the wait for the last batch is short.
    command.env("CONSUMER_BATCH_INTERVAL", "500ms").envs(variables.iter().copied());
    command.arg("--report").arg(directory.path());
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
    let _room = Room::shared();
    let thresholds = ["--threshold", "recovered<600s", "--threshold", "accepted>300"];
    let faults_and_load =
        ["--one-by-one", "--faults", "producer-kill=2,consumer-kill,poison", "--repeat", "3", "--audit-log"];
    let report = chaos(&[&faults_and_load[..], &thresholds[..]].concat());
    assert_eq!(faults(&report), ["producer-kill", "producer-kill", "consumer-kill", "poison"]);
    assert!(report["accepted"].as_u64().unwrap() > 300, "{report:#}");
    assert_eq!(
        report["stored"].as_u64(),
        report["accepted"].as_u64().map(|n| n + report["unknown_stored"].as_u64().unwrap())
    );
    for fault in ["missing", "duplicated", "unexpected", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
    let (lines, accepted) = (report["audit"]["lines"].as_u64(), report["accepted"].as_u64());
    assert!(lines > accepted.map(|accepted| 2 * accepted), "each of the three requests has a line: {report:#}");
    let poison = &report["chaos"]["poison"];
    assert_eq!((&poison["sent"], &poison["missing"]), (&29.into(), &0.into()), "{poison:#}");
    for fault in report["chaos"]["faults"].as_array().unwrap() {
        assert!(fault["accepted_again_seconds"].is_f64() && fault["lag_gone_seconds"].is_f64(), "{fault:#}");
    }
    let longest = report["chaos"]["longest_recovery_seconds"].as_f64().unwrap();
    assert!(recoveries(&report).into_iter().all(|recovery| recovery <= longest), "{report:#}");
    let verdicts = report["thresholds"].as_array().unwrap();
    let verdict = |name: &str| verdicts.iter().find(|verdict| verdict["threshold"] == name).unwrap();
    assert_eq!(verdict("recovered<600s")["value"], longest, "{verdicts:#?}");
    assert_eq!(verdict("accepted>300")["holds"], true, "{verdicts:#?}");
}

fn recoveries(report: &Value) -> Vec<f64> {
    let faults = report["chaos"]["faults"].as_array().unwrap();
    faults.iter().map(|fault| fault["recovered_seconds"].as_f64().unwrap()).collect()
}

#[test]
fn members_that_come_and_go_cleanly_count_each_document_once() {
    let _room = Room::shared();
    // No post becomes unknown only because the machine is busy.
    let patient = [("PRODUCER_TIMEOUT", "30s")];
    let report = chaos_with(&patient, "100", &["--one-by-one", "--faults", "rebalance=3"]);
    assert_eq!(faults(&report), ["rebalance"; 3]);
    for (counter, count) in [("accepted", "accepted"), ("stored", "stored")] {
        let counted = &report["counted"][format!("ingest_records_{counter}_total")];
        assert_eq!(counted, &report[count], "{counter} in {report:#}");
    }
    for nothing in ["missing", "duplicated", "unexpected", "unknown", "dead_lettered", "lag_left"] {
        assert_eq!(report[nothing], 0, "{nothing} in {report:#}");
    }
}

#[test]
fn three_brokers_outlive_the_loss_of_any_one() {
    let _room = Room::alone();
    let report = chaos(&["--brokers", "3", "--duration", "15s", "--faults", "leader-kill,cut-store,rebalance"]);
    let mut happened = faults(&report);
    happened.sort_unstable();
    assert_eq!(happened, ["cut-store", "leader-kill", "rebalance"]);
    assert_eq!(report["environment"]["producer_settings"]["KAFKA_REPLICATION"], "3");
    for fault in ["missing", "duplicated", "unexpected", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
}

fn remark<'a>(report: &'a Value, fault: &str) -> &'a str {
    let faults = report["chaos"]["faults"].as_array().unwrap();
    faults.iter().find(|found| found["fault"] == fault).unwrap()["remark"].as_str().unwrap()
}

fn is_proven(report: &Value) {
    for fault in ["missing", "duplicated", "unexpected", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
    let chaos = &report["chaos"];
    assert_eq!((&chaos["poison"]["missing"], &chaos["extra_posts"]["missing"]), (&0.into(), &0.into()), "{chaos:#}");
}

#[test]
fn services_that_were_frozen_for_too_long_lose_and_duplicate_nothing() {
    let _room = Room::shared();
    let report = chaos_with(&[], "400", &["--one-by-one", "--faults", "consumer-pause,producer-pause"]);
    assert_eq!(faults(&report), ["consumer-pause", "producer-pause"]);
    let full = remark(&report, "consumer-pause").strip_prefix("buffer ").unwrap().split(' ').next().unwrap();
    assert!(full.parse::<u32>().unwrap() >= 90, "{report:#}");
    for fault in report["chaos"]["faults"].as_array().unwrap() {
        assert!(fault["lasted_seconds"].as_f64().unwrap() > 6.0, "shorter than the timeout: {fault:#}");
    }
    is_proven(&report);
}

#[test]
fn topics_and_indexes_that_change_cost_no_record() {
    let _room = Room::shared();
    let report = chaos(&["--one-by-one", "--faults", "dlq-gone,index,partitions,partitions"]);
    assert_eq!(faults(&report), ["dlq-gone", "index", "partitions", "partitions"]);
    assert_eq!(report["chaos"]["poison"]["sent"], 29, "{report:#}");
    // One that has the title first, five that collide with it, and five to each new partition.
    assert_eq!(report["chaos"]["extra_posts"]["sent"], 16, "{report:#}");
    assert!(remark(&report, "index").ends_with("acknowledged: 5"), "{report:#}");
    assert!(remark(&report, "partitions").starts_with("partition 4,"), "{report:#}");
    is_proven(&report);
}

#[cfg(feature = "failpoints")]
#[test]
fn a_kill_at_every_step_loses_and_duplicates_nothing() {
    let _room = Room::shared();
    let report = chaos(&["--one-by-one", "--faults", "every-step"]);
    assert_eq!(faults(&report).len(), 7, "{report:#}");
    is_proven(&report);
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn a_build_without_failpoints_says_how_to_make_one() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let output = command.args(["chaos", "--faults", "consumer-kill@inserted"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("--features failpoints"), "{text}");
}
