//! Where faults happen: the processes of a pipeline, each behind a lock of its own, so that a part that is in trouble is
//! not brought into another one meanwhile, while all the other parts may be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use stack::{Server, Stack};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::fault::Fault;
use super::poison::Poison;
use super::schedule::Planned;
use super::toxics::{Toxics, Trouble};
use crate::kafka::KafkaReader;
use crate::services::{Service, ServiceOptions, Services};

/// The parts of a pipeline.
pub(super) struct Stage {
    producer: Mutex<Service>,
    consumer: Mutex<Service>,
    /// How many members have joined beside the consumer.
    members: Mutex<u32>,
    brokers: Mutex<Vec<Server>>,
    store: Mutex<Server>,
    toxics: Toxics,
    poison: Poison,
    kafka: Arc<KafkaReader>,
    topic: String,
    options: ServiceOptions,
}

impl Stage {
    /// Takes the processes of a pipeline that the lab has started, with proxies.
    pub(super) fn set(
        services: Services,
        options: ServiceOptions,
        stack: &mut Stack,
        kafka: Arc<KafkaReader>,
        topic: &str,
    ) -> anyhow::Result<Self> {
        let proxy = stack.proxy.as_ref().context("chaos needs proxies before its servers")?;
        Ok(Self {
            toxics: Toxics::new(proxy.server.port()),
            poison: Poison::new(stack.kafka_broker(), topic)?,
            producer: Mutex::new(services.producer),
            consumer: Mutex::new(services.consumer),
            members: Mutex::new(1),
            brokers: Mutex::new(std::mem::take(&mut stack.brokers)),
            store: Mutex::new(stack.store.take().context("chaos needs a store of its own")?),
            kafka,
            topic: topic.to_owned(),
            options,
        })
    }

    /// Gives the processes back, both services ready, and what was sent as poison. `troubles` gets a sentence for each
    /// service that has ended by itself.
    pub(super) async fn strike(
        self,
        stack: &mut Stack,
        troubles: &mut Vec<String>,
    ) -> anyhow::Result<(Services, Poison)> {
        stack.brokers = self.brokers.into_inner();
        stack.store = Some(self.store.into_inner());
        let (mut producer, mut consumer) = (self.producer.into_inner(), self.consumer.into_inner());
        for service in [&mut producer, &mut consumer] {
            if !service.is_running() {
                troubles.push(service.failure().await);
                service.start_again()?;
            }
            service.ready().await?;
        }
        Ok((Services { producer, consumer }, self.poison))
    }

    /// Lets a fault happen as soon as the part that it hits is in no other trouble, and waits until it is over. Gives the
    /// time when it began, and a remark.
    pub(super) async fn inject(&self, planned: &Planned) -> anyhow::Result<(Instant, String)> {
        let Planned { fault, hold, dice, .. } = *planned;
        match fault {
            Fault::ConsumerKill | Fault::ConsumerStop => restart(&self.consumer, planned).await,
            Fault::ProducerKill | Fault::ProducerStop => restart(&self.producer, planned).await,
            Fault::Rebalance => {
                let mut members = self.members.lock().await;
                *members += 1;
                Ok((begin(planned), self.join_and_leave(&format!("consumer-{members}"), hold).await?))
            }
            Fault::BrokerKill | Fault::LeaderKill | Fault::BrokerStop | Fault::BrokerPause | Fault::CutBroker => {
                let mut brokers = self.brokers.lock().await;
                let index = match fault {
                    Fault::LeaderKill => self.leader().await?,
                    _ => usize::try_from(dice % brokers.len() as u64).unwrap_or_default(),
                };
                let broker = brokers.get_mut(index).context("the leader is none of our brokers")?;
                let name = format!("broker-{}", index + 1);
                let begin = begin(planned);
                if fault == Fault::CutBroker {
                    return Ok((begin, self.trouble(&name, Trouble::cut(dice), hold).await?));
                }
                hit(broker, fault, hold).await?;
                Ok((begin, name))
            }
            Fault::StoreKill | Fault::StorePause => {
                let mut store = self.store.lock().await;
                let begin = begin(planned);
                hit(&mut store, fault, hold).await?;
                Ok((begin, String::new()))
            }
            Fault::SlowStore | Fault::CutStore => {
                let _store = self.store.lock().await;
                let trouble = if fault == Fault::SlowStore { Trouble::Slow } else { Trouble::cut(dice) };
                Ok((begin(planned), self.trouble("store", trouble, hold).await?))
            }
            Fault::Poison => Ok((begin(planned), format!("{} bad records", self.poison.send().await))),
        }
    }

    /// The index of the broker that leads the topic's first partition.
    async fn leader(&self) -> anyhow::Result<usize> {
        let (kafka, topic) = (Arc::clone(&self.kafka), self.topic.clone());
        let leader = spawn_blocking(move || kafka.leader(&topic)).await.context("asking for the leader failed")??;
        usize::try_from(leader - 1).context("the topic has no leader")
    }

    async fn join_and_leave(&self, name: &str, hold: Duration) -> anyhow::Result<String> {
        let member = Service::another_consumer(name, &self.options).await?;
        sleep(hold).await;
        ensure!(member.is_running(), member.failure().await);
        Ok(match member.stop().await {
            Ok(()) => format!("{name} joined and left"),
            Err(error) => format!("{name} joined and ended: {}", first_line(&error)),
        })
    }

    async fn trouble(&self, proxy: &str, trouble: Trouble, hold: Duration) -> anyhow::Result<String> {
        self.toxics.begin(proxy, trouble).await?;
        sleep(hold).await;
        self.toxics.end(proxy, trouble).await?;
        Ok(format!("{proxy}: {trouble}"))
    }
}

/// From now on the fault happens.
fn begin(planned: &Planned) -> Instant {
    eprintln!("fault: {}, for {:.1} s", planned.fault, planned.hold.as_secs_f64());
    Instant::now()
}

/// Ends a service and starts it again. That one which is stopped while what it needs is away may have to give up is a
/// remark, not a fault.
async fn restart(service: &Mutex<Service>, planned: &Planned) -> anyhow::Result<(Instant, String)> {
    let mut service = service.lock().await;
    ensure!(service.is_running(), service.failure().await);
    let begin = begin(planned);
    let remark = if matches!(planned.fault, Fault::ConsumerStop | Fault::ProducerStop) {
        service.stop().await.err().map(|error| first_line(&error)).unwrap_or_default()
    } else {
        service.kill().await?;
        String::new()
    };
    sleep(planned.hold).await;
    service.start_again()?;
    Ok((begin, remark))
}

/// Kills, stops or freezes a server, and lets it be again after the hold.
async fn hit(server: &mut Server, fault: Fault, hold: Duration) -> anyhow::Result<()> {
    match fault {
        Fault::BrokerPause | Fault::StorePause => server.pause()?,
        Fault::BrokerStop => server.stop().await?,
        _ => server.kill().await?,
    }
    sleep(hold).await;
    match fault {
        Fault::BrokerPause | Fault::StorePause => server.resume(),
        _ => server.restart().await,
    }
}

fn first_line(error: &anyhow::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
}
