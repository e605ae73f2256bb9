//! Watches a topic: once a second, and at once when a record was not acknowledged, it asks for the brokers and the
//! leaders of the partitions, and each leader for the end offsets of its partitions (which the metric of the backlog
//! needs anyway). It creates the topic if it is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use futures_util::future::join_all;
use rskafka::client::error::ProtocolError;
use service::{Backoff, Registry};
use tokio::sync::Notify;

use super::config::PublishConfig;
use super::outage::Outage;
use super::topic;
use crate::broker::said::{cannot_use, kafka_says};
use crate::broker::topology::{BrokerId, Topology};
use crate::broker::{Broker, answer, first_answer};
use crate::security::{Connector, SignInRefused};
use crate::shown::END_OFFSET;

/// How often it asks.
const INTERVAL: Duration = Duration::from_secs(1);

/// The shortest time between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// How long the broker that answered last has for the next answer, before all are asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// The longest time for which records wait while the brokers do not let the user in: a password is changed in Kafka
/// first, and then in the client's file.
const SIGN_IN_PATIENCE: Duration = Duration::from_secs(5);

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

/// Who wants to know what the watch sees.
pub(super) trait Watcher: Send + Sync {
    /// Notified when a record was not acknowledged.
    fn trouble(&self) -> &Notify;

    /// These are the brokers and the leaders now.
    fn found(&self, topology: &Topology);

    /// The partition's leader was asked for the end offset, and answers or not.
    fn asked(&self, partition: i32, answered: Result<(), &str>);

    /// Whether the publisher's own connections have been renewed since the last time. Then the watch needs new ones,
    /// too, to see what they see.
    fn take_renewed(&self) -> bool {
        false
    }

    /// No broker answers, or the topic cannot be used.
    fn away(&self, reason: &str);
}

/// Watches a topic, for as long as [`Watch::run`] is polled.
pub(super) struct Watch<W> {
    pub(super) config: PublishConfig,
    pub(super) connector: Arc<Connector>,
    pub(super) watcher: W,
    pub(super) end_offsets: EndOffsets,
}

/// What a look has found.
enum Look {
    /// The topic was missing, and is there soon.
    Created,
    /// This many partitions; whether the leader of each of them answers.
    Found { partitions: usize, all_answer: bool },
}

/// What the watch is connected to.
#[derive(Default)]
struct Connections {
    /// The broker that named the leaders last.
    home: Option<Broker>,
    /// Where brokers were, besides those of the settings.
    addresses: BTreeSet<String>,
    /// The leaders, each with its address.
    leaders: BTreeMap<BrokerId, (String, Broker)>,
}

impl<W: Watcher> Watch<W> {
    /// Never returns.
    pub(super) async fn run(self) {
        let (mut connections, mut backoff) = (Connections::default(), Backoff::for_servers());
        let (mut is_connected, mut refused) = (false, Outage::default());
        loop {
            match self.look(&mut connections).await {
                Ok(Look::Created) => tokio::time::sleep(PAUSE).await,
                Ok(Look::Found { partitions, all_answer }) => {
                    if !std::mem::replace(&mut is_connected, true) {
                        self.connected(partitions);
                    }
                    backoff.reset();
                    if refused.end() {
                        tracing::info!(topic = self.config.topic, "Kafka lets the user in again");
                    }
                    tokio::time::sleep(PAUSE).await;
                    let rest = if all_answer { INTERVAL - PAUSE } else { PAUSE };
                    tokio::time::timeout(rest, self.watcher.trouble().notified()).await.ok();
                }
                Err(error) if is_connected && self.is_new_refusal(&mut refused, &error) => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    self.watcher.away(&error);
                    if std::mem::replace(&mut is_connected, false) || backoff.is_fresh() {
                        let brokers = self.config.cluster.bootstrap();
                        tracing::warn!(brokers, error, "cannot reach Kafka, trying again");
                    }
                    backoff.wait().await;
                }
            }
        }
    }

    /// Whether the brokers do not let the user in, and have not done so for a short time only.
    fn is_new_refusal(&self, refused: &mut Outage, error: &anyhow::Error) -> bool {
        if !SignInRefused::is_cause_of(error) {
            return false;
        }
        if !refused.is_on() {
            let (topic, error) = (&self.config.topic, format!("{error:#}"));
            tracing::warn!(topic, error, "Kafka does not let the user in anymore, records wait");
        }
        !refused.is_too_long(Instant::now(), self.config.timeout.min(SIGN_IN_PATIENCE))
    }

    fn connected(&self, partitions: usize) {
        let (brokers, topic) = (self.config.cluster.bootstrap(), &self.config.topic);
        tracing::info!(brokers, topic, partitions, "Connected to Kafka");
        let wanted = self.config.partitions;
        if usize::try_from(wanted).ok() != Some(partitions) {
            tracing::warn!(
                topic,
                partitions,
                wanted,
                "the topic has another number of partitions than KAFKA_PARTITIONS, using the topic's"
            );
        }
    }

    async fn look(&self, connections: &mut Connections) -> anyhow::Result<Look> {
        if self.watcher.take_renewed() {
            *connections =
                Connections { addresses: std::mem::take(&mut connections.addresses), ..Connections::default() };
        }
        let topology = match connections.topology(&self.config, &self.connector).await? {
            Ok(topology) => topology,
            Err(ProtocolError::UnknownTopicOrPartition) => {
                // Perhaps another broker knows it.
                connections.home = None;
                topic::create(&self.config, &self.connector).await?;
                return Ok(Look::Created);
            }
            Err(error) => bail!("{}", cannot_use(&self.config.topic, error)),
        };
        connections.addresses = topology.brokers.values().cloned().collect();
        self.watcher.found(&topology);
        let led = topology.led();
        connections.leaders.retain(|id, (address, _)| topology.brokers.get(id) == Some(address));
        let asked = join_all(led.into_iter().filter_map(|(id, partitions)| {
            let address = topology.brokers.get(&id)?.clone();
            let open = connections.leaders.remove(&id).map(|(_, broker)| broker);
            Some(async move { (id, self.ask(&address, open, &partitions).await.map(|broker| (address, broker))) })
        }));
        let asked = asked.await;
        let all_answer =
            asked.iter().all(|(_, connection)| connection.is_some()) && topology.leaders.values().all(Option::is_some);
        connections.leaders.extend(asked.into_iter().filter_map(|(id, connection)| Some((id, connection?))));
        self.forget_vanished(&topology);
        Ok(Look::Found { partitions: topology.leaders.len(), all_answer })
    }

    /// Asks a leader for the end offsets. Returns its connection, if it answers.
    async fn ask(&self, address: &str, open: Option<Broker>, partitions: &[i32]) -> Option<Broker> {
        let asking = async {
            let broker = match open {
                Some(broker) => broker,
                None => Broker::connect(&self.connector, address).await?,
            };
            let offsets = broker.end_offsets(&self.config.topic, partitions).await?;
            Ok::<_, anyhow::Error>((broker, offsets))
        };
        match answer(asking).await {
            Ok((broker, offsets)) => {
                for (partition, offset) in offsets {
                    match offset {
                        Ok(offset) => {
                            self.lock_end_offsets().insert(partition, offset);
                            self.watcher.asked(partition, Ok(()));
                        }
                        Err(error) => self.watcher.asked(partition, Err(&kafka_says(error))),
                    }
                }
                Some(broker)
            }
            Err(error) => {
                let reason = format!("its leader does not answer: {error:#}");
                partitions.iter().for_each(|partition| self.watcher.asked(*partition, Err(&reason)));
                None
            }
        }
    }

    fn forget_vanished(&self, topology: &Topology) {
        self.lock_end_offsets().retain(|partition, _| topology.leaders.contains_key(partition));
    }

    fn lock_end_offsets(&self) -> MutexGuard<'_, BTreeMap<i32, i64>> {
        self.end_offsets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// What the broker says that answered last, or else the first that answers: all are asked at the same time, so that
    /// a frozen one costs no time.
    async fn topology(
        &mut self,
        config: &PublishConfig,
        connector: &Arc<Connector>,
    ) -> anyhow::Result<Result<Topology, ProtocolError>> {
        if let Some(home) = self.home.take()
            && let Ok(Ok(topology)) = tokio::time::timeout(PATIENCE, home.topology(&config.topic)).await
        {
            self.home = Some(home);
            return Ok(topology);
        }
        let addresses: BTreeSet<_> = config.cluster.brokers.iter().chain(&self.addresses).cloned().collect();
        let ask = |address: String| {
            let (topic, connector) = (config.topic.clone(), Arc::clone(connector));
            async move { Broker::connect_and_ask(&connector, &address, &topic).await }
        };
        let (home, topology) = first_answer(addresses, ask).await?;
        self.home = Some(home);
        Ok(topology)
    }
}
