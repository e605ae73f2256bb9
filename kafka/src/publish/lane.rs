//! A lane: a connection to a broker, with at most one batch on it. The lanes of all brokers take turns at the topic's
//! queue: one collects the next batch while the others wait for their acknowledgements. So the number of batches on
//! their way is bounded for each broker, whatever the number of partitions, and batches stay large.
//!
//! A batch that fails is sent again for as long as anyone waits for one of its records, to any partition that takes
//! it. A record that is appended twice this way has the same key each time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rskafka::client::partition::Compression;
use service::Tracer;
use service::failpoint::{Step, reach};
use service::trace::{Span, span_id, trace_id};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use super::error::PublishError;
use super::keys::Keys;
use super::metrics::PublishMetrics;
use super::produce::{ProduceError, Produced};
use super::produce_request::EncodedBatch;
use super::queue::{OnItsWay, Parcel, QueueReceiver, QueueReturns};
use super::refusal;
use super::router::Router;
use super::routes::{Cause, Place, SILENCE, Sent};
use super::sent::reaching_sent;
use super::spans;
use super::submission::Submission;
use crate::broker::Broker;
use crate::broker::topology::BrokerId;
use crate::security::Connector;

/// How often a batch that is late is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What all lanes share.
pub(super) struct LaneSettings {
    pub(super) connector: Arc<Connector>,
    pub(super) topic: String,
    pub(super) compression: Compression,
    pub(super) timeout: Duration,
    pub(super) metrics: PublishMetrics,
    pub(super) tracer: Option<Tracer>,
    pub(super) router: Arc<Router>,
    pub(super) keys: Arc<Keys>,
    pub(super) queue: Mutex<QueueReceiver>,
    pub(super) returns: QueueReturns,
    /// Cancelled when nothing more is published.
    pub(super) closed: CancellationToken,
}

/// One lane.
pub(super) struct Lane {
    settings: Arc<LaneSettings>,
    broker: BrokerId,
    /// Cancelled when the broker leads no partition anymore.
    stop: CancellationToken,
    changes: watch::Receiver<()>,
    connection: Option<Broker>,
}

/// What became of a batch on its way.
enum Outcome {
    Acknowledged(Produced),
    /// It must be sent again, to this partition.
    Silent(Place),
    Failed(ProduceError),
    /// Its time is over.
    Late,
}

impl Lane {
    /// It connects with its first batch, and ends when `stop` is cancelled.
    pub(super) fn new(settings: Arc<LaneSettings>, broker: BrokerId, stop: CancellationToken) -> Self {
        let changes = settings.router.changes();
        Self { settings, broker, stop, changes, connection: None }
    }

    /// Sends batches until the queue is closed and empty, or the broker is gone.
    pub(super) async fn run(mut self) {
        while let Some((parcel, on_its_way)) = self.next().await {
            self.send(parcel, on_its_way).await;
        }
    }

    /// The next batch, once the broker has a partition that takes it.
    async fn next(&mut self) -> Option<(Parcel, OnItsWay)> {
        let settings = Arc::clone(&self.settings);
        loop {
            self.changes.mark_unchanged();
            let takes_batches = settings.router.has_any_at(self.broker);
            tokio::select! {
                biased;
                next = async { settings.queue.lock().await.next_batch().await }, if takes_batches => return next,
                // Perhaps the broker has no such partition anymore, or has one now.
                Ok(()) = self.changes.changed() => {}
                () = self.stop.cancelled() => return None,
                () = settings.closed.cancelled(), if !takes_batches => return None,
            }
        }
    }

    async fn send(&mut self, mut parcel: Parcel, on_its_way: OnItsWay) {
        parcel.retain(is_waited_for);
        // The last record is the youngest, and its time is over last.
        let Some(youngest) = parcel.last() else { return };
        let deadline = youngest.queued_at + self.settings.timeout;
        let Some(partition) = self.settings.router.choose(self.broker) else {
            return self.settings.returns.put(parcel);
        };
        let sent = Sent { partition, broker: self.broker, at: Instant::now() };
        let records = parcel.len();
        self.settings.metrics.batch_records.record(records as f64);
        let span = self.settings.tracer.as_ref().and_then(|tracer| {
            let traces = parcel.iter().filter_map(|submission| submission.record.trace);
            spans::send(tracer, &self.settings.topic, Some(partition), records, traces)
        });
        let (mut sent, mut outcome) = (sent, self.outcome(&parcel, sent, deadline).await);
        if let Outcome::Silent(Place { partition, broker }) = outcome {
            // Whose acknowledgement did not come is sent again only once.
            self.settings.metrics.resent(if partition == sent.partition { Cause::Broken } else { Cause::Silent });
            sent = Sent { partition, broker, at: Instant::now() };
            outcome = self.again_elsewhere(&parcel, sent, deadline).await;
        }
        match outcome {
            Outcome::Acknowledged(produced) => {
                drop(on_its_way);
                self.acknowledged(parcel, sent, produced).await;
            }
            Outcome::Failed(error) => self.failed(parcel, sent, error, span),
            Outcome::Late | Outcome::Silent(_) => {
                self.report(&parcel, sent.partition, span, "no acknowledgement within PRODUCER_TIMEOUT");
                self.settings.router.trouble.notify_one();
            }
        }
    }

    async fn acknowledged(&self, parcel: Parcel, sent: Sent, produced: Produced) {
        reach(Step::ProduceAcknowledged);
        for (submission, offset) in parcel.into_iter().zip(produced.base_offset..) {
            submission.request.acknowledge(sent.partition, offset);
        }
        self.settings.metrics.produce_seconds.record(sent.at.elapsed());
        self.settings.router.acknowledged(sent);
        if !produced.throttle.is_zero() {
            tokio::time::sleep(produced.throttle.min(self.settings.timeout)).await;
        }
    }

    /// Sends the batch and waits for its acknowledgement.
    async fn outcome(&mut self, parcel: &Parcel, sent: Sent, deadline: Instant) -> Outcome {
        let settings = Arc::clone(&self.settings);
        let mut changes = self.changes.clone();
        let witness = parcel.first().map(|submission| &submission.record);
        let mut producing = std::pin::pin!(self.produce(parcel, sent));
        let mut look = sent.at + SILENCE;
        loop {
            tokio::select! {
                biased;
                produced = &mut producing => return match produced {
                    Ok(produced) => Outcome::Acknowledged(produced),
                    Err(error) => Outcome::Failed(error),
                },
                () = tokio::time::sleep_until(look.min(deadline).into()) => {
                    if Instant::now() >= deadline {
                        return Outcome::Late;
                    }
                    look += LOOK;
                }
                Ok(()) = changes.changed() => {}
            }
            if let Some(place) = settings.router.elsewhere(sent, witness) {
                return Outcome::Silent(place);
            }
        }
    }

    /// Sends the batch again, to a partition that has just acknowledged others, on a connection for this alone.
    async fn again_elsewhere(&self, parcel: &Parcel, sent: Sent, deadline: Instant) -> Outcome {
        let producing = async {
            let connection = self.connect(sent.broker).await?;
            let batch =
                EncodedBatch::new(parcel.iter().map(|submission| &submission.record), self.settings.compression);
            connection.produce(&self.settings.topic, sent.partition, &batch).await
        };
        match tokio::time::timeout_at(deadline.into(), producing).await {
            Ok(Ok(produced)) => Outcome::Acknowledged(produced),
            Ok(Err(error)) => Outcome::Failed(error),
            Err(_) => Outcome::Late,
        }
    }

    async fn connect(&self, broker: BrokerId) -> Result<Broker, ProduceError> {
        let gone = || ProduceError::Broken(anyhow::anyhow!("the broker is gone"));
        let address = self.settings.router.address(broker).ok_or_else(gone)?;
        Broker::connect(&self.settings.connector, &address).await.map_err(ProduceError::Broken)
    }

    /// One try. A connection that was open before may have been closed by the broker, which says nothing about the
    /// partition: then another one is tried. After any failure the next batch has a new connection.
    async fn produce(&mut self, parcel: &Parcel, sent: Sent) -> Result<Produced, ProduceError> {
        let records = parcel.iter().map(|submission| &submission.record);
        let batch = EncodedBatch::new(records, self.settings.compression);
        let topic = &self.settings.topic;
        if let Some(open) = self.connection.take() {
            match reaching_sent(open.produce(topic, sent.partition, &batch)).await {
                Err(ProduceError::Broken(_)) => {}
                produced => {
                    self.connection = produced.is_ok().then_some(open);
                    return produced;
                }
            }
        }
        let connection = self.connect(self.broker).await?;
        let produced = reaching_sent(connection.produce(topic, sent.partition, &batch)).await?;
        self.connection = Some(connection);
        Ok(produced)
    }

    fn failed(&mut self, mut parcel: Parcel, sent: Sent, error: ProduceError, span: Option<Span>) {
        let Some((cause, reason)) = refusal::trouble(error) else { return self.too_large(parcel, sent, span) };
        let witness = parcel.first().map(|submission| &submission.record);
        self.settings.router.not_acknowledged(sent, cause, &reason, witness);
        self.settings.metrics.resent(cause);
        parcel.retain(is_waited_for);
        if !parcel.is_empty() {
            self.again(parcel, span, &reason);
        }
    }

    /// Sends the batch as two, and later ones smaller; a single record can never be sent.
    fn too_large(&mut self, mut parcel: Parcel, sent: Sent, span: Option<Span>) {
        let bytes: usize = parcel.iter().map(|submission| submission.size_bytes).sum();
        if parcel.len() == 1 {
            let reason = format!("the topic takes no record of {bytes} bytes: raise its max.message.bytes");
            self.report(&parcel, sent.partition, span, &reason);
            for Submission { record, request, .. } in parcel {
                // Before the answer: its client may send a smaller one under the same key at once.
                self.settings.keys.give_back(&record);
                request.refuse(PublishError::TooLarge);
            }
            return;
        }
        if self.settings.returns.lower_limit(bytes) {
            tracing::warn!(
                topic = self.settings.topic,
                bytes,
                "the topic's max.message.bytes is less than PRODUCER_BATCH_BYTES, sending smaller batches"
            );
        }
        self.settings.metrics.split();
        let later = parcel.split_off(parcel.len() / 2);
        for half in [parcel, later] {
            self.settings.returns.put(half);
        }
        end(span, "the batch is too large");
    }

    fn again(&self, parcel: Parcel, span: Option<Span>, reason: &str) {
        let trace = span.as_ref().map(Span::context);
        tracing::debug!(
            broker = self.broker,
            records = parcel.len(),
            reason,
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "batch not acknowledged, sending it again"
        );
        end(span, reason);
        self.settings.returns.put(parcel);
        self.settings.router.report_if_closed();
    }

    fn report(&self, parcel: &Parcel, partition: i32, span: Option<Span>, error: &str) {
        let trace = span.as_ref().map(Span::context);
        tracing::warn!(
            topic = self.settings.topic,
            partition,
            records = parcel.len(),
            error,
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "batch not acknowledged, its records are rejected"
        );
        end(span, error);
    }
}

fn end(span: Option<Span>, error: &str) {
    if let Some(mut span) = span {
        span.fail("unacknowledged", error);
    }
}

/// Removes what nobody waits for anymore.
fn is_waited_for(submission: &Submission) -> bool {
    !submission.request.is_gone()
}
