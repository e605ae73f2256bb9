//! What the real services leave behind is what `loadtest verify` expects, dead letters of every sort included.

use std::process::Command;
use std::time::Instant;

use contract::PostId;
use kafka::topics::{Outgoing, Sender};

use super::{DEADLINE, Running, json, post, post_with};

/// Exit code and output.
async fn verify(running: &Running) -> (i32, String) {
    let kafka = &running.consumer.kafka;
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.arg("verify").envs([
        ("KAFKA_BROKER", &kafka.cluster.bootstrap()),
        ("KAFKA_TOPIC", &kafka.topic),
        ("KAFKA_GROUP", &kafka.group),
        ("DLQ_TOPIC", &kafka.dead_letter_topic),
        ("MONGO_URI", &running.mongo_uri),
    ]);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_services_leave_is_proven() {
    let running = Running::start(&[("KAFKA_PARTITIONS", "2"), ("DLQ_MAX_SHARE", "1")]).await;
    for number in 0..20 {
        post(&running.address, &json(&format!("Post {number}"))).await.unwrap();
    }
    // Of the two records under one id, only one can become a document.
    for _ in 0..2 {
        post_with(&running.address, "idempotency-key: once\r\n", &json("Once")).await.unwrap();
    }
    let sender = Sender::new(&running.consumer.kafka.cluster, "test").unwrap();
    let (id, large) = (PostId::fresh().to_key(), format!(r#"{{"title":"Large","content":"{}"}}"#, "x".repeat(100_000)));
    let bad: [(&[u8], Option<&[u8]>); 5] =
        [(&id, Some(b"[]")), (b"42", Some(b"{}")), (b"", None), (&id, Some(large.as_bytes())), (b"43", Some(b"\xff"))];
    for (key, value) in bad {
        let record = Outgoing { topic: &running.consumer.kafka.topic, key, value, ..Outgoing::default() };
        sender.send(record).unwrap().acknowledged().await.unwrap();
    }
    // By a client with a clock of its own, and without a key that is an id.
    let value = json("Past the producer");
    let an_hour_ago = bson::DateTime::now().timestamp_millis() - 3_600_000;
    let (topic, value) = (&running.consumer.kafka.topic, Some(value.as_bytes()));
    let record = Outgoing { topic, key: b"44", value, timestamp_ms: Some(an_hour_ago), ..Outgoing::default() };
    sender.send(record).unwrap().acknowledged().await.unwrap();

    let deadline = Instant::now() + DEADLINE;
    let (code, text) = loop {
        let (code, text) = verify(&running).await;
        if text.contains("lag                      0") {
            break (code, text);
        }
        assert!(Instant::now() < deadline, "all is finished in time: {text}");
    };
    assert_eq!(code, 0, "{text}");
    for count in [
        "records                 28",
        "stored                  23",
        "dead-lettered            5",
        "repeated                 2",
        "missing                  0",
        "changed                  0",
    ] {
        assert!(text.contains(count), "{count} in\n{text}");
    }
    running.stop.cancel();
    running.ended().await;
}
