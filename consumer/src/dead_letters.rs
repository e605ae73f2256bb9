//! Sends dead letters to their topic, acknowledged by all replicas.

use std::sync::Arc;
use std::time::Duration;

use contract::DeadLetter;
use contract::dead_letter::REPLAY_ATTEMPTS_HEADER;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::OnceCell;

use crate::config::KafkaSettings;
use crate::decode::Fetched;

/// Longest time to get one dead letter acknowledged before it is tried anew.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to the dead-letter topic. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    topic: String,
    config: ClientConfig,
    /// Made when the first one is sent: its thread takes 0.5 % of a core even while there is nothing to send.
    producer: Arc<OnceCell<FutureProducer>>,
}

impl DeadLetters {
    pub(crate) fn new(settings: &KafkaSettings) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &settings.brokers)
            .set("client.id", "consumer")
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // A flush sends one after the other, so none has company to wait for.
            .set("linger.ms", "0")
            .set("message.timeout.ms", SEND_TIMEOUT.as_millis().to_string());
        Self { topic: settings.dead_letter_topic.clone(), config, producer: Arc::default() }
    }

    /// Returns once the dead letter is acknowledged.
    ///
    /// # Errors
    /// Why it was not; it may be sent again, since readers tell copies apart by the headers.
    pub(crate) async fn send(&self, letter: &DeadLetter, record: &Fetched) -> Result<(), RDKafkaErrorCode> {
        let mut headers = OwnedHeaders::new();
        for (key, value) in letter.headers() {
            headers = headers.insert(Header { key, value: Some(&value) });
        }
        if record.replay_attempts > 0 {
            let attempts = record.replay_attempts.to_string();
            headers = headers.insert(Header { key: REPLAY_ATTEMPTS_HEADER, value: Some(&attempts) });
        }
        let mut message = FutureRecord::<[u8], [u8]>::to(&self.topic).headers(headers).timestamp(record.timestamp_ms);
        if let Some(key) = &record.key {
            message = message.key(key);
        }
        if let Some(value) = &record.value {
            message = message.payload(value);
        }
        let code = |error: KafkaError| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
        let producer = self.producer.get_or_try_init(async || self.config.create()).await.map_err(code)?;
        producer.send(message, SEND_TIMEOUT).await.map(drop).map_err(|(error, _)| code(error))
    }
}
