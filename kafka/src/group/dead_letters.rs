//! Sends dead letters to their topic, acknowledged by all replicas. The caller sends a letter that the topic does not
//! take in another shape; any other failure may pass, so it tries again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use contract::dead_letter::{Form, LeftOut, REPLAY_ATTEMPTS_HEADER, TIMESTAMP_HEADER};
use contract::{DeadLetter, Fetched, Place};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use service::cluster::Cluster;
use service::secrets::{Files, Version};

use super::config::GroupConfig;
use super::core::{LetterError, Shape};
use crate::security::librdkafka::Callbacks;
use crate::topics::acknowledged_by_all;

/// Longest time to get one dead letter into librdkafka's queue, and then to get it acknowledged, before the next try.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Longest wait for both. librdkafka looks at its own deadlines once a second, so this one is reached only if
/// librdkafka is stuck.
const DEADLINE: Duration = Duration::from_secs(30);

/// The way to the dead-letter topic. Cheap to clone.
#[derive(Clone)]
pub(super) struct DeadLetters {
    topic: String,
    cluster: Cluster,
    /// Made when the first letter is sent: its thread takes 0.5 % of a core even while there is nothing to send.
    /// Replaced when it has failed for good, and when it fails with what Kafka no longer asks for.
    producer: Arc<Mutex<Option<Arc<LetterProducer>>>>,
}

/// A producer, and what it was made of.
struct LetterProducer {
    client: FutureProducer<Callbacks>,
    /// Taken before the files were read. The producer never reads them again.
    version: Version,
}

impl DeadLetters {
    pub(super) fn new(config: &GroupConfig) -> Self {
        Self { topic: config.dead_letter_topic.clone(), cluster: config.cluster.clone(), producer: Arc::default() }
    }

    /// Returns once the dead letter is acknowledged.
    ///
    /// # Errors
    /// Why it is not.
    pub(super) async fn send(&self, letter: &DeadLetter, record: &Fetched, shape: Shape) -> Result<(), LetterError> {
        let producer = self.producer()?;
        let id = shape.has_id_as_key.then(|| letter.id.to_key());
        let key = record.key.as_ref().filter(|_| shape.form.has_key()).or(id.as_ref());
        let message = FutureRecord::<Vec<u8>, Vec<u8>> {
            topic: &self.topic,
            partition: None,
            payload: record.value.as_ref().filter(|_| shape.form.has_value()),
            key,
            timestamp: (!shape.has_new_timestamp).then_some(record.timestamp_ms),
            headers: Some(headers(letter, record, shape.form)),
        };
        let files = self.files();
        let sent = tokio::select! {
            sent = tokio::time::timeout(DEADLINE, producer.client.send(message, SEND_TIMEOUT)) => sent,
            // A password that is no longer right is not refused: the letter waits until its time is over.
            () = files.changed_since(producer.version) => {
                self.retire(&producer);
                let why = "what Kafka asks for has changed; the next try has a new producer";
                return Err(LetterError::Later(why.to_owned()));
            }
        };
        let error = match sent {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err((error, _))) => Some(error),
            Err(_) => None,
        };
        match error.as_ref().and_then(KafkaError::rdkafka_error_code) {
            Some(code) if is_too_large(code) => return Err(LetterError::TooLarge),
            // The topic takes recent timestamps only (`message.timestamp.before.max.ms`).
            Some(RDKafkaErrorCode::InvalidTimestamp) if !shape.has_new_timestamp => return Err(LetterError::TooOld),
            // The topic is compacted.
            Some(RDKafkaErrorCode::InvalidRecord) if key.is_none() => return Err(LetterError::NeedsKey),
            _ => {}
        }
        let fatal = producer.client.client().fatal_error().map(|(_, reason)| reason);
        let is_over = fatal.is_some() || error.is_none() || files.version() != producer.version;
        let said = |error: KafkaError| error.rdkafka_error_code().map_or(error.to_string(), |code| code.to_string());
        let why = fatal.or(error.map(said)).unwrap_or_else(|| format!("no answer within {DEADLINE:?}"));
        if !is_over {
            return Err(LetterError::Later(why));
        }
        self.retire(&producer);
        Err(LetterError::Later(format!("{why}; the next try has a new producer")))
    }

    /// What the producer is made of, beside the settings.
    fn files(&self) -> Files {
        self.cluster.security.files()
    }

    fn producer(&self) -> Result<Arc<LetterProducer>, LetterError> {
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*slot {
            return Ok(Arc::clone(producer));
        }
        let version = self.files().version();
        let client = self.new_producer();
        let client = client.map_err(|error| LetterError::Later(format!("cannot make the producer: {error:#}")))?;
        Ok(Arc::clone(slot.insert(Arc::new(LetterProducer { client, version }))))
    }

    fn new_producer(&self) -> anyhow::Result<FutureProducer<Callbacks>> {
        let mut client = acknowledged_by_all(&self.cluster, "consumer", SEND_TIMEOUT)?;
        client
            // A flush sends its letters one at a time, so none has company to wait for. Those of other flushes are no
            // company either: the topic limits the batch, and takes one by one what it would not take together.
            .set("linger.ms", "0")
            .set("batch.num.messages", "1")
            // Names a deleted topic as the reason, instead of a timeout. Each try asks for the topic again, so it is
            // found within seconds of its return.
            .set("topic.metadata.propagation.max.ms", "1000")
            .set("reconnect.backoff.max.ms", "1000");
        Ok(client.create_with_context(Callbacks::new(&self.cluster.security))?)
    }

    /// Takes a producer out of use. After a fatal error librdkafka never sends anything again.
    fn retire(&self, producer: &Arc<LetterProducer>) {
        let mut slot = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(retired) = slot.take_if(|current| Arc::ptr_eq(current, producer)) {
            // Dropping it waits for its threads.
            drop(tokio::task::spawn_blocking(move || drop(retired)));
        }
    }
}

fn headers(letter: &DeadLetter, record: &Fetched, form: Form) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new();
    for (key, value) in letter.headers().into_iter().chain(LeftOut::new(form, record.value.as_deref()).headers()) {
        headers = headers.insert(Header { key, value: Some(&value) });
    }
    let timestamp = record.timestamp_ms.to_string();
    headers = headers.insert(Header { key: TIMESTAMP_HEADER, value: Some(&timestamp) });
    if record.replay_attempts > 0 {
        let attempts = record.replay_attempts.to_string();
        headers = headers.insert(Header { key: REPLAY_ATTEMPTS_HEADER, value: Some(&attempts) });
    }
    for (key, value) in record.origin.iter().flat_map(Place::origin_headers) {
        headers = headers.insert(Header { key, value: Some(&value) });
    }
    headers
}

/// librdkafka and the topic's `max.message.bytes` give the first code, topics whose segments are smaller than the
/// letter give the second.
fn is_too_large(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::MessageBatchTooLarge)
}
