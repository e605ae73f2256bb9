//! The loop around the core: waits for the next event, hands it over, and does what the core says. It decides nothing
//! itself, and waits for nothing but the next event.

use std::sync::{Arc, mpsc as std_mpsc};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rdkafka::consumer::{CommitMode, Consumer};
use service::failpoint::{self, Step};
use service::trace::{span_id, trace_id};
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::conditions::Conditions;
use super::context::{GroupConsumer, to_list};
use super::core::{Action, Core, Event, Flush, Letter};
use super::dead_letters::DeadLetters;
use super::front::{Front, Handover};
use super::handler::{RecordHandler, Written};
use super::lag::Book;
use super::metrics::{GroupMetrics, OwnCount};
use super::requests::Requests;
use super::watch;

/// How often the partitions' state is noted for the metrics and the status page.
const NOTE_INTERVAL: Duration = Duration::from_millis(500);

/// The loop's surroundings.
pub(super) struct Pipeline<H: RecordHandler> {
    pub(super) core: Core<H::Record>,
    pub(super) handler: Arc<H>,
    pub(super) topic: String,
    pub(super) consumer: Arc<GroupConsumer<H::Record>>,
    pub(super) front: Arc<Front<H::Record>>,
    pub(super) dead_letters: DeadLetters,
    pub(super) book: Arc<Book>,
    pub(super) metrics: Arc<GroupMetrics>,
    pub(super) conditions: Conditions,
    pub(super) in_flight: Running<H::Record>,
    /// The core's count of stale records, as far as it is shown.
    pub(super) stale: OwnCount,
    /// Kafka has forgotten what the group has committed.
    pub(super) is_recreated: CancellationToken,
}

/// What has started and not yet ended.
pub(super) struct Running<R> {
    flushes: JoinSet<Event<R>>,
    letters: JoinSet<Event<R>>,
    commit: Option<JoinHandle<Result<(), String>>>,
    /// The commit in flight, partition and next offset.
    committing: Vec<(i32, i64)>,
    /// The caller that waits for partitions to be given up.
    revoke: Option<std_mpsc::Sender<()>>,
}

impl<R> Running<R> {
    pub(super) fn nothing() -> Self
    where
        R: Send + 'static,
    {
        Self { flushes: JoinSet::new(), letters: JoinSet::new(), commit: None, committing: Vec::new(), revoke: None }
    }
}

/// What comes to the pipeline from outside.
pub(super) struct Inputs<'a, R> {
    pub(super) stream: mpsc::UnboundedReceiver<Handover<R>>,
    pub(super) watched: mpsc::UnboundedReceiver<Event<R>>,
    pub(super) requests: &'a mut Requests,
}

impl<H: RecordHandler> Pipeline<H> {
    /// Runs until `stop`, then finishes and commits what was received.
    ///
    /// # Errors
    /// When a part of the member failed in a way that is a bug.
    pub(super) async fn run(
        mut self,
        mut inputs: Inputs<'_, H::Record>,
        stop: &CancellationToken,
    ) -> anyhow::Result<()> {
        let mut note = tokio::time::interval(NOTE_INTERVAL);
        let mut is_stopping = false;
        loop {
            let now = Instant::now();
            while let Some(action) = self.core.next_action(now) {
                self.execute(action);
            }
            if is_stopping && self.core.is_done() {
                return Ok(());
            }
            self.metrics.flushes_in_flight.set(self.core.flushes_in_flight() as f64);
            let deadline = self.core.deadline();
            let event = tokio::select! {
                Some(flushed) = self.in_flight.flushes.join_next() => flushed.context("a flush failed")?,
                Some(sent) = self.in_flight.letters.join_next() => sent.context("sending a dead letter failed")?,
                committed = ended(&mut self.in_flight.commit) => {
                    Event::Committed(committed.context("committing failed")?)
                }
                Some(Handover { delivery, given_up }) = inputs.stream.recv() => {
                    // The caller of an earlier revoke has stopped waiting.
                    self.in_flight.revoke = given_up.or(self.in_flight.revoke.take());
                    Event::Delivered(delivery)
                }
                Some(event) = inputs.watched.recv() => event,
                Some(()) = inputs.requests.releases.recv() => Event::ReleaseBrake,
                Ok(()) = inputs.requests.pauses.changed() => Event::Paused(*inputs.requests.pauses.borrow_and_update()),
                () = until(deadline) => continue,
                _ = note.tick() => {
                    self.note();
                    continue;
                }
                () = stop.cancelled(), if !is_stopping => {
                    is_stopping = true;
                    Event::Stop
                }
            };
            self.note_event(&event);
            self.core.handle(event, Instant::now());
            self.conditions.show(&self.core, self.handler.as_ref());
        }
    }

    fn execute(&mut self, action: Action<H::Record>) {
        match action {
            Action::Flush(batch) => self.flush(batch),
            Action::SendLetter(letter) => self.send_letter(letter),
            Action::Commit(offsets) => self.commit(offsets),
            Action::Fetch(wish) => self.front.wish(wish),
            Action::GiveUp => {
                // A caller that stopped waiting has continued without an answer: the records are read again.
                self.in_flight.revoke.take().map(|given_up| given_up.send(()).ok());
            }
            Action::ReportSkipped { partition, from, to } => {
                self.metrics.skipped.increment((to - from).unsigned_abs());
                tracing::error!(
                    partition,
                    from,
                    to,
                    "records were deleted by retention before the group could read them"
                );
            }
        }
    }

    fn flush(&mut self, mut batch: Flush<H::Record>) {
        if batch.attempt == 0 {
            self.metrics.flush_started(batch.trigger, batch.records.len());
        }
        let handler = Arc::clone(&self.handler);
        self.in_flight.flushes.spawn(async move {
            let Written { not_stored, why_later } = handler.write(&mut batch).await;
            Event::Flushed { batch: batch.number, records: batch.records, not_stored, why_later }
        });
    }

    fn send_letter(&mut self, letter: Letter<H::Record>) {
        let (handler, dead_letters) = (Arc::clone(&self.handler), self.dead_letters.clone());
        let metrics = Arc::clone(&self.metrics);
        self.in_flight.letters.spawn(async move {
            let record = &letter.record.cargo;
            let dead_letter = handler.dead_letter(record);
            let outcome = dead_letters.send(&dead_letter, record.as_ref(), letter.shape).await;
            if outcome.is_ok() {
                failpoint::reach(Step::DeadLettered);
                metrics.dead_lettered(dead_letter.reason, letter.shape.form);
                let trace = record.as_ref().trace;
                tracing::warn!(
                    id = %dead_letter.id,
                    partition = dead_letter.partition,
                    offset = dead_letter.offset,
                    reason = dead_letter.reason.as_str(),
                    form = letter.shape.form.as_str(),
                    message = handler.log_line(record),
                    trace_id = trace_id(trace),
                    span_id = span_id(trace),
                    "record dead-lettered"
                );
            }
            Event::LetterSent(letter, outcome)
        });
    }

    /// Commits on a blocking thread, until Kafka has answered; librdkafka's asynchronous commits do not say how they
    /// ended. A commit would hide that the topic was deleted and recreated, so that is asked first.
    fn commit(&mut self, offsets: Vec<(i32, i64)>) {
        failpoint::reach(Step::Noted);
        let (consumer, topic) = (Arc::clone(&self.consumer), self.topic.clone());
        let (held, known, is_recreated) = (self.front.held(), self.book.known_committed(), self.is_recreated.clone());
        self.in_flight.committing.clone_from(&offsets);
        self.in_flight.commit = Some(tokio::task::spawn_blocking(move || {
            // Only an answer counts: a commit may get through where the question does not.
            let seen = watch::committed(&consumer, &topic, &held).unwrap_or_default();
            if watch::is_forgotten(&seen, &known) {
                is_recreated.cancel();
                return Err("Kafka has forgotten what the group has committed".to_owned());
            }
            let list = to_list(&topic, offsets.iter().map(|(partition, offset)| (*partition, Some(*offset))));
            if failpoint::is_armed(Step::CommitSent) {
                // The client's own thread sends it, and nothing waits for the answer.
                consumer.commit(&list, CommitMode::Async).map_err(|error| error.to_string())?;
                std::thread::sleep(Duration::from_millis(5));
                failpoint::reach(Step::CommitSent);
            }
            consumer.commit(&list, CommitMode::Sync).map_err(|error| error.to_string())
        }));
    }

    /// Counts and logs an event before the core gets it.
    fn note_event(&mut self, event: &Event<H::Record>) {
        match event {
            Event::Flushed { batch, why_later: None, .. } => {
                let age = self.core.flush_age(*batch, Instant::now());
                self.metrics.flush_over(age.unwrap_or_default());
            }
            Event::LetterSent(letter, Err(error)) => {
                let is_sent_again_as_it_is = letter.shape.after(error).is_none();
                self.metrics.dead_letter_retries.increment(u64::from(is_sent_again_as_it_is));
            }
            Event::Committed(outcome) => {
                let committed = std::mem::take(&mut self.in_flight.committing);
                match outcome {
                    Ok(()) => committed.iter().for_each(|(partition, next)| self.book.committed(*partition, *next)),
                    Err(error) => {
                        self.metrics.commit_failures.increment(1);
                        tracing::warn!(error, "commit failed, trying again");
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes the partitions' state for the metrics and the status page.
    fn note(&mut self) {
        let mut ahead = 0;
        for state in self.core.partitions() {
            self.book.received(&state);
            ahead += u32::from(state.is_ahead);
        }
        self.metrics.partitions_ahead.set(f64::from(ahead));
        self.stale.show(self.core.stale_records(), &self.metrics.stale);
        self.conditions.show(&self.core, self.handler.as_ref());
    }
}

/// Waits until then, or forever.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Waits for the task to end, or forever if there is none.
async fn ended<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    match task {
        Some(running) => {
            let outcome = running.await;
            *task = None;
            outcome
        }
        None => std::future::pending().await,
    }
}
