//! The publishers of the kinds that are served: made at the start, kept connected while the producer runs, and flushed
//! at its end.

use std::sync::Arc;

use contract::{Kind, Write};
use futures_util::future::join_all;
use kafka::publish::{self, BatchedPublisher, OrderedPublisher, Supervisor};
use service::{Instruments, Readiness, Registry, Tracer};
use tokio_util::task::TaskTracker;

use crate::config::ProducerConfig;
use crate::kind_publisher::KindPublisher;
use crate::status::{Published, PublishedKind};

/// A publisher for each kind that is served, never none.
pub(crate) struct Publishers(Vec<(Kind, Connected)>);

/// A publisher with what keeps it connected.
enum Connected {
    Batched(Arc<BatchedPublisher>, Box<Supervisor>),
    Ordered(Arc<OrderedPublisher>),
}

/// What is left to flush once nothing can publish anymore.
pub(crate) struct Unflushed(Vec<Remainder>);

enum Remainder {
    Lanes(TaskTracker),
    Ordered(Arc<OrderedPublisher>),
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
        let mut publishers = Vec::new();
        for kind in &config.kinds {
            let readiness = kafka::readiness_of(*kind, readiness);
            readiness.unmet(kafka::CONDITION, "connecting");
            let instruments = Instruments { registry: registry.clone(), readiness, tracer: tracer.clone() };
            let config = config.publish(*kind);
            let connected = match kind.write() {
                Write::Insert => {
                    let publisher = Arc::new(BatchedPublisher::new(config, registry));
                    let supervisor = Supervisor::new(config.clone(), &publisher, instruments);
                    Connected::Batched(publisher, Box::new(supervisor))
                }
                Write::Upsert => Connected::Ordered(Arc::new(OrderedPublisher::new(config, instruments)?)),
            };
            publishers.push((*kind, connected));
        }
        Ok(Self(publishers))
    }

    /// That of posts.
    pub(crate) fn posts(&self) -> Option<Arc<BatchedPublisher>> {
        self.0.iter().find_map(|(kind, connected)| match connected {
            Connected::Batched(publisher, _) if *kind == Kind::Post => Some(Arc::clone(publisher)),
            _ => None,
        })
    }

    /// That of orders.
    pub(crate) fn orders(&self) -> Option<Arc<OrderedPublisher>> {
        self.0.iter().find_map(|(kind, connected)| match connected {
            Connected::Ordered(publisher) if *kind == Kind::Order => Some(Arc::clone(publisher)),
            _ => None,
        })
    }

    /// That of a kind, as its bulks see it.
    pub(crate) fn of(&self, kind: Kind) -> Option<KindPublisher> {
        self.0.iter().find(|(of, _)| *of == kind).map(|(_, connected)| match connected {
            Connected::Batched(publisher, _) => KindPublisher::Batched(Arc::clone(publisher)),
            Connected::Ordered(publisher) => KindPublisher::Ordered(Arc::clone(publisher)),
        })
    }

    /// What the status page shows.
    pub(crate) fn published(&self) -> Published {
        let published = self.0.iter().map(|(kind, connected)| match connected {
            Connected::Batched(publisher, supervisor) => {
                (*kind, PublishedKind::Batched(Arc::downgrade(publisher)), supervisor.end_offsets())
            }
            Connected::Ordered(publisher) => {
                (*kind, PublishedKind::Ordered(Arc::downgrade(publisher)), publisher.end_offsets())
            }
        });
        Published(published.collect())
    }

    /// At most this many files are open for Kafka.
    pub(crate) fn files(config: &ProducerConfig) -> usize {
        let files = |kind: &Kind| match kind.write() {
            Write::Insert => publish::connections(),
            Write::Upsert => publish::ordered_files(config.publish(*kind).partitions),
        };
        config.kinds.iter().map(files).sum()
    }

    /// What to flush at the end.
    pub(crate) fn unflushed(&self) -> Unflushed {
        let remainders = self.0.iter().map(|(_, connected)| match connected {
            Connected::Batched(_, supervisor) => Remainder::Lanes(supervisor.lanes()),
            Connected::Ordered(publisher) => Remainder::Ordered(Arc::clone(publisher)),
        });
        Unflushed(remainders.collect())
    }

    /// Never returns: keeps all of them connected.
    pub(crate) async fn run(self) {
        let run = |(_, connected)| async {
            match connected {
                Connected::Batched(_, supervisor) => supervisor.run().await,
                Connected::Ordered(publisher) => publisher.run().await,
            }
        };
        join_all(self.0.into_iter().map(run)).await;
    }
}

impl Unflushed {
    /// Waits until everything is acknowledged or given up. The handlers and [`Publishers`] must be gone, and with them
    /// the publishers in any order: then their lanes end.
    pub(crate) async fn flush(self) {
        let flush = |remainder| async {
            match remainder {
                Remainder::Lanes(lanes) => {
                    lanes.close();
                    lanes.wait().await;
                }
                Remainder::Ordered(publisher) => publisher.close().await,
            }
        };
        join_all(self.0.into_iter().map(flush)).await;
    }
}
