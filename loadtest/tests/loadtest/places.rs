//! `loadtest show ID` on a real broker and a real store: each place where a post can be is named.

use std::process::Command;
use std::time::Duration;

use bson::RawDocumentBuf;
use contract::dead_letter::Reason;
use contract::{DeadLetter, Parser, PostId, Tombstone, document};
use kafka::Cluster;
use kafka::topics::{Admin, Outgoing, Sender, TopicSettings};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const TIMEOUT: Duration = Duration::from_secs(30);
const VALUE: &[u8] = br#"{"title":"Hello","content":"long enough"}"#;

async fn send(sender: &Sender, topic: &str, id: PostId, headers: &[(&str, &[u8])]) {
    let record = Outgoing { topic, key: &id.to_key(), value: Some(VALUE), headers, ..Outgoing::default() };
    sender.send(record).unwrap().acknowledged().await.unwrap();
}

fn commit(broker: &str, next: i64) {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", broker).set("group.id", "post-consumer");
    let consumer: BaseConsumer = client.create().unwrap();
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("post", 0, Offset::Offset(next)).unwrap();
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
}

/// Exit code and output.
fn show(stack: &stack::Stack, id: PostId) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(["show", &id.to_string(), "--kafka-broker", stack.kafka_broker(), "--mongo-uri", stack.mongo_uri()]);
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

#[tokio::test]
async fn each_post_is_found_where_it_is() {
    let stack = stack::shared().await;
    let broker = stack.kafka_broker();
    let [nowhere, stored, dead, lost, waiting] = std::array::from_fn(|_| PostId::fresh());
    let (code, text) = show(stack, nowhere);
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with("not found"), "topics that do not exist are not an error: {text}");

    let admin = Admin::new(&Cluster::plaintext(broker), "test", TIMEOUT).unwrap();
    let settings = TopicSettings { partitions: 1, replication: 1, configs: Vec::new() };
    for topic in ["post", "post.dlq"] {
        admin.create(topic, &settings).await.unwrap();
    }
    let sender = Sender::new(&Cluster::plaintext(broker), "test").unwrap();
    for id in [stored, dead, lost, waiting] {
        send(&sender, "post", id, &[]).await;
    }
    let letter = DeadLetter {
        topic: "post".to_owned(),
        partition: 0,
        offset: 1,
        reason: Reason::Invalid,
        message: "title is too long".to_owned(),
        id: dead.into(),
    };
    let headers = letter.headers();
    let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
    send(&sender, "post.dlq", dead, &headers).await;
    let client = mongodb::Client::with_uri_str(stack.mongo_uri()).await.unwrap();
    let posts = client.default_database().unwrap().collection::<RawDocumentBuf>("posts");
    let mut body = VALUE.to_vec();
    let document = document::encode(stored, &Parser::default().parse(&mut body).unwrap(), 1_700_000_000_000);
    posts.insert_one(document).await.unwrap();
    commit(broker, 3);

    let (code, text) = show(stack, stored);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("stored:") && text.contains(&stored.to_string()) && text.contains("2023-11-14"), "{text}");

    let (code, text) = show(stack, dead);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("dead-lettered: title is too long (invalid)"), "{text}");
    assert!(text.contains("topic post, partition 0, offset 1"), "{text}");

    let (code, text) = show(stack, waiting);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("waiting: topic post, partition 0, offset 3; 0 records are before it"), "{text}");
    assert!(text.contains("lag of group post-consumer: 1"), "{text}");

    let (code, text) = show(stack, lost);
    assert_eq!(code, 99, "{text}");
    assert!(
        text.starts_with("lost: group post-consumer has committed past topic post, partition 0, offset 2"),
        "{text}"
    );

    posts.insert_one(Tombstone { erased_at_ms: 1_700_000_000_000, kept_until_ms: None }.of_id(lost)).await.unwrap();
    let (code, text) = show(stack, lost);
    assert_eq!(code, 0, "{text}");
    assert!(text.starts_with("erased:") && text.contains("1700000000000"), "{text}");

    let (code, text) = show(stack, nowhere);
    assert_eq!(code, 1, "{text}");
    assert!(text.starts_with("not found"), "{text}");
}
