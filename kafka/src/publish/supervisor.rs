//! Starts a publisher's lanes once Kafka is reached, and has them follow their partitions' leaders.

use std::sync::Arc;

use rskafka::client::Client;
use service::Instruments;
use tokio::sync::{Mutex, Notify, watch};
use tokio_util::task::TaskTracker;

use super::availability::Availability;
use super::batched::BatchedPublisher;
use super::config::PublishConfig;
use super::lane::{Lane, LaneSettings};
use super::leaders::{EndOffsets, Entrance, Leaders, end_offsets};
use super::metrics::PublishMetrics;

/// Connections per partition: one collects a batch while the others wait for their acknowledgements.
pub const LANES_PER_PARTITION: usize = 4;

/// How many connections to Kafka there are for this many partitions: the lanes, the watch, and two for metadata.
pub fn connections(partitions: i32) -> usize {
    usize::try_from(partitions).unwrap_or_default() * (LANES_PER_PARTITION + 1) + 2
}

/// Keeps the publisher connected, for as long as [`Supervisor::run`] is polled.
pub struct Supervisor(Leaders<Lanes>);

impl Supervisor {
    /// Does nothing until [`Self::run`].
    pub fn new(config: PublishConfig, publisher: Arc<BatchedPublisher>, instruments: Instruments) -> Self {
        let Instruments { registry, readiness, tracer } = instruments;
        let end_offsets = end_offsets(&config.topic, &registry);
        let settings = Arc::new(LaneSettings {
            topic: config.topic.clone(),
            compression: config.compression,
            timeout: config.timeout,
            metrics: PublishMetrics::new(&registry, config.kind),
            tracer,
            nodelay: Arc::default(),
            trouble: Notify::new(),
        });
        let entrance = Lanes { publisher, running: TaskTracker::new(), settings, clients: Vec::new() };
        Self(Leaders { config, entrance, readiness, end_offsets })
    }

    /// The lanes. They flush and end once the supervisor and the publisher are gone.
    pub fn lanes(&self) -> TaskTracker {
        self.0.entrance.running.clone()
    }

    /// The end offset of each partition, kept up to date.
    pub fn end_offsets(&self) -> EndOffsets {
        Arc::clone(&self.0.end_offsets)
    }

    /// Never returns: connects, watches, and connects again when Kafka was away.
    pub async fn run(self) {
        self.0.run().await;
    }
}

/// The lanes of all partitions, none before Kafka was reached.
struct Lanes {
    publisher: Arc<BatchedPublisher>,
    running: TaskTracker,
    settings: Arc<LaneSettings>,
    /// For each partition, the client that last found its leader; the lanes follow.
    clients: Vec<watch::Sender<Arc<Client>>>,
}

impl Lanes {
    fn start(&mut self, partitions: i32, client: &Arc<Client>) {
        let Some(receivers) = self.publisher.open(usize::try_from(partitions).unwrap_or_default()) else {
            return;
        };
        for (partition, receiver) in (0..).zip(receivers) {
            let queue = Arc::new(Mutex::new(receiver));
            let clients = watch::Sender::new(Arc::clone(client));
            for _ in 0..LANES_PER_PARTITION {
                let (settings, queue) = (Arc::clone(&self.settings), Arc::clone(&queue));
                let client = clients.subscribe();
                self.running.spawn(Lane { settings, partition, queue, client, connection: None }.run());
            }
            self.clients.push(clients);
        }
    }
}

impl Entrance for Lanes {
    fn availability(&self) -> &Availability {
        &self.publisher.availability
    }

    fn trouble(&self) -> &Notify {
        &self.settings.trouble
    }

    fn reached(&mut self, partitions: i32, client: &Arc<Client>) {
        self.start(partitions, client);
        for lanes in &self.clients {
            lanes.send_replace(Arc::clone(client));
        }
    }

    fn found(&self, partition: i32, client: &Arc<Client>) {
        if let Some(lanes) = usize::try_from(partition).ok().and_then(|index| self.clients.get(index)) {
            lanes.send_replace(Arc::clone(client));
        }
    }
}
