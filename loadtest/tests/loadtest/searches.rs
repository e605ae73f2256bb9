//! `loadtest find-max` and `loadtest tune` on the real native stack, short: that they end, and that their reports are
//! consistent. How fast anything is does not matter here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use loadtest::schema;
use serde_json::Value;

use crate::room::Room;

fn loadtest(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments).args(["--stack", "native", "--vus", "20", "--report"]).arg(directory);
    // Flushed often, so that the wait for the last batch is short.
    command.env("CONSUMER_BATCH_INTERVAL", "500ms");
    command
}

/// What `find-max` has left, as its schema says.
fn found(directory: &Path) -> Value {
    json(directory, "find-max.json", include_str!("../../find-max.schema.json"))
}

fn json(directory: &Path, name: &str, schema: &str) -> Value {
    let report = serde_json::from_slice(&std::fs::read(directory.join(name)).unwrap()).unwrap();
    assert_eq!(schema::faults_by(schema, &report), [""; 0]);
    report
}

fn assert_nothing_is_missing(report: &Value) {
    let proof = &report["proof"];
    assert_eq!(proof["method"], "reconciled", "{report:#}");
    assert!(proof["accepted"].as_u64().unwrap() > 0 && proof["stored"] == proof["accepted"], "{report:#}");
    for fault in ["missing", "duplicated", "changed", "unexpected", "dead_lettered", "lag_left"] {
        assert_eq!(proof[fault], 0, "{fault} in {report:#}");
    }
}

#[test]
fn find_max_brackets_the_limit_and_finds_every_post_again() {
    let _room = Room::alone();
    let directory = tempfile::tempdir().unwrap();
    // The start is slow enough to be sustained, however busy the machine is.
    let probes = ["find-max", "--start", "20", "--repeats", "2", "--warm-up", "100ms", "--measure", "500ms"];
    let output = loadtest(&probes, directory.path()).args(["--confirm", "0s"]).output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);

    let report = found(directory.path());
    assert_eq!((&report["passed"], &report["ended_early"]), (&true.into(), &false.into()), "{report:#}");
    assert_nothing_is_missing(&report);
    let probes = report["probes"].as_array().unwrap();
    assert_eq!(probes[0]["offered_per_second"], 20.0);
    let sustained = |wanted: bool| probes.iter().filter(|probe| probe["sustained"] == wanted).count();
    assert!(sustained(true) > 0 && sustained(false) > 0, "{report:#}");
    assert!(probes.iter().all(|probe| probe["why"].is_null() == (probe["sustained"] == true)), "{report:#}");
    for rate in ["max_rate", "half_rate"] {
        let [low, estimate, high] = ["low", "estimate", "high"].map(|name| report[rate][name].as_f64().unwrap());
        assert!(0.0 < low && low <= estimate && estimate <= high, "{report:#}");
    }
    assert!(report["max_rate"]["estimate"].as_f64() < report["half_rate"]["estimate"].as_f64(), "{report:#}");
    assert_eq!(report["max_rate"]["probes_around"], 2);
    assert_eq!((&report["confirmed_rate"], &report["confirmations"]), (&Value::Null, &Value::Array(vec![])));
    assert!(
        table.contains("with 95 % between") && table.contains("stored as they were sent (looked for one by one)"),
        "{table}"
    );
    assert!(table.contains("not confirmed (--confirm 0s)"), "{table}");
}

#[test]
fn find_max_confirms_a_rate_by_a_run_whose_report_it_keeps() {
    let _room = Room::alone();
    let directory = tempfile::tempdir().unwrap();
    let probes = ["find-max", "--start", "20", "--repeats", "1", "--warm-up", "200ms", "--measure", "400ms"];
    let output = loadtest(&probes, directory.path()).args(["--confirm", "1s", "--slo", "5s"]).output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = found(directory.path());
    let confirmations = report["confirmations"].as_array().unwrap();
    assert!((1..=4).contains(&confirmations.len()), "{report:#}");
    let mut rate = f64::INFINITY;
    for (index, confirmation) in confirmations.iter().enumerate() {
        let offered = confirmation["offered_per_second"].as_f64().unwrap();
        assert!(offered < rate, "it is lowered: {report:#}");
        rate = offered;
        assert_eq!(confirmation["report"], format!("confirm-{}", index + 1));
        let of_run = directory.path().join(confirmation["report"].as_str().unwrap());
        let run = crate::report(&of_run);
        assert_eq!(schema::faults(&run), [""; 0]);
        assert_eq!(run["environment"]["load"]["rate"], confirmation["offered_per_second"], "{run:#}");
        assert!(run["accepted"].as_u64().unwrap() > 0 && run["stored"] == run["accepted"], "{run:#}");
        assert_eq!(run["passed"], confirmation["sustained"], "{run:#}");
        assert!(of_run.join("report.html").is_file() && of_run.join("series.csv").is_file());
    }
    // How busy the machine is decides whether it is the first one; that the report says so does not depend on it.
    let is_confirmed = confirmations.last().unwrap()["sustained"] == true;
    assert_eq!(output.status.success(), is_confirmed, "{}\n{table}\n{progress}", output.status);
    assert_eq!(report["passed"], is_confirmed);
    if is_confirmed {
        assert_eq!(report["confirmed_rate"], confirmations.last().unwrap()["offered_per_second"]);
        assert!(table.contains("confirmed by a run of 1 s"), "{table}");
    } else {
        assert!(report["confirmed_rate"].is_null() && table.contains("not confirmed"), "{table}");
    }
}

#[test]
fn an_interrupted_search_reports_what_it_has_found() {
    let _room = Room::alone();
    let directory = tempfile::tempdir().unwrap();
    // Twenty users cannot send that many.
    let probes = ["find-max", "--start", "1000000", "--repeats", "500", "--warm-up", "100ms", "--measure", "400ms"];
    let mut command = loadtest(&probes, directory.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    progress.find(|line| line.contains("not: ")).unwrap();
    let sent = Command::new("/bin/sh").args(["-c", r#"kill -s INT "$0""#, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    // Read on, or the child would block when the pipe is full.
    let rest: Vec<String> = progress.collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:#?}");
    let report = found(directory.path());
    assert_eq!(report["ended_early"], true);
    assert_nothing_is_missing(&report);
    let first = &report["probes"][0];
    assert!(first["unsent"].as_u64().unwrap() > 0 && first["p99_ms"].is_null(), "later than every limit: {first:#}");
    assert_eq!((&first["sustained"], &report["confirmations"]), (&false.into(), &Value::Array(vec![])));
}

#[test]
fn tune_tries_settings_and_recommends_one() {
    let _room = Room::alone();
    let directory = tempfile::tempdir().unwrap();
    let keep = "CONSUMER_BATCH_MESSAGES,CONSUMER_BATCH_INTERVAL,KAFKA_PARTITIONS,PRODUCER_COMPRESSION";
    let trials = ["tune", "--budget", "50s", "--warm-up", "100ms", "--measure", "500ms", "--keep", keep];
    let mut command = loadtest(&trials, directory.path());
    let output = command.env("PRODUCER_LINGER", "150ms").env("CONSUMER_BATCH_MESSAGES", "7").output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);

    let report = json(directory.path(), "tune.json", include_str!("../../tune.schema.json"));
    assert_eq!((&report["passed"], &report["ended_early"]), (&true.into(), &false.into()), "{report:#}");
    let trials = report["trials"].as_array().unwrap();
    // A machine on which a trial takes longer has no time for more of them.
    let is_quick = report["seconds"].as_f64().unwrap() / (trials.len() as f64) < 6.0;
    assert!(trials.len() >= if is_quick { 4 } else { 1 }, "{report:#}");
    assert!(
        trials.iter().any(|trial| trial["stored_per_second"].as_f64().is_some_and(|rate| rate > 0.0)),
        "{report:#}"
    );
    for trial in trials {
        assert!(trial["accepted"].as_u64().unwrap() > 0 && trial["missing"] == 0, "{trial:#}");
        assert!(trial["passed"] == true && trial["fault"].is_null() && trial["failed"] == 0, "{trial:#}");
        assert_eq!((&trial["proof"]["method"], &trial["lag_left"]), (&"reconciled".into(), &0.into()), "{trial:#}");
        assert!(!trial["differs"].as_str().unwrap().contains("KAFKA_PARTITIONS"), "it is kept: {trial:#}");
    }
    assert_eq!(
        (&report["start"]["PRODUCER_LINGER"], &report["start"]["CONSUMER_BATCH_MESSAGES"]),
        (&"150ms".into(), &"7".into())
    );
    assert_eq!(trials[0]["differs"], "", "the start comes first");
    if let Some(second) = trials.get(1) {
        assert_eq!(second["differs"], "PRODUCER_LINGER=2ms", "then the defaults, but for what is kept");
    }

    let file = std::fs::read_to_string(directory.path().join("tuned.env")).unwrap();
    let variables: Vec<(&str, &str)> = file.lines().filter_map(|line| line.split_once('=')).collect();
    assert_eq!(variables.len(), 7, "{file}");
    assert!(variables.iter().all(|(name, value)| report["recommended"][name] == *value), "{file}");
    let page = std::fs::read_to_string(directory.path().join("tune.html")).unwrap();
    assert!(page.contains("Throughput against latency") && !page.contains("<script"), "{page}");
    let mut files: Vec<_> =
        std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["tune.html", "tune.json", "tuned.env"], "logs and places of trials that went well are gone");
}
