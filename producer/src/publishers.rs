//! The publishers of the kinds that are served: made at the start, kept connected while the producer runs, and flushed
//! at its end.

use std::sync::Arc;

use contract::Kind;
use kafka::publish::{self, BatchedPublisher, OrderedPublisher, Supervisor};
use service::{Instruments, Readiness, Registry, Tracer};
use tokio_util::task::TaskTracker;

use crate::config::ProducerConfig;
use crate::status::Published;

/// A publisher for each kind, if it is served.
pub(crate) struct Publishers {
    posts: Option<(Arc<BatchedPublisher>, Supervisor)>,
    orders: Option<Arc<OrderedPublisher>>,
}

/// What is left to flush once nothing can publish anymore.
pub(crate) struct Unflushed {
    lanes: Option<TaskTracker>,
    orders: Option<Arc<OrderedPublisher>>,
}

impl Publishers {
    /// Publishers that let nothing through until [`Self::run`] has reached Kafka.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(crate) fn new(
        config: &ProducerConfig,
        registry: &Registry,
        readiness: &Readiness,
        tracer: Option<Tracer>,
    ) -> anyhow::Result<Self> {
        let (mut posts, mut orders) = (None, None);
        for kind in &config.kinds {
            let readiness = kafka::readiness_of(*kind, readiness);
            readiness.unmet(kafka::CONDITION, "connecting");
            let instruments = Instruments { registry: registry.clone(), readiness, tracer: tracer.clone() };
            match kind {
                Kind::Post => {
                    let publisher = Arc::new(BatchedPublisher::new(&config.kafka, registry));
                    let supervisor = Supervisor::new(config.kafka.clone(), Arc::clone(&publisher), instruments);
                    posts = Some((publisher, supervisor));
                }
                Kind::Order => orders = Some(Arc::new(OrderedPublisher::new(&config.orders, instruments)?)),
            }
        }
        Ok(Self { posts, orders })
    }

    /// That of posts.
    pub(crate) fn posts(&self) -> Option<Arc<BatchedPublisher>> {
        self.posts.as_ref().map(|(publisher, _)| Arc::clone(publisher))
    }

    /// That of orders.
    pub(crate) fn orders(&self) -> Option<Arc<OrderedPublisher>> {
        self.orders.clone()
    }

    /// What the status page shows.
    pub(crate) fn published(&self) -> Published {
        Published {
            posts: self.posts.as_ref().map(|(posts, supervisor)| (Arc::downgrade(posts), supervisor.end_offsets())),
            orders: self.orders.as_ref().map(|orders| (Arc::downgrade(orders), orders.end_offsets())),
        }
    }

    /// At most this many files are open for Kafka.
    pub(crate) fn files(config: &ProducerConfig) -> usize {
        let files = |kind: &Kind| match kind {
            Kind::Post => publish::connections(config.kafka.partitions),
            Kind::Order => publish::ordered_files(config.orders.partitions),
        };
        config.kinds.iter().map(files).sum()
    }

    /// What to flush at the end.
    pub(crate) fn unflushed(&self) -> Unflushed {
        let lanes = self.posts.as_ref().map(|(_, supervisor)| supervisor.lanes());
        Unflushed { lanes, orders: self.orders.clone() }
    }

    /// Never returns: keeps all of them connected.
    pub(crate) async fn run(self) {
        let posts = async {
            if let Some((_, supervisor)) = self.posts {
                supervisor.run().await;
            }
        };
        let orders = async {
            if let Some(orders) = self.orders {
                orders.run().await;
            }
        };
        // At least one kind is served, so this waits without an end.
        tokio::join!(posts, orders);
    }
}

impl Unflushed {
    /// Waits until everything is acknowledged or given up. The handlers and [`Publishers`] must be gone, and with them
    /// the publisher of posts: then its lanes end.
    pub(crate) async fn flush(self) {
        let lanes = async {
            if let Some(lanes) = self.lanes {
                lanes.close();
                lanes.wait().await;
            }
        };
        let orders = async {
            if let Some(orders) = self.orders {
                orders.close().await;
            }
        };
        tokio::join!(lanes, orders);
    }
}
