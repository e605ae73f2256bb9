//! Changes topics while brokers come and go: what fails is tried again until a deadline, and what turns out to be done
//! already is done.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication, TopicResult,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::pipeline::kafka::KafkaReader;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a change is tried: a broker that was killed takes some ten seconds to be back.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// Creates, deletes and grows topics.
pub(crate) struct Topics {
    admin: AdminClient<DefaultClientContext>,
    /// Its own: the others are to know nothing of a topic before it was deleted.
    kafka: Arc<KafkaReader>,
}

/// What a topic is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    partitions: i32,
    replication: i32,
    /// Those that are the topic's own.
    configs: Vec<(String, String)>,
}

impl Topics {
    /// Connects when it is first asked.
    pub(crate) fn new(brokers: &str, kafka: &KafkaReader) -> anyhow::Result<Self> {
        let admin = ClientConfig::new().set("bootstrap.servers", brokers).set("client.id", "loadtest").create();
        Ok(Self { admin: admin.context("cannot make a Kafka admin client")?, kafka: Arc::new(kafka.anew()?) })
    }

    /// What a topic was made with, so that it can be made again.
    pub(crate) async fn settings(&self, topic: &str) -> anyhow::Result<TopicSettings> {
        retry("reading a topic's settings", || async move {
            let replicas = self.replicas(topic).await?;
            let replication = replicas.first().copied().with_context(|| format!("there is no topic {topic}"))?;
            let mut configs = Vec::new();
            for resource in self.admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options()).await? {
                let entries = resource.map_err(KafkaError::AdminOp)?.entries.into_iter();
                let own = entries.filter(|entry| entry.source == ConfigSource::DynamicTopic);
                configs.extend(own.filter_map(|entry| Some((entry.name, entry.value?))));
            }
            let (partitions, replication) = (i32::try_from(replicas.len())?, i32::try_from(replication)?);
            Ok(TopicSettings { partitions, replication, configs })
        })
        .await
    }

    /// Deletes a topic and waits until it is unknown.
    pub(crate) async fn delete(&self, topic: &str) -> anyhow::Result<()> {
        retry("deleting a topic", || async move {
            let deleted = self.admin.delete_topics(&[topic], &options()).await;
            done(deleted, RDKafkaErrorCode::UnknownTopicOrPartition)
        })
        .await?;
        retry("waiting for a topic's end", || async move {
            ensure!(self.replicas(topic).await?.is_empty(), "the topic {topic} is still there");
            Ok(())
        })
        .await
    }

    /// Makes a topic; one that somebody else has made meanwhile stays as it is.
    pub(crate) async fn create(&self, topic: &str, settings: &TopicSettings) -> anyhow::Result<()> {
        let mut new = NewTopic::new(topic, settings.partitions, TopicReplication::Fixed(settings.replication));
        for (name, value) in &settings.configs {
            new = new.set(name, value);
        }
        let new = &[new];
        retry("making a topic", || async move {
            let created = self.admin.create_topics(new, &options()).await;
            done(created, RDKafkaErrorCode::TopicAlreadyExists)
        })
        .await
    }

    /// Gives a topic one partition more, unless it has `most` already. Returns the partition.
    pub(crate) async fn grow(&self, topic: &str, most: usize) -> anyhow::Result<Option<i32>> {
        let before = retry("asking for a topic", || self.replicas(topic)).await?.len();
        if before >= most {
            return Ok(None);
        }
        let new = &[NewPartitions::new(topic, before + 1)];
        retry("adding a partition", || async move {
            let grown = self.admin.create_partitions(new, &options()).await;
            // Also of an attempt that was not answered in time.
            done(grown, RDKafkaErrorCode::InvalidPartitions)?;
            ensure!(self.replicas(topic).await?.len() > before, "the topic {topic} has no more partitions than before");
            Ok(())
        })
        .await?;
        Ok(Some(i32::try_from(before)?))
    }

    /// The number of replicas of each of a topic's partitions; empty if there is no such topic.
    async fn replicas(&self, topic: &str) -> anyhow::Result<Vec<usize>> {
        let (kafka, topic) = (Arc::clone(&self.kafka), topic.to_owned());
        spawn_blocking(move || kafka.replicas(&topic)).await.context("asking for a topic failed")?
    }
}

/// Tries something until it is done.
///
/// # Errors
/// The last one, when it fails for too long.
pub(crate) async fn retry<T, F>(what: &str, attempt: impl Fn() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let deadline = Instant::now() + DEADLINE;
    loop {
        match attempt().await {
            Err(error) if Instant::now() > deadline => {
                return Err(error.context(format!("{what} has failed for {} s", DEADLINE.as_secs())));
            }
            Err(_) => sleep(PAUSE).await,
            done => return done,
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(ANSWER_TIMEOUT)).request_timeout(Some(ANSWER_TIMEOUT))
}

/// Whether a topic is changed, or was `already`.
fn done(results: KafkaResult<Vec<TopicResult>>, already: RDKafkaErrorCode) -> anyhow::Result<()> {
    for (_, code) in results?.into_iter().filter_map(Result::err) {
        if code != already {
            return Err(KafkaError::AdminOp(code).into());
        }
    }
    Ok(())
}
