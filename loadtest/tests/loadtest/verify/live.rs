//! A live system as `verify` finds it, whose records, documents, dead letters and offsets the test makes itself.

use std::process::Command;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use contract::dead_letter::{Reason, TIMESTAMP_HEADER};
use contract::{DeadLetter, Parser, PostId, document};
use kafka::Cluster;
use kafka::topics::{Admin, Outgoing, Sender, TopicSettings};
use mongodb::Collection;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use stack::Stack;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A topic of two partitions, its dead letters, a group and a collection.
pub(super) struct Live {
    pub(super) topic: String,
    pub(super) group: String,
    stack: &'static Stack,
    sender: Sender,
    mongo_uri: String,
    posts: Collection<Document>,
    /// The time of record 0, so recent that retention leaves it alone; that of record n is n seconds later.
    pub(super) start_ms: i64,
}

/// A record in the topic.
pub(super) struct Sent {
    pub(super) id: PostId,
    value: Vec<u8>,
    time_ms: i64,
    partition: i32,
    offset: i64,
}

impl Live {
    /// With a group of its own.
    pub(super) async fn start() -> Self {
        Self::in_group(&format!("verify-{}", PostId::fresh())).await
    }

    /// In this group, whose topics share a store.
    pub(super) async fn in_group(group: &str) -> Self {
        let stack = stack::shared().await;
        let topic = format!("verify-{}", PostId::fresh());
        let server = stack.mongo_uri().rsplit_once('/').map_or(stack.mongo_uri(), |(server, _)| server);
        let mongo_uri = format!("{server}/{group}");
        let posts = mongodb::Client::with_uri_str(&mongo_uri).await.unwrap().database(group).collection("posts");
        let sender = Sender::new(&Cluster::plaintext(stack.kafka_broker()), "test").unwrap();
        let start_ms = bson::DateTime::now().timestamp_millis() - 3_600_000;
        let live = Self { topic, group: group.to_owned(), stack, sender, mongo_uri, posts, start_ms };
        live.create(&live.topic).await;
        live.create(&live.dead_letters()).await;
        live
    }

    /// Sends post `n` to partition 0.
    pub(super) async fn send(&self, n: i64) -> Sent {
        self.send_to(0, n).await
    }

    pub(super) async fn send_to(&self, partition: i32, n: i64) -> Sent {
        let value = format!(r#"{{"title":"Hello","content":"Number {n}, long enough"}}"#);
        self.send_value(partition, PostId::fresh(), value.as_bytes(), n).await
    }

    /// The same post under the same id, later.
    pub(super) async fn send_again(&self, sent: &Sent, seconds: i64) -> Sent {
        let n = (sent.time_ms - self.start_ms) / 1_000 + seconds;
        self.send_value(sent.partition, sent.id, &sent.value, n).await
    }

    pub(super) async fn send_value(&self, partition: i32, id: PostId, value: &[u8], n: i64) -> Sent {
        let time_ms = self.start_ms + 1_000 * n;
        let record = Outgoing {
            topic: &self.topic,
            partition: Some(partition),
            key: &id.to_key(),
            value: Some(value),
            timestamp_ms: Some(time_ms),
            headers: &[],
        };
        let (partition, offset) = self.sender.send(record).unwrap().acknowledged().await.unwrap();
        Sent { id, value: value.to_vec(), time_ms, partition, offset }
    }

    /// Writes a dead letter of this record, with this value.
    pub(super) async fn dead_letter(&self, sent: &Sent, value: &[u8]) {
        let letter = DeadLetter {
            topic: self.topic.clone(),
            partition: sent.partition,
            offset: sent.offset,
            reason: Reason::Undecodable,
            message: "body must be a JSON object, not an array".to_owned(),
            id: sent.id.into(),
        };
        let headers = [letter.headers(), vec![(TIMESTAMP_HEADER, sent.time_ms.to_string())]].concat();
        let headers: Vec<(&str, &[u8])> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        let (topic, key) = (self.dead_letters(), sent.id.to_key());
        let record =
            Outgoing { topic: &topic, key: &key, value: Some(value), headers: &headers, ..Outgoing::default() };
        self.sender.send(record).unwrap().acknowledged().await.unwrap();
    }

    /// Stores the record's document.
    pub(super) async fn store(&self, sent: &Sent) {
        self.posts.insert_one(sent.document()).await.unwrap();
    }

    /// Puts another document in the place of the one with this id, or of one without.
    pub(super) async fn replace(&self, id: PostId, document: Document) {
        self.posts.delete_one(doc! { "_id": "another" }).await.unwrap();
        self.posts.delete_one(doc! { "_id": document::encode_id(id) }).await.unwrap();
        self.posts.insert_one(document).await.unwrap();
    }

    /// The group has finished everything before this offset.
    pub(super) fn commit(&self, partition: i32, next: i64) {
        let consumer: BaseConsumer = self.client().set("group.id", &self.group).create().unwrap();
        consumer.commit(&self.offsets(partition, next), CommitMode::Sync).unwrap();
    }

    /// As retention does.
    pub(super) async fn delete_records_before(&self, partition: i32, offset: i64) {
        let admin: AdminClient<DefaultClientContext> = self.client().create().unwrap();
        let deleted = admin.delete_records(&self.offsets(partition, offset), &AdminOptions::new()).await.unwrap();
        assert_eq!(deleted.elements()[0].offset(), Offset::Offset(offset));
    }

    pub(super) async fn recreate_topic(&self) {
        self.admin().delete(&[&self.topic]).await.unwrap();
        let deadline = Instant::now() + TIMEOUT;
        while !self.create(&self.topic).await {
            assert!(Instant::now() < deadline, "the topic is deleted in time");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Exit code and output, for the group and the topic.
    pub(super) fn verify(&self) -> (i32, String) {
        self.verify_with(&[])
    }

    /// The same with these options.
    pub(super) fn verify_with(&self, options: &[&str]) -> (i32, String) {
        self.run_verify(&self.group, &[&self.topic], options)
    }

    pub(super) fn verify_as(&self, group: &str, topics: &[&str]) -> (i32, String) {
        self.run_verify(group, topics, &[])
    }

    fn run_verify(&self, group: &str, topics: &[&str], options: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
        command.args(["verify", "--kafka-broker", self.stack.kafka_broker(), "--mongo-uri", &self.mongo_uri]);
        command.args(["--group", group]).args(topics.iter().flat_map(|topic| ["--topic", topic])).args(options);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap(), text)
    }

    fn dead_letters(&self) -> String {
        format!("{}.dlq", self.topic)
    }

    async fn create(&self, topic: &str) -> bool {
        let settings = TopicSettings { partitions: 2, replication: 1, configs: Vec::new() };
        self.admin().create(topic, &settings).await.unwrap()
    }

    fn admin(&self) -> Admin {
        Admin::new(&Cluster::plaintext(self.stack.kafka_broker()), "test", TIMEOUT).unwrap()
    }

    fn client(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.stack.kafka_broker());
        client
    }

    fn offsets(&self, partition: i32, offset: i64) -> TopicPartitionList {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.topic, partition, Offset::Offset(offset)).unwrap();
        offsets
    }
}

impl Sent {
    /// The document that the consumer makes of it.
    pub(super) fn document(&self) -> Document {
        let mut value = self.value.clone();
        let mut parser = Parser::default();
        let document = document::encode(self.id, &parser.parse(&mut value).unwrap(), self.time_ms);
        Document::try_from(document).unwrap()
    }
}
