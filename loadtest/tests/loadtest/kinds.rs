//! The real program with kinds of `KINDS_DIR`, on real servers: bodies from a schema and from a file, documents of
//! their own and states of keys, and what somebody alters meanwhile.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bson::{Bson, Document, doc};
use loadtest::schema;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::report;
use crate::room::Room;
use crate::run::{PATIENT, THRESHOLD};

const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with the file of a kind named reading, whose topics and collection have this name.
fn kinds(name: &str, write: &str) -> TempDir {
    let mut kind = json!({
        "kind": "reading", "route": "/api/readings", "topic": name, "collection": name, "write": write,
        "group": name,
        "schema": {
            "type": "object",
            "required": ["device", "note", "sequence", "celsius", "taken_at", "samples"],
            "additionalProperties": false,
            "properties": {
                "device": {
                    "type": "object",
                    "required": ["id"],
                    "additionalProperties": false,
                    "properties": {
                        "id": {"type": "string", "minLength": 1, "maxLength": 64},
                        "firmware": {"type": ["string", "null"], "maxLength": 20},
                    },
                },
                "note": {"type": "string", "maxLength": 200},
                "sequence": {"type": "integer"},
                "battery": {"type": "number", "minimum": 0, "maximum": 1},
                "celsius": {"type": "number", "minimum": -90, "exclusiveMaximum": 60, "multipleOf": 0.01},
                "quality": {"enum": ["good", "poor", null, 7, 1.5]},
                "is_indoors": {"type": "boolean"},
                "taken_at": {"type": "string", "format": "date-time"},
                "samples": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 16},
                "tags": {"type": "array", "items": {"type": "string", "maxLength": 12}, "uniqueItems": true},
            },
        },
    });
    if write == "upsert" {
        kind["key"] = "/device/id".into();
    }
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("reading.json"), kind.to_string()).unwrap();
    directory
}

fn loadtest(kinds: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(arguments).env("KINDS_DIR", kinds).envs([PATIENT, ("CONSUMER_BATCH_INTERVAL", "500ms")]);
    command
}

fn text(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The report of a short run on servers of its own, which must pass.
fn passed(kinds: &Path, more: &[&str]) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let arguments = ["run", "--kind", "reading", "--stack", "native", "--report", path, "--duration", "3s"];
    let output = loadtest(kinds, &[&arguments, &THRESHOLD[..], more].concat()).output().unwrap();
    assert!(output.status.success(), "{}\n{}", output.status, text(&output));
    let report = report(directory.path());
    assert_eq!(schema::faults(&report), [""; 0]);
    assert!(report["accepted"].as_u64().unwrap() > 50, "{report:#}");
    for fault in ["missing", "duplicated", "changed", "unexpected", "dead_lettered", "unknown", "lag_left"] {
        assert_eq!(report[fault], 0, "{fault} in {report:#}");
    }
    report
}

#[test]
fn every_record_of_a_schemas_kind_is_found_again() {
    let _room = Room::shared();
    let kinds = kinds("readings", "insert");
    let load = ["--vus", "20", "--think", "50ms", "--hostile-share", "0.3", "--invalid-share", "0.2"];
    let report = passed(kinds.path(), &[&load[..], &["--retry-share", "0.1"]].concat());
    assert_eq!(report["stored"], report["accepted"], "{report:#}");
    assert!(report["rejected"].as_u64().unwrap() > 10, "{report:#}");
    let load = &report["environment"]["load"];
    assert_eq!((&load["marker"], &load["given_bodies"]), (&"/note".into(), &Value::Null));
    assert_eq!(report["kind"], "reading");
}

#[test]
fn each_key_of_a_schemas_kind_has_its_last_record() {
    let _room = Room::shared();
    let kinds = kinds("readings", "upsert");
    let load = ["--vus", "10", "--think", "50ms", "--keys", "40", "--hostile-share", "0.3", "--invalid-share", "0.1"];
    let report = passed(kinds.path(), &[&load[..], &["--bulk", "5"]].concat());
    let states = &report["states"];
    assert_eq!((&report["stored"], &states["keys"]), (&40.into(), &40.into()), "{report:#}");
    assert_eq!(states["in_topic"], report["accepted"], "{report:#}");
    for fault in ["stale", "out_of_order"] {
        assert_eq!(states[fault], 0, "{fault} in {report:#}");
    }
    let is_looked_for = report["accept_to_visible"]["off"].is_null();
    assert_eq!(states["older_seen"], if is_looked_for { 0.into() } else { Value::Null }, "{report:#}");
}

#[test]
fn bodies_of_a_file_are_sent_with_the_marker_that_is_named() {
    let _room = Room::shared();
    let kinds = kinds("readings", "insert");
    let body = |note: &str| {
        json!({"device": {"id": "a"}, "note": note, "sequence": 1, "celsius": 1.25, "taken_at": "2026-11-28T20:15:00Z",
            "samples": [1, 2.0, 1e2]})
    };
    let file = kinds.path().join("bodies.ndjson");
    std::fs::write(&file, format!("{}\n{}\n", body("é"), body("x"))).unwrap();
    let file = file.to_str().unwrap();
    let load = ["--vus", "10", "--think", "50ms", "--marker", "/device/id", "--bodies", file];
    let report = passed(kinds.path(), &[&load[..], &["--hostile-share", "0.5", "--bulk", "3"]].concat());
    assert_eq!(report["stored"], report["accepted"], "{report:#}");
    let load = &report["environment"]["load"];
    assert_eq!((&load["marker"], &load["given_bodies"]), (&"/device/id".into(), &2.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_somebody_alters_is_named() {
    let _room = Room::shared();
    let stack = stack::shared().await;
    let sign = "/sequence is the int64 ";
    for write in ["insert", "upsert"] {
        let name = format!("altered-{write}-{}", uuid::Uuid::now_v7().simple());
        let kinds = kinds(&name, write);
        let uri = format!("{}/{name}", stack.mongo_uri().rsplit_once('/').unwrap().0);
        let directory = kinds.path().join("report");
        let mut command = loadtest(kinds.path(), &["run", "--kind", "reading", "--vus", "4", "--think", "20ms"]);
        // With this number of keys hardly any has a second record, which would hide what was done to the first.
        command.args(["--duration", "5s", "--keys", "1000000", "--sample-share", "0", "--report"]).arg(&directory);
        command.envs([("KAFKA_BROKER", stack.kafka_broker()), ("MONGO_URI", &uri)]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let altered = alter_the_first(&uri, &name).await;
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(99), "{}", text(&output));
        assert!(text(&output).contains(sign), "{sign} in {}", text(&output));
        let report = report(&directory);
        assert_eq!((&report["changed"], &report["missing"]), (&1.into(), &0.into()), "{report:#}");
        let mut verify = loadtest(kinds.path(), &["verify", "--kind", "reading"]);
        verify.envs([("KAFKA_BROKER", stack.kafka_broker()), ("MONGO_URI", &uri)]);
        let output = verify.output().unwrap();
        assert_eq!(output.status.code(), Some(99), "{}", text(&output));
        let found = text(&output);
        assert!(found.contains("sequence: sent Int64"), "{found}");
        let mut show = loadtest(kinds.path(), &["show", "--kind", "reading", &altered]);
        show.envs([("KAFKA_BROKER", stack.kafka_broker()), ("MONGO_URI", &uri)]);
        let output = show.output().unwrap();
        // Of a key, the document must be that of the record that should be stored.
        let code = if write == "upsert" { 99 } else { 0 };
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        assert!(text(&output).contains("\"taken_at\""), "{}", text(&output));
    }
}

/// Alters a whole number of a document as soon as there is one, and returns its id as clients have it.
async fn alter_the_first(uri: &str, collection: &str) -> String {
    let database = mongodb::Client::with_uri_str(uri).await.unwrap().default_database().unwrap();
    let documents = database.collection::<Document>(collection);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(document) = documents.find_one(doc! {}).await.unwrap() {
            let sequence = document.get_i64("sequence").unwrap();
            let id = doc! { "_id": document.get("_id").unwrap().clone() };
            let change = doc! { "$set": { "sequence": if sequence == 0 { 1 } else { sequence - sequence.signum() } } };
            documents.update_one(id.clone(), change).await.unwrap();
            return match id.get("_id") {
                Some(Bson::String(key)) => key.clone(),
                Some(Bson::Binary(id)) => uuid::Uuid::from_slice(&id.bytes).unwrap().to_string(),
                other => panic!("{other:?} is not an id"),
            };
        }
        assert!(Instant::now() < deadline, "no document in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[test]
fn what_cannot_be_drawn_or_is_not_valid_is_named_before_anything_starts() {
    let kinds = kinds("readings", "insert");
    let file = kinds.path().join("reading.json");
    let schema = std::fs::read_to_string(&file).unwrap();
    let bodies = kinds.path().join("bodies.ndjson");
    std::fs::write(&bodies, "{}\n").unwrap();
    let bodies = bodies.to_str().unwrap();
    let refused = |arguments: &[&str], words: &[&str]| {
        let output = loadtest(kinds.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(64), "{}", text(&output));
        for words in words {
            assert!(text(&output).contains(words), "{words} in {}", text(&output));
        }
    };
    refused(&["--kind", "readings"], &["there is no kind readings; these are: post, order, reading"]);
    refused(&["--kind", "reading", "--bodies", bodies], &["line 1: ", "/celsius is required"]);
    refused(&["--kind", "reading", "--marker", "/sequence"], &["/sequence cannot hold the marker"]);
    refused(&["--kind", "order", "--marker", "/a"], &["for kinds of KINDS_DIR"]);
    std::fs::write(&file, schema.replace(r#""maxLength":200"#, r#""maxLength":200,"not":{"const":"x"}"#)).unwrap();
    refused(&["--kind", "reading"], &["/properties/note/not is not understood", "--bodies FILE"]);
    std::fs::write(&file, schema.replace("/api/readings", "/livez")).unwrap();
    refused(&["--kind", "reading"], &["KINDS_DIR: reading.json: /route"]);
}
