//! A consumer under test with a topic, a group and a database of its own.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use consumer::ConsumerConfig;
use contract::dead_letter::LeftOut;
use contract::{DeadLetter, PostId};
use mongodb::{Client, Collection};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use service::Settings;
use stack::Stack;
use uuid::Uuid;

/// Longest wait for anything in these tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A limited retention that no test reaches.
const A_CENTURY_MS: &str = "3153600000000";

/// A topic, a group and a database with random names.
pub(crate) struct World {
    pub(crate) broker: String,
    pub(crate) mongo_uri: String,
    pub(crate) topic: String,
    pub(crate) producer: FutureProducer,
}

impl World {
    /// On the stack that all tests share.
    pub(crate) async fn new(partitions: i32) -> Self {
        let stack = stack::shared().await;
        let world = Self::without_topic(stack);
        world.create_topic(partitions).await;
        world
    }

    /// With the shared broker, and with the store that answers as MongoDB does.
    pub(crate) async fn on_mongodb() -> Self {
        let (stack, store) = tokio::join!(stack::shared(), stack::shared_mongodb());
        let world = Self::at(stack.kafka_broker(), &stack::store::uri(store.port()));
        world.create_topic(1).await;
        world
    }

    pub(crate) fn without_topic(stack: &Stack) -> Self {
        Self::at(stack.kafka_broker(), stack.mongo_uri())
    }

    /// With the servers at these addresses; the database is new all the same.
    pub(crate) fn at(broker: &str, mongo_uri: &str) -> Self {
        let name = Uuid::now_v7().simple().to_string();
        let server = mongo_uri.rsplit_once('/').map_or(mongo_uri, |(server, _)| server);
        // A topic takes larger records than librdkafka does by default.
        let mut config = client_config(broker);
        config.set("message.timeout.ms", "20000").set("message.max.bytes", "4000000");
        let producer = config.create().unwrap();
        Self {
            broker: broker.to_owned(),
            mongo_uri: format!("{server}/test-{name}"),
            topic: format!("post-{name}"),
            producer,
        }
    }

    pub(crate) async fn create_topic(&self, partitions: i32) {
        self.create(&self.topic, partitions, &[]).await;
    }

    /// Creates any topic, with these settings; one that was just deleted may exist for a moment. It keeps old records,
    /// too: by its own settings a broker removes them at some time, half a minute after it was started.
    pub(crate) async fn create(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
        if !settings.iter().any(|(name, _)| *name == "retention.ms") {
            topic.config.push(("retention.ms", A_CENTURY_MS));
        }
        topic.config.extend_from_slice(settings);
        let admin = self.admin();
        wait_until(&format!("the topic {name} is created"), async || {
            let created = admin.create_topics([&topic], &AdminOptions::new()).await.unwrap().remove(0);
            let is_there_still = matches!(&created, Err((_, RDKafkaErrorCode::TopicAlreadyExists)));
            assert!(created.is_ok() || is_there_still, "{created:?}");
            created.is_ok()
        })
        .await;
    }

    pub(crate) async fn delete(&self, name: &str) {
        let deleted = self.admin().delete_topics(&[name], &AdminOptions::new()).await.unwrap();
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }

    pub(crate) fn admin(&self) -> AdminClient<DefaultClientContext> {
        client_config(&self.broker).create().unwrap()
    }

    /// A setting that is in force for a topic.
    pub(crate) async fn setting(&self, topic: &str, name: &str) -> String {
        let described = self.admin().describe_configs([&ResourceSpecifier::Topic(topic)], &AdminOptions::new()).await;
        let settings = described.unwrap().remove(0).unwrap();
        settings.get(name).unwrap().value.clone().unwrap()
    }

    /// The settings, with these on top.
    pub(crate) fn config(&self, set: &[(&str, &str)]) -> ConsumerConfig {
        let variables = self.variables(set);
        let lookup = |name: &str| variables.get(name).cloned();
        let mut settings = Settings::new(&lookup);
        let config = ConsumerConfig::read(&mut settings);
        let (_, faults) = settings.finish();
        assert_eq!(faults, []);
        config
    }

    /// The settings as environment variables. Only posts are served, unless a test says otherwise.
    pub(crate) fn variables(&self, set: &[(&str, &str)]) -> HashMap<String, String> {
        let (dead_letters, orders) = (self.dead_letter_topic(), self.order_topic());
        let order_dead_letters = self.order_dead_letter_topic();
        let own = [
            ("KINDS", "post"),
            ("KAFKA_BROKER", self.broker.as_str()),
            ("MONGO_URI", &self.mongo_uri),
            ("KAFKA_TOPIC", &self.topic),
            ("KAFKA_GROUP", &self.topic),
            ("DLQ_TOPIC", &dead_letters),
            ("ORDER_KAFKA_TOPIC", &orders),
            ("ORDER_KAFKA_GROUP", &orders),
            ("ORDER_DLQ_TOPIC", &order_dead_letters),
        ];
        let all = own.into_iter().chain(set.iter().copied());
        all.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    pub(crate) fn dead_letter_topic(&self) -> String {
        format!("{}.dlq", self.topic)
    }

    /// The series of the group's lag.
    pub(crate) fn lag(&self, partition: i32) -> String {
        lag_of(&self.topic, &self.topic, partition)
    }

    /// Sends a record and waits for its acknowledgement.
    pub(crate) async fn send(&self, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.send_to(None, key, value).await;
    }

    pub(crate) async fn send_to(&self, partition: Option<i32>, key: Option<&[u8]>, value: Option<&[u8]>) {
        let record = FutureRecord { partition, key, payload: value, ..FutureRecord::to(&self.topic) };
        self.producer.send(record, DEADLINE).await.unwrap();
    }

    /// Sends a record without a key, with this timestamp.
    pub(crate) async fn send_of(&self, timestamp_ms: i64, value: &[u8]) {
        let record = FutureRecord::<[u8], [u8]>::to(&self.topic).payload(value).timestamp(timestamp_ms);
        self.producer.send(record, DEADLINE).await.unwrap();
    }

    /// Sends a post to the partition, with this timestamp.
    pub(crate) async fn send_at(&self, partition: i32, timestamp_ms: i64) {
        let (key, value) = (PostId::fresh().to_key(), post(0));
        let record = FutureRecord::to(&self.topic).partition(partition).timestamp(timestamp_ms);
        self.producer.send(record.key(&key).payload(&value), DEADLINE).await.unwrap();
    }

    /// Sends posts under fresh ids, in order, and returns the ids.
    pub(crate) async fn send_posts(&self, count: usize) -> Vec<PostId> {
        self.send_all(count, post).await
    }

    /// The same with posts of a kilobyte.
    pub(crate) async fn send_large_posts(&self, count: usize) -> Vec<PostId> {
        self.send_all(count, large_post).await
    }

    async fn send_all(&self, count: usize, post: fn(usize) -> Vec<u8>) -> Vec<PostId> {
        let ids: Vec<PostId> = (0..count).map(|_| PostId::fresh()).collect();
        let mut sending = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            let (key, value) = (id.to_key(), post(index));
            let record = FutureRecord::to(&self.topic).key(&key).payload(&value);
            sending.push(self.producer.send_result(record).map_err(|(error, _)| error).unwrap());
        }
        for delivery in sending {
            delivery.await.unwrap().unwrap();
        }
        ids
    }

    pub(crate) async fn posts(&self) -> Collection<Document> {
        self.collection("posts").await
    }

    pub(crate) async fn collection(&self, name: &str) -> Collection<Document> {
        let client = Client::with_uri_str(&self.mongo_uri).await.unwrap();
        client.default_database().unwrap().collection(name)
    }

    /// All documents, once the expected number is there.
    pub(crate) async fn wait_for_documents(&self, count: usize) -> Vec<Document> {
        let posts = self.posts().await;
        let mut found = Vec::new();
        wait_until(&format!("{count} documents"), async || {
            found = all(&posts).await;
            found.len() >= count
        })
        .await;
        assert_eq!(found.len(), count);
        found
    }

    /// All dead letters, once the expected number is there.
    pub(crate) async fn wait_for_dead_letters(&self, count: usize) -> Vec<(DeadLetter, OwnedMessage)> {
        self.wait_for_dead_letters_in(&self.dead_letter_topic(), count).await
    }

    /// The same in another topic of dead letters.
    pub(crate) async fn wait_for_dead_letters_in(&self, topic: &str, count: usize) -> Vec<(DeadLetter, OwnedMessage)> {
        let (broker, topic) = (self.broker.clone(), topic.to_owned());
        let read = move || {
            let consumer: BaseConsumer = client_config(&broker).set("group.id", "test").create().unwrap();
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(&topic, 0, Offset::Beginning).unwrap();
            consumer.assign(&list).unwrap();
            let deadline = Instant::now() + DEADLINE;
            let mut messages = Vec::new();
            while messages.len() < count && Instant::now() < deadline {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) {
                    messages.push(message.detach());
                }
            }
            // Whatever exceeds the expected number.
            messages.extend(consumer.poll(Duration::from_millis(500)).map(|message| message.unwrap().detach()));
            messages
        };
        let messages = tokio::task::spawn_blocking(read).await.unwrap();
        assert_eq!(messages.len(), count);
        let with_letter = |message: OwnedMessage| {
            let headers = message.headers().unwrap();
            let letter =
                DeadLetter::from_headers(headers.iter().map(|h| (h.key, h.value.unwrap_or_default()))).unwrap();
            (letter, message)
        };
        messages.into_iter().map(with_letter).collect()
    }
}

/// The series of a group's lag.
pub(crate) fn lag_of(group: &str, topic: &str, partition: i32) -> String {
    format!("kafka_consumergroup_lag{{consumergroup=\"{group}\",topic=\"{topic}\",partition=\"{partition}\"}}")
}

/// What a dead letter leaves out.
pub(crate) fn left_out(message: &OwnedMessage) -> LeftOut {
    let headers = message.headers().unwrap().iter().map(|header| (header.key, header.value.unwrap_or_default()));
    LeftOut::from_headers(headers).unwrap()
}

/// A valid post.
pub(crate) fn post(number: usize) -> Vec<u8> {
    serde_json::json!({ "title": format!("Post {number}"), "content": "long enough to be a post" })
        .to_string()
        .into_bytes()
}

/// A valid post of about a kilobyte.
fn large_post(number: usize) -> Vec<u8> {
    let content = "x".repeat(950);
    serde_json::json!({ "title": format!("Post {number}"), "content": content }).to_string().into_bytes()
}

pub(crate) async fn all(posts: &Collection<Document>) -> Vec<Document> {
    let mut cursor = posts.find(doc! {}).await.unwrap();
    let mut found = Vec::new();
    while cursor.advance().await.unwrap() {
        found.push(cursor.deserialize_current().unwrap());
    }
    found
}

pub(crate) fn ids(documents: &[Document]) -> Vec<PostId> {
    let mut ids: Vec<PostId> = documents
        .iter()
        .map(|document| PostId::from(document.get("_id").unwrap().as_uuid().expect("the id is a UUID")))
        .collect();
    ids.sort();
    ids
}

trait AsUuid {
    fn as_uuid(&self) -> Option<Uuid>;
}

impl AsUuid for bson::Bson {
    fn as_uuid(&self) -> Option<Uuid> {
        match self {
            bson::Bson::Binary(binary) if binary.subtype == bson::spec::BinarySubtype::Uuid => {
                Uuid::from_slice(&binary.bytes).ok()
            }
            _ => None,
        }
    }
}

pub(crate) async fn wait_until(what: &str, mut is_reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_reached().await {
        assert!(Instant::now() < deadline, "not reached in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) fn client_config(broker: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker);
    config
}
