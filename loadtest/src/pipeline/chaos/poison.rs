//! Records that can never be stored, sent past the producer straight into the topic, and the proof that each became a
//! dead letter for the right reason.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use contract::dead_letter::{LeftOut, Reason};
use contract::{Kind, PostId};
use kafka::topics::{Outgoing, Reader, Sender};
use serde::Serialize;
use tokio::task::spawn_blocking;

use crate::pipeline::store::StoreReader;
use crate::pipeline::topic::{self, dead_letter_of};

/// This many of each sort are sent at once: fewer in a row than make the consumer believe that the whole topic is bad.
const OF_EACH_SORT: usize = 4;

/// Just below a broker's default limit: with its headers, the dead letter would be above it.
const LARGE_BYTES: usize = 1_000_000;

/// Sent with the others, but only one: where the consumer's buffer is small, it fills all of it.
fn large() -> (Option<Vec<u8>>, Reason) {
    (Some(vec![b'x'; LARGE_BYTES]), Reason::Undecodable)
}

/// Sorts of records that are not valid for any built-in kind: the value, and the reason that the dead letter must have.
fn sorts() -> Vec<(Option<Vec<u8>>, Reason)> {
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

/// Those of them that are not valid for this kind either: a schema may allow much.
fn sorts_for(kind: Kind) -> Vec<(Option<Vec<u8>>, Reason)> {
    let Kind::Schema(schema) = kind else { return sorts() };
    let judged = |(value, _): (Option<Vec<u8>>, Reason)| {
        let Some(value) = value else { return Some((None, Reason::Undecodable)) };
        let errors = schema.judge(&value).err()?;
        let reason = if errors.is_of_body() { Reason::Undecodable } else { Reason::Invalid };
        Some((Some(value), reason))
    };
    sorts().into_iter().filter_map(judged).collect()
}

/// An order that would be stored if its record had its id as key.
fn order(id: PostId) -> Vec<u8> {
    format!(r#"{{"order_id":"{id}","customer_id":"C","product_id":"P","quantity":1,"price":"0.01"}}"#).into_bytes()
}

/// Sends bad records and remembers those that Kafka has acknowledged, and every dead letter that it ever saw.
pub(crate) struct Poison {
    /// Of the other records in the topic.
    kind: Kind,
    topic: String,
    acknowledged: Mutex<HashMap<PostId, SentRecord>>,
    found: Mutex<HashMap<PostId, FoundLetter>>,
}

/// A record that was sent.
#[derive(Debug, Clone)]
struct SentRecord {
    key: Arc<[u8]>,
    value: Arc<Option<Vec<u8>>>,
    reason: Reason,
}

/// Its dead letter.
#[derive(Debug, Clone, Copy)]
struct FoundLetter {
    reason: Reason,
    /// Whether key, value and headers are those of the record, as far as the letter has them.
    is_as_sent: bool,
}

/// What became of the bad records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct PoisonReport {
    /// Acknowledged by Kafka.
    pub(crate) sent: u64,
    /// Of those, the ones in the dead-letter topic, now or before it was deleted, by reason.
    pub(crate) dead_lettered: BTreeMap<&'static str, u64>,
    /// Of those sent, the ones that are not in the dead-letter topic, or there for another reason.
    pub(crate) missing: u64,
    /// Of those in the dead-letter topic, the ones whose key, value or headers are not those of the record.
    pub(crate) changed: u64,
    /// Of those sent, the ones that are stored nevertheless.
    pub(crate) stored: u64,
}

impl Poison {
    /// None yet, for this topic of records of a kind.
    pub(crate) fn of(kind: Kind, topic: &str) -> Self {
        Self { kind, topic: topic.to_owned(), acknowledged: Mutex::default(), found: Mutex::default() }
    }

    /// Sends some of each sort and a large one at once, and waits for the acknowledgements. Returns their number.
    pub(crate) async fn send(&self, sender: &Sender) -> usize {
        let sorts: Vec<_> = sorts_for(self.kind).into_iter().map(|(value, reason)| (Arc::new(value), reason)).collect();
        let (large, of_large) = large();
        let mut sending = Vec::new();
        let many = sorts.iter().cycle().take(sorts.len() * OF_EACH_SORT);
        let mut records: Vec<(PostId, SentRecord)> = Vec::new();
        for (value, reason) in many.chain([&(Arc::new(large), of_large)]) {
            let id = PostId::fresh();
            let sent = SentRecord { key: id.to_key()[..].into(), value: Arc::clone(value), reason: *reason };
            records.push((id, sent));
        }
        if self.kind == Kind::Order {
            let id = PostId::fresh();
            let key = format!("not {id}").into_bytes().into();
            records.push((id, SentRecord { key, value: Arc::new(Some(order(id))), reason: Reason::Invalid }));
        }
        for (id, sent) in records {
            let (key, value) = (&sent.key[..], (*sent.value).as_deref());
            let record = Outgoing { topic: &self.topic, key, value, ..Outgoing::default() };
            sending.extend(sender.send(record).map(|sending| (id, sent, sending)));
        }
        let mut count = 0;
        for (id, sent, sending) in sending {
            if sending.acknowledged().await.is_ok() {
                count += 1;
                locked(&self.acknowledged).insert(id, sent);
            }
        }
        count
    }

    /// Reads the dead letters out. Returns how many acknowledged records have none yet, in this topic as it is now or
    /// was when it was last read out.
    pub(crate) async fn read_out(&self, kafka: &Reader, topic: &str) -> anyhow::Result<u64> {
        let (kafka, dead_letters) = (kafka.fresh()?, topic.to_owned());
        let (sent, source) = (locked(&self.acknowledged).clone(), self.topic.clone());
        let scan = move || {
            let mut found = Vec::new();
            topic::scan(&kafka, &dead_letters, |record| {
                let Some(letter) = dead_letter_of(record) else { return ControlFlow::<()>::Continue(()) };
                let Some(id) = letter.id.post_id() else { return ControlFlow::Continue(()) };
                let is_as_sent = sent.get(&id).is_some_and(|sent| {
                    let Ok(LeftOut { form, .. }) = LeftOut::from_headers(record.headers()) else { return false };
                    let is_right_key = !form.has_key() || record.key() == Some(&sent.key[..]);
                    let is_right_value = !form.has_value() || record.value() == sent.value.as_deref();
                    is_right_key && is_right_value && letter.topic == source
                });
                found.push((id, FoundLetter { reason: letter.reason, is_as_sent }));
                ControlFlow::Continue(())
            })?;
            anyhow::Ok(found)
        };
        let letters = spawn_blocking(scan).await.context("reading the dead letters failed")??;
        let mut found = locked(&self.found);
        found.extend(letters);
        Ok(report(&locked(&self.acknowledged), &found).missing)
    }

    /// Looks for every acknowledged record in the dead-letter topic, and for each in the store, where none may be.
    pub(crate) async fn look_for(
        self,
        kafka: &Reader,
        topic: &str,
        store: &StoreReader,
    ) -> anyhow::Result<PoisonReport> {
        self.read_out(kafka, topic).await?;
        let report = report(&locked(&self.acknowledged), &locked(&self.found));
        let ids: Vec<PostId> = locked(&self.acknowledged).keys().copied().collect();
        let stored = if ids.is_empty() { 0 } else { store.which(&ids).await?.len() as u64 };
        Ok(PoisonReport { stored, ..report })
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn report(sent: &HashMap<PostId, SentRecord>, found: &HashMap<PostId, FoundLetter>) -> PoisonReport {
    let mut report = PoisonReport { sent: sent.len() as u64, ..PoisonReport::default() };
    for (id, SentRecord { reason, .. }) in sent {
        match found.get(id) {
            Some(letter) if letter.reason == *reason => {
                *report.dead_lettered.entry(reason.as_str()).or_default() += 1;
                report.changed += u64::from(!letter.is_as_sent);
            }
            _ => report.missing += 1,
        }
    }
    report
}

#[cfg(test)]
mod tests {
    use contract::{Order, Parser};

    use super::*;

    #[test]
    fn no_sort_is_a_post_or_an_order() {
        for (value, _) in sorts().into_iter().chain([large()]) {
            let Some(mut value) = value else { continue };
            assert!(Order::parse(&value, 0).is_err());
            assert!(Parser::default().parse(&mut value).is_err());
        }
        let id = PostId::fresh();
        assert_eq!(Order::parse(&order(id), 0).unwrap().order_id(), id.to_string(), "only its key is wrong");
    }

    #[test]
    fn what_a_schema_allows_is_not_sent_as_bad() {
        let kind = |rules: &str| {
            let file = format!(
                r#"{{"kind":"a","route":"/a","topic":"a","collection":"a","write":"insert","schema":{rules}}}"#
            );
            Kind::Schema(Box::leak(Box::new(contract::SchemaKind::read(file.as_bytes()).unwrap())))
        };
        let reasons = |kind| sorts_for(kind).into_iter().map(|(_, reason)| reason.as_str()).collect::<Vec<_>>();
        assert_eq!(reasons(kind(r#"{"type":"object"}"#)), ["undecodable"; 4]);
        let strict = reasons(kind(r#"{"type":"object","required":["a"]}"#));
        assert_eq!(strict, reasons(Kind::Post));
    }

    #[test]
    fn a_record_without_its_dead_letter_or_with_another_reason_is_missing() {
        let ids: [PostId; 4] = std::array::from_fn(|_| PostId::fresh());
        let record = SentRecord { key: [].into(), value: Arc::new(None), reason: Reason::Invalid };
        let sent = ids.iter().map(|id| (*id, record.clone())).collect();
        let letter = |reason, is_as_sent| FoundLetter { reason, is_as_sent };
        let found = [
            (ids[0], letter(Reason::Invalid, true)),
            (ids[1], letter(Reason::Undecodable, true)),
            (ids[2], letter(Reason::Invalid, false)),
            (PostId::fresh(), letter(Reason::Invalid, true)),
        ]
        .into();
        let expected =
            PoisonReport { sent: 4, dead_lettered: [("invalid", 2)].into(), missing: 2, changed: 1, stored: 0 };
        assert_eq!(report(&sent, &found), expected);
    }
}
