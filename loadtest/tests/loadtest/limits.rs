//! The real program on the real native stack: what its measures consist of. How fast anything is does not matter here.

use std::process::Command;

use loadtest::schema;
use serde_json::Value;

use crate::room::Room;

#[test]
fn every_measure_is_taken_and_reported() {
    let _room = Room::alone();
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["limits", "--duration", "300ms", "--rounds", "2", "--vus", "8", "--stack", "native"]);
    // This store lists all collections, whatever is asked for.
    command.args(["--store", "memory", "--report"]);
    // So that even a few posts make a batch.
    command.arg(directory.path()).env("CONSUMER_BATCH_MESSAGES", "10").env("CONSUMER_BATCH_INTERVAL", "500ms");
    let output = command.output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);
    assert!(!progress.contains("not everything is cleaned up"), "{progress}");

    let report = std::fs::read(directory.path().join("limits.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(schema::faults_by(include_str!("../../limits.schema.json"), &report), [""; 0]);
    assert_eq!((&report["is_complete"], &report["rounds"]), (&true.into(), &2.into()), "{report:#}");

    let measures = report["measures"].as_array().unwrap();
    let names: Vec<&str> = measures.iter().map(|measure| measure["name"].as_str().unwrap()).collect();
    let of_posts = ["http", "produce", "produce_large", "insert", "producer", "fetch", "consumer", "pipeline"];
    let of_orders = ["produce_ordered", "update", "order_consumer"];
    assert_eq!(names, [&of_posts[..], &of_orders].concat());
    let names = |measure: &Value, list: &str, name: &str| -> Vec<String> {
        measure[list].as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
    };
    for (measure, (processes, limits)) in measures.iter().zip([
        (&["lab", "bare"][..], &[][..]),
        (&["lab", "broker"], &[]),
        (&["lab", "broker"], &[]),
        (&["lab", "store"], &[]),
        (&["lab", "producer", "broker"], &["http", "produce"]),
        (&["lab", "broker"], &[]),
        (&["lab", "consumer", "broker", "store"], &["insert", "fetch"]),
        (&["lab", "producer", "consumer", "broker", "store"], &["http", "produce", "insert", "fetch"]),
        (&["lab", "broker"], &[]),
        (&["lab", "store"], &[]),
        (&["lab", "consumer", "broker", "store"], &["update"]),
    ]) {
        let name = measure["name"].as_str().unwrap();
        let samples = measure["samples"].as_array().unwrap();
        assert_eq!(samples.len(), 2, "{measure:#}");
        assert!(samples.iter().all(|sample| sample["posts"].as_u64().unwrap() > 0), "{measure:#}");
        assert_eq!(names(measure, "shares", "of"), limits, "{measure:#}");
        if cfg!(target_os = "linux") {
            assert_eq!(names(measure, "cpu_microseconds", "process"), processes, "{measure:#}");
        }
        assert!(table.lines().any(|line| line.trim_start().starts_with(name)), "{name} in {table}");
    }
}

#[test]
fn what_cannot_be_used_is_exit_code_64() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(["limits", "--rounds", "0"]).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{}", String::from_utf8_lossy(&output.stderr));
}
