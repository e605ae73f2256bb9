//! Sends dead letters to their topic, acknowledged by all replicas.

use std::time::Duration;

use anyhow::Context;
use contract::DeadLetter;
use contract::dead_letter::REPLAY_ATTEMPTS_HEADER;
use rdkafka::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use crate::config::KafkaSettings;
use crate::decode::Fetched;

/// Longest time to get one dead letter acknowledged before it is tried anew.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The way to the dead-letter topic. Cheap to clone.
#[derive(Clone)]
pub(crate) struct DeadLetters {
    topic: String,
    producer: FutureProducer,
}

impl DeadLetters {
    /// A producer of dead letters; it connects when the first one is sent.
    pub(crate) fn connect(settings: &KafkaSettings) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", &settings.brokers)
            .set("client.id", "consumer")
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // A flush sends one after the other, so none has company to wait for.
            .set("linger.ms", "0")
            .set("message.timeout.ms", SEND_TIMEOUT.as_millis().to_string())
            .create()
            .context("cannot make the producer of dead letters")?;
        Ok(Self { topic: settings.dead_letter_topic.clone(), producer })
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
        match self.producer.send(message, SEND_TIMEOUT).await {
            Ok(_) => Ok(()),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)),
        }
    }
}
