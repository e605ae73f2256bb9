//! Connects to Kafka, creates the topic if it is missing, starts the lanes, and then watches whether Kafka still
//! answers, by asking for the end offsets once a second (which the metric of the backlog needs anyway) and at once when
//! a lane is in trouble.
//!
//! Kafka is away when no broker answers. If only one partition's leader does not answer, the supervisor looks for it on
//! the other brokers while the records wait: most leaders are found again in time. If none is found for as long as a
//! record may wait, that partition's records, and no others, are rejected at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::future::join_all;
use rskafka::client::Client;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use service::{Backoff, Instruments, Readiness};
use tokio::sync::{Mutex as AsyncMutex, Notify, watch};
use tokio_util::task::TaskTracker;

use super::config::PublishConfig;
use super::connecting::{self, ANSWER_TIMEOUT, answer};
use super::lane::{Lane, LaneSettings};
use super::metrics::PublishMetrics;
use super::outage::Outage;
use super::publisher::Publisher;
use crate::shown::{CONDITION, END_OFFSET};

/// How often the end offsets are asked for.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// The wait before the next look for a leader that was not found.
const SEARCH_PAUSE: Duration = Duration::from_millis(200);

/// Connections per partition: one collects a batch while the others wait for their acknowledgements.
pub const LANES_PER_PARTITION: usize = 4;

/// How many connections to Kafka there are for this many partitions: the lanes, the watch, and two for metadata.
pub fn connections(partitions: i32) -> usize {
    usize::try_from(partitions).unwrap_or_default() * (LANES_PER_PARTITION + 1) + 2
}

/// The last known end offset of each partition.
pub type EndOffsets = Arc<Mutex<BTreeMap<i32, i64>>>;

/// A partition's leader, as it was last found.
struct Leader {
    client: PartitionClient,
    outage: Outage,
}

/// Keeps the publisher connected, for as long as [`Supervisor::run`] is polled.
pub struct Supervisor {
    config: PublishConfig,
    publisher: Arc<Publisher>,
    readiness: Readiness,
    lanes: TaskTracker,
    lane_settings: Arc<LaneSettings>,
    /// For each partition, the client that last found its leader; the lanes follow.
    clients: Vec<watch::Sender<Arc<Client>>>,
    end_offsets: EndOffsets,
}

impl Supervisor {
    /// Does nothing until [`Self::run`].
    pub fn new(config: PublishConfig, publisher: Arc<Publisher>, instruments: Instruments) -> Self {
        let Instruments { registry, readiness, tracer } = instruments;
        let end_offsets = EndOffsets::default();
        let (observed, topic) = (Arc::clone(&end_offsets), config.topic.clone());
        registry.observe(&END_OFFSET, move |rows| {
            for (partition, offset) in observed.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                rows.row(&[&topic, &partition.to_string()], *offset as f64);
            }
        });
        let lane_settings = Arc::new(LaneSettings {
            topic: config.topic.clone(),
            compression: config.compression,
            timeout: config.timeout,
            metrics: PublishMetrics::new(&registry),
            tracer,
            nodelay: Arc::default(),
            trouble: Notify::new(),
        });
        let (lanes, clients) = (TaskTracker::new(), Vec::new());
        Self { config, publisher, readiness, lanes, lane_settings, clients, end_offsets }
    }

    /// The lanes. They flush and end once the supervisor and the publisher are gone.
    pub fn lanes(&self) -> TaskTracker {
        self.lanes.clone()
    }

    /// The end offset of each partition, kept up to date.
    pub fn end_offsets(&self) -> EndOffsets {
        Arc::clone(&self.end_offsets)
    }

    /// Never returns: connects, watches, and connects again when Kafka was away.
    pub async fn run(mut self) {
        let mut backoff = Backoff::for_servers();
        loop {
            let error = match self.connect().await {
                Ok(leaders) => {
                    backoff.reset();
                    self.watch(leaders).await
                }
                Err(error) => error,
            };
            self.publisher.set_away();
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

    /// Makes a client, makes sure of the topic, starts the lanes and lets records through.
    async fn connect(&mut self) -> anyhow::Result<Vec<Leader>> {
        let client = Arc::new(connecting::client(&self.config.brokers).await?);
        let partitions = self.ensure_topic(&client).await?;
        let found = join_all((0..partitions).map(|partition| self.find(&client, partition))).await;
        let leaders = found.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
        self.start_lanes(partitions, &client);
        for (partition, lanes) in (0..).zip(&self.clients) {
            lanes.send_replace(Arc::clone(&client));
            self.publisher.set_available(partition, true);
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

    /// The topic's number of partitions, after creating it if it is missing.
    async fn ensure_topic(&self, client: &Client) -> anyhow::Result<i32> {
        let config = &self.config;
        let topics = answer(client.list_topics()).await.context("cannot list the topics")?;
        if let Some(topic) = topics.iter().find(|topic| topic.name == config.topic) {
            let partitions = i32::try_from(topic.partitions.len()).context("too many partitions")?;
            if partitions != config.partitions {
                tracing::warn!(
                    topic = config.topic,
                    partitions,
                    wanted = config.partitions,
                    "the topic has another number of partitions than KAFKA_PARTITIONS, using the topic's"
                );
            }
            return Ok(partitions);
        }
        let controller = client.controller_client()?;
        let timeout_ms = i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
        match answer(controller.create_topic(&config.topic, config.partitions, config.replication, timeout_ms)).await {
            Ok(()) => {
                tracing::info!(
                    partitions = config.partitions,
                    replication = config.replication,
                    "Topic created: {}",
                    config.topic
                );
                Ok(config.partitions)
            }
            Err(error) if is_topic_already_there(&error) => bail!("the topic is being created"),
            Err(error) => Err(error).with_context(|| format!("cannot create the topic {}", config.topic)),
        }
    }

    fn start_lanes(&mut self, partitions: i32, client: &Arc<Client>) {
        let Some(receivers) = self.publisher.open(usize::try_from(partitions).unwrap_or_default()) else {
            return;
        };
        for (partition, receiver) in (0..).zip(receivers) {
            let queue = Arc::new(AsyncMutex::new(receiver));
            let clients = watch::Sender::new(Arc::clone(client));
            for _ in 0..LANES_PER_PARTITION {
                let (settings, queue) = (Arc::clone(&self.lane_settings), Arc::clone(&queue));
                let client = clients.subscribe();
                self.lanes.spawn(Lane { settings, partition, queue, client, connection: None }.run());
            }
            self.clients.push(clients);
        }
    }

    /// Returns the reason when Kafka no longer answers.
    async fn watch(&self, mut leaders: Vec<Leader>) -> anyhow::Error {
        loop {
            // Either way it is time to ask: a failed batch alone does not mean that Kafka is away.
            tokio::time::timeout(WATCH_INTERVAL, self.lane_settings.trouble.notified()).await.ok();
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

    /// Looks for the leader that does not answer, and has the lanes follow it.
    async fn search(&self, leader: &mut Leader, client: &Arc<Client>) {
        let partition = leader.client.partition();
        match self.find(client, partition).await {
            Ok(found) => {
                leader.client = found.client;
                if let Some(lanes) = usize::try_from(partition).ok().and_then(|index| self.clients.get(index)) {
                    lanes.send_replace(Arc::clone(client));
                }
                self.answers(leader);
            }
            Err(error) => {
                let error = format!("{error:#}");
                if leader.outage.is_too_long(Instant::now(), self.config.timeout) {
                    self.publisher.set_available(partition, false);
                    if !self.publisher.is_any_available() {
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
            self.publisher.set_available(partition, true);
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

fn is_topic_already_there(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<Error>(),
        Some(Error::ServerError { protocol_error: ProtocolError::TopicAlreadyExists, .. })
    )
}
