//! Group commit: submissions that wait at the same time share a transaction of the store.
//!
//! Nobody waits for company. A batch begins as soon as another one may, with all that waits by then; so batches are
//! small while there is little to do, and grow with the load. What waits is bounded, and so is the time: a client that
//! gave up, or was answered that nobody knows, is left out of the next batch.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::task::TaskTracker;

use crate::store::{Created, StoreError};
use crate::submission::NewSubmission;

/// The most submissions in a transaction.
const BATCH_SUBMISSIONS: usize = 1_000;

/// The most bytes of content in a transaction; a single larger one is a transaction of its own.
const BATCH_BYTES: usize = 4_000_000;

/// What bounds the waiting.
#[derive(Debug, Clone, Copy)]
pub struct SubmitLimits {
    /// `SUBMIT_MAX_WAITING`: the most submissions that wait at a time.
    pub max_waiting: usize,
    /// `SUBMIT_TIMEOUT`: the longest wait for the store.
    pub timeout: Duration,
    /// The most transactions at a time.
    pub batches: usize,
}

/// Too many submissions wait already, and none of these was handed to the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What came of a submission; or why nobody knows whether it is in the store.
pub type Fate = Result<Created, StoreError>;

/// What came of a batch: a result for each submission.
type Outcome = Result<Vec<Created>, StoreError>;

/// Hands submissions to the store. Cheap to clone.
#[derive(Clone)]
pub struct Submitter {
    inner: Arc<Inner>,
}

struct Inner {
    create: Box<dyn Fn(Vec<NewSubmission>) -> BoxFuture<'static, Outcome> + Send + Sync>,
    limits: SubmitLimits,
    /// A permit for each submission that may still come to wait.
    room: Arc<Semaphore>,
    queue: Mutex<Queue>,
    writing: TaskTracker,
    /// Whether the last batch failed.
    is_failing: AtomicBool,
}

/// What waits for a batch, the longest waiting first.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    /// How many tasks write batches. Each ends only when nothing waits.
    writers: usize,
}

/// The submissions of one request, or a part of a large bulk.
struct Waiting {
    new: Vec<NewSubmission>,
    answer: oneshot::Sender<Outcome>,
    /// Given back once they are answered.
    _room: OwnedSemaphorePermit,
}

impl Submitter {
    /// Hands batches of submissions to `create`, which is the store's, within these limits.
    pub fn new<F>(create: impl Fn(Vec<NewSubmission>) -> F + Send + Sync + 'static, limits: SubmitLimits) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        let inner = Inner {
            create: Box::new(move |new| create(new).boxed()),
            limits,
            room: Arc::new(Semaphore::new(limits.max_waiting)),
            queue: Mutex::default(),
            writing: TaskTracker::new(),
            is_failing: AtomicBool::new(false),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The most submissions that can be handed on at a time.
    pub fn max_waiting(&self) -> usize {
        self.inner.limits.max_waiting
    }

    /// How many wait now.
    pub fn waiting(&self) -> usize {
        self.inner.limits.max_waiting.saturating_sub(self.inner.room.available_permits())
    }

    /// Waits until the store has these submissions; one fate for each, in their order.
    ///
    /// # Errors
    /// When there is not room for all of them.
    pub async fn submit(&self, mut new: Vec<NewSubmission>) -> Result<Vec<Fate>, Full> {
        let count = u32::try_from(new.len()).map_err(|_| Full)?;
        let mut room = Arc::clone(&self.inner.room).try_acquire_many_owned(count).map_err(|_| Full)?;
        let mut answers = Vec::with_capacity(new.len().div_ceil(BATCH_SUBMISSIONS));
        while new.len() > BATCH_SUBMISSIONS {
            let rest = new.split_off(BATCH_SUBMISSIONS);
            let part = room.split(new.len()).ok_or(Full)?;
            answers.push(self.enqueue(std::mem::replace(&mut new, rest), part));
        }
        answers.push(self.enqueue(new, room));
        Ok(join_all(answers).await.into_iter().flatten().collect())
    }

    /// Waits until no batch is being written; nothing may be submitted meanwhile.
    pub async fn finish(&self) {
        self.inner.writing.close();
        self.inner.writing.wait().await;
    }

    /// Queues these at once; the future waits for their fates.
    fn enqueue(&self, new: Vec<NewSubmission>, room: OwnedSemaphorePermit) -> impl Future<Output = Vec<Fate>> + use<> {
        let (count, timeout) = (new.len(), self.inner.limits.timeout);
        let (answer, answered) = oneshot::channel();
        let must_write = {
            let mut queue = self.inner.queue();
            queue.waiting.push_back(Waiting { new, answer, _room: room });
            let must_write = queue.writers < self.inner.limits.batches;
            queue.writers += usize::from(must_write);
            must_write
        };
        if must_write {
            let inner = Arc::clone(&self.inner);
            self.inner.writing.spawn(async move { inner.write_batches().await });
        }
        async move {
            let why = match tokio::time::timeout(timeout, answered).await {
                Ok(Ok(Ok(created))) => return created.into_iter().map(Ok).collect(),
                Ok(Ok(Err(StoreError(why)))) => why,
                Ok(Err(_)) | Err(_) => no_answer_within(timeout),
            };
            (0..count).map(|_| Err(StoreError(why.clone()))).collect()
        }
    }
}

impl Inner {
    /// Writes what waits, batch by batch, until nothing does.
    async fn write_batches(&self) {
        while let Some(batch) = self.next_batch() {
            self.write(batch).await;
        }
    }

    /// The next batch. If there is none, the writer ends: in the same step, so that whatever is queued next finds that
    /// out and starts another one.
    fn next_batch(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.queue();
        let batch = queue.take_batch();
        if batch.is_empty() {
            queue.writers -= 1;
            return None;
        }
        Some(batch)
    }

    /// Writes a batch and answers all that wait for it. Once the timeout is over, each of them has given up.
    async fn write(&self, mut batch: Vec<Waiting>) {
        let counts: Vec<usize> = batch.iter().map(|waiting| waiting.new.len()).collect();
        let new: Vec<NewSubmission> = batch.iter_mut().flat_map(|waiting| std::mem::take(&mut waiting.new)).collect();
        let creating = AssertUnwindSafe((self.create)(new)).catch_unwind();
        let outcome = match tokio::time::timeout(self.limits.timeout, creating).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(StoreError("it panicked".to_owned())),
            Err(_) => Err(StoreError(no_answer_within(self.limits.timeout))),
        };
        self.note(outcome.as_ref().err());
        let mut created = match outcome {
            Ok(created) => created.into_iter(),
            Err(StoreError(why)) => {
                for waiting in batch {
                    drop(waiting.answer.send(Err(StoreError(why.clone()))));
                }
                return;
            }
        };
        for (waiting, count) in batch.into_iter().zip(counts) {
            // Nobody may wait any more.
            drop(waiting.answer.send(Ok(created.by_ref().take(count).collect())));
        }
    }

    /// Logs when the store begins to fail, and when it works again: not each batch.
    fn note(&self, error: Option<&StoreError>) {
        match (error, self.is_failing.swap(error.is_some(), Ordering::Relaxed)) {
            (Some(StoreError(why)), false) => tracing::warn!(error = why, "the database does not accept submissions"),
            (None, true) => tracing::info!("the database accepts submissions again"),
            _ => {}
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Takes what waits, as far as it fits a transaction, without those that nobody waits for any more.
    fn take_batch(&mut self) -> Vec<Waiting> {
        let (mut batch, mut count, mut bytes) = (Vec::new(), 0, 0);
        while let Some(next) = self.waiting.pop_front() {
            if next.answer.is_closed() {
                continue;
            }
            count += next.new.len();
            bytes += next.new.iter().map(|new| new.content.len()).sum::<usize>();
            if !batch.is_empty() && (count > BATCH_SUBMISSIONS || bytes > BATCH_BYTES) {
                self.waiting.push_front(next);
                break;
            }
            batch.push(next);
        }
        batch
    }
}

fn no_answer_within(timeout: Duration) -> String {
    format!("no answer within {timeout:?}")
}

#[cfg(test)]
mod tests;
