//! librdkafka's producer. It batches and sends on threads of its own, and tries again what may pass. Some errors end it
//! for good, because it could no longer keep its promise; then another one takes its place.

use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use contract::record::{CONTENT_TYPE, CONTENT_TYPE_HEADER, TRACEPARENT_HEADER};
use metrics::Counter;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Message, OwnedHeaders, OwnedMessage, Timestamp};
use rdkafka::producer::{BaseRecord, Producer, PurgeConfig, ThreadedProducer};
use service::Registry;

use super::client_config::client_config;
use super::deliveries::{Deliveries, DeliveryCallbacks};
use super::handed::Handed;
use super::remainder::Unsent;
use crate::publish::config::PublishConfig;
use crate::publish::error::PublishError;
use crate::publish::metrics::CLIENTS_REPLACED;
use crate::publish::record::Record;
use crate::publish::submission::WaitingRequest;
use crate::security::librdkafka::TokenCallback;

type Client = ThreadedProducer<DeliveryCallbacks>;

/// The offset of a record that has none.
const NO_OFFSET: i64 = -1;

type HandedRecord<'a> = BaseRecord<'a, [u8], [u8], Box<Handed>>;

/// How long a client that is renewed may still send. Where it still can, it does so at once.
const SOON: Duration = Duration::from_millis(300);

/// How long a client that has ended gets to report on what it had already sent.
const LAST_REPORTS: Duration = Duration::from_secs(1);

/// The client in use; none while one is replaced or renewed, and after the end.
pub(super) struct OrderedClient {
    config: PublishConfig,
    tokens: TokenCallback,
    deliveries: Arc<Deliveries>,
    current: RwLock<Option<Client>>,
    /// Held while a client takes the place of another.
    replacing: tokio::sync::Mutex<()>,
    replaced: Counter,
}

impl OrderedClient {
    /// Connects in the background.
    ///
    /// # Errors
    /// When the settings cannot be used.
    pub(super) fn new(
        config: &PublishConfig,
        deliveries: Arc<Deliveries>,
        registry: &Registry,
    ) -> anyhow::Result<Self> {
        let client = Self {
            config: config.clone(),
            tokens: TokenCallback::new(&config.cluster.security),
            deliveries,
            current: RwLock::new(None),
            replacing: tokio::sync::Mutex::default(),
            replaced: registry.counter(&CLIENTS_REPLACED, &[config.kind]),
        };
        client.start()?;
        Ok(client)
    }

    /// Hands the record to librdkafka, behind all earlier ones of its partition. While the client is renewed, it waits
    /// in line for the next one.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn send(&self, partition: usize, record: &Record, request: WaitingRequest) -> Result<(), PublishError> {
        let partition = i32::try_from(partition).map_err(|_| PublishError::Away)?;
        let handed = Box::new(Handed {
            request,
            timestamp_ms: record.timestamp_ms,
            size_bytes: record.encoded_bytes(),
            at: Instant::now(),
        });
        // Held until the record has its place: a client that is made meanwhile finds it in the line.
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = &*current else {
            let waits = self.deliveries.remainder.add(|| Unsent {
                message: OwnedMessage::new(
                    Some(record.value.clone()),
                    Some(record.key.to_vec()),
                    self.config.topic.clone(),
                    Timestamp::NotAvailable,
                    partition,
                    NO_OFFSET,
                    Some(headers(record)),
                ),
                handed,
                is_new: true,
            });
            return if waits { Ok(()) } else { Err(PublishError::Away) };
        };
        self.hand(
            client,
            BaseRecord {
                topic: &self.config.topic,
                // The watch knows each partition's state, so the partition is chosen before librdkafka sees the record.
                partition: Some(partition),
                payload: Some(record.value.as_slice()),
                key: Some(record.key.as_slice()),
                timestamp: Some(record.timestamp_ms),
                headers: Some(headers(record)),
                delivery_opaque: handed,
            },
        )
    }

    fn hand(&self, client: &Client, record: HandedRecord<'_>) -> Result<(), PublishError> {
        let partition = record.partition.unwrap_or_default();
        let Err((error, _)) = client.send(record) else { return Ok(()) };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::QueueFull) => Err(PublishError::Full),
            code => {
                if code == Some(RDKafkaErrorCode::Fatal) {
                    self.deliveries.ended.notify_one();
                }
                self.deliveries.note_failure(partition, error);
                Err(PublishError::Away)
            }
        }
    }

    /// Replaces the client if an error has ended it. Until then nothing is sent: what the old one has sent comes first.
    /// Returns the error, or why there is no new client; then it must be tried again.
    pub(super) async fn replace_if_ended(&self) -> Option<String> {
        let _replacing = self.replacing.lock().await;
        let mut why = None;
        if let Some((ended, reason)) = self.take_ended() {
            tracing::warn!(
                topic = self.config.topic,
                reason,
                "the Kafka client has ended with an error, a new one follows"
            );
            end(ended, LAST_REPORTS).await;
            why = Some(reason);
        } else if self.is_there() {
            return None;
        }
        match self.start() {
            Ok(()) => self.replaced.increment(1),
            Err(error) => {
                let error = format!("{error:#}");
                tracing::error!(topic = self.config.topic, error, "cannot replace the Kafka client, trying again");
                self.deliveries.ended.notify_one();
                why = Some(error);
            }
        }
        why
    }

    /// Replaces the client by one with the files and the size of batches as they are now, which also sends what the old
    /// one could not. Until then records wait in line.
    ///
    /// # Errors
    /// Why there is no new client; then it must be tried again.
    pub(super) async fn renew(&self) -> anyhow::Result<()> {
        let _replacing = self.replacing.lock().await;
        let renewed = {
            let mut current = self.current();
            // At the same time: a record finds either the client or the line.
            self.deliveries.remainder.begin();
            current.take()
        };
        if let Some(client) = renewed {
            let patience = self.config.longest_wait();
            tokio::task::spawn_blocking(move || give_back(client, patience)).await?;
        }
        self.start()
    }

    fn send_unsent(&self, client: &Client, unsent: Vec<Unsent>) {
        if !unsent.is_empty() {
            let (topic, records) = (&self.config.topic, unsent.len());
            tracing::info!(topic, records, "the new Kafka client sends what was waiting for it");
        }
        for Unsent { message, handed, .. } in unsent {
            let record = BaseRecord {
                topic: message.topic(),
                partition: Some(message.partition()),
                payload: message.payload(),
                key: message.key(),
                // librdkafka does not say it of what was not sent.
                timestamp: Some(handed.timestamp_ms),
                headers: message.headers().cloned(),
                delivery_opaque: handed,
            };
            // An error, whatever it is, has ended the request's wait.
            self.hand(client, record).ok();
        }
    }

    /// Waits for the acknowledgements of what is in flight, no longer than its requests do.
    pub(super) async fn close(&self) {
        let current = self.current().take();
        if let Some(client) = current {
            end(client, self.config.longest_wait()).await;
        }
        for Unsent { handed, is_new, .. } in self.deliveries.remainder.take() {
            if is_new {
                handed.request.refuse(PublishError::Away);
            }
        }
    }

    fn start(&self) -> anyhow::Result<()> {
        let batch_bytes = self.deliveries.batch_bytes.limit();
        let config = PublishConfig { batch_bytes, ..self.config.clone() };
        let callbacks =
            DeliveryCallbacks { deliveries: Arc::clone(&self.deliveries), tokens: self.tokens.clone(), batch_bytes };
        let client = client_config(&config)?.create_with_context(callbacks);
        let client = client.context("cannot make the ordered Kafka producer")?;
        // Most of the line without the lock, and under it what has joined the line meanwhile: nothing passes it.
        self.send_unsent(&client, self.deliveries.remainder.take_waiting());
        let mut current = self.current();
        self.send_unsent(&client, self.deliveries.remainder.take());
        *current = Some(client);
        Ok(())
    }

    fn is_there(&self) -> bool {
        self.current().is_some()
    }

    fn take_ended(&self) -> Option<(Client, String)> {
        let mut current = self.current();
        let (_, reason) = current.as_ref()?.client().fatal_error()?;
        Some((current.take()?, reason))
    }

    fn current(&self) -> RwLockWriteGuard<'_, Option<Client>> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a client, after the last reports on what it has sent. What is left then is reported as purged.
async fn end(client: Client, patience: Duration) {
    let ending = move || {
        if let Err(error) = client.flush(patience) {
            tracing::debug!(%error, "not everything was acknowledged before the client's end");
        }
    };
    // Both the flush and the drop block.
    tokio::task::spawn_blocking(ending).await.ok();
}

/// Ends a client whose successor is about to come: it gives back what it does not send soon. Waits this long for the
/// acknowledgements of what it has sent.
fn give_back(client: Client, patience: Duration) {
    let deadline = Instant::now() + patience;
    // What was sent comes back to the queue when its connection breaks.
    while client.flush(SOON).is_err() && Instant::now() < deadline {
        client.purge(PurgeConfig::default().queue());
    }
}

/// As batches of [`crate::publish::EncodedBatch`] have them.
fn headers(record: &Record) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(2);
    if record.is_json {
        headers = headers.insert(Header { key: CONTENT_TYPE_HEADER, value: Some(CONTENT_TYPE) });
    }
    if let Some(trace) = record.trace {
        headers = headers.insert(Header { key: TRACEPARENT_HEADER, value: Some(&trace.to_traceparent()) });
    }
    headers
}
