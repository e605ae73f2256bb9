//! The sweeper: ends the leases that are lost, removes what is beyond the retention, and reads the figures for the
//! metrics. Every process may have one; where they share a store, the store lets one at a time do its work.
//!
//! Its [`core`] decides everything; the loop here sends the requests that the core asks for and hands the answers back.
//!
//! ```text
//! Sweeper::new(&config, store, &instruments).run(stop).await?
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use service::{Instruments, Readiness};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::core::{SweepAction, SweepCore, SweepEvent, SweepPlan};
use crate::asking::{self, until};
use crate::config::SubmissionsConfig;
use crate::journal;
use crate::metrics::SubmissionMetrics;
use crate::metrics::figures::Figures;
use crate::mistake::Mistakes;
use crate::queue::Announcer;
use crate::scope::Scope;
use crate::settling::claimable;
use crate::store::Store;

mod contact;
pub(crate) mod core;

/// The most submissions of one request.
const MOST_AT_ONCE: u32 = 500;

/// What nobody has claimed for this long is announced again.
const ANNOUNCES_AFTER: Duration = Duration::from_secs(2);

/// The part of the service whose readiness is shown.
const PART: &str = "sweeper";

/// A sweeper.
pub struct Sweeper {
    store: Arc<dyn Store>,
    plan: SweepPlan,
    stuck_after: Duration,
    metrics: SubmissionMetrics,
    figures: Arc<Figures>,
    readiness: Readiness,
    announcer: Announcer,
}

impl Sweeper {
    /// A sweeper of this store. Its readiness has the condition `database` of the part `sweeper`.
    pub fn new(config: &SubmissionsConfig, store: Arc<dyn Store>, instruments: &Instruments) -> Self {
        let readiness = instruments.readiness.of(PART);
        readiness.unmet(asking::CONDITION, "connecting");
        let (terms, retention) = (config.terms, config.retention);
        let plan = SweepPlan { terms, retention, announces_after: None, most_at_once: MOST_AT_ONCE };
        let metrics = SubmissionMetrics::new(&instruments.registry);
        let figures = Figures::shown_by(&instruments.registry);
        let (stuck_after, announcer) = (config.stuck_after, Announcer::default());
        Self { store, plan, stuck_after, metrics, figures, readiness, announcer }
    }

    /// The same sweeper, which announces what it makes PENDING, and whatever nobody has claimed for some time.
    #[must_use]
    pub(crate) fn with_announcer(mut self, announcer: Announcer) -> Self {
        self.plan.announces_after = announcer.is_any().then_some(ANNOUNCES_AFTER);
        Self { announcer, ..self }
    }

    /// What the store counts, as the sweeper reads it once a second.
    pub(crate) fn figures(&self) -> Arc<Figures> {
        Arc::clone(&self.figures)
    }

    /// Sweeps until `stop`. Errors of the store never end it.
    ///
    /// # Errors
    /// When a request to the store failed in a way that is a bug.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let seed = Uuid::now_v7().as_u64_pair().1;
        let mut core = SweepCore::new(self.plan.clone(), seed, Instant::now(), Mistakes::default());
        let mut answers = JoinSet::new();
        loop {
            let now = Instant::now();
            while let Some(action) = core.next_action(now) {
                self.send(action, &mut answers);
            }
            let event = tokio::select! {
                Some(answer) = answers.join_next() => answer.context("a request to the database failed")?,
                () = until(core.deadline()) => continue,
                () = stop.cancelled() => return Ok(()),
            };
            self.note(&event);
            let settled = core.handle(event, Instant::now());
            self.announcer.announce_again(claimable(&settled));
            for finished in settled {
                // What is refused was settled by its worker, or by another sweeper, in time.
                if !finished.is_late {
                    journal::settled(&self.metrics, &finished.ended, now);
                }
            }
            asking::show(&self.readiness, core.error(), PART);
        }
    }

    /// Sends a request; its answer comes as an event.
    fn send(&self, action: SweepAction, answers: &mut JoinSet<SweepEvent>) {
        let store = Arc::clone(&self.store);
        match action {
            SweepAction::Look { silence, work_timeout, limit } => {
                answers.spawn(async move {
                    SweepEvent::Found(asking::answer(store.lost_leases(silence, work_timeout, limit)).await)
                });
            }
            SweepAction::Settle(settlements) => {
                answers.spawn(async move { SweepEvent::Settled(asking::answer(store.settle(&settlements)).await) });
            }
            SweepAction::LookUp(ids) => {
                answers.spawn(async move { SweepEvent::LookedUp(asking::look_up(&*store, &ids).await) });
            }
            SweepAction::Announce { overdue, limit } => {
                let announcer = self.announcer.clone();
                let announcing = async move {
                    // Otherwise they would count as announced, and wait for longer the next time.
                    if !announcer.is_open() {
                        return Ok(0);
                    }
                    let ids = asking::answer(store.announce(overdue, limit)).await?;
                    let count = ids.len();
                    announcer.announce_again_in_turn(ids).await;
                    Ok(count)
                };
                answers.spawn(async move { SweepEvent::Announced(announcing.await) });
            }
            SweepAction::Prune { retention, limit } => {
                answers.spawn(async move { SweepEvent::Pruned(asking::answer(store.prune(retention, limit)).await) });
            }
            SweepAction::Count => {
                let stuck_after = self.stuck_after;
                let counting = async move {
                    let stats = asking::answer(store.stats(&Scope::All, stuck_after)).await?;
                    Ok((stats, asking::answer(store.workers()).await?.len()))
                };
                answers.spawn(async move { SweepEvent::Counted(counting.await) });
            }
        }
    }

    fn note(&self, event: &SweepEvent) {
        let failed = match event {
            SweepEvent::Counted(Ok((stats, workers))) => return self.figures.read(stats.clone(), *workers),
            SweepEvent::Pruned(Ok(0)) => return,
            SweepEvent::Pruned(Ok(submissions)) => {
                self.metrics.pruned.increment(*submissions);
                return tracing::info!(submissions, "submissions beyond the retention removed");
            }
            SweepEvent::Found(Err(_)) => "lost_leases",
            SweepEvent::Settled(Err(_)) => "settle",
            SweepEvent::LookedUp(Err(_)) => "look_up",
            SweepEvent::Announced(Err(_)) => "announce",
            SweepEvent::Pruned(Err(_)) => "prune",
            SweepEvent::Counted(Err(_)) => "stats",
            _ => return,
        };
        self.metrics.store_error(failed);
    }
}
