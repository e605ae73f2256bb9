//! A lane: one connection to a partition's leader. The lanes of a partition take turns at its queue: one collects the
//! next batch while the others wait for their acknowledgements.
//!
//! A batch that fails is sent again for as long as anyone waits for one of its records, because most failures pass: the
//! leader moves to another broker, or too few replicas are in sync. Records appended twice this way have the same keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contract::TraceContext;
use rskafka::client::Client;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, UnknownTopicHandling};
use service::failpoint::{Step, reach};
use service::trace::{Span, span_id, trace_id};
use service::{Backoff, Tracer};
use tokio::sync::{Mutex, Notify, watch};

use super::connecting::answer;
use super::connection::Connection;
use super::metrics::PublishMetrics;
use super::nodelay::{Nodelay, STALL_FREE_BYTES};
use super::queue::QueueReceiver;
use super::spans;
use super::submission::Submission;

/// The first and the longest wait before a batch is sent again. rskafka itself has already waited where it knows that a
/// failure may pass.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// What all lanes share.
pub(super) struct LaneSettings {
    pub(super) topic: String,
    pub(super) compression: Compression,
    pub(super) timeout: Duration,
    pub(super) metrics: PublishMetrics,
    pub(super) tracer: Option<Tracer>,
    pub(super) nodelay: Arc<Nodelay>,
    /// Wakes the supervisor when a batch failed.
    pub(super) trouble: Notify,
}

/// One lane.
pub(super) struct Lane {
    pub(super) settings: Arc<LaneSettings>,
    pub(super) partition: i32,
    pub(super) queue: Arc<Mutex<QueueReceiver>>,
    /// The client that last found the partition's leader; a new one when the leader was lost and found again.
    pub(super) client: watch::Receiver<Arc<Client>>,
    pub(super) connection: Option<Connection>,
}

impl Lane {
    /// Sends the queue's batches until the queue is closed and empty.
    pub(super) async fn run(mut self) {
        loop {
            let most_bytes = self.connection.as_ref().map_or(STALL_FREE_BYTES, Connection::most_bytes);
            let batch = self.queue.lock().await.next_batch(most_bytes).await;
            let Some(batch) = batch else { return };
            let mut batch = batch.into_items();
            batch.retain(is_waited_for);
            // The last record is the youngest, and its time is over last.
            let Some(youngest) = batch.last() else { continue };
            let deadline = youngest.queued_at + self.settings.timeout;
            self.settings.metrics.batch_records.record(batch.len() as f64);
            let span = self.settings.tracer.as_ref().and_then(|tracer| {
                let traces = batch.iter().filter_map(|submission| submission.record.trace);
                spans::send(tracer, &self.settings.topic, Some(self.partition), batch.len(), traces)
            });
            let trace = span.as_ref().map(Span::context);
            match tokio::time::timeout_at(deadline.into(), self.send(&mut batch, trace)).await {
                Ok(Ok(offsets)) => {
                    reach(Step::ProduceAcknowledged);
                    for (submission, offset) in batch.into_iter().zip(offsets) {
                        submission.request.acknowledge(offset);
                    }
                }
                Ok(Err(error)) => self.report(batch.len(), span, &format!("{error:#}")),
                Err(_) => {
                    self.connection = None;
                    self.report(batch.len(), span, "no acknowledgement within PRODUCER_TIMEOUT");
                }
            }
        }
    }

    /// The offsets of the batch's records; after a failure, removes those that nobody waits for anymore.
    async fn send(&mut self, batch: &mut Vec<Submission>, trace: Option<TraceContext>) -> anyhow::Result<Vec<i64>> {
        let mut backoff = Backoff::new(RETRY_WAITS.0, RETRY_WAITS.1);
        loop {
            if self.client.has_changed().unwrap_or(false) {
                self.client.mark_unchanged();
                self.connection = None;
            }
            let mut client = self.client.clone();
            let started = Instant::now();
            let tried = tokio::select! {
                biased;
                tried = self.produce(batch) => tried,
                // The leader was lost and found again: what is still on its way to the lost one may wait forever. The
                // supervisor's end is not such a case, hence the pattern.
                Ok(()) = client.changed() => continue,
            };
            match tried {
                Ok(offsets) => {
                    self.settings.metrics.produce_seconds.record(started.elapsed());
                    return Ok(offsets);
                }
                Err(error) if is_final(&error) => return Err(error),
                Err(error) => {
                    tracing::debug!(
                        partition = self.partition,
                        %error,
                        trace_id = trace_id(trace),
                        span_id = span_id(trace),
                        "batch not acknowledged, sending it again"
                    );
                    self.settings.trouble.notify_one();
                    backoff.wait().await;
                    batch.retain(is_waited_for);
                }
            }
        }
    }

    /// One try. After any failure the next one has a new connection.
    async fn produce(&mut self, batch: &[Submission]) -> anyhow::Result<Vec<i64>> {
        let records = batch.iter().map(|submission| submission.record.to_rskafka()).collect();
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let client = Arc::clone(&self.client.borrow());
                // Otherwise a leader that froze meanwhile would hold it up.
                let connected =
                    client.partition_client(&self.settings.topic, self.partition, UnknownTopicHandling::Error);
                Connection::new(answer(connected).await?, Arc::clone(&self.settings.nodelay)).await
            }
        };
        let offsets = connection.produce(records, self.settings.compression).await?;
        self.connection = Some(connection);
        Ok(offsets)
    }

    fn report(&self, records: usize, span: Option<Span>, error: &str) {
        let trace = span.as_ref().map(Span::context);
        tracing::warn!(
            topic = self.settings.topic,
            partition = self.partition,
            records,
            error,
            trace_id = trace_id(trace),
            span_id = span_id(trace),
            "batch not acknowledged, its records are answered 503"
        );
        if let Some(mut span) = span {
            span.fail("unacknowledged", error);
        }
        self.settings.trouble.notify_one();
    }
}

/// Removes what nobody waits for anymore.
fn is_waited_for(submission: &Submission) -> bool {
    !submission.request.is_gone()
}

/// Whether Kafka would say the same again. Everything else may pass, and another try costs little.
fn is_final(error: &anyhow::Error) -> bool {
    use ProtocolError::{
        ClusterAuthorizationFailed, InvalidTopicException, MessageTooLarge, PolicyViolation, RecordListTooLarge,
        TopicAuthorizationFailed, UnsupportedForMessageFormat,
    };
    matches!(
        error.downcast_ref(),
        Some(Error::ServerError {
            protocol_error: ClusterAuthorizationFailed
                | InvalidTopicException
                | MessageTooLarge
                | PolicyViolation
                | RecordListTooLarge
                | TopicAuthorizationFailed
                | UnsupportedForMessageFormat,
            ..
        })
    )
}

#[cfg(test)]
mod tests {
    use rskafka::client::error::RequestContext;

    use super::*;

    fn server_error(protocol_error: ProtocolError) -> anyhow::Error {
        let request = RequestContext::Partition("post".to_owned(), 0);
        Error::ServerError { protocol_error, error_message: None, request, response: None, is_virtual: false }.into()
    }

    #[test]
    fn what_a_change_of_leader_gives_is_tried_again() {
        for passing in [
            ProtocolError::NotLeaderOrFollower,
            ProtocolError::LeaderNotAvailable,
            ProtocolError::NotEnoughReplicas,
            ProtocolError::NotEnoughReplicasAfterAppend,
            ProtocolError::RequestTimedOut,
            ProtocolError::UnknownTopicOrPartition,
            ProtocolError::KafkaStorageError,
        ] {
            assert!(!is_final(&server_error(passing)), "{passing:?}");
        }
        assert!(!is_final(&Error::InvalidResponse("Partition leader 2 not found".to_owned()).into()));
        assert!(is_final(&server_error(ProtocolError::MessageTooLarge)));
    }
}
