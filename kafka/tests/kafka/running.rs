//! The real `run`, with a handler that keeps records in memory and does what a test asks for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Weak};
use std::thread;

use contract::dead_letter::Reason;
use contract::{DeadLetter, Fetched, PostId};
use kafka::group::budget::Budget;
use kafka::group::core::{Flush, NotStored};
use kafka::group::{self, Book, GroupConfig, Membership, RecordHandler, Release, Requests, Written};
use service::{Instruments, Readiness, Registry};
use tokio::runtime::Builder;
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::world::{DEADLINE, wait_until};

/// Bytes that a member may hold, where that does not matter.
const BUFFER_BYTES: usize = 16_000_000;

/// What becomes of the first record of the first partition. All others are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum First {
    Stored,
    Later,
    Panic,
}

/// Stores records in memory.
struct Memory {
    first: Mutex<First>,
    /// Partition and offset.
    stored: Mutex<Vec<(i32, i64)>>,
}

/// A record as the handler keeps it.
struct Kept(Fetched);

impl AsRef<Fetched> for Kept {
    fn as_ref(&self) -> &Fetched {
        &self.0
    }
}

impl RecordHandler for Memory {
    type Record = Kept;

    fn reader(&self) -> impl FnMut(Fetched) -> Kept + Send + 'static {
        Kept
    }

    fn bytes(&self, record: &Kept) -> usize {
        record.0.value.as_ref().map_or(0, Vec::len)
    }

    async fn write(&self, batch: &mut Flush<Kept>) -> Written {
        let mut not_stored = Vec::new();
        for (position, record) in batch.records.iter().enumerate() {
            let place = (record.cargo.0.partition, record.cargo.0.offset);
            match *self.first.lock().unwrap() {
                First::Later if place == (0, 0) => not_stored.push((position, NotStored::Later)),
                First::Panic if place == (0, 0) => panic!("the test wants it"),
                _ => self.stored.lock().unwrap().push(place),
            }
        }
        let why_later = (!not_stored.is_empty()).then(|| "not now".to_owned());
        Written { not_stored, why_later }
    }

    fn dead_letter(&self, record: &Kept) -> DeadLetter {
        let Fetched { partition, offset, .. } = record.0;
        let (topic, message) = (String::new(), String::new());
        DeadLetter { topic, partition, offset, reason: Reason::Refused, message, id: PostId::fresh().into() }
    }

    fn log_line<'a>(&self, _: &'a Kept) -> &'a str {
        "refused"
    }
}

/// A running member, on a thread with its own runtime as in the consumer.
pub(crate) struct Running {
    pub(crate) registry: Registry,
    pub(crate) readiness: Readiness,
    memory: Arc<Memory>,
    parts: Parts,
    pauses: watch::Sender<bool>,
    stop: CancellationToken,
    outcome: oneshot::Receiver<anyhow::Result<()>>,
    group: String,
}

/// What the threads of a member hold until they end.
pub(crate) struct Parts {
    memory: Weak<Memory>,
    book: Weak<Book>,
}

impl Running {
    /// A member whose handler stores everything.
    pub(crate) fn start(config: GroupConfig) -> Self {
        Self::with(config, First::Stored, BUFFER_BYTES, false)
    }

    /// The same, but nobody has said yet that it may fetch anything.
    pub(crate) fn paused(config: GroupConfig) -> Self {
        Self::with(config, First::Stored, BUFFER_BYTES, true)
    }

    /// Fetching is paused from now on, or continues.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.pauses.send_replace(is_paused);
    }

    /// A member whose handler panics at the first record.
    pub(crate) fn panicking(config: GroupConfig) -> Self {
        Self::with(config, First::Panic, BUFFER_BYTES, false)
    }

    /// A member whose handler says of the first record that it may be stored later, until it relents.
    pub(crate) fn held_up(config: GroupConfig) -> Self {
        Self::held_up_within(config, BUFFER_BYTES)
    }

    /// The same, with a buffer of its own size.
    pub(crate) fn held_up_within(config: GroupConfig, buffer_bytes: usize) -> Self {
        Self::with(config, First::Later, buffer_bytes, false)
    }

    /// From now on everything is stored.
    pub(crate) fn relent(&self) {
        *self.memory.first.lock().unwrap() = First::Stored;
    }

    fn with(config: GroupConfig, first: First, buffer_bytes: usize, is_paused: bool) -> Self {
        let registry = Registry::new(&[group::metrics::METRICS]);
        let readiness = Readiness::new(&[kafka::CONDITION]);
        let memory = Arc::new(Memory { first: Mutex::new(first), stored: Mutex::default() });
        let (book, (_, releases)) = (Arc::new(Book::default()), Release::new());
        let parts = Parts { memory: Arc::downgrade(&memory), book: Arc::downgrade(&book) };
        let instruments = Instruments { registry: registry.clone(), readiness: readiness.clone(), tracer: None };
        let stop = CancellationToken::new();
        let (mut done, outcome) = oneshot::channel();
        let (handler, stopped, group) = (Arc::clone(&memory), stop.clone(), config.group.clone());
        let budget = Budget::new(buffer_bytes);
        let (pauses, wanted) = watch::channel(is_paused);
        let mut requests = Requests { releases, pauses: wanted };
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let ended = runtime.block_on(async {
                let membership = Membership::new(&config, book, budget, instruments);
                let member = membership.run(handler, &mut requests, &stopped);
                tokio::select! {
                    outcome = member => Some(outcome),
                    () = done.closed() => None,
                }
            });
            runtime.shutdown_background();
            ended.map(|outcome| done.send(outcome));
        });
        Self { registry, readiness, memory, parts, pauses, stop, outcome, group }
    }

    /// The offsets of one partition that the handler has stored, ascending, each once.
    pub(crate) fn stored_of(&self, partition: i32) -> Vec<i64> {
        let stored = self.memory.stored.lock().unwrap();
        let offsets: BTreeSet<i64> = stored.iter().filter(|(from, _)| *from == partition).map(|(_, at)| *at).collect();
        offsets.into_iter().collect()
    }

    /// Whether anything was stored more than once, as it is when partitions are lost before they are committed.
    pub(crate) fn has_repeated(&self) -> bool {
        let stored = self.memory.stored.lock().unwrap();
        stored.iter().collect::<BTreeSet<_>>().len() < stored.len()
    }

    /// The value of a series, written as in the metrics' text; `None` if it is absent.
    pub(crate) fn metric(&self, series: &str) -> Option<f64> {
        let text = self.registry.render();
        let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    /// The partition's lag in records and in seconds, if it is there.
    pub(crate) fn lag(&self, partition: i32) -> Option<(f64, f64)> {
        let labels = format!("{{consumergroup=\"{0}\",topic=\"{0}\",partition=\"{partition}\"}}", self.group);
        let lag = self.metric(&format!("kafka_consumergroup_lag{labels}"));
        lag.zip(self.metric(&format!("kafka_consumergroup_lag_seconds{labels}")))
    }

    /// The number of partitions that it shows a lag for.
    pub(crate) fn held(&self) -> usize {
        self.registry.render().lines().filter(|line| line.starts_with("kafka_consumergroup_lag{")).count()
    }

    pub(crate) async fn wait_for_metric(&self, series: &str, value: f64) {
        wait_until(&format!("{series} = {value}"), async || self.metric(series) == Some(value)).await;
    }

    /// Waits until it reports nothing left to do for the partition.
    pub(crate) async fn wait_until_caught_up(&self, partition: i32) {
        let what = format!("partition {partition} has no lag");
        wait_until(&what, async || self.lag(partition) == Some((0.0, 0.0))).await;
    }

    /// Waits until it is not ready for this reason, and returns the whole reason.
    pub(crate) async fn wait_for_unready(&self, reason: &str) -> String {
        let mut why = String::new();
        wait_until(&format!("not ready: {reason}"), async || {
            why = self.readiness.check().err().unwrap_or_default();
            why.contains(reason)
        })
        .await;
        why
    }

    pub(crate) async fn wait_for_ready(&self) {
        wait_until("ready", async || self.readiness.check().is_ok()).await;
    }

    /// Asks it to stop, and does not wait.
    pub(crate) fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    /// Whether it has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.outcome.try_recv(), Err(TryRecvError::Empty))
    }

    /// Waits until it has ended.
    pub(crate) async fn ended(self) -> (anyhow::Result<()>, Parts) {
        let outcome = tokio::time::timeout(DEADLINE, self.outcome).await.expect("it ends in time").unwrap();
        (outcome, self.parts)
    }

    /// Stops waiting for it: it is dropped where it is.
    pub(crate) fn abandon(self) -> Parts {
        self.parts
    }

    /// Stops it, and expects it to end well.
    pub(crate) async fn stop(self) {
        self.ask_to_stop();
        let (outcome, parts) = self.ended().await;
        outcome.unwrap();
        parts.wait_until_gone().await;
    }
}

impl Parts {
    /// Waits until no thread of the member is left. All of them hold its client, which holds the book.
    pub(crate) async fn wait_until_gone(self) {
        wait_until("all threads have ended", async || self.memory.strong_count() == 0 && self.book.strong_count() == 0)
            .await;
    }
}
