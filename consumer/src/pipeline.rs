//! The middle of the consumer: one loop that receives records, starts flushes, commits what is finished, and hands
//! partitions over. It asks [`Work`] what to do and never waits for anything but the next event.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use service::trace::{span_id, trace_id};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::buffer::Buffered;
use crate::config::Config;
use crate::decode::{Decoded, Fetched};
use crate::flush::Flusher;
use crate::group::{GroupConsumer, Revoke, to_list};
use crate::lag::Book;
use crate::metrics::Metrics;
use crate::work::{Batch, Work};

/// Finished records are committed together, this long after the first of them.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

/// Wait after a commit that failed.
const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// How often the age of the oldest record is noted.
const NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// The pipeline's state.
pub(crate) struct Pipeline {
    topic: String,
    revoke_timeout: Duration,
    consumer: Arc<GroupConsumer>,
    flusher: Flusher,
    budget: Budget,
    book: Arc<Book>,
    metrics: Arc<Metrics>,
    work: Work<Decoded>,
    /// Records out of the channel, and so older than what it holds, that are not in the buffer yet.
    carried: VecDeque<Decoded>,
    flushes: JoinSet<Flushed>,
    revoking: Option<Revoking>,
    commit_due: Option<Instant>,
    /// The commit that Kafka has not answered yet; one at a time, so that offsets never move backwards.
    committing: Option<JoinHandle<Committed>>,
}

/// The outcome of a commit: the offsets that are committed now.
type Committed = KafkaResult<Vec<(i32, i64)>>;

/// A flush that is over: its batch's number, and the positions of the records that are held.
type Flushed = (u64, Vec<usize>);

/// Partitions that are to be given up as soon as none of their records is in flight.
struct Revoking {
    partitions: Vec<i32>,
    deadline: Instant,
    reply: std_mpsc::Sender<Vec<(i32, i64)>>,
}

impl Pipeline {
    pub(crate) fn new(
        config: &Config,
        consumer: Arc<GroupConsumer>,
        flusher: Flusher,
        budget: Budget,
        book: Arc<Book>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            topic: config.kafka.topic.clone(),
            revoke_timeout: config.kafka.revoke_timeout,
            consumer,
            flusher,
            budget,
            book,
            metrics,
            work: Work::new(config.batch, config.concurrent_flushes),
            carried: VecDeque::new(),
            flushes: JoinSet::new(),
            revoking: None,
            commit_due: None,
            committing: None,
        }
    }

    /// Runs until `stop`, then flushes and commits what was received.
    ///
    /// # Errors
    /// When a flush or the fetcher failed in a way that is a bug.
    pub(crate) async fn run(
        mut self,
        mut records: mpsc::UnboundedReceiver<Vec<Decoded>>,
        mut revokes: mpsc::UnboundedReceiver<Revoke>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let mut note = tokio::time::interval(NOTE_INTERVAL);
        loop {
            let (is_stopping, now) = (stop.is_cancelled(), Instant::now());
            if let Some(batch) = self.work.next_batch(now, is_stopping) {
                self.start_flush(batch);
            }
            self.finish_revoke();
            if is_stopping && self.work.is_flushed() {
                break;
            }
            let may_receive = !is_stopping && self.revoking.is_none() && !self.work.is_full();
            if may_receive && !self.carried.is_empty() {
                self.receive(now);
                continue;
            }
            let flush_deadline = self.work.deadline();
            let revoke_deadline = self.revoking.as_ref().map(|revoking| revoking.deadline);
            let commit_due = self.commit_due.filter(|_| self.committing.is_none() && self.revoking.is_none());
            tokio::select! {
                Some(finished) = self.flushes.join_next() => self.finish_flush(finished)?,
                Some(revoke) = revokes.recv() => self.start_revoke(revoke, &mut records),
                committed = ended(&mut self.committing) => self.finish_commit(committed?),
                received = records.recv(), if may_receive => match received {
                    Some(records) => self.carried.extend(records),
                    None if stop.is_cancelled() => {}
                    None => bail!("the fetcher ended"),
                },
                () = until(flush_deadline) => {}
                () = until(revoke_deadline) => {}
                () = until(commit_due) => self.start_commit(),
                _ = note.tick() => self.note_oldest(),
                () = stop.cancelled(), if !is_stopping => {}
            }
        }
        self.commit_and_wait().await
    }

    /// Takes the records that were carried into the buffer, as far as it has room.
    fn receive(&mut self, now: Instant) {
        while !self.work.is_full()
            && let Some(decoded) = self.carried.pop_front()
        {
            self.metrics.consumed.increment(1);
            let Fetched { partition, offset, timestamp_ms, trace, .. } = decoded.fetched;
            tracing::debug!(
                id = %decoded.id,
                partition,
                offset,
                trace_id = trace_id(trace),
                span_id = span_id(trace),
                "Message added to queue"
            );
            self.work.receive(decoded, offset, timestamp_ms, now);
        }
    }

    fn start_flush(&mut self, batch: Batch<Decoded>) {
        let (flusher, budget) = (self.flusher.clone(), self.budget.clone());
        self.flushes.spawn(async move {
            let bytes: Vec<usize> = batch.records.iter().map(Buffered::bytes).collect();
            let held = flusher.flush(batch.records, batch.trigger).await;
            budget.give_back(bytes.into_iter());
            (batch.number, held)
        });
        self.metrics.flushes_in_flight.set(self.flushes.len() as f64);
    }

    fn finish_flush(&mut self, finished: Result<Flushed, JoinError>) -> anyhow::Result<()> {
        let (number, held) = finished.context("a flush failed")?;
        self.metrics.flushes_in_flight.set(self.flushes.len() as f64);
        self.work.finished(number, &held);
        self.commit_due.get_or_insert_with(|| Instant::now() + COMMIT_INTERVAL);
        Ok(())
    }

    fn start_revoke(&mut self, revoke: Revoke, records: &mut mpsc::UnboundedReceiver<Vec<Decoded>>) {
        let Revoke { partitions, are_lost, reply } = revoke;
        self.drop_unbuffered(&partitions, records);
        if are_lost {
            self.budget.give_back(self.work.lose(&partitions).iter().map(Buffered::bytes));
        } else if let Some(batch) = self.work.revoke(&partitions) {
            self.start_flush(batch);
        }
        let timeout = if are_lost { Duration::ZERO } else { self.revoke_timeout };
        self.revoking = Some(Revoking { partitions, deadline: Instant::now() + timeout, reply });
    }

    /// Drops the given partitions' records that are not in the buffer yet. The fetcher has handed on all that it had, and
    /// waits for our answer meanwhile, so there are no others than those that were carried and those in the channel.
    fn drop_unbuffered(&mut self, partitions: &[i32], records: &mut mpsc::UnboundedReceiver<Vec<Decoded>>) {
        while let Ok(received) = records.try_recv() {
            self.carried.extend(received);
        }
        self.carried.retain(|record| {
            let is_dropped = partitions.contains(&record.fetched.partition);
            if is_dropped {
                self.budget.give_back([record.bytes()].into_iter());
            }
            !is_dropped
        });
    }

    /// Answers a revoke once nothing of its partitions is in flight, or its time is over. A commit in flight counts, too:
    /// should it reach Kafka after the one that the answer leads to, it would set the offset back.
    fn finish_revoke(&mut self) {
        let Some(revoking) = &self.revoking else { return };
        let is_in_flight = self.work.is_in_flight(&revoking.partitions) || self.committing.is_some();
        if is_in_flight && Instant::now() < revoking.deadline {
            return;
        }
        if let Some(revoking) = self.revoking.take() {
            let offsets = self.work.give_up(&revoking.partitions);
            // A fetcher that does not wait any more has given up without a commit: the records are read again.
            revoking.reply.send(offsets).ok();
        }
    }

    /// Starts a commit of what is finished, if there is anything new. Committing blocks until Kafka has answered, hence on
    /// a thread for such things; asynchronous commits of librdkafka do not tell how they ended.
    fn start_commit(&mut self) {
        self.commit_due = None;
        let offsets = self.work.take_committable();
        if offsets.is_empty() {
            return;
        }
        let (consumer, topic) = (Arc::clone(&self.consumer), self.topic.clone());
        self.committing = Some(tokio::task::spawn_blocking(move || {
            let list = to_list(&topic, offsets.iter().map(|(partition, offset)| (*partition, Some(*offset))));
            consumer.commit(&list, CommitMode::Sync).map(|()| offsets)
        }));
    }

    fn finish_commit(&mut self, committed: Committed) {
        self.committing = None;
        match committed {
            Ok(offsets) => {
                for (partition, offset) in offsets {
                    self.book.committed(partition, offset);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "commit failed, trying again");
                self.work.forget_taken();
                self.commit_due = Some(Instant::now() + COMMIT_RETRY);
            }
        }
    }

    /// The last commit, after which nothing is left to do.
    async fn commit_and_wait(mut self) -> anyhow::Result<()> {
        if let Some(committing) = self.committing.take() {
            self.finish_commit(committing.await?);
        }
        self.start_commit();
        match self.committing {
            Some(committing) => {
                committing.await?.context("the last commit failed, records that are stored already are read again")?;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn note_oldest(&self) {
        for (partition, timestamp_ms) in self.work.oldest_unfinished() {
            self.book.oldest_unfinished(partition, timestamp_ms);
        }
    }
}

/// Waits until then, or for ever.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits for the task to end, or for ever if there is none.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
