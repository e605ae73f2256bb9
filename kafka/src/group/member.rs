//! A member from start to end: the fetcher's thread, the watch's threads and the pipeline, which end together.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rdkafka::consumer::Consumer;
use service::{Instruments, Readiness, Registry};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::budget::Budget;
use super::conditions::Conditions;
use super::config::GroupConfig;
use super::context::Context;
use super::core::{Core, Event};
use super::dead_letters::DeadLetters;
use super::fetching::Wish;
use super::front::Front;
use super::handler::RecordHandler;
use super::lag::Book;
use super::metrics::{self, GroupMetrics, OwnCount};
use super::pipeline::{Inputs, Pipeline, Running};
use super::requests::Requests;
use super::rights::Rights;
use super::watch::{Question, Watch};
use super::{fetcher, joining};
use crate::security::librdkafka::TokenCallback;

/// Consumes until `stop` is cancelled, as [`Membership::run`].
///
/// # Errors
/// When a part of the member failed. Nothing is lost: what is not committed is read again.
pub async fn run<H: RecordHandler>(
    config: &GroupConfig,
    handler: Arc<H>,
    book: Arc<Book>,
    releases: mpsc::Receiver<()>,
    budget: Budget,
    instruments: Instruments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let (_never, pauses) = watch::channel(false);
    let mut requests = Requests { releases, pauses };
    Membership::new(config, book, budget, instruments).run(handler, &mut requests, stop).await
}

/// A place in a group: what one member after the other shares.
pub struct Membership {
    config: GroupConfig,
    book: Arc<Book>,
    budget: Budget,
    metrics: Arc<GroupMetrics>,
    readiness: Readiness,
}

impl Membership {
    /// The book shows how far behind the member is; the budget bounds the records that it holds.
    pub fn new(config: &GroupConfig, book: Arc<Book>, budget: Budget, instruments: Instruments) -> Self {
        let Instruments { registry, readiness, .. } = instruments;
        let metrics = Arc::new(GroupMetrics::new(&registry, config.kind, config.limits.concurrent_flushes));
        book.publish(&config.topic, &config.group, &registry);
        registry.gauge(&metrics::KIND_INFO, &[config.kind, &config.topic, &config.group]).set(1.0);
        publish(&budget, config.kind, &registry);
        Self { config: config.clone(), book, budget, metrics, readiness }
    }

    /// Consumes until `stop` is cancelled; then finishes, commits, leaves the group and returns. When a file of the
    /// cluster's security has changed, it leaves and joins again with what is there. What cannot be finished within the
    /// time for a revoke is then read again: it may be that only the new member can finish it.
    ///
    /// # Errors
    /// When a part of the member failed. Nothing is lost: what is not committed is read again.
    pub async fn run<H: RecordHandler>(
        &self,
        handler: Arc<H>,
        requests: &mut Requests,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let files = self.config.cluster.security.files();
        loop {
            let (version, membership, overdue) = (files.version(), stop.child_token(), CancellationToken::new());
            let mut running = pin!(self.consume(Arc::clone(&handler), requests, &membership, &overdue));
            tokio::select! {
                ended = &mut running => return ended,
                () = files.changed_since(version) => {
                    let topic = &self.config.topic;
                    tracing::info!(topic, "what Kafka asks for has changed, joining the group again");
                    membership.cancel();
                    tokio::select! {
                        ended = &mut running => ended?,
                        () = without_stop(self.config.limits.revoke_timeout, stop) => {
                            overdue.cancel();
                            running.await?;
                        }
                    }
                }
            }
            if stop.is_cancelled() {
                return Ok(());
            }
            // What that member did not finish is dropped with it.
            self.budget.clear();
        }
    }

    /// Joins, consumes until `stop`, and leaves; once it is `overdue`, with whatever is unfinished.
    async fn consume<H: RecordHandler>(
        &self,
        handler: Arc<H>,
        requests: &mut Requests,
        stop: &CancellationToken,
        overdue: &CancellationToken,
    ) -> anyhow::Result<()> {
        let (config, book, budget) = (&self.config, Arc::clone(&self.book), self.budget.clone());
        let (metrics, readiness) = (Arc::clone(&self.metrics), self.readiness.clone());
        let (front, stream) = Front::new(budget.clone(), metrics.consumed.clone());
        let front = Arc::new(front);
        let is_paused = *requests.pauses.borrow_and_update();
        // The fetcher may get partitions before the pipeline runs.
        front.wish(Wish { is_nothing: is_paused, ..Wish::default() });
        let context = Context::new(
            &config.topic,
            config.limits.revoke_timeout,
            Arc::clone(&front),
            Arc::clone(&book),
            Arc::clone(&metrics),
            TokenCallback::new(&config.cluster.security),
            Rights::new(&config.topic, &config.group, readiness.clone()),
        );
        let consumer = tokio::select! {
            joined = joining::join_group(config, context, &readiness) => joined?,
            () = stop.cancelled() => return Ok(()),
        };

        // The threads end when the pipeline has ended, whichever way: one that kept polling would hold partitions that
        // nobody works on, and one that ended as soon as the service must stop would serve no revoke while the rest is
        // flushed.
        let all = CancellationToken::new();
        let ending = all.clone().drop_guard();
        let failed = CancellationToken::new();
        let mut threads = Threads { all: all.clone(), failed: failed.clone(), started: Vec::new() };
        {
            let (consumer, front, handler, stop) =
                (Arc::clone(&consumer), Arc::clone(&front), Arc::clone(&handler), all.clone());
            threads.start("fetcher", move || fetcher::run(&consumer, &front, &handler, &stop))?;
        }
        let (events, watched) = mpsc::unbounded_channel();
        let is_recreated = CancellationToken::new();
        let watch = Arc::new(Watch {
            consumer: Arc::clone(&consumer),
            front: Arc::clone(&front),
            topic: config.topic.clone(),
            cluster: config.cluster.clone(),
            runtime: Handle::current(),
            book: Arc::clone(&book),
            events,
            readiness: readiness.clone(),
            silent: Mutex::default(),
            is_recreated: is_recreated.clone(),
        });
        for (question, name) in Question::ALL {
            let (watch, stop) = (Arc::clone(&watch), all.clone());
            threads.start(name, move || watch.run(question, &stop))?;
        }
        drop(watch);

        let mut core = Core::new(config.limits, budget);
        if H::IS_ORDERED && config.limits.concurrent_flushes == 1 {
            core = core.in_order();
        }
        core.handle(Event::Paused(is_paused), Instant::now());
        let pipeline = Pipeline {
            core,
            handler,
            topic: config.topic.clone(),
            consumer: Arc::clone(&consumer),
            front,
            dead_letters: DeadLetters::new(config),
            book,
            metrics,
            conditions: Conditions::new(readiness),
            in_flight: Running::nothing(),
            stale: OwnCount::default(),
            is_recreated: is_recreated.clone(),
        };
        tokio::select! {
            outcome = pipeline.run(Inputs { stream, watched, requests }, stop) => outcome?,
            () = failed.cancelled() => bail!("a thread of the consumer failed"),
            // librdkafka reads on at the old position, beyond records that nobody has read; a commit would hide them.
            () = is_recreated.cancelled() => bail!(
                "Kafka has forgotten what the group {} has committed: the topic {} was deleted and recreated, or the \
                 offsets were deleted. Start the consumer again: it then reads the topic from its start",
                config.group,
                config.topic
            ),
            // The pipeline is dropped, and with it what it has started: none of that is answered or committed anymore.
            // A commit that was sent before may still arrive, and is right.
            () = overdue.cancelled() => {
                let topic = &config.topic;
                tracing::warn!(topic, "not all is finished before the group is joined again, the rest is read again");
            }
        }
        drop(ending);
        // Closing the consumer leaves the group, so that the others take over at once; it blocks while Kafka answers.
        let closing = move || {
            let ended = threads.join();
            consumer.context().close();
            drop(consumer);
            ended
        };
        let ended = tokio::task::spawn_blocking(closing).await.context("closing failed")?;
        ended.then_some(()).context("a thread of the consumer failed")
    }
}

/// Waits for this long, and without end if the service stops meanwhile: a stop waits for what is in hand.
async fn without_stop(time: Duration, stop: &CancellationToken) {
    tokio::time::sleep(time).await;
    if stop.is_cancelled() {
        std::future::pending().await
    }
}

/// The member's threads, which end together.
struct Threads {
    all: CancellationToken,
    /// One has ended although nobody stopped it.
    failed: CancellationToken,
    started: Vec<thread::JoinHandle<()>>,
}

impl Threads {
    fn start(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
        let ending = Ending { all: self.all.clone(), failed: self.failed.clone() };
        let run = move || {
            let _ending = ending;
            work();
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run).context("cannot start a thread")?;
        self.started.push(thread);
        Ok(())
    }

    /// Waits for their ends, and returns whether all ended well.
    fn join(self) -> bool {
        let mut have_ended_well = true;
        for thread in self.started {
            have_ended_well &= thread.join().is_ok();
        }
        have_ended_well
    }
}

/// Notices a thread that panics, or that ends although nobody stopped it.
struct Ending {
    all: CancellationToken,
    failed: CancellationToken,
}

impl Drop for Ending {
    fn drop(&mut self) {
        if thread::panicking() || !self.all.is_cancelled() {
            self.failed.cancel();
        }
    }
}

/// Shows in the metrics how many bytes are held.
fn publish(budget: &Budget, kind: &'static str, registry: &Registry) {
    let (held, limit) = (budget.clone(), budget.limit());
    registry.observe(&metrics::BUFFERED_BYTES, move |rows| rows.row(&[kind], held.held() as f64));
    registry.gauge(&metrics::BUFFERED_BYTES_LIMIT, &[kind]).set(limit as f64);
}
