//! Keeps a publisher going: watches Kafka, starts the lanes of each broker that leads partitions, has partitions in
//! trouble tried until they acknowledge again, and says whether the publisher is ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use service::{Instruments, Readiness};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batched::BatchedPublisher;
use super::config::PublishConfig;
use super::lane::{Lane, LaneSettings};
use super::metrics::PublishMetrics;
use super::probe;
use super::restart::restarting;
use super::router::Router;
use super::routes::{Cause, Entrance, NOT_REACHED, Trouble};
use super::watch::{EndOffsets, Watch, Watcher, end_offsets};
use crate::broker::topology::{BrokerId, Topology};
use crate::security::Connector;
use crate::shown::CONDITION;

/// Connections to each broker: one lane collects a batch while the others wait for their acknowledgements.
pub const LANES_PER_BROKER: usize = 4;

/// How often records that wait are looked at while no partition takes them.
const TICK: Duration = Duration::from_millis(20);

/// Connections to each broker that try its partitions in trouble.
const PROBES_PER_BROKER: usize = 4;

/// How many files a publisher has open at most: for each of a few brokers the lanes' connections, the probes' and the
/// watch's, and two for metadata.
pub fn connections() -> usize {
    const BROKERS: usize = 8;
    BROKERS * (LANES_PER_BROKER + PROBES_PER_BROKER + 1) + 2
}

/// Keeps a publisher going, for as long as [`Supervisor::run`] is polled.
pub struct Supervisor {
    watch: Watch<Arc<Router>>,
    keeper: Keeper,
}

impl Supervisor {
    /// Does nothing until [`Self::run`].
    pub fn new(config: PublishConfig, publisher: &BatchedPublisher, instruments: Instruments) -> Self {
        let Instruments { registry, readiness, tracer } = instruments;
        let queue = publisher.take_receiver().expect("a publisher has one supervisor");
        let router = Arc::clone(&publisher.router);
        let connector = Arc::new(Connector::new(&config.cluster.security));
        let settings = Arc::new(LaneSettings {
            connector: Arc::clone(&connector),
            topic: config.topic.clone(),
            compression: config.compression,
            timeout: config.timeout,
            metrics: PublishMetrics::new(&registry, config.kind),
            tracer,
            router: Arc::clone(&router),
            keys: Arc::clone(&publisher.keys),
            returns: queue.returns(),
            closed: publisher.closed(),
            queue: Mutex::new(queue),
        });
        let keeper = Keeper {
            settings,
            readiness,
            running: TaskTracker::new(),
            lanes: BTreeMap::new(),
            probes: JoinSet::new(),
            probing: BTreeMap::new(),
            known: BTreeMap::new(),
        };
        let end_offsets = end_offsets(&config.topic, &registry);
        Self { watch: Watch { config, connector, watcher: router, end_offsets }, keeper }
    }

    /// The lanes. They flush and end once the supervisor and the publisher are gone.
    pub fn lanes(&self) -> TaskTracker {
        self.keeper.running.clone()
    }

    /// The end offset of each partition, kept up to date.
    pub fn end_offsets(&self) -> EndOffsets {
        Arc::clone(&self.watch.end_offsets)
    }

    /// Never returns.
    pub async fn run(self) {
        // Boxed: types of futures as deep as these are too deep for the compiler.
        tokio::join!(Box::pin(self.watch.run()), Box::pin(self.keeper.run()));
    }
}

impl Watcher for Arc<Router> {
    fn trouble(&self) -> &Notify {
        &self.trouble
    }

    fn found(&self, topology: &Topology) {
        self.update(topology);
    }

    fn asked(&self, partition: i32, answered: Result<(), &str>) {
        match answered {
            Ok(()) => self.answers(partition),
            Err(reason) => self.fail(partition, Cause::Lost, reason),
        }
    }

    fn away(&self, reason: &str) {
        Router::away(self, reason);
    }
}

/// Does what a change of the partitions asks for.
struct Keeper {
    settings: Arc<LaneSettings>,
    readiness: Readiness,
    running: TaskTracker,
    /// Ends the lanes of a broker.
    lanes: BTreeMap<BrokerId, CancellationToken>,
    /// Each returns its broker.
    probes: JoinSet<BrokerId>,
    /// How many probes each broker has.
    probing: BTreeMap<BrokerId, usize>,
    /// The partitions in trouble, as they were logged.
    known: BTreeMap<i32, Cause>,
}

impl Keeper {
    async fn run(mut self) {
        let router = Arc::clone(&self.settings.router);
        let mut changes = router.changes();
        loop {
            changes.mark_unchanged();
            let entrance = router.entrance();
            let partitions = router.partitions();
            let available = partitions.iter().filter(|(_, trouble)| trouble.is_none()).count();
            self.settings.metrics.partitions.set(partitions.len(), available);
            self.log(&partitions);
            self.show(&entrance, partitions.len(), available);
            self.start_lanes();
            self.start_probes();
            if entrance != Entrance::Open {
                // A lane that holds the queue has not seen the change yet, or there is another one by now.
                if let Ok(mut queue) = self.settings.queue.try_lock() {
                    queue.drop_records(matches!(entrance, Entrance::Closed { is_lasting: true, .. }));
                }
            }
            let tick = async {
                match entrance {
                    Entrance::Open => std::future::pending().await,
                    Entrance::Waiting | Entrance::Closed { .. } => tokio::time::sleep(TICK).await,
                }
            };
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                Some(Ok(broker)) = self.probes.join_next() => *self.probing.entry(broker).or_default() -= 1,
                () = tick => {}
            }
        }
    }

    fn log(&mut self, partitions: &[(i32, Option<Trouble>)]) {
        let topic = &self.settings.topic;
        self.known.retain(|known, _| partitions.iter().any(|(partition, _)| partition == known));
        for (partition, trouble) in partitions {
            match trouble {
                // A new one, which is reached at once.
                Some(Trouble { reason, .. }) if reason == NOT_REACHED => {}
                Some(Trouble { cause, reason, .. }) => {
                    if self.known.insert(*partition, *cause) != Some(*cause) {
                        tracing::warn!(topic, partition, reason, "the partition takes no records");
                    }
                }
                None => {
                    if self.known.remove(partition).is_some() {
                        tracing::info!(topic, partition, "the partition takes records again");
                    }
                }
            }
        }
    }

    fn show(&self, entrance: &Entrance, all: usize, available: usize) {
        match entrance {
            Entrance::Open if available == all => _ = self.readiness.met(CONDITION),
            Entrance::Open => {
                self.readiness.met_in_part(CONDITION, format!("{available} of {all} partitions"));
            }
            Entrance::Waiting => {}
            Entrance::Closed { reason, .. } => _ = self.readiness.unmet(CONDITION, reason.as_str()),
        }
    }

    fn start_lanes(&mut self) {
        let leading: BTreeSet<BrokerId> = self.settings.router.leading().into_iter().collect();
        self.lanes.retain(|broker, stop| {
            let leads = leading.contains(broker);
            if !leads {
                stop.cancel();
            }
            leads
        });
        for broker in leading {
            self.lanes.entry(broker).or_insert_with(|| {
                let stop = CancellationToken::new();
                for _ in 0..LANES_PER_BROKER {
                    let (settings, stop) = (Arc::clone(&self.settings), stop.clone());
                    self.running.spawn(async move {
                        let lane = || Lane::new(Arc::clone(&settings), broker, stop.clone()).run();
                        restarting("a lane", broker, lane).await;
                    });
                }
                stop
            });
        }
    }

    fn start_probes(&mut self) {
        for (broker, partitions) in self.settings.router.to_try() {
            let probing = self.probing.entry(broker).or_default();
            while *probing < partitions.min(PROBES_PER_BROKER) {
                *probing += 1;
                let settings = Arc::clone(&self.settings);
                self.probes.spawn(async move {
                    restarting("a probe", broker, || probe::run(&settings, broker)).await;
                    broker
                });
            }
        }
    }
}
