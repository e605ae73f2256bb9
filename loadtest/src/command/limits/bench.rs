//! What the measures are taken with: the servers, and for each measure the processes, the topic and the collection that
//! it needs, so that no measure finds what another one has left.

use crate::pipeline::under_test::cluster;
use kafka::Cluster;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use contract::Kind;
use service::status::figures::grouped;
use stack::Stack;
use tokio::time::sleep;

use super::cpu::Meter;
use super::generate;
use super::insert::Insert;
use super::plan::MeasurePlan;
use super::produce::{Produce, delete_topics};
use crate::base::text::rate;
use crate::ledger::accepted_ids::ACCEPTED_IDS;
use crate::pipeline::scrape::MetricsPage;
use crate::pipeline::services::{BARE, CONSUMER, PRODUCER, Service, ServiceOptions, ServicePorts};
use crate::pipeline::settings::{Lookup, PipelineSettings};
use crate::pipeline::store::{Documents, StoreReader};
use crate::pipeline::topic;
use crate::report::limits::measure::{BROKER, LimitsMeasure, LimitsSample, STORE, Samples};

/// Upper bound of the large batches, in bytes: about 240 records, beyond the sizes at which rskafka stalls. Larger ones
/// take turns with the broker over its socket buffers, which hold 100 KiB by default.
const LARGE_BATCH_BYTES: usize = 100_000;

/// How often the consumer is asked how much it has stored.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A consumer that stores nothing for this long has a problem.
const STORING_DEADLINE: Duration = Duration::from_secs(60);

/// Once the first of what was accepted in a measure is stored, the wait for the rest lasts this many times as long as
/// the measure, and one batch interval.
const DRAIN_FACTOR: u32 = 4;

/// The servers, and what is known about them.
pub(crate) struct LimitsBench {
    pub(super) plan: MeasurePlan,
    pub(super) settings: PipelineSettings,
    pub(super) kafka: Cluster,
    pub(super) mongo_uri: String,
    pub(super) replication: i16,
    /// Process ids of those that this lab has started.
    pub(super) brokers: Vec<u32>,
    pub(super) store: Vec<u32>,
}

impl LimitsBench {
    pub(crate) fn new(plan: MeasurePlan, settings: &PipelineSettings, stack: &Stack, lookup: Lookup<'_>) -> Self {
        let replication = match lookup("KAFKA_REPLICATION") {
            None if stack.brokers.len() > 1 => i16::try_from(stack.brokers.len()).unwrap_or(i16::MAX),
            _ => settings.producer_config.kafka.replication,
        };
        Self {
            plan,
            settings: settings.clone(),
            kafka: cluster(stack, settings),
            mongo_uri: stack.mongo_uri().to_owned(),
            replication,
            brokers: stack.brokers.iter().map(stack::Server::pid).collect(),
            store: stack.store.iter().map(stack::Server::pid).collect(),
        }
    }

    /// Name and version of the store.
    pub(crate) async fn store_version(&self) -> anyhow::Result<String> {
        StoreReader::new(&Documents::of(Kind::Post, self.mongo_uri.clone())).await?.version().await
    }

    /// Takes every measure that is asked for once. What was measured stays noted when this is dropped, or when a later
    /// measure fails.
    pub(crate) async fn round(&self, round: u32, samples: &mut Samples) -> anyhow::Result<()> {
        let mut note = |measure: LimitsMeasure, sample: LimitsSample| {
            eprintln!("{:<14}{:>12}   {}", measure.name(), rate(sample.posts, sample.elapsed), measure.what());
            samples.entry(measure).or_default().push(sample);
        };
        let is_taken = |measure: LimitsMeasure| measure.is_taken(&self.plan.only);
        if is_taken(LimitsMeasure::Http) {
            note(LimitsMeasure::Http, self.http().await?);
        }
        if is_taken(LimitsMeasure::Produce) {
            let batch_bytes = self.settings.producer_config.kafka.batch_bytes.min(kafka::publish::ENOUGH_BYTES);
            note(LimitsMeasure::Produce, self.produce(&self.topic(round, "produce"), batch_bytes).await?);
        }
        if is_taken(LimitsMeasure::ProduceLarge) {
            note(LimitsMeasure::ProduceLarge, self.produce(&self.topic(round, "large"), LARGE_BATCH_BYTES).await?);
        }
        if is_taken(LimitsMeasure::Insert) {
            note(LimitsMeasure::Insert, self.insert().await?);
        }
        let apart = self.service_options(self.topic(round, "apart"));
        if is_taken(LimitsMeasure::Producer) {
            let producer = self.producer(&apart).await?;
            let accepted = producer.posts;
            note(LimitsMeasure::Producer, producer);
            if is_taken(LimitsMeasure::Fetch) {
                note(LimitsMeasure::Fetch, self.fetch(self.topic(round, "apart")).await?);
            }
            if is_taken(LimitsMeasure::Consumer) {
                note(LimitsMeasure::Consumer, self.consumer(&apart, accepted).await?);
            }
        }
        if is_taken(LimitsMeasure::Pipeline) {
            note(LimitsMeasure::Pipeline, self.pipeline(&self.service_options(self.topic(round, "pipeline"))).await?);
        }
        self.orders_round(round, &mut note).await?;
        self.clean_up().await
    }

    /// Deletes the topics, the collection and the file that are there.
    pub(crate) async fn clean_up(&self) -> anyhow::Result<()> {
        // A measure that was interrupted leaves it.
        let accepted_ids = self.plan.directory.join(ACCEPTED_IDS);
        if accepted_ids.exists() {
            std::fs::remove_file(accepted_ids).context("cannot remove the accepted ids")?;
        }
        delete_topics(&self.kafka, &self.name()).await?;
        self.inserts().await?.drop_collection().await?;
        self.updates(0).await?.drop_collection().await
    }

    async fn http(&self) -> anyhow::Result<LimitsSample> {
        let bare = Service::start(BARE, BARE, &self.service_options(String::new())).await?;
        let pids = [bare.pid()];
        let meter = Meter::start(vec![(BARE, &pids)]);
        let accepted = while_it_runs(&bare, generate::posts(&bare.target, &self.plan)).await?;
        let sample = meter.done(accepted);
        bare.stop().await?;
        Ok(sample)
    }

    async fn produce(&self, topic: &str, batch_bytes: usize) -> anyhow::Result<LimitsSample> {
        let config = &self.settings.producer_config.kafka;
        let produce = Produce {
            topic: topic.to_owned(),
            partitions: config.partitions,
            replication: self.replication,
            compression: config.compression,
            batch_bytes,
            run: self.plan.run,
        };
        let connections = produce.connections(&self.kafka).await?;
        let meter = Meter::start(vec![(BROKER, &self.brokers)]);
        let acknowledged = produce.records(connections, self.plan.duration).await.context("cannot produce")?;
        Ok(meter.done(acknowledged))
    }

    async fn insert(&self) -> anyhow::Result<LimitsSample> {
        let insert = self.inserts().await?;
        insert.prepare().await?;
        let meter = Meter::start(vec![(STORE, &self.store)]);
        let stored = insert.documents(self.plan.duration).await?;
        let sample = meter.done(stored);
        insert.drop_collection().await?;
        Ok(sample)
    }

    /// Leaves a backlog for [`Self::fetch`] and [`Self::consumer`].
    async fn producer(&self, options: &ServiceOptions) -> anyhow::Result<LimitsSample> {
        let producer = Service::start(PRODUCER, PRODUCER, options).await?;
        let pids = [producer.pid()];
        let meter = Meter::start(vec![(PRODUCER, &pids), (BROKER, &self.brokers)]);
        let accepted = while_it_runs(&producer, generate::posts(&producer.target, &self.plan)).await?;
        let sample = meter.done(accepted);
        producer.stop().await?;
        Ok(sample)
    }

    /// Measured from the first record on: finding the partitions does not count.
    async fn fetch(&self, topic: String) -> anyhow::Result<LimitsSample> {
        let (reader, brokers) = (topic::reader(&self.kafka, &topic)?, self.brokers.clone());
        let fetching = tokio::task::spawn_blocking(move || {
            let (mut meter, mut records) = (None, 0);
            topic::scan(&reader, &topic, |_| {
                meter.get_or_insert_with(|| Meter::start(vec![(BROKER, &brokers)]));
                records += 1;
                ControlFlow::<()>::Continue(())
            })?;
            anyhow::Ok(meter.context("no post was accepted, so there is none to fetch")?.done(records))
        });
        fetching.await.context("fetching failed")?
    }

    /// Measured from the first stored record on: joining the group does not count.
    pub(super) async fn consumer(&self, options: &ServiceOptions, backlog: u64) -> anyhow::Result<LimitsSample> {
        let consumer = Service::start_unready(CONSUMER, CONSUMER, options)?;
        let pids = [consumer.pid()];
        let storing = async {
            let deadline = Instant::now() + STORING_DEADLINE;
            loop {
                let meter = Meter::start(vec![(CONSUMER, &pids), (BROKER, &self.brokers), (STORE, &self.store)]);
                sleep(LOOK_EVERY).await;
                if stored(&consumer).await > 0 {
                    let stored = self.until_stored(&consumer, backlog, self.plan.duration).await?;
                    return Ok(meter.done(stored));
                }
                if Instant::now() > deadline {
                    return Err(none_stored(backlog));
                }
            }
        };
        let sample = while_it_runs(&consumer, storing).await?;
        if consumer.kind == Kind::Order && sample.posts < backlog {
            // Before it stops it would write what it has read of the rest, which may take a slow store minutes. Of
            // posts it has few, and the next measure is in its group, which would wait for a killed member.
            consumer.kill().await?;
        } else {
            consumer.stop().await?;
        }
        Ok(sample)
    }

    async fn pipeline(&self, options: &ServiceOptions) -> anyhow::Result<LimitsSample> {
        let producer = Service::start(PRODUCER, PRODUCER, options).await?;
        let consumer = Service::start(CONSUMER, CONSUMER, options).await?;
        let pids = ([producer.pid()], [consumer.pid()]);
        let meter =
            Meter::start(vec![(PRODUCER, &pids.0), (CONSUMER, &pids.1), (BROKER, &self.brokers), (STORE, &self.store)]);
        let interval = self.settings.consumer_config.kafka.limits.batch.interval;
        let through = async {
            let accepted = while_it_runs(&producer, generate::posts(&producer.target, &self.plan)).await?;
            self.until_stored(&consumer, accepted, self.plan.duration * DRAIN_FACTOR + interval).await
        };
        let sample = meter.done(while_it_runs(&consumer, through).await?);
        producer.stop().await?;
        consumer.stop().await?;
        Ok(sample)
    }

    /// Waits until the first posts are stored, and then, at most for this long, until no more are missing than the
    /// consumer may hold because its batch is not full. Returns how many are stored.
    async fn until_stored(&self, consumer: &Service, accepted: u64, patience: Duration) -> anyhow::Result<u64> {
        let rest = self.settings.consumer_config.group(consumer.kind).limits.batch.messages as u64;
        let (since, mut first) = (Instant::now(), None);
        loop {
            let stored = stored(consumer).await;
            if stored > 0 {
                let first = *first.get_or_insert_with(Instant::now);
                if stored + rest > accepted || first.elapsed() >= patience {
                    return Ok(stored);
                }
            } else if since.elapsed() > STORING_DEADLINE {
                return Err(none_stored(accepted));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    async fn inserts(&self) -> anyhow::Result<Insert> {
        let collection = self.name().replace('-', "_");
        Insert::new(&self.mongo_uri, &collection, &self.settings.consumer_config, self.plan.run).await
    }

    pub(super) fn service_options(&self, topic: String) -> ServiceOptions {
        ServiceOptions {
            kind: Kind::Post,
            kafka: self.kafka.clone(),
            mongo_uri: self.mongo_uri.clone(),
            producer_ports: ServicePorts::free(),
            consumer_ports: ServicePorts::free(),
            log_format: "text".to_owned(),
            more: vec![("KAFKA_TOPIC", topic), ("KAFKA_REPLICATION", self.replication.to_string())],
            logs: self.plan.directory.clone(),
        }
    }

    /// The prefix of the names of everything that is created for the measures.
    pub(super) fn name(&self) -> String {
        format!("limits-{}", self.plan.run)
    }

    pub(super) fn topic(&self, round: u32, of: &str) -> String {
        format!("{}-{round}-{of}", self.name())
    }
}

/// How many records of its kind the consumer has stored since its start, those included that a later one of their batch
/// stands for; zero as long as it does not report that.
async fn stored(consumer: &Service) -> u64 {
    let Ok(page) = MetricsPage::get(&consumer.operators, consumer.kind).await else { return 0 };
    let counters = ["ingest_records_stored_total", "ingest_records_superseded_total"];
    counters.iter().filter_map(|counter| page.sum(counter)).sum::<f64>() as u64
}

fn none_stored(accepted: u64) -> anyhow::Error {
    anyhow!("the consumer has stored none of {} records", grouped(accepted))
}

/// What `work` returns, unless the service ends meanwhile, which it should not do.
async fn while_it_runs<T>(service: &Service, work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        failure = service.failure() => bail!(failure),
    }
}
