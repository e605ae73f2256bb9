//! The consumer: a member of the group `post-consumer` that stores every record of the topic once, as a document in
//! MongoDB or as a dead letter.
//!
//! A member of the group ([`kafka::group`]) fetches records and says when to write which. This crate says what they are
//! ([`contract::decode`]) and writes a batch of them ([`flush`]) into the [`store`], whose answers [`classify`]
//! understands. With an OTLP endpoint each flush has a span ([`spans`]). The [`command`] reads the dead letters and
//! sends them back.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, bail};
use kafka::group::budget::Budget;
use kafka::group::{self, Book, Release};
use service::http::ServerLimits;
use service::metrics::Metric;
use service::state_file::StateFile;
use service::{Health, Instruments, Program, Readiness, Registry, Tracing};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

mod classify;
mod command;
mod config;
mod flush;
mod metrics;
mod routes;
mod spans;
mod status;
mod store;
mod store_pool;
mod summary;

pub use config::{ConsumerConfig, MongoUri};
pub use routes::ROUTES;
pub use store::durable_writes;

/// Bounds of the consumer's own small HTTP server, which only health checks and scrapers use.
const LIMITS: ServerLimits = ServerLimits { max_connections: 100, header_timeout: std::time::Duration::from_secs(10) };

/// Every metric that the consumer shows.
pub const METRICS: &[&[Metric]] = &[service::METRICS, group::metrics::METRICS, metrics::METRICS];

const ABOUT: &str = "\
Stores the posts of a Kafka topic in MongoDB, as a member of a consumer group.

`consumer dead-letters` lists the records that could not be stored, shows them, and sends them back, or releases the
brake that too many of them put on; see `consumer dead-letters --help`.";

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut arguments = arguments.peekable();
    if arguments.next_if(|argument| argument == command::NAME).is_some() {
        return command::main(arguments);
    }
    Program { name: "consumer", about: ABOUT, read: ConsumerConfig::read }.main(arguments, run)
}

/// Consumes until `stop` is cancelled; then flushes, commits, leaves the group and returns. Serves the health endpoints
/// on `listener` meanwhile.
///
/// # Errors
/// When that takes longer than the grace period, or a part of the consumer failed, or the state file cannot be written.
/// Nothing is lost: what is not committed is read again.
pub async fn run(config: ConsumerConfig, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let state = StateFile::listening(&config.service, "consumer", &listener)?;
    let registry = Registry::new(METRICS);
    let readiness = Readiness::new(&[kafka::CONDITION, store::CONDITION]);
    let book = Arc::new(Book::default());
    let (release, releases) = Release::new();
    let status = status::status(&config.service, &registry, Arc::clone(&book));
    let health = Health::new(status.clone(), readiness.clone(), registry.clone(), stop.clone());
    let grace = config.service.stop_grace;
    let mut deadline = pin!(async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    });
    let tracing = Tracing::start(&config.service, "consumer")?;
    let instruments = Instruments { registry: registry.clone(), readiness, tracer: tracing.tracer() };
    let (consuming_config, stop_consuming) = (config.clone(), stop.clone());
    let consuming = on_its_own_thread("pipeline", async move {
        consume(&consuming_config, book, releases, instruments, &stop_consuming).await
    });
    // The endpoints are served until the very end, so that an orchestrator sees the service stopping.
    let serving = service::http::serve(
        listener,
        LIMITS,
        routes::ConsumerRoutes { release },
        health,
        &registry,
        CancellationToken::new(),
    );
    let outcome = tokio::select! {
        outcome = consuming => outcome,
        () = serving => bail!("the health endpoints ended"),
        () = registry.upkeep() => bail!("the metrics' upkeep ended"),
        () = status.upkeep() => bail!("the status' upkeep ended"),
        () = &mut deadline => {
            bail!("stopping took longer than STOP_GRACE, records read but not committed are read again")
        }
    };
    let totals = registry.last_totals();
    tracing.stop(deadline).await;
    let written = state.ended(totals);
    outcome.and(written)
}

/// Does the work on a thread with its own runtime; ends it if nobody waits anymore. For each flush the pipeline, the
/// flush, the driver's pool and the socket wake each other in turn: between threads each wake is a system call and a
/// switch, on one thread it costs next to nothing.
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

async fn consume(
    config: &ConsumerConfig,
    book: Arc<Book>,
    releases: mpsc::Receiver<()>,
    instruments: Instruments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let metrics = Arc::new(metrics::StoreMetrics::new(&instruments.registry, config.kafka.kind));
    let (readiness, tracer) = (instruments.readiness.clone(), instruments.tracer.clone());
    let store = tokio::select! {
        connected = store::Store::connect(config, &readiness, &instruments.registry) => connected?,
        () = stop.cancelled() => return Ok(()),
    };
    let budget = Budget::new(config.buffer_bytes);
    let posts = flush::Posts { topic: config.kafka.topic.clone(), store: store.clone(), metrics, tracer };
    tokio::select! {
        outcome = group::run(&config.kafka, Arc::new(posts), book, releases, budget, instruments, stop) => outcome,
        () = store.watch(&readiness) => bail!("the store's watch ended"),
    }
}
