//! The real program on the real native stack: short runs whose every post must be found again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use loadtest::schema;
use serde_json::Value;

use crate::report;
use crate::room::Room;

/// The first run on a machine downloads Kafka and builds the store.
const LONGEST_RUN: Duration = Duration::from_secs(600);

/// Instead of the default ones: how long answers take says nothing here.
pub(crate) const THRESHOLD: [&str; 2] = ["--threshold", "failed<1%"];

/// For the services: no record becomes unknown only because the machine is busy.
pub(crate) const PATIENT: (&str, &str) = ("PRODUCER_TIMEOUT", "30s");

/// [`THRESHOLD`], unless these arguments have their own.
pub(crate) fn threshold(arguments: &[&str]) -> &'static [&'static str] {
    if arguments.contains(&"--threshold") { &[] } else { &THRESHOLD }
}

fn loadtest(arguments: &[&str], report: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments).args(threshold(arguments)).args(["--stack", "native", "--report"]).arg(report);
    // Flushed often, so that the wait for the last batch is short.
    command.envs([PATIENT, ("CONSUMER_BATCH_INTERVAL", "500ms")]);
    command
}

fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + LONGEST_RUN;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "the run does not end");
        sleep(Duration::from_millis(50));
    }
}

fn assert_balanced(report: &Value) {
    assert!(report["accepted"].as_u64().unwrap() > 0, "{report:#}");
    assert_eq!(report["stored"], report["accepted"], "{report:#}");
    for fault in ["missing", "duplicated", "unexpected", "dead_lettered", "rejected", "unknown", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
    assert_eq!(report["passed"], true, "{report:#}");
}

#[test]
fn a_run_finds_every_post_again() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let output = loadtest(&["--vus", "20", "--think", "100ms", "--duration", "3s"], directory.path()).output().unwrap();
    let (table, progress) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{table}\n{progress}", output.status);

    let report = report(directory.path());
    assert_balanced(&report);
    assert!(report["accepted"].as_u64().unwrap() > 0, "{report:#}");
    let counted = &report["counted"];
    assert_eq!(counted["ingest_records_accepted_total"], report["accepted"], "{report:#}");
    assert_eq!(counted["ingest_records_stored_total"], report["stored"], "{report:#}");
    assert_eq!(counted["ingest_records_duplicate_total"], 0, "{report:#}");
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    assert_eq!(report["accepted_latency_ms"], report["latency_ms"], "all were accepted");
    assert!(report["generator"]["cpu_share"].as_f64().unwrap() > 0.0, "{report:#}");
    assert_eq!(report["ids"], "compared");
    assert!(report["producer"]["peak_memory_bytes"].as_u64().unwrap() > 1_000_000);
    assert_eq!(report["environment"]["consumer_settings"]["CONSUMER_BATCH_INTERVAL"], "500ms");
    assert_eq!(report["environment"]["load"]["hostile_share"], 0.02, "by default");
    assert!(table.contains("missing==0"), "{table}");
    assert!(
        progress.lines().filter(|line| line.contains("accepted") && line.contains("p95")).count() >= 2,
        "{progress}"
    );

    let files = std::fs::read_dir(directory.path()).unwrap().map(|file| file.unwrap().file_name());
    let files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
    let reports = ["report.html", "report.json", "series.csv", "accepted.hgrm", "latency.hgrm"];
    let of_services = ["producer.log", "consumer.log", "producer.1.state.json", "consumer.1.state.json"];
    for file in [&reports[..], &of_services[..]].concat() {
        assert!(files.iter().any(|found| found == file), "{file} in {files:?}");
    }
    assert_eq!(files.len(), 9, "nothing else is left: {files:?}");
    assert!(
        table.contains("report.html") && table.contains("report.json, series.csv, accepted.hgrm, latency.hgrm"),
        "{table}"
    );
    assert_the_files_agree(&report, directory.path());
    assert_compares_with_itself(directory.path());
}

fn assert_compares_with_itself(directory: &Path) {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).arg("compare").args([directory, directory]).output();
    let output = output.unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{table}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(
        table.contains("no setting differs") && table.contains("no more findings; single runs judge nothing else"),
        "{table}"
    );
}

fn assert_the_files_agree(report: &Value, directory: &Path) {
    assert_eq!(schema::faults(report), [""; 0]);
    let read = |name: &str| std::fs::read_to_string(directory.join(name)).unwrap();
    let accepted = report["accepted"].as_u64().unwrap();

    let points = report["series"].as_array().unwrap();
    let sum = |name: &str| {
        let of = |point: &Value| point[name].as_f64().unwrap() * point["length_seconds"].as_f64().unwrap();
        points.iter().map(of).sum::<f64>().round() as u64
    };
    assert_eq!((sum("accepted_per_second"), sum("sent_per_second")), (accepted, accepted), "{points:#?}");
    assert_eq!(points.last().unwrap()["lag_records"], 0, "{points:#?}");
    // A page of metrics that comes late is left out, so the very last ones may be unknown.
    let up_to_all = 1..=accepted;
    assert!(up_to_all.contains(&points.iter().filter_map(|point| point["stored_posts"].as_u64()).max().unwrap()));
    assert!(points.iter().any(|point| point["producer_memory_bytes"].is_u64() && point["p95_ms"].is_f64()));
    assert_eq!(read("series.csv").lines().count(), points.len() + 1);

    let stored = report["accept_to_store_seconds"].as_array().unwrap();
    assert!(up_to_all.contains(&stored.iter().map(|bucket| bucket["count"].as_u64().unwrap()).sum()), "{stored:?}");
    for file in ["accepted.hgrm", "latency.hgrm"] {
        assert!(read(file).contains(&format!("Total count    = {accepted:>12}]")), "{file}");
    }
    let page = read("report.html");
    assert!(page.contains("<h1>Passed</h1>") && page.contains("<h2>Latency by percentile"), "{page}");
}

#[test]
fn retried_posts_are_stored_once_and_invalid_ones_rejected() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let load =
        ["--stages", "0s:20,1s:200,2s:200", "--vus", "20", "--content-length", "100-900", "--hostile-share", "0.5"];
    let kinds =
        ["--invalid-share", "0.2", "--retry-share", "0.3", "--threshold", "failed==0%", "--threshold", "drain<60s"];
    let output = loadtest(&[&load[..], &kinds[..]].concat(), directory.path()).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}\n{table}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    assert!(table.contains("posts per second offered: 0s:20,1s:200,2s:200"), "{table}");

    let report = report(directory.path());
    let [accepted, refused] = ["accepted", "invalid_refused"].map(|name| report["outcomes"][name].as_u64().unwrap());
    assert!((accepted + refused).abs_diff(310) <= 1, "the area under the stages: {report:#}");
    assert!(accepted > 0 && refused > 0 && report["rejected"] == refused, "{report:#}");
    assert_eq!((&report["stored"], &report["ids"]), (&accepted.into(), &"compared".into()), "{report:#}");
    assert_eq!(report["invalid_accepted"], 0);
    let judged = report["thresholds"].as_array().unwrap().iter().map(|judged| judged["threshold"].as_str().unwrap());
    let of_the_ledger = ["missing==0", "duplicated==0", "changed==0", "unexpected==0"];
    let always = [&["accepted>0", "dead_lettered==0", "lag_left==0"], &of_the_ledger[..]].concat();
    assert_eq!(judged.collect::<Vec<_>>(), [&["failed==0%", "drain<60s"], &always[..]].concat());
}

#[test]
fn a_short_soak_is_proven_and_has_an_exit_code_for_what_it_cannot_tell() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let output =
        loadtest(&["soak", "--rate", "50", "--vus", "10", "--duration", "5s"], directory.path()).output().unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.code() == Some(98),
        "{}\n{table}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let report = report(directory.path());
    assert_balanced(&report);
    assert_eq!(schema::faults(&report), [""; 0]);
    let growths = report["drift"]["growths"].as_array().unwrap();
    assert_eq!(growths.len(), 3, "{report:#}");
    assert!(growths.iter().all(|growth| growth["judgement"] == "too_short_to_tell"), "{report:#}");
    assert!(table.contains("  OPEN    growth of producer memory"), "{table}");
}

#[test]
fn an_interrupted_run_still_reports() {
    let _room = Room::shared();
    let directory = tempfile::tempdir().unwrap();
    let mut command = loadtest(&["--vus", "20", "--think", "0", "--duration", "10m"], directory.path());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let progress = read_until(child.stderr.take().unwrap(), "   2 s  accepted");
    interrupt(&child);
    // Read on, or the child would block when the pipe is full.
    let rest = std::thread::spawn(move || progress.lines().map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    let status = wait(&mut child);
    let rest = rest.join().unwrap();
    assert_eq!(status.code(), Some(0), "{rest}");
    assert!(rest.contains("a second Ctrl-C ends at once"), "{rest}");

    let report = report(directory.path());
    assert_balanced(&report);
    assert_eq!(report["ended_early"], true);
    assert!(report["load_seconds"].as_f64().unwrap() < 60.0, "{report:#}");
}

#[test]
fn what_cannot_be_used_is_exit_code_64() {
    let cases: BTreeMap<&str, Vec<&str>> = [
        ("--vus", vec!["--vus", "0"]),
        ("--target must be a URL", vec!["--target", "localhost", "--mongo-uri", "mongodb://localhost/db"]),
        ("say where the documents are", vec!["--target", "http://localhost:1"]),
        ("must be the id from the answer", vec!["show", "42"]),
        ("name two reports, not 1", vec!["compare", "a.json"]),
        ("Cargo.toml is not the report.json of a run", vec!["compare", "Cargo.toml", "Cargo.toml"]),
        ("give it --rate instead of --stages", vec!["soak", "--stages", "0s:5,1s:5"]),
        ("a time needs its unit, such as p95<2000ms", vec!["--threshold", "p95<2000"]),
        ("leaves nothing of a load of 5s", vec!["--warm-up", "5s", "--duration", "5s"]),
        ("only `loadtest chaos` injects faults", vec!["--threshold", "recovered<10s"]),
        ("--fixed-users needs --rate or --stages", vec!["--fixed-users"]),
        ("give it ", vec!["tune", "--budget", "10s"]),
        ("leave store-kill out of --faults", vec!["chaos", "--store", "memory"]),
    ]
    .into();
    for (message, arguments) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest")).args(&arguments).env_remove("MONGO_URI").output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(64), "{arguments:?}: {text}");
        assert!(text.contains(message), "{arguments:?}: {text}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    let output = command.env("PRODUCER_LINGER", "soon").env("CONSUMER_BATCH_MESSAGES", "0").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("PRODUCER_LINGER") && text.contains("CONSUMER_BATCH_MESSAGES"), "every fault: {text}");
}

/// Reads lines until one has this text, and leaves the rest unread.
fn read_until(stderr: ChildStderr, text: &str) -> BufReader<ChildStderr> {
    let mut reader = BufReader::new(stderr);
    let mut lines = String::new();
    while !lines.lines().last().unwrap_or_default().contains(text) {
        let length = reader.read_line(&mut lines).unwrap();
        assert!(length > 0, "the run ended before its time:\n{lines}");
    }
    reader
}

fn interrupt(child: &Child) {
    let sent = Command::new("/bin/sh").args(["-c", r#"kill -s INT "$0""#, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}
