//! A test's own topic and group, and what changes them from outside.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka::Cluster;
use kafka::group::core::{BatchLimits, BrakeLimits, GroupLimits, RunAhead};
use kafka::group::{GroupConfig, OffsetReset};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use uuid::Uuid;

/// Longest wait for anything in these tests.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// A topic and a group with one random name.
pub(crate) struct World {
    pub(crate) broker: String,
    pub(crate) topic: String,
    producer: FutureProducer,
    admin: AdminClient<DefaultClientContext>,
}

impl World {
    /// On the broker that all tests share.
    pub(crate) async fn new(partitions: usize) -> Self {
        let world = Self::at(stack::shared().await.kafka_broker());
        world.create_topic(partitions).await;
        world
    }

    /// At these brokers, without the topic.
    pub(crate) fn at(broker: &str) -> Self {
        let name = Uuid::now_v7().simple();
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", broker).set("message.timeout.ms", "20000");
        Self {
            broker: broker.to_owned(),
            topic: format!("record-{name}"),
            producer: client.create().unwrap(),
            admin: client.create().unwrap(),
        }
    }

    /// Creates the topic with its partitions on one broker.
    pub(crate) async fn create_topic(&self, partitions: usize) {
        self.create(&NewTopic::new(&self.topic, partitions.try_into().unwrap(), TopicReplication::Fixed(1))).await;
    }

    /// Creates the topic with one partition on each of these brokers.
    pub(crate) async fn create_topic_on(&self, brokers: &[i32]) {
        let replicas: Vec<&[i32]> = brokers.chunks(1).collect();
        let partitions = brokers.len().try_into().unwrap();
        self.create(&NewTopic::new(&self.topic, partitions, TopicReplication::Variable(&replicas))).await;
    }

    async fn create(&self, topic: &NewTopic<'_>) {
        // A deleted topic of this name may not be quite gone.
        wait_until("the topic is created", async || {
            let created = self.admin.create_topics([topic], &AdminOptions::new()).await.unwrap();
            created.iter().all(Result::is_ok)
        })
        .await;
    }

    pub(crate) async fn delete_topic(&self) {
        let deleted = self.admin.delete_topics(&[&self.topic], &AdminOptions::new()).await.unwrap();
        assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    }

    /// From now on the topic has this many partitions.
    pub(crate) async fn grow_topic(&self, partitions: usize) {
        let grown = NewPartitions::new(&self.topic, partitions);
        let grown = self.admin.create_partitions([&grown], &AdminOptions::new()).await.unwrap();
        assert!(grown.iter().all(Result::is_ok), "{grown:?}");
    }

    /// Does what retention does: the partition now starts at this offset.
    pub(crate) async fn delete_before(&self, partition: i32, offset: i64) {
        let deleted =
            self.admin.delete_records(&self.list(&[(partition, offset)]), &AdminOptions::new()).await.unwrap();
        let element = deleted.find_partition(&self.topic, partition).unwrap();
        assert_eq!((element.error(), element.offset()), (Ok(()), Offset::Offset(offset)));
    }

    /// Sends records of about 1 KB to the partition, in order.
    pub(crate) async fn send(&self, partition: i32, count: usize) {
        let value = [b'x'; 1_000];
        let send = |_| {
            let record = FutureRecord::<[u8], [u8]>::to(&self.topic).partition(partition).payload(&value);
            self.producer.send_result(record).map_err(|(error, _)| error).unwrap()
        };
        for delivery in (0..count).map(send).collect::<Vec<_>>() {
            delivery.await.unwrap().unwrap();
        }
    }

    /// Partitions of the topic, each with an offset.
    pub(crate) fn list(&self, offsets: &[(i32, i64)]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(&self.topic, *partition, Offset::Offset(*offset)).unwrap();
        }
        list
    }

    /// Partitions of the topic, by name only.
    pub(crate) fn names(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        partitions.iter().for_each(|partition| _ = list.add_partition(&self.topic, *partition));
        list
    }

    /// What the topic's own group has committed, as a bystander sees it.
    pub(crate) fn committed(&self, partitions: &[i32]) -> BTreeMap<i32, Option<i64>> {
        self.committed_by(&self.topic, partitions)
    }

    /// What this group has committed of the topic.
    pub(crate) fn committed_by(&self, group: &str, partitions: &[i32]) -> BTreeMap<i32, Option<i64>> {
        let bystander: BaseConsumer =
            ClientConfig::new().set("bootstrap.servers", &self.broker).set("group.id", group).create().unwrap();
        offsets(&bystander.committed_offsets(self.names(partitions), DEADLINE).unwrap())
    }

    /// The settings of a member of the topic's group.
    pub(crate) fn group(&self) -> GroupConfig {
        GroupConfig {
            kind: "record",
            cluster: Cluster::plaintext(&self.broker),
            topic: self.topic.clone(),
            group: self.topic.clone(),
            dead_letter_topic: format!("{}.dlq", self.topic),
            offset_reset: OffsetReset::Earliest,
            session_timeout: Duration::from_secs(6),
            max_poll_interval: Duration::from_secs(60),
            limits: GroupLimits {
                batch: BatchLimits { messages: 10, bytes: 1_000_000, interval: Duration::from_millis(100) },
                concurrent_flushes: 4,
                run_ahead: RunAhead { records: 100_000, bytes: 100_000_000 },
                revoke_timeout: Duration::from_secs(3),
                brake: BrakeLimits { max_share: 1.0, max_consecutive: 0 },
            },
        }
    }
}

/// The list's offsets, `None` where there is none.
pub(crate) fn offsets(list: &TopicPartitionList) -> BTreeMap<i32, Option<i64>> {
    let offset = |offset| match offset {
        Offset::Offset(offset) => Some(offset),
        Offset::Invalid => None,
        other => panic!("{other:?}"),
    };
    list.elements().iter().map(|element| (element.partition(), offset(element.offset()))).collect()
}

pub(crate) async fn wait_until(what: &str, is_reached: impl AsyncFnMut() -> bool) {
    wait_until_within(DEADLINE, what, is_reached).await;
}

pub(crate) async fn wait_until_within(longest: Duration, what: &str, mut is_reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + longest;
    while !is_reached().await {
        assert!(Instant::now() < deadline, "not reached in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
