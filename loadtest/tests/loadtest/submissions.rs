//! `loadtest submissions` on the real program and real databases, short: every accepted submission ends as it must.

use std::process::Command;

use serde_json::Value;
use stack::certificates::Authority;

use crate::room::Room;

/// Everything that a run can find; each is there and 0 when all is well.
const WRONG: [&str; 11] = [
    "missing",
    "duplicated",
    "changed",
    "unexpected",
    "unfinished",
    "wrong_end",
    "given_up",
    "miscounted",
    "disordered",
    "illegal_step",
    "invalid_accepted",
];

/// Runs it to its end, with work that takes 50 ms. Returns the report.
fn submissions(arguments: &[&str]) -> Value {
    submissions_of("50ms", arguments)
}

/// The same with work that takes this long.
fn submissions_of(work_time: &str, arguments: &[&str]) -> Value {
    submissions_with(&[("WORK_TIME", work_time)], arguments)
}

/// The same with these variables.
fn submissions_with(variables: &[(&str, &str)], arguments: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["submissions", "--vus", "20", "--key-share", "0.5", "--watch-share", "0.5"]).args(arguments);
    // With so short a heartbeat, a worker that gets no CPU for half a second counts as gone.
    command.args(["--threshold", "unexplained<100%"]).env("HEARTBEAT", "300ms").envs(variables.iter().copied());
    command.env_remove("DATABASE_URL").env_remove("KAFKA_BROKER");
    command.arg("--report").arg(directory.path());
    let output = command.output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);
    let report: Value =
        serde_json::from_slice(&std::fs::read(directory.path().join("submissions.json")).unwrap()).unwrap();
    let wrong: Vec<Value> = WRONG.iter().map(|name| serde_json::json!([name, 0])).collect();
    assert_eq!(report["wrong"], Value::from(wrong), "{report:#}");
    assert!(report["sent"]["accepted"].as_u64().unwrap() > 50, "{report:#}");
    assert!(
        !directory.path().read_dir().unwrap().any(|file| file.unwrap().path().extension().is_some_and(|e| e == "db"))
    );
    report
}

/// A figure of a report, by its pointer.
fn figure(report: &Value, pointer: &str) -> u64 {
    report.pointer(pointer).and_then(Value::as_u64).unwrap_or_else(|| panic!("{pointer} in {report:#}"))
}

#[test]
fn submissions_in_one_process_are_cancelled_retried_and_proven() {
    let _room = Room::shared();
    let report =
        submissions(&["--duration", "4s", "--cancel-share", "0.3", "--retry-share", "0.3", "--invalid-share", "0.1"]);
    for pointer in [
        "/sent/rejected",
        "/sent/sent_again",
        "/found/passed",
        "/found/failed",
        "/found/cancelled",
        "/found/retried",
        "/found/cached",
        "/watched",
        "/times/accept_to_final/count",
    ] {
        assert!(figure(&report, pointer) > 0, "{pointer} in {report:#}");
    }
    assert_eq!(figure(&report, "/counted/submissions_accepted_total"), figure(&report, "/found/rows"));
    assert_eq!(figure(&report, "/sent/unknown") + figure(&report, "/sent/not_sent"), 0);
}

#[test]
fn a_process_that_is_killed_and_frozen_loses_and_doubles_nothing() {
    let _room = Room::shared();
    // A freeze lasts for longer than two heartbeats in any case.
    let faults = ["--faults", "process-kill=2,process-freeze", "--hold", "300ms", "--threshold", "rerun<30s"];
    let report = submissions(&[&["--duration", "4s"][..], &faults].concat());
    assert_eq!(report["faults"].as_array().unwrap().len(), 3, "{report:#}");
    assert!(figure(&report, "/found/losses") > 0 && figure(&report, "/found/begun_again") > 0, "{report:#}");
}

#[test]
fn workers_and_postgresql_that_are_killed_lose_and_double_nothing() {
    let _room = Room::shared();
    let faults = ["--faults", "worker-kill,worker-freeze,api-kill,postgres-kill", "--hold", "300ms"];
    let rest = ["--database", "postgres", "--duration", "4s", "--threshold", "rerun<30s"];
    let report = submissions(&[&faults[..], &rest].concat());
    let mut names: Vec<&str> =
        report["faults"].as_array().unwrap().iter().map(|fault| fault["fault"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["api-kill", "postgres-kill", "worker-freeze", "worker-kill"]);
    assert!(figure(&report, "/reruns") > 0, "{report:#}");
}

#[test]
fn submissions_go_over_tls_with_a_key() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new("tests").unwrap();
    let ca = authority.write(directory.path(), "ca.pem").unwrap();
    let server = authority.server(&["127.0.0.1"]).unwrap().write(directory.path(), "server").unwrap();
    let keys = directory.path().join("keys.json");
    // Of the key `key-of-first`.
    let hash = "c5550fee1aa6ece6a450e82d67cae229d158ca13e61cdcd40857bfe128083924";
    std::fs::write(&keys, format!(r#"[{{"name":"first","hash":"sha256:{hash}"}}]"#)).unwrap();
    let secure = [
        ("TLS_CERTIFICATE", server.certificate.to_str().unwrap()),
        ("TLS_KEY", server.key.to_str().unwrap()),
        ("API_KEYS_FILE", keys.to_str().unwrap()),
    ];
    let ca = ["--duration", "2s", "--ca", ca.to_str().unwrap()];
    let key = ["-H", "X-API-Key: key-of-first", "--threshold", "failed==0%"];
    let report = submissions_with(&secure, &[&ca[..], &key].concat());
    assert_eq!(figure(&report, "/counted/submissions_accepted_total"), figure(&report, "/found/rows"));
}

mod kafka {
    use super::*;

    #[test]
    #[ignore = "needs a build with --features submissions/kafka, which .ci/run features has"]
    fn a_worker_that_is_killed_and_a_broker_that_is_frozen_lose_and_double_nothing() {
        let _room = Room::shared();
        let faults = ["--faults", "worker-kill,broker-freeze", "--hold", "300ms"];
        let rest = ["--database", "postgres", "--queue", "kafka", "--duration", "4s", "--threshold", "rerun<60s"];
        // Records come in batches, and between two of them a worker of quick work is idle.
        let report = submissions_of("300ms", &[&faults[..], &rest].concat());
        assert_eq!(report["faults"].as_array().unwrap().len(), 2, "{report:#}");
        assert_eq!(report["setting"]["queue"], "kafka");
        assert!(figure(&report, "/reruns") > 0 && figure(&report, "/counted/submissions_announced_total") > 0);
    }
}

#[test]
fn what_cannot_be_run_is_an_error_before_anything_starts() {
    for (arguments, why) in [
        (&["--faults", "worker-kill"][..], "there is no fault `worker-kill` with this --database"),
        (&["--faults", "broker-kill"], "there is no fault `broker-kill`"),
        (&["--queue", "kafka", "--faults", "broker-kill"], "the broker of KAFKA_BROKER is not the lab's"),
        (&["--threshold", "rerun<5s"], "no fault hits a worker"),
        (&["--database", "postgres", "--faults", "postgres-kill"], "is not the lab's"),
        (&["--database", "postgres"], "must begin with postgres://"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        let output = command
            .arg("submissions")
            .args(arguments)
            .env("DATABASE_URL", "mysql://localhost/a")
            .env("KAFKA_BROKER", "localhost:9")
            .output();
        let output = output.unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(64) && error.contains(why), "{arguments:?}: {error}");
    }
}
