//! The worker: claims submissions, works on them, and settles how they end.
//!
//! Its [`core`] decides everything; the loop here sends the requests that the core asks for, each as a task of its own,
//! and hands their answers back. So ten thousand submissions that are worked on at the same time are ten thousand
//! entries of a list, not tasks, and a request that takes long delays no other one.
//!
//! ```text
//! Worker::new(&config, store, &instruments).run(stop).await?
//! ```

use std::collections::BTreeMap;
use std::pin::pin;
use std::process;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use service::{Instruments, Readiness};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::core::{Action, Core, Event, Plan};
use crate::asking::{self, until};
use crate::config::SubmissionsConfig;
use crate::journal;
use crate::metrics::SubmissionMetrics;
use crate::mistake::Mistakes;
use crate::queue::{Announcer, News, Queue};
use crate::settling::{Finished, claimable};
use crate::store::Store;

mod announced;
mod cache;
pub(crate) mod core;
mod identities;
mod work;

/// The most submissions in one claim, or in one settlement: what a store does fastest.
const MOST_AT_ONCE: u32 = 1_000;

/// The condition of a worker's readiness, and the part of the service that it belongs to.
const PART: &str = "worker";

/// A worker.
pub struct Worker {
    store: Arc<dyn Store>,
    plan: Plan,
    name: Arc<str>,
    stop_grace: Duration,
    metrics: SubmissionMetrics,
    readiness: Readiness,
    queue: Queue,
    announcer: Announcer,
}

impl Worker {
    /// A worker on this store, which notifies it of what it can claim. Its readiness has the condition `database` of
    /// the part `worker`.
    pub fn new(config: &SubmissionsConfig, store: Arc<dyn Store>, instruments: &Instruments) -> Self {
        let readiness = instruments.readiness.of(PART);
        readiness.unmet(asking::CONDITION, "connecting");
        let plan = Plan {
            terms: config.terms,
            concurrency: config.worker.concurrency,
            most_at_once: MOST_AT_ONCE,
            work_time: config.worker.work_time,
            failures_percent: config.worker.work_failures_percent,
            poll_interval: config.worker.poll_interval,
            cache_entries: config.worker.cache_entries,
            waits_for_announcements: false,
        };
        let metrics = SubmissionMetrics::new(&instruments.registry);
        let (queue, announcer) = (Queue::of_store(&store), Announcer::default());
        let (name, stop_grace) = (name().into(), config.service.stop_grace);
        Self { store, plan, name, stop_grace, metrics, readiness, queue, announcer }
    }

    /// The same worker, which hears by this queue what it can claim, and announces what it hands back.
    #[must_use]
    pub(crate) fn with_queue(mut self, queue: Queue, announcer: Announcer) -> Self {
        self.plan.waits_for_announcements = queue.is_announced();
        Self { queue, announcer, ..self }
    }

    /// Works until `stop`; then gives back what is not done, writes what is, leaves and returns. Errors of the store
    /// never end it.
    ///
    /// # Errors
    /// When stopping takes longer than `STOP_GRACE`. What was not given back is begun again when the worker counts as
    /// gone.
    pub async fn run(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let seed = Uuid::now_v7().as_u64_pair().1;
        let mut core = Core::new(self.plan.clone(), seed, Instant::now(), Mistakes::default());
        let mut answers = JoinSet::new();
        // Those who wait for what becomes of a batch of announcements, by its number.
        let (mut waiting, mut batches) = (BTreeMap::new(), 0);
        let stop_grace = self.stop_grace;
        let mut grace = pin!(async {
            stop.cancelled().await;
            tokio::time::sleep(stop_grace).await;
        });
        let mut is_stopping = false;
        loop {
            let now = Instant::now();
            while let Some(action) = core.next_action(now) {
                self.send(action, &mut answers);
            }
            for over in core.take_over() {
                let answer: Option<oneshot::Sender<Vec<Uuid>>> = waiting.remove(&over.number);
                if let Some(answer) = answer {
                    // Nobody waits any more where the partition has gone to another worker.
                    answer.send(over.unclaimed).ok();
                }
            }
            self.metrics.running.set(f64::from(core.held()));
            if core.is_done() {
                return Ok(());
            }
            asking::show(&self.readiness, core.error(), PART);
            let event = tokio::select! {
                Some(answer) = answers.join_next() => answer.context("a request to the database failed")?,
                news = self.queue.next() => match news {
                    News::Arrived => Event::Arrived,
                    News::Announced(announcement) => {
                        batches += 1;
                        waiting.insert(batches, announcement.answer);
                        Event::Announced { number: batches, ids: announcement.ids }
                    }
                },
                () = until(core.deadline(Instant::now())) => continue,
                () = stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    Event::Stop
                }
                () = &mut grace => {
                    let held = core.held();
                    bail!("stopping took longer than STOP_GRACE, {held} submissions are begun again by other workers")
                }
            };
            self.note_claimed(&event);
            let finished = core.handle(event, Instant::now());
            self.note_finished(&finished);
        }
    }

    /// Sends a request; its answer comes as an event.
    fn send(&self, action: Action, answers: &mut JoinSet<Event>) {
        let store = Arc::clone(&self.store);
        match action {
            Action::Join => {
                let (worker, name, concurrency) = (Uuid::now_v7(), Arc::clone(&self.name), self.plan.concurrency);
                answers.spawn(async move {
                    let joining = store.join(worker, &name, concurrency);
                    Event::Joined { worker, outcome: asking::answer(joining).await }
                });
            }
            Action::Claim { worker, limit } => {
                answers.spawn(async move {
                    Event::Claimed { worker, outcome: asking::answer(store.claim(worker, limit)).await }
                });
            }
            Action::ClaimThese { worker, ids } => {
                answers.spawn(async move {
                    Event::Claimed { worker, outcome: asking::answer(store.claim_these(worker, &ids)).await }
                });
            }
            Action::Settle(settlements) => {
                answers.spawn(async move { Event::Settled(asking::answer(store.settle(&settlements)).await) });
            }
            Action::LookUp(ids) => {
                answers.spawn(async move { Event::LookedUp(asking::look_up(&*store, &ids).await) });
            }
            Action::Beat { worker, running } => {
                let patience = self.plan.terms.heartbeat;
                answers.spawn(async move {
                    let outcome = asking::answer_within(patience, store.beat(worker, running)).await;
                    Event::Beaten { worker, outcome }
                });
            }
            Action::Leave(worker) => {
                answers
                    .spawn(async move { Event::Left { worker, outcome: asking::answer(store.leave(worker)).await } });
            }
        }
    }

    /// What was claimed is in PROCESSING, even if the core drops it because the worker is gone.
    fn note_claimed(&self, event: &Event) {
        if let Event::Claimed { outcome: Ok(jobs), .. } = event {
            jobs.iter().for_each(|job| journal::claimed(&self.metrics, job));
        }
        let failed = match event {
            Event::Joined { outcome: Err(_), .. } => "join",
            Event::Claimed { outcome: Err(_), .. } => "claim",
            Event::Settled(Err(_)) => "settle",
            Event::LookedUp(Err(_)) => "look_up",
            Event::Beaten { outcome: Err(_), .. } => "beat",
            Event::Left { outcome: Err(_), .. } => "leave",
            _ => return,
        };
        self.metrics.store_error(failed);
    }

    fn note_finished(&self, finished: &[Finished]) {
        let now = Instant::now();
        for Finished { ended, is_late } in finished {
            if *is_late {
                journal::came_late(&self.metrics, ended);
            } else {
                journal::settled(&self.metrics, ended, now);
            }
        }
        self.announcer.announce_again(claimable(finished));
    }
}

/// Host and process, for people.
fn name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "localhost" } else { host.trim() };
    format!("{host}:{}", process::id())
}
