//! Connects to Kafka, creates the topic if it is missing, starts the lanes, and then watches whether Kafka is still there:
//! by asking for the end offsets once a second (which a backlog's metric needs anyway) and at once when a lane is in
//! trouble.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{OffsetAt, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use service::{Backoff, Readiness, Registry};
use tokio::sync::{Notify, watch};
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::lane::{self, LaneSettings};
use crate::metrics::Metrics;
use crate::publisher::Publisher;

/// The readiness condition that is set here.
pub(crate) const CONDITION: &str = "kafka";

/// How often the end offsets are asked for.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Longest wait for an answer of Kafka outside of produce requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the supervisor's own requests are tried again: less than [`ANSWER_TIMEOUT`], so that the last error is told and
/// not only that there was no answer.
const RETRY_TIME: Duration = Duration::from_millis(1500);

/// Connections per partition: one collects a batch while the others wait for their acknowledgements.
const LANES_PER_PARTITION: usize = 4;

/// How many connections to Kafka there are for this many partitions: the lanes, the watch, and two for metadata.
pub(crate) fn connections(partitions: i32) -> usize {
    usize::try_from(partitions).unwrap_or_default() * (LANES_PER_PARTITION + 1) + 2
}

/// Keeps the publisher connected, for as long as [`Supervisor::run`] is polled.
pub(crate) struct Supervisor {
    config: Config,
    publisher: Arc<Publisher>,
    readiness: Readiness,
    metrics: Arc<Metrics>,
    lanes: TaskTracker,
    client: watch::Sender<Option<Arc<Client>>>,
    trouble: Arc<Notify>,
    end_offsets: Arc<Mutex<BTreeMap<i32, i64>>>,
}

impl Supervisor {
    pub(crate) fn new(
        config: Config,
        publisher: Arc<Publisher>,
        readiness: Readiness,
        metrics: Arc<Metrics>,
        registry: &Registry,
        lanes: TaskTracker,
    ) -> Self {
        let end_offsets = Arc::new(Mutex::new(BTreeMap::new()));
        let (rows, labels) = (Arc::clone(&end_offsets), format!("topic=\"{}\"", config.kafka.topic));
        registry.add_section(move |text| {
            let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
            service::metrics::write_partition_gauge(
                text,
                "kafka_topic_partition_current_offset",
                "End offset of the partition",
                &labels,
                rows.iter().map(|(partition, offset)| (*partition, *offset as f64)),
            );
        });
        let (client, trouble) = (watch::Sender::new(None), Arc::new(Notify::new()));
        Self { config, publisher, readiness, metrics, lanes, client, trouble, end_offsets }
    }

    /// Never returns: connects, watches, and connects again when Kafka was away.
    pub(crate) async fn run(self) {
        let mut backoff = Backoff::for_servers();
        loop {
            let error = match self.connect().await {
                Ok(partitions) => {
                    backoff.reset();
                    self.watch(partitions).await
                }
                Err(error) => error,
            };
            self.publisher.set_available(false);
            let reason = format!("{error:#}");
            if self.readiness.unmet(CONDITION, &reason) || backoff.is_fresh() {
                tracing::warn!(
                    brokers = self.config.kafka.brokers.join(","),
                    error = reason,
                    "cannot reach Kafka, trying again"
                );
            }
            backoff.wait().await;
        }
    }

    /// A new client, the topic there, lanes started, posts let through.
    async fn connect(&self) -> anyhow::Result<Vec<PartitionClient>> {
        let kafka = &self.config.kafka;
        let client = self.client(RETRY_TIME).await?;
        let partitions = self.ensure_topic(&client).await?;
        let mut watched = Vec::new();
        for partition in 0..partitions {
            let connected = client.partition_client(&kafka.topic, partition, UnknownTopicHandling::Error);
            watched.push(
                answer(connected).await.with_context(|| format!("cannot reach the leader of partition {partition}"))?,
            );
        }
        self.end_offsets(&watched).await?;
        // A produce request that fails is tried again within the time its posts have.
        self.client.send_replace(Some(Arc::new(self.client(self.config.timeout).await?)));
        self.start_lanes(partitions);
        self.publisher.set_available(true);
        self.readiness.met(CONDITION);
        tracing::info!(brokers = kafka.brokers.join(","), topic = kafka.topic, partitions, "Connected to Kafka");
        Ok(watched)
    }

    /// A new client that tries a failed request again for this long.
    async fn client(&self, retry_time: Duration) -> anyhow::Result<Client> {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
            deadline: Some(retry_time),
        };
        let builder = ClientBuilder::new(self.config.kafka.brokers.clone()).client_id("producer");
        answer(builder.backoff_config(backoff).build()).await.context("cannot connect")
    }

    /// The topic's number of partitions, after creating it if it is missing.
    async fn ensure_topic(&self, client: &Client) -> anyhow::Result<i32> {
        let kafka = &self.config.kafka;
        let topics = answer(client.list_topics()).await.context("cannot list the topics")?;
        if let Some(topic) = topics.iter().find(|topic| topic.name == kafka.topic) {
            let partitions = i32::try_from(topic.partitions.len()).context("too many partitions")?;
            if partitions != kafka.partitions {
                tracing::warn!(
                    topic = kafka.topic,
                    partitions,
                    wanted = kafka.partitions,
                    "the topic has another number of partitions than KAFKA_PARTITIONS, using the topic's"
                );
            }
            return Ok(partitions);
        }
        let controller = client.controller_client()?;
        let timeout_ms = i32::try_from(ANSWER_TIMEOUT.as_millis()).unwrap_or(i32::MAX);
        match answer(controller.create_topic(&kafka.topic, kafka.partitions, kafka.replication, timeout_ms)).await {
            Ok(()) => {
                tracing::info!(
                    partitions = kafka.partitions,
                    replication = kafka.replication,
                    "Topic created: {}",
                    kafka.topic
                );
                Ok(kafka.partitions)
            }
            Err(error) if is_topic_already_there(&error) => bail!("the topic is being created"),
            Err(error) => Err(error).with_context(|| format!("cannot create the topic {}", kafka.topic)),
        }
    }

    fn start_lanes(&self, partitions: i32) {
        let Some(receivers) = self.publisher.open(usize::try_from(partitions).unwrap_or_default()) else {
            return;
        };
        let settings = Arc::new(LaneSettings {
            topic: self.config.kafka.topic.clone(),
            compression: self.config.compression,
            timeout: self.config.timeout,
            metrics: Arc::clone(&self.metrics),
            client: self.client.subscribe(),
            trouble: Arc::clone(&self.trouble),
        });
        for (partition, receiver) in (0..).zip(receivers) {
            let queue = Arc::new(tokio::sync::Mutex::new(receiver));
            for _ in 0..LANES_PER_PARTITION {
                self.lanes.spawn(lane::run(Arc::clone(&settings), partition, Arc::clone(&queue)));
            }
        }
    }

    /// Returns with the reason when Kafka does not answer any more.
    async fn watch(&self, partitions: Vec<PartitionClient>) -> anyhow::Error {
        loop {
            // Either way it is time to ask: a batch that failed does not yet mean that Kafka is away.
            tokio::time::timeout(WATCH_INTERVAL, self.trouble.notified()).await.ok();
            if let Err(error) = self.end_offsets(&partitions).await {
                return error;
            }
        }
    }

    async fn end_offsets(&self, partitions: &[PartitionClient]) -> anyhow::Result<()> {
        for client in partitions {
            let offset = answer(client.get_offset(OffsetAt::Latest)).await.context("Kafka does not answer")?;
            self.end_offsets.lock().unwrap_or_else(PoisonError::into_inner).insert(client.partition(), offset);
        }
        Ok(())
    }
}

/// Bounds the wait for an answer; rskafka itself would wait for ever.
async fn answer<T>(request: impl Future<Output = Result<T, Error>>) -> anyhow::Result<T> {
    match tokio::time::timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => Ok(answer?),
        Err(_) => bail!("no answer within {ANSWER_TIMEOUT:?}"),
    }
}

fn is_topic_already_there(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<Error>(),
        Some(Error::ServerError { protocol_error: ProtocolError::TopicAlreadyExists, .. })
    )
}
