//! The audit log: what is in a line, that it is there before the answer, and what happens when it cannot be written.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::world::{Keys, World, get, post};

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A line without its time, which is there.
fn without_time(line: &Value) -> Value {
    let mut line = line.clone();
    let time = line.as_object_mut().unwrap().remove("time").unwrap();
    assert!(time.as_str().unwrap().len() == "2026-11-28T20:15:00.000Z".len(), "{time}");
    line
}

fn log_in(directory: &tempfile::TempDir) -> (PathBuf, [(&'static str, &'static str); 1]) {
    let path = directory.path().join("audit.log");
    let text: &'static str = path.to_str().unwrap().to_owned().leak();
    (path, [("AUDIT_LOG", text)])
}

#[tokio::test]
async fn a_line_says_who_did_what_and_nothing_of_what_was_sent() {
    let directory = tempfile::tempdir().unwrap();
    let (path, settings) = log_in(&directory);
    let keys = Keys::new(&[("shop", "S3CRET-KEY", r#","kinds":["post"]"#), ("till", "two", r#","kinds":["order"]"#)]);
    let world = World::start(&[&settings[..], &keys.settings()].concat()).await;
    let headers = "x-api-key: S3CRET-KEY\r\nx-request-id: r-\\\"1\r\nidempotency-key: S3CRET-ID\r\n";
    assert_eq!(world.ask(&post("/post", headers, "S3CRET-CONTENT")).await.status, 200);
    let expected = json!({
        "caller": "shop", "address": "127.0.0.1", "method": "POST", "route": "/post", "kind": "post", "status": 200,
        "records": 1, "accepted": 1, "rejected": 0, "unknown": 0, "request_id": "r-\\\"1",
    });
    assert_eq!(lines(&path).iter().map(without_time).collect::<Vec<_>>(), std::slice::from_ref(&expected));
    assert_eq!(world.ask(&post("/bulk", "x-api-key: S3CRET-KEY\r\n", "30")).await.status, 200);
    let bulk = &lines(&path)[1];
    assert_eq!((&bulk["records"], &bulk["accepted"], &bulk["rejected"]), (&json!(30), &json!(20), &json!(10)));
    world.ask(&get("/any", "x-api-key: S3CRET-KEY\r\n")).await;
    // What everybody may see is not in it.
    world.ask(&get("/open", "")).await;
    world.ask(&get("/livez", "")).await;
    world.ask(&get("/nowhere", "x-api-key: S3CRET-KEY\r\n")).await;
    for (headers, status, denied) in [("", 401, "no_credential"), ("x-api-key: S3CRET-WRONG\r\n", 401, "unknown_key")] {
        assert_eq!(world.ask(&post("/post", headers, "")).await.status, status);
        world.eventually(async || lines(&path).last().unwrap()["denied"] == denied).await;
    }
    assert_eq!(world.ask(&post("/post", "x-api-key: two\r\n", "")).await.status, 403);
    world.eventually(async || lines(&path).len() == 6).await;
    let (read, forbidden) = (&lines(&path)[2], &lines(&path)[5]);
    assert_eq!((&read["method"], &read["route"], &read["kind"]), (&json!("GET"), &json!("/any"), &Value::Null));
    assert_eq!(
        without_time(forbidden),
        json!({
            "caller": "till", "address": "127.0.0.1", "method": "POST", "route": "/post", "kind": "post", "status": 403,
            "denied": "kind",
        })
    );
    let text = fs::read_to_string(&path).unwrap();
    assert!(!text.contains("S3CRET"), "{text}");
    assert!(world.metrics().contains("http_server_audit_lines_total 6\n"), "{}", world.metrics());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_an_answer_is_in_the_log_also_while_it_is_rotated() {
    let directory = tempfile::tempdir().unwrap();
    let (path, settings) = log_in(&directory);
    let world = World::start(&settings).await;
    let mut sent = 0;
    for round in 0..5 {
        let asked = (0..40).map(|number| {
            let request = post("/post", &format!("x-request-id: {round}-{number}\r\n"), "body");
            let world = &world;
            async move { assert_eq!(world.ask(&request).await.status, 200) }
        });
        futures_util::future::join_all(asked).await;
        sent += 40;
        // At once, without waiting for anything.
        let rotated = |number: usize| directory.path().join(format!("audit.log.{number}"));
        let all: Vec<Value> = (0..round).map(rotated).chain([path.clone()]).flat_map(|path| lines(&path)).collect();
        assert_eq!(all.len(), sent);
        fs::rename(&path, rotated(round)).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_reported_and_answers_are_given() {
    let world = World::start(&[("AUDIT_LOG", "/dev/full")]).await;
    assert_eq!(world.ask(&post("/post", "", "body")).await.status, 200);
    let ready = world.ask(&get("/readyz", "")).await;
    assert!(ready.status == 503 && ready.body.contains("audit log: cannot be written: No space left"), "{ready:?}");
    assert!(world.metrics().contains("http_server_audit_late_answers_total 1\n"), "{}", world.metrics());
}

#[tokio::test]
async fn what_waited_for_the_log_is_written_once_it_can_be() {
    let directory = tempfile::tempdir().unwrap();
    let (path, settings) = log_in(&directory);
    let world = World::start(&settings).await;
    world.ask(&post("/post", "", "body")).await;
    // Nothing can be made there any more.
    let away = directory.path().with_extension("away");
    fs::rename(directory.path(), &away).unwrap();
    for _ in 0..3 {
        assert_eq!(world.ask(&post("/post", "", "body")).await.status, 200);
    }
    assert_eq!(world.ask(&get("/readyz", "")).await.status, 503);
    fs::rename(&away, directory.path()).unwrap();
    world.eventually(async || world.ask(&get("/readyz", "")).await.status == 200).await;
    assert_eq!(lines(&path).len(), 4);
    assert!(world.metrics().contains("http_server_audit_lines_lost_total 0\n"), "{}", world.metrics());
}

#[tokio::test]
async fn half_a_line_of_a_killed_process_spoils_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let (path, settings) = log_in(&directory);
    let ask_once = async || {
        let world = World::start(&settings).await;
        assert_eq!(world.ask(&post("/post", "", "body")).await.status, 200);
    };
    ask_once().await;
    ask_once().await;
    let whole = fs::read_to_string(&path).unwrap();
    assert_eq!(lines(&path).len(), 2, "a log that is whole gets no empty line: {whole}");
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    ask_once().await;
    let text = fs::read_to_string(&path).unwrap();
    let read: Vec<bool> = text.lines().map(|line| serde_json::from_str::<Value>(line).is_ok()).collect();
    assert_eq!(read, [true, false, true], "{text}");
}

#[tokio::test]
async fn those_without_a_key_cannot_fill_the_disk() {
    let directory = tempfile::tempdir().unwrap();
    let (path, settings) = log_in(&directory);
    let keys = Keys::new(&[("shop", "one", "")]);
    let world = World::start(&[&settings[..], &keys.settings()].concat()).await;
    for _ in 0..25 {
        // A longer row on one connection is slowed down.
        let mut connection = world.connect().await;
        for _ in 0..20 {
            connection.send(&post("/post", "", "body")).await;
            assert_eq!(connection.receive().await.status, 401);
        }
    }
    assert_eq!(world.ask(&post("/post", "x-api-key: one\r\n", "body")).await.status, 200);
    let lines = lines(&path);
    assert_eq!(lines.last().unwrap()["caller"], "shop");
    assert!(world.metrics().contains("http_server_denied_requests_total{reason=\"no_credential\"} 500\n"));
    let lost = 501 - lines.len();
    assert!(world.metrics().contains(&format!("http_server_audit_lines_lost_total {lost}\n")), "{}", world.metrics());
    assert!(lost > 0, "more than a hundred a second were sent");
}
