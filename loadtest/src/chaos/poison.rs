//! Records that can never be stored, sent past the producer straight into the topic, and the proof that each became a dead
//! letter for the right reason.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use contract::PostId;
use contract::dead_letter::Reason;
use rdkafka::ClientConfig;
use rdkafka::producer::{FutureProducer, FutureRecord};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::kafka::{KafkaReader, dead_letter_of};

/// So many of each kind are sent at once: fewer in a row than the consumer takes for a topic full of the wrong records.
const OF_EACH_KIND: usize = 4;

const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// A kind of record that is no post: its value, and the reason that its dead letter is to have.
fn kinds() -> Vec<(Option<Vec<u8>>, Reason)> {
    let post =
        |title: &str, content: &str| Some(format!(r#"{{"title":"{title}","content":"{content}"}}"#).into_bytes());
    vec![
        (Some(b"not JSON".to_vec()), Reason::Undecodable),
        (Some(b"{\"title\":\"\xff\xfe\",\"content\":\"wrong encoding\"}".to_vec()), Reason::Undecodable),
        (None, Reason::Undecodable),
        (Some(b"[\"a list\"]".to_vec()), Reason::Undecodable),
        (Some(br#"{"title":"No content"}"#.to_vec()), Reason::Invalid),
        (post("x", "the title is too short"), Reason::Invalid),
        (post("The content is too large", &"x".repeat(900_000)), Reason::Invalid),
    ]
}

/// Sends bad records and remembers those that Kafka has acknowledged.
pub(crate) struct Poison {
    producer: FutureProducer,
    topic: String,
    acknowledged: Mutex<HashMap<PostId, Reason>>,
}

/// What became of the bad records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PoisonReport {
    /// Acknowledged by Kafka.
    pub(crate) sent: u64,
    /// Of those, the ones in the dead-letter topic, by their reason.
    pub(crate) dead_lettered: BTreeMap<&'static str, u64>,
    /// Of those sent, the ones that are not in the dead-letter topic, or there for another reason.
    pub(crate) missing: u64,
}

impl Poison {
    pub(crate) fn new(brokers: &str, topic: &str) -> anyhow::Result<Self> {
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("client.id", "loadtest")
            .set("acks", "all")
            .set("message.timeout.ms", SEND_TIMEOUT.as_millis().to_string())
            .create()
            .context("cannot make a Kafka producer")?;
        Ok(Self { producer, topic: topic.to_owned(), acknowledged: Mutex::default() })
    }

    /// Sends some of each kind at once and waits for the acknowledgements. Returns how many there were.
    pub(crate) async fn send(&self) -> usize {
        let kinds = kinds();
        let mut sending = Vec::new();
        for (value, reason) in kinds.iter().cycle().take(kinds.len() * OF_EACH_KIND) {
            let id = PostId::fresh();
            let key = id.to_key();
            let mut record = FutureRecord::<[u8], [u8]>::to(&self.topic).key(&key);
            record.payload = value.as_deref();
            // A full queue shows as a record that was not acknowledged.
            sending.extend(self.producer.send_result(record).ok().map(|delivery| (id, *reason, delivery)));
        }
        let mut count = 0;
        for (id, reason, delivery) in sending {
            if matches!(delivery.await, Ok(Ok(_))) {
                count += 1;
                self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner).insert(id, reason);
            }
        }
        count
    }

    /// Looks for every acknowledged record in the dead-letter topic.
    pub(crate) async fn look_for(self, kafka: &Arc<KafkaReader>, topic: &str) -> anyhow::Result<PoisonReport> {
        let sent = self.acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (kafka, topic) = (Arc::clone(kafka), topic.to_owned());
        let scan = move || {
            let mut found = HashMap::new();
            kafka.scan(&topic, |record| {
                found.extend(dead_letter_of(record).map(|letter| (letter.id, letter.reason)));
                ControlFlow::Continue(())
            })?;
            anyhow::Ok(found)
        };
        let found = spawn_blocking(scan).await.context("reading the dead letters failed")??;
        Ok(report(&sent, &found))
    }
}

fn report(sent: &HashMap<PostId, Reason>, found: &HashMap<PostId, Reason>) -> PoisonReport {
    let mut report = PoisonReport { sent: sent.len() as u64, ..PoisonReport::default() };
    for (id, reason) in sent {
        if found.get(id) == Some(reason) {
            *report.dead_lettered.entry(reason.as_str()).or_default() += 1;
        } else {
            report.missing += 1;
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use contract::Parser;

    use super::*;

    #[test]
    fn no_kind_is_a_post() {
        for (value, _) in kinds() {
            let Some(mut value) = value else { continue };
            assert!(Parser::default().parse(&mut value).is_err());
        }
    }

    #[test]
    fn a_record_without_its_dead_letter_or_with_another_reason_is_missing() {
        let ids = [PostId::fresh(), PostId::fresh(), PostId::fresh()];
        let sent = ids.iter().map(|id| (*id, Reason::Invalid)).collect();
        let found =
            [(ids[0], Reason::Invalid), (ids[1], Reason::Undecodable), (PostId::fresh(), Reason::Invalid)].into();
        let expected = PoisonReport { sent: 3, dead_lettered: [("invalid", 1)].into(), missing: 2 };
        assert_eq!(report(&sent, &found), expected);
    }
}
