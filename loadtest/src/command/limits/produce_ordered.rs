//! What the broker takes in order, without any HTTP: the publisher of orders with the producer's settings, which gets
//! bulks of records from the lab itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use kafka::publish::{Fate, Key, OrderedPublisher, PublishConfig, PublishError, Record, metrics};
use service::{Instruments, Readiness, Registry};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::orders::order;

/// Bulks in flight, and the records of each. Together they are far below what the publisher admits by default.
const BULKS: u64 = 4;
const BULK_RECORDS: u64 = 500;

/// The most records in one measure, so that a fast broker does not fill the disk: about 300 MB.
const MOST_RECORDS: u64 = 1_000_000;

/// Longest wait for the topic.
const READY_DEADLINE: Duration = Duration::from_secs(30);
const READY_PAUSE: Duration = Duration::from_millis(10);

/// A publisher that has found its topic, and the task that keeps it connected.
pub(crate) struct ProduceOrdered {
    publisher: Arc<OrderedPublisher>,
    /// Ends with this.
    running: JoinSet<()>,
    /// The start of the orders' ids.
    name: String,
}

impl ProduceOrdered {
    /// Creates the topic and connects to it.
    pub(crate) async fn connect(config: &PublishConfig, name: String) -> anyhow::Result<Self> {
        let most = (BULKS * BULK_RECORDS) as usize;
        ensure!(config.max_in_flight >= most, "PRODUCER_MAX_IN_FLIGHT must be at least {most} for this measure");
        let registry = Registry::new(&[metrics::METRICS]);
        let instruments = Instruments { registry, readiness: Readiness::new(&[]), tracer: None };
        let publisher = Arc::new(OrderedPublisher::new(config, instruments)?);
        let mut running = JoinSet::new();
        let run = Arc::clone(&publisher);
        running.spawn(async move { run.run().await });
        let found = async {
            while !publisher.is_available() {
                sleep(READY_PAUSE).await;
            }
        };
        timeout(READY_DEADLINE, found).await.with_context(|| format!("no topic {} in time", config.topic))?;
        Ok(Self { publisher, running, name })
    }

    /// Produces for `duration` and returns how many records were acknowledged.
    pub(crate) async fn records(mut self, duration: Duration) -> anyhow::Result<u64> {
        let (end, acknowledged) = (Instant::now() + duration, Arc::new(AtomicU64::new(0)));
        let next = Arc::new(AtomicU64::new(0));
        let mut bulks = JoinSet::new();
        for _ in 0..BULKS {
            let (publisher, name) = (Arc::clone(&self.publisher), self.name.clone());
            let (acknowledged, next) = (Arc::clone(&acknowledged), Arc::clone(&next));
            bulks.spawn(async move {
                while Instant::now() < end && acknowledged.load(Ordering::Relaxed) < MOST_RECORDS {
                    let start = next.fetch_add(BULK_RECORDS, Ordering::Relaxed);
                    let records = (start..start + BULK_RECORDS).map(|n| record(&name, n)).collect();
                    let taken = settled(publisher.publish_bulk(records).await)?;
                    acknowledged.fetch_add(taken, Ordering::Relaxed);
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = bulks.join_next().await {
            ended.context("producing failed")??;
        }
        self.running.shutdown().await;
        self.publisher.close().await;
        Ok(acknowledged.load(Ordering::Relaxed))
    }
}

/// How many were acknowledged, which must be all.
fn settled(published: Result<Vec<Fate>, PublishError>) -> anyhow::Result<u64> {
    match published {
        Ok(fates) if fates.iter().all(|fate| matches!(fate, Fate::Acknowledged)) => Ok(fates.len() as u64),
        Ok(_) => bail!("Kafka did not acknowledge every order of a bulk"),
        Err(error) => bail!("Kafka did not acknowledge a bulk of orders: {error:?}"),
    }
}

fn record(name: &str, n: u64) -> Record {
    let order = order(name, n);
    let (key, value) = (Key::from(order.order_id().as_bytes()), order.encode_value());
    Record { key, value, timestamp_ms: order.created_at_ms(), trace: None, client_key: None, is_json: true }
}
