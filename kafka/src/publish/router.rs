//! The partitions of a topic as lanes, watch and probes share them: each reports what it has seen, and learns what has
//! changed. [`Routes`] decides what follows from it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::record::Record;
use super::routes::{Cause, Entrance, Place, Routes, Sent, Trouble};
use crate::broker::topology::{BrokerId, Topology};

const OPEN: u8 = 0;
const WAITING: u8 = 1;
const CLOSED: u8 = 2;

/// The partitions of a topic, shared.
pub(super) struct Router {
    state: Mutex<State>,
    /// What records find, without a lock.
    entrance: AtomicU8,
    /// Changes whenever a partition or the entrance does.
    changes: watch::Sender<()>,
    /// Notified when Kafka should be asked what has changed.
    pub(super) trouble: Notify,
}

struct State {
    routes: Routes,
    topology: Topology,
    /// A record whose batch was not acknowledged. Whether a partition acknowledges again is tried with it: whatever
    /// becomes of the record itself, a copy under the same key changes nothing.
    witness: Option<Record>,
}

impl Router {
    /// Nothing is known yet. Trouble that may pass is waited for this long.
    pub(super) fn new(patience: Duration) -> Self {
        let state = State { routes: Routes::new(patience), topology: Topology::default(), witness: None };
        Self {
            state: Mutex::new(state),
            entrance: AtomicU8::new(CLOSED),
            changes: watch::Sender::new(()),
            trouble: Notify::new(),
        }
    }

    /// Whether records that arrive are rejected at once.
    pub(super) fn is_closed(&self) -> bool {
        self.entrance.load(Ordering::Acquire) == CLOSED
    }

    /// If the entrance is closed, reports it once more: what came back to the queue meanwhile is then rejected, too.
    pub(super) fn report_if_closed(&self) {
        if self.is_closed() {
            self.changes.send_replace(());
        }
    }

    /// Returns once some partition takes records.
    pub(super) async fn open(&self) {
        let mut changes = self.changes();
        while self.entrance.load(Ordering::Acquire) != OPEN {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Reports each change from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// What records find when they arrive now; time alone may have changed it.
    pub(super) fn entrance(&self) -> Entrance {
        let state = self.lock();
        let entrance = state.routes.entrance(Instant::now());
        self.show(&entrance);
        entrance
    }

    /// These are the brokers and the partitions now.
    pub(super) fn update(&self, topology: &Topology) {
        self.change_if(|state, now| {
            let is_news = state.routes.update(topology, now) || state.topology != *topology;
            state.topology.clone_from(topology);
            is_news
        });
    }

    /// No broker answers.
    pub(super) fn away(&self, reason: &str) {
        self.change_if(|state, now| {
            state.routes.away(reason, now);
            true
        });
    }

    /// The partition's leader answers a question.
    pub(super) fn answers(&self, partition: i32) {
        self.change_if(|state, _| state.routes.answers(partition));
    }

    /// The partition has acknowledged what it was tried with.
    pub(super) fn recovered(&self, partition: i32) {
        self.change_if(|state, _| state.routes.recovered(partition));
    }

    /// The partition has trouble that no batch has shown.
    pub(super) fn fail(&self, partition: i32, cause: Cause, reason: &str) {
        self.change_if(|state, now| state.routes.fail(partition, cause, reason, now));
    }

    /// A batch, of which this is a record, was not acknowledged for this reason.
    pub(super) fn not_acknowledged(&self, sent: Sent, cause: Cause, reason: &str, record: Option<&Record>) {
        self.change_if(|state, now| {
            state.keep(record);
            state.routes.fail(sent.partition, cause, reason, now)
        });
        self.trouble.notify_one();
    }

    /// Where a batch, of which this is a record, must be sent again, if it must; see [`Routes::elsewhere`].
    pub(super) fn elsewhere(&self, sent: Sent, record: Option<&Record>) -> Option<Place> {
        let mut elsewhere = None;
        self.change_if(|state, now| {
            elsewhere = state.routes.elsewhere(sent, now);
            state.keep(record.filter(|_| elsewhere.is_some()));
            elsewhere.is_some()
        });
        if elsewhere.is_some() {
            self.trouble.notify_one();
        }
        elsewhere
    }

    /// A batch is acknowledged.
    pub(super) fn acknowledged(&self, sent: Sent) {
        self.change_if(|state, now| state.routes.acknowledged(sent, now));
    }

    /// The broker's partition whose turn it is.
    pub(super) fn choose(&self, broker: BrokerId) -> Option<i32> {
        self.lock().routes.choose(broker)
    }

    /// Whether the broker has a partition that takes batches.
    pub(super) fn has_any_at(&self, broker: BrokerId) -> bool {
        self.lock().routes.has_any_at(broker)
    }

    /// The broker's partition that is tried next, if one must be.
    pub(super) fn next_try(&self, broker: BrokerId) -> Option<Try<'_>> {
        let partition = self.lock().routes.choose_to_try(broker)?;
        Some(Try { router: self, partition })
    }

    /// How many partitions of each broker must be tried.
    pub(super) fn to_try(&self) -> BTreeMap<BrokerId, usize> {
        self.lock().routes.to_try()
    }

    /// Where the broker is, if it is there.
    pub(super) fn address(&self, broker: BrokerId) -> Option<String> {
        self.lock().topology.brokers.get(&broker).cloned()
    }

    /// Where the partition's leader is, if it has one.
    pub(super) fn leader_address(&self, partition: i32) -> Option<String> {
        self.lock().topology.leader_address(partition).map(str::to_owned)
    }

    /// The brokers that lead partitions.
    pub(super) fn leading(&self) -> Vec<BrokerId> {
        self.lock().topology.led().into_keys().collect()
    }

    /// What a partition is tried with.
    pub(super) fn witness(&self) -> Option<Record> {
        self.lock().witness.clone()
    }

    /// Each partition with its trouble, if it has any.
    pub(super) fn partitions(&self) -> Vec<(i32, Option<Trouble>)> {
        self.lock().routes.partitions().map(|(partition, trouble)| (partition, trouble.cloned())).collect()
    }

    /// Reports the change, if there is one.
    fn change_if(&self, is_changed: impl FnOnce(&mut State, Instant) -> bool) {
        let mut state = self.lock();
        let now = Instant::now();
        if is_changed(&mut state, now) {
            self.show(&state.routes.entrance(now));
            drop(state);
            self.changes.send_replace(());
        }
    }

    /// Called with the lock held, so that a later state is not overwritten by an earlier one.
    fn show(&self, entrance: &Entrance) {
        let shown = match entrance {
            Entrance::Open => OPEN,
            Entrance::Waiting => WAITING,
            Entrance::Closed { .. } => CLOSED,
        };
        self.entrance.store(shown, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A partition that is tried: nobody else tries it until this is dropped.
pub(super) struct Try<'a> {
    router: &'a Router,
    pub(super) partition: i32,
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        self.router.lock().routes.tried(self.partition);
    }
}

impl State {
    fn keep(&mut self, record: Option<&Record>) {
        if let Some(record) = record {
            self.witness = Some(record.clone());
        }
    }
}
