//! Changes topics while brokers come and go: what fails is tried again until a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kafka::Cluster;
use kafka::topics::{Admin, Partition, Reader, TopicSettings};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::pipeline::topic::CLIENT_ID;

/// Longest wait for one answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a change is tried: a broker that was killed takes about ten seconds to come back.
const DEADLINE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// Creates, deletes and grows topics.
pub(crate) struct Topics {
    admin: Admin,
    /// Its own, because the others must know nothing of a topic before it was deleted.
    reader: Arc<Reader>,
}

impl Topics {
    /// Connects on the first request.
    pub(crate) fn new(cluster: &Cluster, reader: &Reader) -> anyhow::Result<Self> {
        Ok(Self { admin: Admin::new(cluster, CLIENT_ID, ANSWER_TIMEOUT)?, reader: Arc::new(reader.fresh()?) })
    }

    /// What a topic was created with, so that it can be recreated.
    pub(crate) async fn settings(&self, topic: &str) -> anyhow::Result<TopicSettings> {
        retry("reading a topic's settings", || async move {
            let partitions = self.partitions(topic).await?;
            let first = partitions.first().with_context(|| format!("there is no topic {topic}"))?;
            Ok(TopicSettings {
                partitions: i32::try_from(partitions.len())?,
                replication: i16::try_from(first.replicas)?,
                configs: self.admin.configs(topic).await?,
            })
        })
        .await
    }

    /// Deletes a topic and waits until it is unknown.
    pub(crate) async fn delete(&self, topic: &str) -> anyhow::Result<()> {
        let topics = &[topic];
        retry("deleting a topic", || self.admin.delete(topics)).await?;
        retry("waiting for a topic's end", || async move {
            ensure!(self.partitions(topic).await?.is_empty(), "the topic {topic} is still there");
            Ok(())
        })
        .await
    }

    /// Creates a topic; one that somebody else has created meanwhile stays as it is.
    pub(crate) async fn create(&self, topic: &str, settings: &TopicSettings) -> anyhow::Result<()> {
        retry("creating a topic", || self.admin.create(topic, settings)).await.map(drop)
    }

    /// Gives a topic one partition more, unless it has `most` already. Returns the partition.
    pub(crate) async fn grow(&self, topic: &str, most: usize) -> anyhow::Result<Option<i32>> {
        let before = retry("asking for a topic", || self.partitions(topic)).await?.len();
        if before >= most {
            return Ok(None);
        }
        retry("adding a partition", || async move {
            self.admin.grow(topic, before + 1).await?;
            ensure!(
                self.partitions(topic).await?.len() > before,
                "the topic {topic} has no more partitions than before"
            );
            Ok(())
        })
        .await?;
        Ok(Some(i32::try_from(before)?))
    }

    /// A topic's partitions; none if there is no such topic.
    async fn partitions(&self, topic: &str) -> anyhow::Result<Vec<Partition>> {
        let (reader, topic) = (Arc::clone(&self.reader), topic.to_owned());
        spawn_blocking(move || reader.partitions(&topic)).await.context("asking for a topic failed")?
    }
}

/// Tries something until it succeeds.
///
/// # Errors
/// The last error, when it fails for too long.
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
