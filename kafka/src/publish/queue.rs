//! The queue of a topic: requests put their records in, lanes take batches out. A lane that collects a batch is woken
//! when the batch is due, and not for each record: at once while few others are on their way, since little is gained by
//! waiting then; else when one of those is acknowledged, when there is enough for a batch, or when its linger time is
//! over. It takes what there is by then: while all lanes wait for acknowledgements, more than enough gathers, so
//! batches grow with the load.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::batch::{Batch, BatchLimits};
use super::submission::Submission;

/// A batch of this size waits no longer for more records. Twice the bytes would save a broker a tenth of its work; but
/// clients that wait for their answers before they ask again would soon all wait for the same batch, and the rest of
/// the machine for them.
pub const ENOUGH_BYTES: usize = 7_700;

/// While fewer batches than these are on their way, the next one does not wait. With 1, few clients would all wait for
/// the same batch; with 3, they wait as long as with 2, and a broker has more to do.
const FEW: usize = 2;

/// When a batch is full, and when it is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueueSettings {
    pub(super) limits: BatchLimits,
    /// Longest wait of a batch's first record for company.
    pub(super) linger: Duration,
    /// A batch is due as soon as few others are on their way.
    pub(super) is_adaptive: bool,
}

/// Records that are sent together, in the order in which they came; never empty.
pub(super) type Parcel = Vec<Submission>;

/// A new queue: the end that takes records, and the end that returns batches.
pub(super) fn queue(settings: QueueSettings) -> (QueueSender, QueueReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let level = Arc::new(Level {
        bytes: AtomicUsize::new(0),
        max_bytes: AtomicUsize::new(settings.limits.bytes),
        enough_bytes: settings.limits.bytes.min(ENOUGH_BYTES),
        on_their_way: AtomicUsize::new(0),
        is_closing: AtomicBool::new(false),
        has_returned: AtomicBool::new(false),
        returned: Mutex::default(),
        due: Notify::new(),
    });
    (
        QueueSender { sender, level: Arc::clone(&level) },
        QueueReceiver { receiver, first: None, is_closed: false, had_company: false, level, settings },
    )
}

/// How much waits in the queue, and what came back to it. Two of the numbers are changed on one side and read on the
/// other, and neither side may miss the other's change, hence `SeqCst`.
struct Level {
    bytes: AtomicUsize,
    /// Upper bound of a batch. It falls when Kafka turns out to take less.
    max_bytes: AtomicUsize,
    enough_bytes: usize,
    /// Batches without an acknowledgement.
    on_their_way: AtomicUsize,
    /// No more records come.
    is_closing: AtomicBool,
    returned: Mutex<VecDeque<Parcel>>,
    has_returned: AtomicBool,
    /// Notified when `bytes` reaches `enough_bytes`, when a batch comes back, and when few are on their way and a lane
    /// waits for that: a lane that is woken for nothing costs a single client a quarter of its wait.
    due: Notify,
}

impl Level {
    fn has_enough(&self) -> bool {
        self.bytes.load(Ordering::Acquire) >= self.enough_bytes
    }

    fn is_any_on_its_way(&self) -> bool {
        self.on_their_way.load(Ordering::SeqCst) > 0
    }

    fn are_few_on_their_way(&self) -> bool {
        self.on_their_way.load(Ordering::SeqCst) < FEW
    }

    fn returned(&self) -> MutexGuard<'_, VecDeque<Parcel>> {
        self.returned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_returned(&self) -> Option<Parcel> {
        if !self.has_returned.load(Ordering::Acquire) {
            return None;
        }
        let mut returned = self.returned();
        let parcel = returned.pop_front();
        self.has_returned.store(!returned.is_empty(), Ordering::Release);
        parcel
    }
}

/// Where requests put their records. It needs no bound of its own: admission bounds it.
pub(super) struct QueueSender {
    sender: mpsc::UnboundedSender<Submission>,
    level: Arc<Level>,
}

impl QueueSender {
    /// Hands the record to the lanes; false when they are gone.
    pub(super) fn send(&self, submission: Submission) -> bool {
        let bytes = submission.size_bytes;
        let before = self.level.bytes.fetch_add(bytes, Ordering::SeqCst);
        if self.sender.send(submission).is_err() {
            return false;
        }
        if before < self.level.enough_bytes && before + bytes >= self.level.enough_bytes {
            self.level.due.notify_one();
        }
        true
    }
}

impl Drop for QueueSender {
    fn drop(&mut self) {
        self.level.is_closing.store(true, Ordering::SeqCst);
    }
}

/// A batch is on its way until this is dropped.
pub(super) struct OnItsWay(Arc<Level>);

impl OnItsWay {
    fn begin(level: &Arc<Level>) -> Self {
        level.on_their_way.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(level))
    }
}

impl Drop for OnItsWay {
    fn drop(&mut self) {
        let level = &self.0;
        let are_few = level.on_their_way.fetch_sub(1, Ordering::SeqCst) <= FEW;
        if are_few && (level.bytes.load(Ordering::SeqCst) > 0 || level.is_closing.load(Ordering::SeqCst)) {
            level.due.notify_one();
        }
    }
}

/// Where lanes bring back what must be sent again.
#[derive(Clone)]
pub(super) struct QueueReturns(Arc<Level>);

impl QueueReturns {
    /// This is taken out before anything else.
    pub(super) fn put(&self, parcel: Parcel) {
        let mut returned = self.0.returned();
        returned.push_back(parcel);
        self.0.has_returned.store(true, Ordering::Release);
        drop(returned);
        self.0.due.notify_one();
    }

    /// Kafka takes no batch of this many bytes: later ones have at most half as many. Returns whether that is news.
    pub(super) fn lower_limit(&self, refused_bytes: usize) -> bool {
        let limit = (refused_bytes / 2).max(1);
        self.0.max_bytes.fetch_min(limit, Ordering::AcqRel) > limit
    }
}

/// Where lanes take batches, one lane at a time.
pub(super) struct QueueReceiver {
    receiver: mpsc::UnboundedReceiver<Submission>,
    /// The first record of the next batch.
    first: Option<Submission>,
    /// No more records come.
    is_closed: bool,
    /// The last batch had more than one record.
    had_company: bool,
    level: Arc<Level>,
    settings: QueueSettings,
}

impl QueueReceiver {
    /// Where to bring back what must be sent again.
    pub(super) fn returns(&self) -> QueueReturns {
        QueueReturns(Arc::clone(&self.level))
    }

    /// The next batch, which is on its way from now on; `None` once the queue is closed and empty. Nothing is lost if
    /// the future is dropped.
    pub(super) async fn next_batch(&mut self) -> Option<(Parcel, OnItsWay)> {
        loop {
            if let Some(parcel) = self.level.take_returned() {
                return Some((parcel, OnItsWay::begin(&self.level)));
            }
            let Some(first) = &self.first else {
                tokio::select! {
                    biased;
                    first = self.receiver.recv(), if !self.is_closed => {
                        self.is_closed = first.is_none();
                        self.first = first;
                    }
                    // What is on its way may come back.
                    () = self.level.due.notified(), if !self.is_closed || self.level.is_any_on_its_way() => {}
                    else => return None,
                }
                continue;
            };
            let deadline = first.queued_at + self.settings.linger;
            if self.level.has_enough() || Instant::now() >= deadline {
                return self.collect().map(|parcel| (parcel, OnItsWay::begin(&self.level)));
            }
            if self.settings.is_adaptive && self.level.are_few_on_their_way() {
                // Whatever has arrived by now comes along, and much has if all are busy. A single client need not wait
                // for that: where nothing else is to do, tokio wakes another thread for a task that yields.
                if self.had_company {
                    tokio::task::yield_now().await;
                }
                return self.collect().map(|parcel| (parcel, OnItsWay::begin(&self.level)));
            }
            // A notification may be stale, hence the loop.
            tokio::select! {
                () = self.level.due.notified() => {}
                () = tokio::time::sleep_until(deadline.into()) => {}
            }
        }
    }

    fn collect(&mut self) -> Option<Parcel> {
        let first = self.first.take()?;
        let limits =
            BatchLimits { bytes: self.level.max_bytes.load(Ordering::Acquire), items: self.settings.limits.items };
        let bytes = first.size_bytes;
        let mut batch = Batch::new(first, bytes, limits);
        while let Ok(next) = self.receiver.try_recv() {
            let bytes = next.size_bytes;
            if let Err(too_many) = batch.push(next, bytes) {
                self.first = Some(too_many);
                break;
            }
        }
        self.level.bytes.fetch_sub(batch.size_bytes(), Ordering::AcqRel);
        let parcel = batch.into_items();
        self.had_company = parcel.len() > 1;
        Some(parcel)
    }

    /// Drops the records that nobody waits for anymore, or all of them: their requests then learn that they are not
    /// acknowledged.
    pub(super) fn drop_records(&mut self, all: bool) {
        let is_kept = |submission: &Submission| !all && !submission.request.is_gone();
        let mut returned = self.level.returned();
        returned.iter_mut().for_each(|parcel| parcel.retain(is_kept));
        returned.retain(|parcel| !parcel.is_empty());
        self.level.has_returned.store(!returned.is_empty(), Ordering::Release);
        drop(returned);
        // Records come in the order of their deadlines, all but those of bulks that wait for room.
        loop {
            if self.first.as_ref().is_some_and(is_kept) {
                return;
            }
            if let Some(dropped) = self.first.take() {
                self.level.bytes.fetch_sub(dropped.size_bytes, Ordering::AcqRel);
            }
            let Ok(next) = self.receiver.try_recv() else { return };
            self.first = Some(next);
        }
    }
}

#[cfg(test)]
mod tests;
