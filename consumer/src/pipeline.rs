//! The middle of the consumer: one loop that receives records, starts flushes, commits what is finished, and hands
//! partitions over. It asks [`Buffer`] and [`Offsets`] what to do and never waits for anything but the next event.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::buffer::{Buffer, Buffered, Trigger};
use crate::config::Config;
use crate::decode::Decoded;
use crate::flush::Flusher;
use crate::group::{GroupConsumer, Revoke, to_list};
use crate::lag::Book;
use crate::metrics::Metrics;
use crate::offsets::{Offsets, Ticket};

/// Finished records are committed together, this long after the first of them.
const COMMIT_INTERVAL: Duration = Duration::from_millis(200);

/// Wait after a commit that failed.
const COMMIT_RETRY: Duration = Duration::from_secs(1);

/// How often the age of the oldest record is noted.
const NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// The pipeline's state.
pub(crate) struct Pipeline {
    topic: String,
    concurrent_flushes: usize,
    revoke_timeout: Duration,
    consumer: Arc<GroupConsumer>,
    flusher: Flusher,
    budget: Budget,
    book: Arc<Book>,
    metrics: Arc<Metrics>,
    offsets: Offsets,
    buffer: Buffer<Tracked>,
    /// Records that were received while partitions were handed over, older than what the channel holds.
    carried: VecDeque<Decoded>,
    /// The flushes that are not over; each returns the positions of the records that it leaves unfinished.
    flushes: JoinSet<Vec<usize>>,
    in_flight: HashMap<Id, InFlight>,
    revoking: Option<Revoking>,
    commit_due: Option<Instant>,
    /// The commit that Kafka has not answered yet; one at a time, so that offsets never move backwards.
    committing: Option<JoinHandle<Committed>>,
}

/// The outcome of a commit: the offsets that are committed now.
type Committed = KafkaResult<Vec<(i32, i64)>>;

/// A record in the buffer.
struct Tracked {
    decoded: Decoded,
    ticket: Ticket,
}

impl Buffered for Tracked {
    fn bytes(&self) -> usize {
        self.decoded.bytes()
    }

    fn partition(&self) -> i32 {
        self.ticket.partition
    }
}

/// A flush that is not over, and what it is to be finished with.
struct InFlight {
    tickets: Vec<Ticket>,
    /// Size of each record, to be given back to the budget.
    bytes: Vec<usize>,
}

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
            concurrent_flushes: config.concurrent_flushes,
            revoke_timeout: config.kafka.revoke_timeout,
            consumer,
            flusher,
            budget,
            book,
            metrics,
            offsets: Offsets::default(),
            buffer: Buffer::new(config.batch),
            carried: VecDeque::new(),
            flushes: JoinSet::new(),
            in_flight: HashMap::new(),
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
        mut records: mpsc::UnboundedReceiver<Decoded>,
        mut revokes: mpsc::UnboundedReceiver<Revoke>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let mut note = tokio::time::interval(NOTE_INTERVAL);
        loop {
            let is_stopping = stop.is_cancelled();
            self.start_due_flushes(is_stopping);
            self.finish_revoke();
            if is_stopping && self.buffer.is_empty() && self.flushes.is_empty() {
                break;
            }
            let may_receive = !is_stopping && self.revoking.is_none() && !self.buffer.is_full();
            if may_receive && let Some(record) = self.carried.pop_front() {
                self.receive(record);
                continue;
            }
            let flush_deadline = self.flush_deadline();
            let revoke_deadline = self.revoking.as_ref().map(|revoking| revoking.deadline);
            let commit_due = self.commit_due.filter(|_| self.committing.is_none());
            tokio::select! {
                Some(finished) = self.flushes.join_next_with_id() => self.finish_flush(finished)?,
                Some(revoke) = revokes.recv() => self.start_revoke(revoke, &mut records),
                committed = ended(&mut self.committing) => self.finish_commit(committed?),
                record = records.recv(), if may_receive => match record {
                    Some(record) => self.receive(record),
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

    fn receive(&mut self, decoded: Decoded) {
        self.metrics.consumed.increment(1);
        let fetched = &decoded.fetched;
        tracing::debug!(id = %decoded.id, partition = fetched.partition, offset = fetched.offset, "Message added to queue");
        let ticket = self.offsets.received(fetched.partition, fetched.offset, fetched.timestamp_ms);
        self.buffer.push(Tracked { decoded, ticket }, Instant::now());
    }

    fn start_due_flushes(&mut self, is_stopping: bool) {
        if self.flushes.len() >= self.concurrent_flushes || self.buffer.is_empty() {
            return;
        }
        let due = self.buffer.due(Instant::now()).or(is_stopping.then_some(Trigger::Stop));
        if let Some(trigger) = due {
            let batch = self.buffer.take();
            self.start_flush(batch, trigger);
        }
    }

    fn start_flush(&mut self, batch: Vec<Tracked>, trigger: Trigger) {
        let bytes = batch.iter().map(Buffered::bytes).collect();
        let (tickets, batch) = batch.into_iter().map(|tracked| (tracked.ticket, tracked.decoded)).unzip();
        let flusher = self.flusher.clone();
        let task = self.flushes.spawn(async move { flusher.flush(batch, trigger).await });
        self.in_flight.insert(task.id(), InFlight { tickets, bytes });
    }

    fn finish_flush(&mut self, finished: Result<(Id, Vec<usize>), JoinError>) -> anyhow::Result<()> {
        let (id, held) = finished.context("a flush failed")?;
        let flush = self.in_flight.remove(&id).context("a flush was not known")?;
        for (position, ticket) in flush.tickets.into_iter().enumerate() {
            // A record that is held is never finished here: whoever holds the partition next reads it again.
            if held.binary_search(&position).is_err() {
                self.offsets.finished(ticket);
            }
        }
        flush.bytes.into_iter().for_each(|bytes| self.budget.give_back(bytes));
        self.commit_due.get_or_insert_with(|| Instant::now() + COMMIT_INTERVAL);
        Ok(())
    }

    /// When the buffer's interval is over, provided that a flush may start then.
    fn flush_deadline(&self) -> Option<Instant> {
        self.buffer.deadline().filter(|_| self.flushes.len() < self.concurrent_flushes)
    }

    fn start_revoke(&mut self, revoke: Revoke, records: &mut mpsc::UnboundedReceiver<Decoded>) {
        let Revoke { partitions, are_lost, reply } = revoke;
        self.drop_unbuffered(&partitions, records);
        let batch = self.buffer.take_partitions(&partitions);
        if are_lost {
            batch.iter().for_each(|tracked| self.budget.give_back(tracked.bytes()));
        } else if !batch.is_empty() {
            // Beyond the usual number of flushes if need be: what is finished now is not read again elsewhere.
            self.start_flush(batch, Trigger::Revoke);
        }
        let timeout = if are_lost { Duration::ZERO } else { self.revoke_timeout };
        self.revoking = Some(Revoking { partitions, deadline: Instant::now() + timeout, reply });
    }

    /// Drops the given partitions' records that are not in the buffer yet. The fetcher waits for our answer meanwhile, so
    /// the channel holds all of them.
    fn drop_unbuffered(&mut self, partitions: &[i32], records: &mut mpsc::UnboundedReceiver<Decoded>) {
        while let Ok(record) = records.try_recv() {
            self.carried.push_back(record);
        }
        self.carried.retain(|record| {
            let is_dropped = partitions.contains(&record.fetched.partition);
            if is_dropped {
                self.budget.give_back(record.bytes());
            }
            !is_dropped
        });
    }

    /// Answers a revoke once nothing of its partitions is in flight, or its time is over.
    fn finish_revoke(&mut self) {
        let Some(revoking) = &self.revoking else { return };
        let mut tickets = self.in_flight.values().flat_map(|flush| &flush.tickets);
        let is_in_flight = tickets.any(|ticket| revoking.partitions.contains(&ticket.partition));
        if is_in_flight && Instant::now() < revoking.deadline {
            return;
        }
        if let Some(revoking) = self.revoking.take() {
            let offsets = self.offsets.give_up(&revoking.partitions);
            // A fetcher that does not wait any more has given up without a commit: the records are read again.
            revoking.reply.send(offsets).ok();
        }
    }

    /// Starts a commit of what is finished, if there is anything new. Committing blocks until Kafka has answered, hence on
    /// a thread for such things; asynchronous commits of librdkafka do not tell how they ended.
    fn start_commit(&mut self) {
        self.commit_due = None;
        let offsets = self.offsets.take_committable();
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
                self.offsets.forget_taken();
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
        for (partition, timestamp_ms) in self.offsets.oldest_unfinished() {
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
