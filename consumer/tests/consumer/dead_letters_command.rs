//! `consumer dead-letters`: what it shows, and that what it sends back is stored once.

use std::process::Command;

use bson::doc;
use contract::dead_letter::Reason;
use contract::place::{ORIGIN_OFFSET_HEADER, ORIGIN_PARTITION_HEADER};
use contract::{Place, PostId};
use mongodb::IndexModel;
use mongodb::options::IndexOptions;
use rdkafka::message::{Headers, Message, OwnedMessage};

use crate::running::Running;
use crate::support::{World, ids, post};

const SOON: [(&str, &str); 1] = [("CONSUMER_BATCH_INTERVAL", "100ms")];

/// Where a dead letter says that its record stood first.
fn origin(message: &OwnedMessage) -> Option<(i32, i64)> {
    let header = |name: &str| message.headers()?.iter().find(|header| header.key == name)?.value;
    let (partition, offset) = (header(ORIGIN_PARTITION_HEADER), header(ORIGIN_OFFSET_HEADER));
    Place::from_origin_headers(partition, offset, 0).map(|place| (place.partition, place.offset))
}

/// Runs the command, expects this exit code, and returns what it printed.
pub(crate) async fn dead_letters(world: &World, code: i32, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consumer"));
    command.env_clear().envs(world.variables(&[])).arg("dead-letters").args(arguments);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_record_is_stored_under_its_id_once_the_cause_is_fixed() {
    let world = World::new(1).await;
    let unique = IndexOptions::builder().unique(true).build();
    let posts = world.posts().await;
    let index = IndexModel::builder().keys(doc! { "title": 1 }).options(unique).build();
    let index = posts.create_index(index).await.unwrap().index_name;
    let first = world.send_posts(1).await[0];
    let refused = PostId::fresh();
    world.send(Some(&refused.to_key()), Some(&post(0))).await;
    world.send(None, Some(b"not \xff a post")).await;
    let running = Running::start(world.config(&SOON)).await;
    let letters = world.wait_for_dead_letters(2).await;

    let list = dead_letters(&world, 0, &["list"]).await;
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 3, "{list}");
    assert!(lines[0].starts_with("0/2  ") || lines[0].starts_with("0/1  "), "{list}");
    assert!(list.contains(&format!("conflict  0  {refused}")), "{list}");
    assert_eq!(lines[2], "dead letters: 2, undecodable 1, conflict 1");
    let limited = dead_letters(&world, 0, &["list", "--reason", "conflict", "--limit", "0"]).await;
    assert_eq!(limited, "dead letters: 1, conflict 1\n");
    assert!(dead_letters(&world, 0, &["show", "0/2"]).await.contains("12 bytes\nnot \\xff a post\n"));
    let shown = dead_letters(&world, 0, &["show", &refused.to_string()]).await;
    assert!(shown.contains(&String::from_utf8(post(0)).unwrap()), "{shown}");
    assert!(dead_letters(&world, 1, &["show", "0/0"]).await.contains("there is no such dead letter"));

    posts.drop_index(index).await.unwrap();
    let conflicts = ["replay", "--reason", "conflict"];
    let dry = dead_letters(&world, 0, &[&conflicts[..], &["--dry-run"]].concat()).await;
    assert!(dry.contains(&refused.to_string()) && dry.contains("nothing was sent"), "{dry}");
    assert!(dead_letters(&world, 0, &conflicts).await.contains("acknowledged: 1\n"));
    running.wait_for_metric("ingest_records_stored_total{kind=\"post\"}", 2.0).await;
    assert_eq!(
        running.metric("ingest_records_consumed_total{kind=\"post\"}").await,
        Some(4.0),
        "the dry run sent nothing"
    );
    let stored = world.wait_for_documents(2).await;
    assert_eq!(ids(&stored), [first, refused]);
    let (_, record) = letters.iter().find(|(letter, _)| letter.reason == Reason::Conflict).unwrap();
    let created_at = stored[1].get_datetime("createdAt").unwrap().timestamp_millis();
    assert_eq!(Some(created_at), record.timestamp().to_millis(), "it keeps its date");

    dead_letters(&world, 0, &["replay", "--id", &refused.to_string()]).await;
    running.wait_for_metric("ingest_records_duplicate_total{kind=\"post\"}", 1.0).await;
    world.wait_for_documents(2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_still_cannot_be_stored_comes_back_with_its_attempts_counted() {
    let world = World::new(2).await;
    for _ in 0..3 {
        world.send(None, Some(b"not a post")).await;
    }
    let running = Running::start(world.config(&SOON)).await;
    let letters = world.wait_for_dead_letters(3).await;
    assert!(letters.iter().all(|(_, record)| origin(record).is_none()), "none was sent back");
    for attempts in 1..=2 {
        let sent = dead_letters(&world, 0, &["replay"]).await;
        assert!(sent.contains("acknowledged: 3\n"), "only the last dead letter of each is sent: {sent}");
        let letters = world.wait_for_dead_letters(3 * (attempts + 1)).await;
        let again = &letters[3 * attempts..];
        for (letter, record) in again {
            assert_eq!(record.key(), Some(&letter.id.to_key()[..]));
            assert_eq!(record.payload(), Some(&b"not a post"[..]));
            let shown = dead_letters(&world, 0, &["show", &format!("{}/{}", letter.partition, letter.offset)]).await;
            assert!(shown.contains(&format!("replay attempts  {attempts}\n")), "{shown}");
            let (first, _) = letters[..3].iter().find(|(first, _)| first.id == letter.id).expect("the id stays");
            assert_eq!(origin(record), Some((first.partition, first.offset)), "where it stood first stays");
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_and_topics_that_cannot_be_used_are_named() {
    let world = World::new(1).await;
    assert!(dead_letters(&world, 1, &["list"]).await.contains("does not exist"));
    assert!(dead_letters(&world, 64, &["list", "--reason", "bad"]).await.contains("undecodable, invalid"));
    assert!(dead_letters(&world, 64, &["show", ""]).await.contains("partition and offset as in 0/42"));
    assert!(dead_letters(&world, 64, &[]).await.contains("Usage: consumer dead-letters"));
    assert!(dead_letters(&world, 0, &["--help"]).await.contains("DLQ_TOPIC"));
}
