//! Where faults happen: the processes of a pipeline. Its parts are hit in turns, each part for itself, so that one that is in
//! trouble is not brought into another one meanwhile, while all the other parts may be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use stack::{Server, Stack};
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use super::fault::{Fault, Part};
use super::poison::Poison;
use super::schedule::Planned;
use super::toxics::{Toxics, Trouble};
use crate::kafka::KafkaReader;
use crate::live::Live;
use crate::news::{self, News};
use crate::services::{Service, ServiceOptions, Services};

/// A fault that is over.
pub(super) struct Happened {
    pub(super) fault: Fault,
    pub(super) begin: Instant,
    /// When the part that was hit was started again, let go on, or connected again.
    pub(super) over: Instant,
    /// What was hit, and how.
    pub(super) remark: String,
}

/// The parts of a pipeline.
pub(super) struct Stage {
    /// Held by the fault of a part, for each [`Part`].
    turns: [Mutex<()>; Part::COUNT],
    /// How long a part is left in peace after a fault.
    peace: Duration,
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
    live: Arc<Live>,
}

impl Stage {
    /// Takes the processes of a pipeline that the lab has started, with proxies.
    pub(super) fn set(
        services: Services,
        options: ServiceOptions,
        stack: &mut Stack,
        kafka: Arc<KafkaReader>,
        topic: &str,
        peace: Duration,
        live: Arc<Live>,
    ) -> anyhow::Result<Self> {
        let proxy = stack.proxy.as_ref().context("chaos needs proxies before its servers")?;
        Ok(Self {
            turns: Default::default(),
            peace,
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
            live,
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
        Ok((Services { producer, consumer, logs: self.options.logs }, self.poison))
    }

    /// Lets a fault happen as soon as the part that it hits is in no other trouble, and waits until it is over.
    pub(super) async fn inject(&self, planned: &Planned) -> anyhow::Result<Happened> {
        let fault = planned.fault;
        let _turn = self.turns[fault.part() as usize].lock().await;
        news::tell(News::FaultBegins(fault.name(), planned.hold));
        self.live.fault(&fault.to_string());
        let begin = Instant::now();
        let remark = self.hit(planned).await;
        news::tell(News::FaultOver(fault.name()));
        let remark = remark?;
        let over = Instant::now();
        sleep(self.peace).await;
        Ok(Happened { fault, begin, over, remark })
    }

    async fn hit(&self, planned: &Planned) -> anyhow::Result<String> {
        let Planned { fault, hold, dice, .. } = *planned;
        match fault.part() {
            Part::Producer => hit_service(&mut *self.producer.lock().await, fault, hold).await,
            Part::Consumer => hit_service(&mut *self.consumer.lock().await, fault, hold).await,
            Part::Group => {
                let mut members = self.members.lock().await;
                *members += 1;
                self.join_and_leave(&format!("consumer-{members}"), hold).await
            }
            Part::Brokers => {
                let mut brokers = self.brokers.lock().await;
                let index = match fault {
                    Fault::LeaderKill => self.leader().await?,
                    _ => usize::try_from(dice % brokers.len() as u64).unwrap_or_default(),
                };
                let broker = brokers.get_mut(index).context("the leader is none of our brokers")?;
                let name = format!("broker-{}", index + 1);
                if fault == Fault::CutBroker {
                    return self.trouble(&name, Trouble::cut(dice), hold).await;
                }
                hit_server(broker, fault, hold).await.map(|()| name)
            }
            Part::Store => match fault {
                Fault::SlowStore => self.trouble("store", Trouble::Slow, hold).await,
                Fault::CutStore => self.trouble("store", Trouble::cut(dice), hold).await,
                _ => hit_server(&mut *self.store.lock().await, fault, hold).await.map(|()| String::new()),
            },
            Part::Topic => Ok(format!("{} bad records", self.poison.send().await)),
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

/// Ends a service and starts it again. That one which is stopped while what it needs is away may have to give up is a
/// remark, not a fault.
async fn hit_service(service: &mut Service, fault: Fault, hold: Duration) -> anyhow::Result<String> {
    ensure!(service.is_running(), service.failure().await);
    let remark = if matches!(fault, Fault::ConsumerStop | Fault::ProducerStop) {
        service.stop().await.err().map(|error| first_line(&error)).unwrap_or_default()
    } else {
        service.kill().await?;
        String::new()
    };
    sleep(hold).await;
    service.start_again()?;
    Ok(remark)
}

/// Kills, stops or freezes a server, and lets it be again after the hold.
async fn hit_server(server: &mut Server, fault: Fault, hold: Duration) -> anyhow::Result<()> {
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
