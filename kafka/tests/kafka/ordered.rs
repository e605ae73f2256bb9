//! The ordered publisher on real brokers.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kafka::Cluster;
use kafka::publish::{self, Compression, Key, OrderedPublisher, PublishConfig, PublishError, Record};
use kafka::topics::{Reader, ReaderConfig};
use service::{Instruments, Readiness, Registry};
use tokio::task::JoinHandle;

use crate::world::{DEADLINE, World, wait_until};

mod bounds;
mod not_allowed;
mod order;
mod records;
mod replaced;
mod replicas;
mod small_batches;
mod writers;

/// A running publisher.
pub(crate) struct Ordered {
    pub(crate) publisher: Arc<OrderedPublisher>,
    pub(crate) registry: Registry,
    pub(crate) readiness: Readiness,
    timeout: Duration,
    running: JoinHandle<()>,
}

impl Ordered {
    /// Publishes to the world's topic, with these changes of the settings. Its timeout allows for a slow broker on a
    /// busy machine.
    pub(crate) fn start(world: &World, change: impl FnOnce(&mut PublishConfig)) -> Self {
        let mut config = PublishConfig {
            kind: "record",
            cluster: Cluster::plaintext(&world.broker),
            topic: world.topic.clone(),
            partitions: 3,
            replication: 1,
            linger: Duration::from_millis(2),
            linger_adaptive: true,
            batch_bytes: 1_000_000,
            compression: Compression::NoCompression,
            max_in_flight: 10_000,
            timeout: Duration::from_secs(20),
            idempotency_keys: 0,
        };
        change(&mut config);
        let registry = Registry::new(&[publish::metrics::METRICS]);
        let readiness = Readiness::new(&[kafka::CONDITION]);
        let instruments = Instruments { registry: registry.clone(), readiness: readiness.clone(), tracer: None };
        let publisher = Arc::new(OrderedPublisher::new(&config, instruments).unwrap());
        let runs = Arc::clone(&publisher);
        let running = tokio::spawn(async move { runs.run().await });
        Self { publisher, registry, readiness, timeout: config.timeout, running }
    }

    /// Every partition takes records; those of a new topic get their leaders one at a time.
    pub(crate) async fn ready(&self) {
        wait_until("ready", async || self.readiness.check().is_ok() && self.readiness.note().is_none()).await;
    }

    /// Publishes a record, and sees that the answer comes in time.
    pub(crate) async fn publish(&self, key: &str, number: u64) -> Result<(i32, i64), PublishError> {
        let published = self.publisher.publish(record(key, number));
        // What comes on top is for a busy machine.
        let published = tokio::time::timeout(self.timeout + Duration::from_secs(10), published).await;
        published.unwrap_or_else(|_| panic!("record {number} of {key} has no answer"))
    }

    /// Publishes records with these numbers until one is acknowledged; returns its number.
    pub(crate) async fn publish_until_acknowledged(&self, key: &str, numbers: Range<u64>) -> u64 {
        for number in numbers {
            if self.publish(key, number).await.is_ok() {
                return number;
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        panic!("no record is acknowledged: {:?}", self.readiness.check());
    }

    /// Ends it as a service does.
    pub(crate) async fn close(&self) {
        self.running.abort();
        self.publisher.close().await;
    }
}

/// A record with this number as its value.
pub(crate) fn record(key: &str, number: u64) -> Record {
    // A broker that restarts forgets a producer whose last record is older than a day.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Record {
        key: Key::from_slice(key.as_bytes()),
        value: number.to_string().into_bytes(),
        is_json: true,
        timestamp_ms: now.as_millis().try_into().unwrap(),
        trace: None,
        client_key: None,
    }
}

/// A record in the topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: (i32, i64),
    pub(crate) timestamp_ms: Option<i64>,
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) headers: Vec<(String, String)>,
}

impl Found {
    pub(crate) fn number(&self) -> u64 {
        self.value.parse().unwrap()
    }
}

/// Every record of the topic, in the order of its partition.
pub(crate) fn found(world: &World) -> Vec<Found> {
    let reader = reader(world);
    let offsets = reader.all_offsets(&world.topic).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let mut found = Vec::new();
    reader
        .read(&world.topic, &offsets, |record| {
            found.push(Found {
                place: (record.partition(), record.offset()),
                timestamp_ms: record.timestamp_ms(),
                key: text(record.key().unwrap()),
                value: text(record.value().unwrap()),
                headers: record.headers().map(|(name, value)| (name.to_owned(), text(value))).collect(),
            });
            ControlFlow::<()>::Continue(())
        })
        .unwrap();
    found
}

/// A reader of the topic.
pub(crate) fn reader(world: &World) -> Reader {
    Reader::new(ReaderConfig {
        cluster: Cluster::plaintext(&world.broker),
        client_id: "test",
        group: world.topic.clone(),
        patience: DEADLINE,
        picks_records: false,
    })
    .unwrap()
}
