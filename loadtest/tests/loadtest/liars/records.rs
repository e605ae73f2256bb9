//! The records of a small pipeline in a topic, the offsets that its group commits, and its dead letters.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use contract::DeadLetter;
use contract::dead_letter::{Reason, TIMESTAMP_HEADER};
use kafka::Cluster;
use kafka::topics::{Admin, Outgoing, Sender, TopicSettings};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::lies::HonestPost;

const TIMEOUT: Duration = Duration::from_secs(30);

/// How often offsets are committed.
const COMMIT_EVERY: Duration = Duration::from_millis(50);

/// Sends records, if there are any, and dead letters.
pub(super) struct Records {
    sender: Sender,
    topic: String,
    /// The offset after the last record; `None` without records.
    next: Option<Arc<AtomicI64>>,
}

impl Records {
    /// The topic and the group have this name. The group's commits may leave the last record out.
    pub(super) async fn start(broker: &str, name: &str, has_records: bool, leaves_a_lag: bool) -> Self {
        let admin = Admin::new(&Cluster::plaintext(broker), "test", TIMEOUT).unwrap();
        let settings = TopicSettings { partitions: 1, replication: 1, configs: Vec::new() };
        admin.create(&dead_letters(name), &settings).await.unwrap();
        let mut next = None;
        if has_records {
            admin.create(name, &settings).await.unwrap();
            let offset = next.insert(Arc::new(AtomicI64::new(0)));
            keep_committing(broker, name, Arc::clone(offset), i64::from(leaves_a_lag));
        }
        Self { sender: Sender::new(&Cluster::plaintext(broker), "test").unwrap(), topic: name.to_owned(), next }
    }

    /// Sends the post's record, with this time.
    pub(super) async fn send(&self, post: &HonestPost, now: i64) {
        let Some(next) = &self.next else { return };
        let value = value(post, &post.content);
        let record = Outgoing {
            topic: &self.topic,
            key: &post.id.to_key(),
            value: Some(&value),
            timestamp_ms: Some(now),
            ..Outgoing::default()
        };
        let (_, offset) = self.sender.send(record).unwrap().acknowledged().await.unwrap();
        next.fetch_max(offset + 1, Ordering::SeqCst);
    }

    /// Sends the post's dead letter, with this content.
    pub(super) async fn dead_letter(&self, post: &HonestPost, content: &str, now: i64) {
        let letter = DeadLetter {
            topic: self.topic.clone(),
            partition: 0,
            offset: 0,
            reason: Reason::Refused,
            message: "the store refuses it".to_owned(),
            id: post.id.into(),
        };
        let headers = [letter.headers(), vec![(TIMESTAMP_HEADER, now.to_string())]].concat();
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let (topic, value) = (dead_letters(&self.topic), value(post, content));
        let record = Outgoing {
            topic: &topic,
            key: &post.id.to_key(),
            value: Some(&value),
            timestamp_ms: Some(now),
            headers: &headers,
            ..Outgoing::default()
        };
        self.sender.send(record).unwrap().acknowledged().await.unwrap();
    }
}

/// The name of the topic of the dead letters.
pub(super) fn dead_letters(name: &str) -> String {
    format!("{name}.dlq")
}

fn value(post: &HonestPost, content: &str) -> Vec<u8> {
    serde_json::json!({ "title": post.title, "content": content }).to_string().into_bytes()
}

/// Commits the offset, less this number, whenever it has changed.
fn keep_committing(broker: &str, name: &str, next: Arc<AtomicI64>, less: i64) {
    let mut client = ClientConfig::new();
    let consumer: BaseConsumer = client.set("bootstrap.servers", broker).set("group.id", name).create().unwrap();
    let name = name.to_owned();
    tokio::spawn(async move {
        let consumer = Arc::new(consumer);
        let mut committed = 0;
        loop {
            tokio::time::sleep(COMMIT_EVERY).await;
            let offset = next.load(Ordering::SeqCst) - less;
            if offset > committed {
                let mut offsets = TopicPartitionList::new();
                offsets.add_partition_offset(&name, 0, Offset::Offset(offset)).unwrap();
                let consumer = Arc::clone(&consumer);
                let commit = move || consumer.commit(&offsets, CommitMode::Sync);
                tokio::task::spawn_blocking(commit).await.unwrap().unwrap();
                committed = offset;
            }
        }
    });
}
