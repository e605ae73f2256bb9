//! The queue of a partition: requests put their records in, lanes take batches out. A lane that collects a batch is
//! woken when there is enough for one or its linger time is over, and not for each record. It then takes what there is:
//! while all lanes wait for acknowledgements, more than enough gathers, so batches grow with the load.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};

use super::batch::Batch;
use super::submission::Submission;

/// A batch of this size waits no longer for more records. Twice the bytes would save a broker a tenth of its work; but
/// clients that wait for their answers before they ask again would soon all wait for the same batch, and the rest of
/// the machine for them.
pub const ENOUGH_BYTES: usize = 7_700;

/// A new queue: the end that takes records, and the end that returns batches of at most `max_bytes`.
pub(super) fn queue(max_bytes: usize, linger: Duration) -> (QueueSender, QueueReceiver) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let enough_bytes = max_bytes.min(ENOUGH_BYTES);
    let level = Arc::new(Level { bytes: AtomicUsize::new(0), enough_bytes, enough: Notify::new() });
    (
        QueueSender { sender, level: Arc::clone(&level) },
        QueueReceiver { receiver, carried: None, level, max_bytes, linger },
    )
}

/// How much waits in the queue.
struct Level {
    bytes: AtomicUsize,
    enough_bytes: usize,
    /// Notified when `bytes` reaches `enough_bytes`.
    enough: Notify,
}

impl Level {
    fn is_enough(&self) -> bool {
        self.bytes.load(Ordering::Acquire) >= self.enough_bytes
    }
}

/// Where requests put their records. It needs no bound of its own: admission bounds all queues together.
pub(super) struct QueueSender {
    sender: mpsc::UnboundedSender<Submission>,
    level: Arc<Level>,
}

impl QueueSender {
    /// Hands the record to the lanes; false when they are gone.
    pub(super) fn send(&self, submission: Submission) -> bool {
        let bytes = submission.size_bytes;
        let before = self.level.bytes.fetch_add(bytes, Ordering::AcqRel);
        if self.sender.send(submission).is_err() {
            return false;
        }
        if before < self.level.enough_bytes && before + bytes >= self.level.enough_bytes {
            self.level.enough.notify_one();
        }
        true
    }
}

/// Where lanes take batches, one lane at a time.
pub(super) struct QueueReceiver {
    receiver: mpsc::UnboundedReceiver<Submission>,
    /// What did not fit into the previous batch.
    carried: Option<Submission>,
    level: Arc<Level>,
    max_bytes: usize,
    linger: Duration,
}

impl QueueReceiver {
    /// Collects the next batch, of at most `most_bytes`; `None` once the queue is closed and empty.
    pub(super) async fn next_batch(&mut self, most_bytes: usize) -> Option<Batch<Submission>> {
        let first = match self.carried.take() {
            Some(carried) => carried,
            None => self.receiver.recv().await?,
        };
        let (bytes, queued_at) = (first.size_bytes, first.queued_at);
        let mut batch = Batch::new(first, bytes, self.max_bytes.min(most_bytes), queued_at, self.linger);
        // A notification may be stale, hence the loop.
        while !self.level.is_enough() && Instant::now() < batch.deadline() {
            tokio::select! {
                () = self.level.enough.notified() => {}
                () = tokio::time::sleep_until(batch.deadline().into()) => break,
            }
        }
        while let Ok(next) = self.receiver.try_recv() {
            let bytes = next.size_bytes;
            if let Err(too_many) = batch.push(next, bytes) {
                self.carried = Some(too_many);
                break;
            }
        }
        self.level.bytes.fetch_sub(batch.size_bytes(), Ordering::AcqRel);
        Some(batch)
    }
}
