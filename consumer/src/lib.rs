//! The consumer: a member of the group `post-consumer` that stores every record of the topic once, as a document in
//! MongoDB or as a dead letter.
//!
//! The way of a record: the [`fetcher`] thread polls Kafka and [`decode`]s, and its [`outbox`] hands on together what is there
//! at the same time → the [`pipeline`] asks its [`work`], which collects records in a [`buffer`], starts flushes, and commits
//! what [`offsets`] allows → a [`flush`] inserts its batch into the [`store`] and sends what can never be stored to the
//! [`dead_letters`] topic, unless that is too much ([`dead_letter_limit`]: then they are on [`hold`]). From the pipeline on all of
//! it is one thread. Beside it, [`group`] hands partitions over when the group rebalances, and [`watch`] keeps up to
//! date how far behind the group is ([`lag`]). With an OTLP endpoint each flush has a span ([`spans`]). The [`command`] reads
//! the dead letters and sends them back.

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use anyhow::{Context, bail};
use rdkafka::consumer::Consumer;
use service::http::{Limits, NoRoutes, durations};
use service::{Health, Program, Readiness, Registry, Tracer, Tracing};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

mod budget;
pub mod buffer;
mod classify;
mod command;
mod config;
pub mod dead_letter_limit;
mod dead_letters;
pub mod decode;
mod fetcher;
mod flush;
mod group;
mod hold;
mod kafka;
mod lag;
mod metrics;
pub mod offsets;
mod outbox;
mod pipeline;
mod spans;
mod status;
mod store;
mod store_pool;
mod watch;
pub mod work;

pub use config::{BatchSettings, Config, DeadLetterSettings, KafkaSettings, MongoUri};
pub use store::durable_writes;

/// Bounds of the consumer's own small HTTP server, which only health checks and scrapers use.
const LIMITS: Limits = Limits { max_connections: 100, header_timeout: std::time::Duration::from_secs(10) };

const ABOUT: &str = "\
Stores the posts of a Kafka topic in MongoDB, as a member of a consumer group.

`consumer dead-letters` lists the records that could not be stored, shows them, and sends them back; see
`consumer dead-letters --help`.";

/// The program: what `main` does with the arguments after its name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut arguments = arguments.peekable();
    if arguments.next_if(|argument| argument == command::NAME).is_some() {
        return command::main(arguments);
    }
    Program { name: "consumer", about: ABOUT, read: Config::read }.main(arguments, run)
}

/// Consumes until `stop` is cancelled; then flushes, commits, leaves the group and returns. Serves the health endpoints on
/// `listener` meanwhile.
///
/// # Errors
/// When that takes longer than the grace period, or a part of the consumer failed. Nothing is lost by it: what is not
/// committed is read again.
pub async fn run(config: Config, listener: TcpListener, stop: CancellationToken) -> anyhow::Result<()> {
    let registry =
        Registry::new(&[durations::SPEC, metrics::BATCH_RECORDS, metrics::FLUSH_SECONDS, metrics::ACCEPT_TO_STORE]);
    let readiness = Readiness::new(&[kafka::CONDITION, store::CONDITION]);
    let book = Arc::new(lag::Book::default());
    let status = status::status(&config.service, &registry, Arc::clone(&book));
    let health = Health::new(status.clone(), readiness.clone(), registry.clone(), stop.clone());
    let grace = config.service.stop_grace;
    let mut deadline = pin!(async {
        stop.cancelled().await;
        tokio::time::sleep(grace).await;
    });
    let tracing = Tracing::start(&config.service, "consumer")?;
    let (for_consuming, stop_consuming) = ((config.clone(), registry.clone(), readiness.clone()), stop.clone());
    let tracer = tracing.tracer();
    let consuming = on_its_own_thread("pipeline", async move {
        let (config, registry, readiness) = for_consuming;
        consume(&config, &registry, &readiness, book, tracer, &stop_consuming).await
    });
    // The endpoints are served until the very end, so that an orchestrator sees the service stopping.
    let serving = service::http::serve(listener, LIMITS, NoRoutes, health, &registry, CancellationToken::new());
    let outcome = tokio::select! {
        outcome = consuming => outcome,
        () = serving => bail!("the health endpoints ended"),
        () = registry.upkeep() => bail!("the metrics' upkeep ended"),
        () = status.upkeep() => bail!("the status' upkeep ended"),
        () = &mut deadline => {
            bail!("stopping took longer than STOP_GRACE, records read but not committed are read again")
        }
    };
    registry.log_totals();
    tracing.stop(deadline).await;
    outcome
}

/// Does the work on a thread with a runtime of its own; if nobody waits for it any more, it ends. For each flush the pipeline,
/// the flush, the driver's pool and the socket wake each other in turn: among threads each such wake is a system call and a
/// switch, on one thread it is next to nothing.
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
        // A thread that still waits for a server must not keep this one.
        runtime.shutdown_background();
        if let Some(outcome) = ended {
            // Whoever does not wait any more does not want it.
            done.send(outcome).ok();
        }
    };
    thread::Builder::new().name(name.to_owned()).spawn(run).context("cannot start a thread")?;
    outcome.await.with_context(|| format!("the thread {name} failed"))?
}

async fn consume(
    config: &Config,
    registry: &Registry,
    readiness: &Readiness,
    book: Arc<lag::Book>,
    tracer: Option<Tracer>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let metrics = Arc::new(metrics::Metrics::new(registry, config.concurrent_flushes));
    book.publish(config, registry);
    let (outbox, received) = outbox::Outbox::new();
    let for_callbacks = Arc::downgrade(&outbox);
    let connecting = async {
        let store = store::Store::connect(config, readiness, registry).await?;
        let (revokes, revoked) = mpsc::unbounded_channel();
        let context = group::GroupContext::new(config, revokes, for_callbacks, Arc::clone(&book), Arc::clone(&metrics));
        let consumer = kafka::join_group(&config.kafka, context, readiness).await?;
        anyhow::Ok((store, consumer, revoked))
    };
    let (store, consumer, revoked) = tokio::select! {
        connected = connecting => connected?,
        () = stop.cancelled() => return Ok(()),
    };

    let budget = budget::Budget::new(config.buffer_bytes);
    budget.publish(registry);
    let hold = hold::Hold::new(config, readiness.clone());
    let fetcher = {
        let fetcher =
            fetcher::Fetcher::new(Arc::clone(&consumer), config, budget.clone(), hold.clone(), outbox, stop.clone());
        let runtime = Handle::current();
        thread::Builder::new()
            .name("fetcher".to_owned())
            .spawn(move || fetcher.run(&runtime))
            .context("cannot start a thread")?
    };
    let watch = {
        let watch =
            watch::Watch::new(Arc::clone(&consumer), config, Arc::clone(&book), readiness.clone(), stop.clone());
        thread::Builder::new().name("watch".to_owned()).spawn(move || watch.run()).context("cannot start a thread")?
    };
    let dead_letters = dead_letters::DeadLetters::new(&config.kafka);
    let flusher =
        flush::Flusher::new(config, store.clone(), dead_letters, hold, Arc::clone(&metrics), readiness.clone(), tracer);
    let pipeline = pipeline::Pipeline::new(config, Arc::clone(&consumer), flusher, budget, book, metrics);
    tokio::select! {
        outcome = pipeline.run(received, revoked, stop) => outcome?,
        () = store.watch(readiness) => bail!("the store's watch ended"),
    }
    // Closing the consumer leaves the group, so that the others take over at once; it blocks while Kafka answers.
    tokio::task::spawn_blocking(move || {
        let ended = [fetcher.join(), watch.join()];
        consumer.context().close();
        drop(consumer);
        ended.into_iter().all(|ended| ended.is_ok())
    })
    .await
    .context("closing failed")?
    .then_some(())
    .context("a thread of the consumer failed")
}
