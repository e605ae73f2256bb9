//! Connects to Kafka, creates the topic if it is missing, lets records through, and then watches whether Kafka still
//! answers, by asking for the end offsets once a second (which the metric of the backlog needs anyway) and at once when
//! a record was not acknowledged.
//!
//! Kafka is away when no broker answers. If only one partition's leader does not answer, it is looked for on the other
//! brokers while the records wait: most leaders are found again in time. If none is found for as long as a record may
//! wait, that partition's records, and no others, are rejected at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::future::join_all;
use rskafka::client::Client;
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use service::{Backoff, Readiness, Registry};
use tokio::sync::Notify;

use super::availability::Availability;
use super::config::PublishConfig;
use super::connecting::{self, answer};
use super::outage::Outage;
use super::topic;
use crate::shown::{CONDITION, END_OFFSET};

/// How often the end offsets are asked for.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The wait before the next look for a leader that was not found.
const SEARCH_PAUSE: Duration = Duration::from_millis(200);

/// The last known end offset of each partition.
pub type EndOffsets = Arc<Mutex<BTreeMap<i32, i64>>>;

/// The end offsets of a topic, of which none is known yet. The registry shows them.
pub(super) fn end_offsets(topic: &str, registry: &Registry) -> EndOffsets {
    let end_offsets = EndOffsets::default();
    let (observed, topic) = (Arc::clone(&end_offsets), topic.to_owned());
    registry.observe(&END_OFFSET, move |rows| {
        for (partition, offset) in observed.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            rows.row(&[&topic, &partition.to_string()], *offset as f64);
        }
    });
    end_offsets
}

/// Where records enter: it is opened and closed here, partition by partition.
pub(super) trait Entrance: Send + Sync {
    /// What is open.
    fn availability(&self) -> &Availability;

    /// Notified when a record was not acknowledged.
    fn trouble(&self) -> &Notify;

    /// This client has reached the topic, for the first time or again. It is opened next.
    fn reached(&mut self, partitions: i32, client: &Arc<Client>);

    /// The partition's leader was lost, and this client has found it again.
    fn found(&self, partition: i32, client: &Arc<Client>);
}

/// A partition's leader, as it was last found.
struct Leader {
    client: PartitionClient,
    outage: Outage,
}

/// Watches the leaders of a topic's partitions, for as long as [`Leaders::run`] is polled.
pub(super) struct Leaders<E> {
    pub(super) config: PublishConfig,
    pub(super) entrance: E,
    pub(super) readiness: Readiness,
    pub(super) end_offsets: EndOffsets,
}

impl<E: Entrance> Leaders<E> {
    /// Never returns: connects, watches, and connects again when Kafka was away.
    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::for_servers();
        loop {
            let error = match self.connect().await {
                Ok(leaders) => {
                    backoff.reset();
                    self.watch(leaders).await
                }
                Err(error) => error,
            };
            self.entrance.availability().set_away();
            let reason = format!("{error:#}");
            if self.readiness.unmet(CONDITION, &reason) || backoff.is_fresh() {
                tracing::warn!(
                    brokers = self.config.brokers.join(","),
                    error = reason,
                    "cannot reach Kafka, trying again"
                );
            }
            backoff.wait().await;
        }
    }

    /// Makes a client, makes sure of the topic, finds all leaders and lets records through.
    async fn connect(&mut self) -> anyhow::Result<Vec<Leader>> {
        let client = Arc::new(connecting::client(&self.config.brokers).await?);
        let partitions = topic::ensure(&self.config, &client).await?;
        let found = join_all((0..partitions).map(|partition| self.find(&client, partition))).await;
        let leaders = found.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        self.entrance.availability().open(leaders.len());
        self.entrance.reached(partitions, &client);
        for partition in 0..partitions {
            self.entrance.availability().set(partition, true);
        }
        self.readiness.met(CONDITION);
        let (brokers, topic) = (self.config.brokers.join(","), &self.config.topic);
        tracing::info!(brokers, topic, partitions, "Connected to Kafka");
        Ok(leaders)
    }

    /// The partition's leader, which must answer.
    async fn find(&self, client: &Client, partition: i32) -> anyhow::Result<Leader> {
        let connected = client.partition_client(&self.config.topic, partition, UnknownTopicHandling::Error);
        let client =
            answer(connected).await.with_context(|| format!("cannot reach the leader of partition {partition}"))?;
        self.end_offset(&client).await?;
        Ok(Leader { client, outage: Outage::default() })
    }

    /// Returns the reason when Kafka no longer answers.
    async fn watch(&self, mut leaders: Vec<Leader>) -> anyhow::Error {
        loop {
            // Either way it is time to ask: a failed batch alone does not mean that Kafka is away.
            tokio::time::timeout(WATCH_INTERVAL, self.entrance.trouble().notified()).await.ok();
            let asked = join_all(leaders.iter().map(|leader| self.end_offset(&leader.client))).await;
            let leaders_count = leaders.len();
            let mut lost = Vec::new();
            for (leader, asked) in leaders.iter_mut().zip(asked) {
                match asked {
                    Ok(()) => self.answers(leader),
                    Err(_) => lost.push(leader),
                }
            }
            if lost.is_empty() {
                continue;
            }
            // A new client has no stale knowledge: it finds the brokers that are there, and the current leaders.
            let client = match connecting::client(&self.config.brokers).await {
                Ok(client) => Arc::new(client),
                // A leader that answers shows that a broker is there.
                Err(_) if lost.len() < leaders_count => {
                    tokio::time::sleep(SEARCH_PAUSE).await;
                    continue;
                }
                Err(error) => return error,
            };
            join_all(lost.into_iter().map(|leader| self.search(leader, &client))).await;
            tokio::time::sleep(SEARCH_PAUSE).await;
        }
    }

    /// Looks for the leader that does not answer.
    async fn search(&self, leader: &mut Leader, client: &Arc<Client>) {
        let partition = leader.client.partition();
        match self.find(client, partition).await {
            Ok(found) => {
                leader.client = found.client;
                self.entrance.found(partition, client);
                self.answers(leader);
            }
            Err(error) => {
                let error = format!("{error:#}");
                if leader.outage.is_too_long(Instant::now(), self.config.timeout) {
                    self.entrance.availability().set(partition, false);
                    if !self.entrance.availability().is_any_available() {
                        self.readiness.unmet(CONDITION, error.as_str());
                    }
                }
                tracing::warn!(partition, error, "the partition's leader does not answer, looking for it");
            }
        }
    }

    /// The leader answers: if it did not before, its partition's records are let through again.
    fn answers(&self, leader: &mut Leader) {
        if leader.outage.end() {
            let partition = leader.client.partition();
            self.entrance.availability().set(partition, true);
            self.readiness.met(CONDITION);
            tracing::info!(partition, "the partition's leader answers again");
        }
    }

    async fn end_offset(&self, client: &PartitionClient) -> anyhow::Result<()> {
        let offset = answer(client.get_offset(OffsetAt::Latest)).await.context("Kafka does not answer")?;
        self.end_offsets.lock().unwrap_or_else(PoisonError::into_inner).insert(client.partition(), offset);
        Ok(())
    }
}
