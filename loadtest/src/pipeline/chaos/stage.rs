//! Where faults happen: the processes of a pipeline. Each part takes one fault at a time, so that nothing hits a part
//! that is already in trouble; different parts can be in trouble together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use kafka::topics::{Reader, Sender};
use stack::{Server, Stack};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::extra::ExtraPosts;
use super::fault::{Fault, StagePart};
use super::poison::Poison;
use super::schedule::PlannedFault;
use super::topics::Topics;
use super::toxics::{Toxic, Toxics};
use crate::ledger::post::RunId;
use crate::load::live::Live;
use crate::pipeline::news::{self, News};
use crate::pipeline::services::{CONSUMER, Service, ServiceOptions, Services};
use crate::pipeline::settings::PipelineSettings;
use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::CLIENT_ID;

mod failpoint;
mod freeze;
mod handled;
mod kill;
mod topic;

/// A fault that is over.
pub(crate) struct HappenedFault {
    pub(crate) fault: Fault,
    pub(crate) begin: Instant,
    /// When the part that was hit was restarted, resumed, or connected again.
    pub(crate) over: Instant,
    /// What was hit, and how.
    pub(crate) remark: String,
}

/// The parts of a pipeline.
pub(crate) struct Stage {
    /// Held by the fault of a part, for each [`StagePart`].
    turns: [Mutex<()>; StagePart::COUNT],
    /// How long a part is left in peace after a fault.
    peace: Duration,
    producer: Mutex<Service>,
    consumer: Mutex<Service>,
    /// The number of the last member that was started; the consumer is the first.
    members: Mutex<u32>,
    brokers: Mutex<Vec<Server>>,
    store: Mutex<Server>,
    toxics: Toxics,
    topics: Topics,
    /// Sends past the producer, straight into the topic.
    sender: Sender,
    poison: Poison,
    extra: ExtraPosts,
    kafka: Arc<Reader>,
    documents: StoreReader,
    topic: String,
    dead_letters: String,
    /// Of the consumer's session, and of a post: a pause must exceed them.
    timeouts: (Duration, Duration),
    options: ServiceOptions,
    live: Arc<Live>,
}

/// What is left of a stage.
pub(crate) struct Struck {
    pub(crate) services: Services,
    pub(crate) poison: Poison,
    pub(crate) extra: ExtraPosts,
    pub(crate) documents: StoreReader,
}

/// What a stage is built from.
pub(crate) struct StageSetting<'a> {
    pub(crate) run: RunId,
    pub(crate) services: Services,
    pub(crate) options: ServiceOptions,
    pub(crate) settings: &'a PipelineSettings,
    pub(crate) kafka: Arc<Reader>,
    pub(crate) documents: StoreReader,
    pub(crate) peace: Duration,
    pub(crate) live: Arc<Live>,
}

impl Stage {
    /// Takes the processes of a pipeline that the lab has started, with proxies.
    pub(crate) fn set(setting: StageSetting<'_>, stack: &mut Stack) -> anyhow::Result<Self> {
        let StageSetting { run, services, options, settings, kafka, documents, peace, live } = setting;
        let proxy = stack.proxy.as_ref().context("chaos needs proxies before its servers")?;
        let names = settings.group();
        Ok(Self {
            turns: Default::default(),
            peace,
            toxics: Toxics::new(proxy.server.port()),
            topics: Topics::new(&options.kafka, &kafka)?,
            sender: Sender::new(&options.kafka, CLIENT_ID)?,
            poison: Poison::of(settings.kind, &names.topic),
            extra: ExtraPosts::of(run, &names.topic),
            producer: Mutex::new(services.producer),
            consumer: Mutex::new(services.consumer),
            members: Mutex::new(1),
            brokers: Mutex::new(std::mem::take(&mut stack.brokers)),
            store: Mutex::new(stack.store.take().context("chaos needs a store of its own")?),
            kafka,
            documents,
            topic: names.topic.clone(),
            dead_letters: names.dead_letter_topic.clone(),
            timeouts: (names.session_timeout, settings.producer_config.kafka.timeout),
            options,
            live,
        })
    }

    /// Returns the processes, and what was sent past the producer. `troubles` gets a sentence for each service that
    /// ended by itself or is not ready.
    pub(crate) async fn strike(self, stack: &mut Stack, troubles: &mut Vec<String>) -> anyhow::Result<Struck> {
        stack.brokers = self.brokers.into_inner();
        stack.store = Some(self.store.into_inner());
        let (mut producer, mut consumer) = (self.producer.into_inner(), self.consumer.into_inner());
        for service in [&mut producer, &mut consumer] {
            if !service.is_running() {
                troubles.push(service.failure().await);
                service.start_again()?;
            }
            // What it did until then is still proven.
            troubles.extend(service.ready().await.err().map(|error| format!("{error:#}")));
        }
        let services = Services { producer, consumer, logs: self.options.logs };
        Ok(Struck { services, poison: self.poison, extra: self.extra, documents: self.documents })
    }

    /// Lets a fault happen as soon as the parts that it hits are in no other trouble. Returns when it is over.
    pub(crate) async fn inject(&self, planned: &PlannedFault) -> anyhow::Result<HappenedFault> {
        let fault = planned.fault;
        let mut turns = Vec::new();
        for part in fault.parts() {
            turns.push(self.turns[*part as usize].lock().await);
        }
        let hold = planned.hold.max(fault.least_hold(self.timeouts.0, self.timeouts.1));
        news::tell(News::FaultBegins(fault.name(), hold));
        self.live.fault(fault.name());
        let begin = Instant::now();
        let remark = self.hit(fault, hold, planned.dice).await;
        news::tell(News::FaultOver(fault.name()));
        let remark = remark?;
        let over = Instant::now();
        sleep(self.peace).await;
        Ok(HappenedFault { fault, begin, over, remark })
    }

    async fn hit(&self, fault: Fault, hold: Duration, dice: u64) -> anyhow::Result<String> {
        match fault {
            Fault::ProducerKill | Fault::ProducerStop => self.hit_service(&self.producer, fault, hold).await,
            Fault::ConsumerKill | Fault::ConsumerStop => self.hit_service(&self.consumer, fault, hold).await,
            Fault::KillAt(step) => self.kill_at(step, hold).await,
            Fault::ProducerPause => self.pause_producer(hold).await,
            Fault::ConsumerPause => self.pause_consumer(hold, dice).await,
            Fault::Rebalance => self.join_and_leave(hold).await,
            Fault::BrokerKill | Fault::LeaderKill | Fault::BrokerStop | Fault::BrokerPause | Fault::CutBroker => {
                self.hit_broker(fault, hold, dice).await
            }
            Fault::SlowStore => self.trouble("store", Toxic::Slow, hold).await,
            Fault::CutStore => self.trouble("store", Toxic::cut(dice), hold).await,
            Fault::StoreKill | Fault::StorePause => self.hit_store(fault, hold).await,
            Fault::Poison => Ok(format!("{} bad records", self.poison.send(&self.sender).await)),
            Fault::DlqGone => self.lose_dead_letter_topic(hold).await,
            Fault::Index => self.make_index(hold, dice).await,
            Fault::Partitions => self.add_partition().await,
        }
    }

    async fn join_and_leave(&self, hold: Duration) -> anyhow::Result<String> {
        let member = self.another_member().await?;
        sleep(hold).await;
        ensure!(member.is_running(), member.failure().await);
        Ok(format!("{} joined and {}", member.name(), leave(&member).await))
    }

    /// Starts one more consumer and waits until it is ready.
    async fn another_member(&self) -> anyhow::Result<Service> {
        let member = self.start_member().await?;
        member.ready().await?;
        Ok(member)
    }

    /// Starts one more consumer.
    async fn start_member(&self) -> anyhow::Result<Service> {
        let mut members = self.members.lock().await;
        *members += 1;
        Service::start_unready(&format!("consumer-{members}"), CONSUMER, &self.options)
    }

    async fn trouble(&self, proxy: &str, trouble: Toxic, hold: Duration) -> anyhow::Result<String> {
        self.toxics.begin(proxy, trouble).await?;
        sleep(hold).await;
        self.toxics.end(proxy, trouble).await?;
        Ok(format!("{proxy}: {trouble}"))
    }
}

/// Lets a member leave the group. Returns how it ended, in words.
async fn leave(member: &Service) -> String {
    match member.stop().await {
        Ok(()) => "left".to_owned(),
        Err(error) => format!("ended: {}", first_line(&error)),
    }
}

fn first_line(error: &anyhow::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
}
