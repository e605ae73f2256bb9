//! An API key is exchanged while the lab sends: no request is denied and no post is missing.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{DEADLINE, Running, wait_for_metric};

/// Callers, their keys, and the keys' hashes.
const FIRST: Key = ("first", "key-of-first", "c5550fee1aa6ece6a450e82d67cae229d158ca13e61cdcd40857bfe128083924");
const SECOND: Key = ("second", "key-of-second", "e4403c879974817fd8c5c962a4fe50941f9bccaaa25b2b77003d93c7181cb1f2");

type Key = (&'static str, &'static str, &'static str);

/// This many requests in a row by one caller show that the key of the other is no longer sent.
const IN_A_ROW: usize = 50;

/// Replaces a file in one step.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(new, path).unwrap();
}

fn replace_keys(path: &Path, keys: &[Key]) {
    let entry = |(name, _, hash): &Key| format!(r#"{{"name":"{name}","hash":"sha256:{hash}"}}"#);
    replace(path, &format!("[{}]", keys.iter().map(entry).collect::<Vec<_>>().join(",")));
}

/// The callers of all requests so far, as the audit log names them.
fn callers(audit_log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(audit_log).unwrap_or_default();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let caller = |line: &str| serde_json::from_str::<Value>(line).unwrap()["caller"].to_string();
    whole.lines().map(caller).collect()
}

/// Waits until the last requests were all of this caller. Returns how many requests there were by then.
async fn wait_for_caller(audit_log: &Path, (name, ..): Key) -> usize {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let callers = callers(audit_log);
        if callers.len() >= IN_A_ROW && callers.iter().rev().take(IN_A_ROW).all(|caller| caller.contains(name)) {
            return callers.len();
        }
        assert!(Instant::now() < deadline, "{name} calls in time");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_exchanged_under_load_without_a_denied_request() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let (keys, token, audit_log) = (file("keys.json"), file("token"), file("audit.log"));
    replace_keys(&keys, &[FIRST]);
    std::fs::write(&token, FIRST.1).unwrap();
    let running =
        Running::start(&[("API_KEYS_FILE", keys.to_str().unwrap()), ("AUDIT_LOG", audit_log.to_str().unwrap())]).await;

    let mut run = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    run.args(["run", "--target", &format!("http://{}", running.address)]);
    run.args(["--target-metrics", &format!("http://{}", running.operators), "--report"]).arg(file("report"));
    run.args(["--vus", "8", "--rate", "300", "--duration", "4s", "--sample-share", "0"]);
    run.args(["--threshold", "failed==0%", "--token-file"]).arg(&token).arg("--audit-log-file").arg(&audit_log);
    run.env("KAFKA_BROKER", running.consumer.kafka.cluster.bootstrap()).env("MONGO_URI", &running.mongo_uri);
    run.env("KAFKA_TOPIC", &running.consumer.kafka.topic).env("KAFKA_GROUP", &running.consumer.kafka.group);
    run.env("DLQ_TOPIC", &running.consumer.kafka.dead_letter_topic);
    let run = tokio::task::spawn_blocking(move || run.output().unwrap());

    wait_for_caller(&audit_log, FIRST).await;
    replace_keys(&keys, &[FIRST, SECOND]);
    wait_for_metric(&running.operators, "http_server_api_keys 2").await;
    replace(&token, SECOND.1);
    wait_for_caller(&audit_log, SECOND).await;
    replace_keys(&keys, &[SECOND]);
    wait_for_metric(&running.operators, "http_server_api_keys 1").await;
    let before = callers(&audit_log).len();

    let output = run.await.unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    let report = crate::report(&file("report"));
    for (count, number) in [("accepted", 1_200), ("stored", 1_200), ("rejected", 0), ("unknown", 0), ("missing", 0)] {
        assert_eq!(report[count], number, "{count} in {report:#}");
    }
    assert_eq!((&report["audit"]["lines"], &report["audit"]["not_audited"]), (&1_200.into(), &0.into()), "{text}");
    let callers = callers(&audit_log);
    assert!(callers.len() > before, "requests came with the new key alone");
    let of = |(name, ..): Key| callers.iter().filter(|caller| caller.contains(name)).count();
    assert!(of(FIRST) >= IN_A_ROW && of(FIRST) + of(SECOND) == callers.len(), "{callers:?}");
    running.stop.cancel();
    running.ended().await;
}
