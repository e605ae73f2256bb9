//! What callers share: `Idempotency-Key`s, the room for records in flight, and limits in time.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use crate::client::{POST, post_to, post_with, within_patience};
use crate::running::Producer;
use crate::topic::fresh_topic;

/// The keys `one` of a shop and `two` of a till, with these further fields.
const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";
const TWO: &str = "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3";

/// A file of these keys, and its path.
fn keys(more: &str) -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    let entry = |name: &str, hash: &str| format!(r#"{{"name":"{name}","hash":"sha256:{hash}"{more}}}"#);
    fs::write(&path, format!("[{},{}]", entry("shop", ONE), entry("till", TWO))).unwrap();
    (directory, path.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_belongs_to_its_caller() {
    let (_directory, keys) = keys("");
    let producer = Producer::with_kafka(&fresh_topic(), &[("API_KEYS_FILE", &keys)]).await;
    let send = async |key: &str, body: &str| {
        producer.ask(post_with(&format!("x-api-key: {key}\r\nidempotency-key: k\r\n"), body)).await
    };
    let other = POST.replace("A title", "Another title");
    let of_shop = send("one", POST).await.created_id();
    let of_till = send("two", &other).await.created_id();
    assert_ne!(of_shop, of_till, "the key of another caller does not stand for it");
    assert_eq!(send("one", POST).await.created_id(), of_shop);
    send("one", &other).await.problem(422);
    let bulk = async |key: &str| {
        let headers = format!("x-api-key: {key}\r\nidempotency-key: k\r\n");
        let answer = producer.ask(post_to("/create-posts", &headers, format!("[{POST}]"))).await;
        answer.json()["results"][0]["id"].as_str().unwrap().to_owned()
    };
    assert_ne!(bulk("one").await, bulk("two").await);
    assert_eq!(bulk("one").await, bulk("one").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_takes_all_it_can_get_leaves_room_to_others() {
    let (_directory, keys) = keys("");
    let settings = [
        ("API_KEYS_FILE", keys.as_str()),
        ("PRODUCER_MAX_IN_FLIGHT", "12"),
        // Nothing is sent on until the test has seen who is admitted.
        ("PRODUCER_LINGER", "3s"),
        ("PRODUCER_LINGER_ADAPTIVE", "false"),
    ];
    let producer = Producer::with_kafka(&fresh_topic(), &settings).await;
    let send = async |key: &str| {
        let mut connection = producer.connect().await;
        connection.send(post_with(&format!("x-api-key: {key}\r\n"), POST)).await;
        connection
    };
    let (mut accepted, mut rejected) = (Vec::new(), Vec::new());
    for number in 1..=9 {
        let connection = send("one").await;
        if number <= 6 {
            producer.metric(&format!(r#"ingest_in_flight_records{{kind="post"}} {number}"#)).await;
            accepted.push(connection);
        } else {
            rejected.push(connection);
        }
    }
    for mut connection in rejected {
        assert!(connection.receive().await.unavailable().contains("too many posts"), "half of the room is its share");
    }
    for number in 7..=9 {
        accepted.push(send("two").await);
        producer.metric(&format!(r#"ingest_in_flight_records{{kind="post"}} {number}"#)).await;
    }
    for connection in &mut accepted {
        connection.receive().await.created_id();
    }
    // All is given back.
    producer.metric(r#"ingest_in_flight_records{kind="post"} 0"#).await;
    let again = async {
        let mut connection = send("one").await;
        connection.receive().await.created_id()
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.unwrap();
}

#[tokio::test]
async fn a_bulk_counts_its_records_and_each_kind_by_itself() {
    let (_directory, keys) = keys(r#","rate":"3/h""#);
    let producer = Producer::without_kafka(&[("API_KEYS_FILE", &keys)]).await;
    let bulk = async |key: &str, path: &str, records: usize| {
        let body = format!("[{}]", vec!["{}"; records].join(","));
        within_patience("an answer", producer.ask(post_to(path, &format!("x-api-key: {key}\r\n"), body))).await
    };
    // What breaks the rules was judged, so it counts.
    assert_eq!(bulk("one", "/create-posts", 4).await.status, 400);
    let limited = bulk("one", "/create-posts", 1).await;
    assert_eq!(limited.problem(429)["title"], "Too Many Requests");
    // One is left after twenty minutes, and four must be paid before that.
    assert_eq!(limited.header("retry-after"), Some("2400"));
    assert_eq!(limited.header("ratelimit-policy"), Some(r#""post";q=3;w=3600"#));
    assert_eq!(producer.ask(post_with("x-api-key: one\r\n", "{}")).await.status, 429);
    assert_eq!(bulk("one", "/api/orders/bulk", 1).await.status, 400, "another kind");
    assert_eq!(bulk("two", "/create-posts", 1).await.status, 400, "another caller");
}
