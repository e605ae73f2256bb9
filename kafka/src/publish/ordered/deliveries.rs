//! What librdkafka reports, on a thread that it is polled by: an acknowledgement answers its request at once; anything
//! else wakes those that must know.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use metrics::Histogram;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::producer::{DeliveryResult, ProducerContext};
use service::Registry;
use service::failpoint::{Step, reach};
use tokio::sync::Notify;

use super::batch_bytes::{BatchBytes, was_alone};
use super::failures::Failures;
use super::handed::Handed;
use super::remainder::{Remainder, Unsent};
use crate::publish::config::PublishConfig;
use crate::publish::error::PublishError;
use crate::publish::metrics::produce_seconds;
use crate::security::librdkafka::TokenCallback;
use crate::topics::LARGEST;

/// What all clients of a publisher report, the current one and those that it replaced.
pub(super) struct Deliveries {
    produce_seconds: Histogram,
    failures: Mutex<Failures>,
    /// Whether the current client has acknowledged a record.
    acknowledged: AtomicBool,
    /// What waits for the next client while one is renewed.
    pub(super) remainder: Remainder,
    /// How large batches may be.
    pub(super) batch_bytes: BatchBytes,
    /// Whether the client has been renewed, and the watch does not know yet.
    pub(super) renewed: AtomicBool,
    /// Notified when Kafka does not let the user write.
    pub(super) refused: Notify,
    /// Wakes the watch when a record was not acknowledged.
    pub(super) trouble: Notify,
    /// Notified when there is a failure to report.
    pub(super) failed: Notify,
    /// Notified when a client may have ended with an error: it never sends anything again.
    pub(super) ended: Notify,
}

impl Deliveries {
    pub(super) fn new(config: &PublishConfig, registry: &Registry) -> Self {
        Self {
            produce_seconds: produce_seconds(registry, config.kind),
            batch_bytes: BatchBytes::new(config.batch_bytes),
            failures: Mutex::default(),
            acknowledged: AtomicBool::new(false),
            remainder: Remainder::default(),
            renewed: AtomicBool::new(false),
            refused: Notify::new(),
            trouble: Notify::new(),
            failed: Notify::new(),
            ended: Notify::new(),
        }
    }

    /// A record of this partition is not acknowledged.
    pub(super) fn note_failure(&self, partition: i32, error: KafkaError) {
        let code = error.rdkafka_error_code();
        if let Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed) = code {
            self.refused.notify_one();
        }
        self.failures().note(partition, error);
        self.failed.notify_one();
        self.trouble.notify_one();
    }

    /// Whether the current client has acknowledged a record.
    pub(super) fn has_acknowledged(&self) -> bool {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// The same of a client that is gone; its successor has acknowledged none.
    pub(super) fn take_acknowledged(&self) -> bool {
        self.acknowledged.swap(false, Ordering::Relaxed)
    }

    /// Logs what failed since the last time.
    pub(super) fn report(&self, topic: &str) {
        let failures = self.failures().take();
        for (partition, failed) in failures {
            let (records, error) = (failed.records, failed.error);
            tracing::warn!(
                topic,
                partition,
                records,
                %error,
                "records not acknowledged, their requests are answered 503"
            );
        }
    }

    fn failures(&self) -> MutexGuard<'_, Failures> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a client calls.
pub(super) struct DeliveryCallbacks {
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) tokens: TokenCallback,
    /// The client's largest batch.
    pub(super) batch_bytes: usize,
}

impl DeliveryCallbacks {
    fn failed(&self, error: &KafkaError, message: &BorrowedMessage<'_>, handed: Box<Handed>) {
        use RDKafkaErrorCode::{MessageBatchTooLarge, MessageSizeTooLarge, PurgeQueue};
        let (deliveries, partition) = (&self.deliveries, message.partition());
        match error.rdkafka_error_code() {
            Some(PurgeQueue) => {
                let is_kept = !handed.request.is_gone()
                    && deliveries.remainder.add(|| Unsent { message: message.detach(), handed, is_new: false });
                if is_kept {
                    return;
                }
            }
            Some(MessageSizeTooLarge | MessageBatchTooLarge) if was_alone(handed.size_bytes, self.batch_bytes) => {
                let (topic, bytes) = (message.topic(), handed.size_bytes);
                tracing::warn!(topic, partition, bytes, "the topic takes no record of this size: raise its {LARGEST}");
                return handed.request.refuse(PublishError::TooLarge);
            }
            Some(MessageSizeTooLarge | MessageBatchTooLarge) => {
                handed.request.refuse(PublishError::Away);
                deliveries.batch_bytes.refuse(self.batch_bytes);
            }
            _ => {}
        }
        deliveries.note_failure(partition, error.clone());
    }
}

impl ProducerContext for DeliveryCallbacks {
    type DeliveryOpaque = Box<Handed>;

    fn delivery(&self, result: &DeliveryResult<'_>, handed: Box<Handed>) {
        match result {
            Ok(message) => {
                reach(Step::ProduceAcknowledged);
                // Written only once, so that the cache line stays shared.
                if !self.deliveries.has_acknowledged() {
                    self.deliveries.acknowledged.store(true, Ordering::Relaxed);
                }
                self.deliveries.produce_seconds.record(handed.at.elapsed());
                handed.request.acknowledge(message.partition(), message.offset());
            }
            Err((error, message)) => self.failed(error, message, handed),
        }
    }
}

impl ClientContext for DeliveryCallbacks {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.tokens.token()
    }

    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "librdkafka");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "librdkafka");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            self.deliveries.ended.notify_one();
        }
    }
}
