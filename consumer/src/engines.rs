//! One engine for each kind of record: a member of the kind's group and the store's client, on a thread of their own
//! with a runtime of its own. Engines share the process' budget, metrics and HTTP server and nothing else, so one that
//! is stuck holds up no other.
//!
//! For each flush the pipeline, the flush, the driver's pool and the socket wake each other in turn: between threads
//! each wake is a system call and a switch, on one thread it costs next to nothing.

use std::pin::pin;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, bail};
use contract::{Kind, Write};
use kafka::group::budget::Budget;
use kafka::group::{Book, GroupConfig, Membership, Release, Requests};
use service::Instruments;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{ConsumerConfig, MongoUri};
use crate::expiring::Expiring;
use crate::flush::Records;
use crate::metrics::StoreMetrics;
use crate::pausing::{Pausing, ShownPause};
use crate::retention::Retention;
use crate::store::control::Control;
use crate::store::{self, Store, StorePlace};
use crate::store_pool::StorePool;

/// What stores the records of one kind.
pub(crate) struct Engine {
    pub(crate) kind: Kind,
    pub(crate) book: Arc<Book>,
    pub(crate) release: Release,
    pub(crate) paused: ShownPause,
    config: GroupConfig,
    mongo_uri: MongoUri,
    retention: Option<Retention>,
    pool: StorePool,
    pausing: Pausing,
    requests: Requests,
    budget: Budget,
    instruments: Instruments,
}

/// The engines of all kinds that are served. None is ready before it has begun to work.
pub(crate) fn of(config: &ConsumerConfig, instruments: &Instruments) -> Vec<Engine> {
    let budgets = Budget::split(config.buffer_bytes, config.kinds.len());
    let pool = StorePool::new(&instruments.registry);
    let engine = |(kind, budget): (&Kind, Budget)| {
        let (release, releases) = Release::new();
        let readiness = kafka::readiness_of(*kind, &instruments.readiness);
        for condition in [kafka::CONDITION, store::CONDITION] {
            readiness.unmet(condition, "connecting");
        }
        let (pausing, pauses) = Pausing::new(*kind, &instruments.registry, &readiness);
        Engine {
            kind: *kind,
            book: Arc::new(Book::default()),
            release,
            paused: pausing.shown(),
            pausing,
            requests: Requests { releases, pauses },
            config: config.group(*kind).clone(),
            mongo_uri: config.mongo_uri.clone(),
            retention: config.retention_of(*kind),
            pool: pool.clone(),
            budget,
            instruments: Instruments { readiness, ..instruments.clone() },
        }
    };
    config.kinds.iter().zip(budgets).map(engine).collect()
}

/// Runs the engines until `stop` is cancelled. If one of them fails, that cancels it, too: the others flush, commit and
/// leave their groups before the process ends.
///
/// # Errors
/// Why the first one failed.
pub(crate) async fn run(engines: Vec<Engine>, stop: &CancellationToken) -> anyhow::Result<()> {
    let mut running = JoinSet::new();
    for engine in engines {
        let (kind, stop) = (engine.kind.name(), stop.clone());
        running.spawn(async move {
            let (name, stopped) = (format!("pipeline-{kind}"), stop.clone());
            let outcome = on_its_own_thread(&name, async move { engine.work(&stopped).await }).await;
            stop.cancel();
            outcome.with_context(|| format!("the engine of the kind {kind} failed"))
        });
    }
    let mut outcome = Ok(());
    while let Some(ended) = running.join_next().await {
        let ended = ended.context("an engine's task failed")?;
        if let Err(error) = &ended {
            tracing::error!(error = format!("{error:#}"), "the consumer stops");
        }
        outcome = outcome.and(ended);
    }
    outcome
}

impl Engine {
    async fn work(self, stop: &CancellationToken) -> anyhow::Result<()> {
        let Self { kind, book, mut config, mongo_uri, retention, pool, budget, instruments, .. } = self;
        let (mut pausing, mut requests) = (self.pausing, self.requests);
        let metrics = Arc::new(StoreMetrics::new(&instruments.registry, kind));
        let (readiness, tracer) = (instruments.readiness.clone(), instruments.tracer.clone());
        let concurrent_flushes = config.limits.concurrent_flushes;
        let place = StorePlace { mongo_uri: &mongo_uri, collection: kind.collection(), concurrent_flushes };
        let files = mongo_uri.files();
        let mut version = files.version();
        let mut store = tokio::select! {
            connected = Store::connect(&place, &readiness, &pool) => connected?,
            () = stop.cancelled() => return Ok(()),
        };
        if kind.write() == Write::Upsert && !store.replaces_atomically() {
            config.limits.concurrent_flushes = 1;
        }
        let membership = Membership::new(&config, Arc::clone(&book), budget, instruments);
        let (topic, expired) = (config.topic, metrics.expired.clone());
        let records = Arc::new(Records { kind, topic, store: store.clone().into(), retention, metrics, tracer });
        let mut consuming = pin!(membership.run(Arc::clone(&records), &mut requests, stop));
        loop {
            let control = Control::of(&store);
            let (book, expired) = (Arc::clone(&book), expired.clone());
            let expiring = Expiring { kind, retention, store: store.clone(), book, expired };
            tokio::select! {
                outcome = &mut consuming => return outcome,
                () = store.watch(&readiness) => bail!("the store's watch ended"),
                () = pausing.follow(&control) => bail!("the watch for pauses ended"),
                () = expiring.run() => bail!("the removal of old documents ended"),
                () = files.changed_since(version) => {
                    tracing::info!(kind = kind.name(), "MONGO_URI_FILE has changed, connecting again");
                }
            }
            version = files.version();
            store = tokio::select! {
                outcome = &mut consuming => return outcome,
                connected = Store::connect(&place, &readiness, &pool) => connected?.in_turn_after(&store),
            };
            records.store.replace(store.clone());
        }
    }
}

/// Does the work on a thread with its own runtime; ends it if nobody waits anymore.
async fn on_its_own_thread(
    name: &str,
    work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().context("cannot start a runtime")?;
    let (mut done, outcome) = oneshot::channel();
    let run = move || {
        let ended = runtime.block_on(async {
            tokio::select! {
                outcome = work => Some(outcome),
                () = done.closed() => None,
            }
        });
        // A thread that still waits for a server must not hold up this one.
        runtime.shutdown_background();
        if let Some(outcome) = ended {
            // A caller that no longer waits does not want the outcome.
            done.send(outcome).ok();
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(run).context("cannot start a thread")?;
    outcome.await.with_context(|| format!("the thread {name} failed"))?
}
