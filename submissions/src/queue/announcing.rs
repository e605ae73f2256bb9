//! What announcements are: who makes them, who hears of them, and the parts of a process that have to do with them.

#![cfg_attr(not(feature = "kafka"), allow(dead_code, reason = "nothing is announced without Kafka"))]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use futures_util::future::BoxFuture;
use metrics::Counter;
use service::Registry;
use service::metrics::Metric;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use uuid::Uuid;

use super::store::Arrivals;
use crate::store::Store;

/// The metrics of announcements.
pub(crate) const METRICS: &[Metric] = &[ANNOUNCED, ANNOUNCE_FAILURES];

const ANNOUNCED: Metric = Metric::counter(
    "submissions_announced_total",
    "Records that Kafka has acknowledged, each of which says that a submission can be claimed; with USE_KAFKA",
);

const ANNOUNCE_FAILURES: Metric = Metric::counter(
    "submissions_announce_failures_total",
    "Such records that Kafka has not acknowledged; a sweeper announces these submissions again",
);

/// Requests and sweeps whose announcements wait to be sent; beyond it they are left to a sweeper.
const WAITING: usize = 1_000;

/// Batches of announcements that wait for the worker, beside those that it has.
pub(super) const HANDED: usize = 1;

/// What a worker hears.
pub(crate) enum News {
    /// There may be something to claim.
    Arrived,
    /// These submissions can be claimed, perhaps.
    Announced(Announcement),
}

/// Submissions that were announced to a worker together.
pub(crate) struct Announcement {
    pub(crate) ids: Vec<Uuid>,
    /// Gets those that the worker has not asked the store for once it is done with the others. Dropped unsent if the
    /// worker ends before.
    pub(crate) answer: oneshot::Sender<Vec<Uuid>>,
}

/// Where a worker hears what it can claim.
pub(crate) enum Queue {
    /// From the store.
    Store(Arrivals),
    /// From what receives announcements.
    Announced(mpsc::Receiver<Announcement>),
}

impl Queue {
    /// The notifications of this store.
    pub(crate) fn of_store(store: &Arc<dyn Store>) -> Self {
        Queue::Store(Arrivals::new(store.arrivals()))
    }

    /// Whether all that there is to claim is announced, so that the worker need not look.
    pub(crate) fn is_announced(&self) -> bool {
        matches!(self, Queue::Announced(_))
    }

    /// The next news. Giving up this wait loses none.
    pub(crate) async fn next(&mut self) -> News {
        match self {
            Queue::Store(arrivals) => {
                arrivals.next().await;
                News::Arrived
            }
            Queue::Announced(handed) => match handed.recv().await {
                Some(announcement) => News::Announced(announcement),
                None => std::future::pending().await,
            },
        }
    }
}

/// Announces submissions, where that is how workers learn of them; otherwise it does nothing. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Announcer {
    to: Option<Outbox>,
}

/// What an announcement says, and the key that decides which of the workers gets it.
pub(crate) struct Notice {
    pub(super) id: Uuid,
    pub(super) key: Uuid,
}

#[derive(Clone)]
struct Outbox {
    waiting: mpsc::Sender<Vec<Notice>>,
    /// Until it is known that Kafka is away; meanwhile announcements wait.
    is_open: Arc<AtomicBool>,
    failures: Counter,
}

impl Announcer {
    /// Whether announcements are sent at present: otherwise they would only be left to a sweeper again.
    pub(crate) fn is_open(&self) -> bool {
        self.to.as_ref().is_some_and(|to| to.is_open.load(Ordering::Relaxed))
    }

    /// Whether there is anybody to announce to.
    pub(crate) fn is_any(&self) -> bool {
        self.to.is_some()
    }

    /// Announces these for the first time, without waiting. While Kafka is away, or where there is no room, they are
    /// left to a sweeper.
    pub(crate) fn announce(&self, ids: Vec<Uuid>) {
        self.announce_at_once(ids.into_iter().map(|id| Notice { id, key: id }).collect());
    }

    /// The same for submissions that were announced before.
    pub(crate) fn announce_again(&self, ids: Vec<Uuid>) {
        self.announce_at_once(repeated(ids));
    }

    /// Announces submissions again, once there is room.
    pub(crate) async fn announce_again_in_turn(&self, ids: Vec<Uuid>) {
        let Some(to) = self.to.as_ref().filter(|_| !ids.is_empty()) else { return };
        if let Err(mpsc::error::SendError(notices)) = to.waiting.send(repeated(ids)).await {
            to.failures.increment(notices.len() as u64);
        }
    }

    fn announce_at_once(&self, notices: Vec<Notice>) {
        let Some(to) = self.to.as_ref().filter(|_| !notices.is_empty()) else { return };
        let count = notices.len() as u64;
        if !self.is_open() || to.waiting.try_send(notices).is_err() {
            to.failures.increment(count);
        }
    }
}

/// Repetitions have keys of their own, so each may get to another worker: the one that has the partition of the first
/// key may be dead, full, or cut off from the database.
fn repeated(ids: Vec<Uuid>) -> Vec<Notice> {
    ids.into_iter().map(|id| Notice { id, key: Uuid::now_v7() }).collect()
}

/// What waits to be announced, and what the task that sends it shows.
pub(crate) struct Outgoing {
    pub(super) waiting: mpsc::Receiver<Vec<Notice>>,
    pub(super) is_open: Arc<AtomicBool>,
    pub(super) announced: Counter,
    pub(super) failures: Counter,
}

/// An announcer, and what it hands on.
pub(super) fn announcer(registry: &Registry) -> (Announcer, Outgoing) {
    let (sender, waiting) = mpsc::channel(WAITING);
    let (is_open, failures) = (Arc::new(AtomicBool::new(true)), registry.counter(&ANNOUNCE_FAILURES, &[]));
    let outbox = Outbox { waiting: sender, is_open: Arc::clone(&is_open), failures: failures.clone() };
    let outgoing = Outgoing { waiting, is_open, announced: registry.counter(&ANNOUNCED, &[]), failures };
    (Announcer { to: Some(outbox) }, outgoing)
}

/// The parts of a process that have to do with announcements.
pub(crate) struct Parts {
    pub(crate) announcer: Announcer,
    /// For the worker.
    pub(crate) queue: Queue,
    /// Hands the worker what is announced, until it is stopped.
    pub(crate) receiving: BoxFuture<'static, anyhow::Result<()>>,
    pub(crate) sending: Sending,
}

/// The task that sends announcements.
#[derive(Default)]
pub(crate) struct Sending {
    pub(super) running: Option<(AbortOnDropHandle<()>, CancellationToken)>,
}

impl Sending {
    /// Sends what still waits, and ends.
    ///
    /// # Errors
    /// When the task failed.
    pub(crate) async fn finish(self) -> anyhow::Result<()> {
        let Some((running, stop)) = self.running else { return Ok(()) };
        stop.cancel();
        running.await.context("announcing failed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_sent_is_counted_and_left_to_a_sweeper() {
        let registry = Registry::new(&[METRICS]);
        let (announcer, mut outgoing) = announcer(&registry);
        let ids = vec![Uuid::from_u128(1), Uuid::from_u128(2)];
        announcer.announce(Vec::new());
        announcer.announce(ids.clone());
        announcer.announce_again(ids.clone());
        let first = outgoing.waiting.try_recv().unwrap();
        assert!(first.iter().all(|notice| notice.key == notice.id));
        let again = outgoing.waiting.try_recv().unwrap();
        assert!(again.iter().map(|notice| notice.id).eq(ids.iter().copied()));
        assert!(again[0].key != again[1].key && again.iter().all(|notice| notice.key != notice.id));
        let failures = || registry.total(&ANNOUNCE_FAILURES);

        outgoing.is_open.store(false, Ordering::Relaxed);
        announcer.announce(ids.clone());
        assert_eq!((failures(), announcer.is_open()), (2, false), "Kafka is away");
        outgoing.is_open.store(true, Ordering::Relaxed);
        (0..=WAITING).for_each(|_| announcer.announce(ids.clone()));
        assert_eq!((failures(), announcer.is_open()), (4, true), "there is no room for the last ones");
        drop(outgoing);
        announcer.announce_again_in_turn(ids).await;
        assert_eq!(failures(), 6, "nobody sends any more");
    }

    #[tokio::test]
    async fn without_kafka_nothing_is_announced() {
        let announcer = Announcer::default();
        assert!(!announcer.is_any() && !announcer.is_open());
        announcer.announce(vec![Uuid::from_u128(1)]);
        announcer.announce_again_in_turn(vec![Uuid::from_u128(1)]).await;
    }
}
