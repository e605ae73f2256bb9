//! A record of the topic, compared with what was sent. Pure.

use contract::{Place, PostId};
use serde_json::Value;
use uuid::Uuid;

use super::source::States;
use crate::ledger::expected::shown_letter;
use crate::ledger::of_schema::SchemaRecords;
use crate::ledger::order::{OrderKey, Orders, answered_id};

/// A record as it lies in the topic.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TopicRecord<'a> {
    pub(crate) place: Place,
    /// Where it stood first, if it was sent back from the dead letters.
    pub(crate) origin: Option<Place>,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl TopicRecord<'_> {
    /// Its key and value as JSON, cut if they are long.
    pub(super) fn shown(&self) -> String {
        shown_letter(self.key, self.value.unwrap_or_default(), None)
    }
}

/// A record of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    /// Its number; `None` if it names none.
    pub(super) n: Option<u64>,
    /// Whose state it is, if that can be read.
    pub(super) key: Option<OrderKey>,
    /// What its client must have been answered; the largest id if the record has no such parts.
    pub(super) answer: PostId,
    /// What differs from what was sent.
    pub(super) differs: Option<String>,
}

impl States {
    /// Compares a record with what was sent under its number; `None` if it is not of this run.
    pub(super) fn compare_record(&self, record: &TopicRecord<'_>) -> Option<Compared> {
        match self {
            Self::Orders(orders) => orders.compare_record(record),
            Self::OfSchema(records, keys) => compare_of_schema(records, keys, record),
        }
    }
}

fn compare_of_schema(records: &SchemaRecords, keys: &Orders, record: &TopicRecord<'_>) -> Option<Compared> {
    let value = record.value.unwrap_or_default();
    let (n, id) = records.parts_of_value(value);
    let of_record = record.key.and_then(|key| std::str::from_utf8(key).ok());
    if n.is_none() && ![of_record, id.as_deref()].into_iter().flatten().any(|id| keys.is_of_run(id)) {
        return None;
    }
    let answer = id.as_deref().map_or(Uuid::max().into(), |id| answered_id(id, ""));
    let key = of_record.and_then(|id| keys.key_of(id));
    let of_value = id.and_then(|id| keys.key_of(&id));
    let Some((n, OrderKey { vu, .. })) = n.zip(key.or(of_value)) else {
        return Some(Compared { n, key: None, answer, differs: Some("key".to_owned()) });
    };
    let sent = keys.key(n, vu);
    let differing = [(key != Some(sent), "key"), (!records.is_as_sent(n, &keys.id(sent), value), "value")];
    let differing: Vec<&str> = differing.into_iter().filter_map(|(differs, what)| differs.then_some(what)).collect();
    Some(Compared { n: Some(n), key, answer, differs: (!differing.is_empty()).then(|| differing.join(", ")) })
}

impl Orders {
    /// Compares a record with the order that it names; `None` if it is not of this run.
    fn compare_record(&self, record: &TopicRecord<'_>) -> Option<Compared> {
        let value: Value = record.value.and_then(|value| serde_json::from_slice(value).ok()).unwrap_or_default();
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let key = record.key.and_then(|key| std::str::from_utf8(key).ok());
        let n = text("customer_id").and_then(|customer| self.number_in(customer));
        let is_of_run = n.is_some() || [key, text("order_id")].into_iter().flatten().any(|id| self.is_of_run(id));
        if !is_of_run {
            return None;
        }
        let answer = text("order_id").zip(text("total_amount")).map(|(id, total)| answered_id(id, total));
        let answer = answer.unwrap_or(Uuid::max().into());
        let order_key = key.and_then(|id| self.key_of(id));
        let of_value = text("order_id").and_then(|id| self.key_of(id));
        let Some((n, OrderKey { vu, .. })) = n.zip(order_key.or(of_value)) else {
            let differs = Some("key".to_owned());
            return Some(Compared { n, key: None, answer, differs });
        };
        let mut differing = Vec::new();
        if order_key != Some(self.key(n, vu)) {
            differing.push("key".to_owned());
        }
        // A record that must not be there has nothing to be compared with.
        let state = self.state(n, vu);
        differing.extend(state.and_then(|state| state.value_differs(&value, record.time_ms())));
        let differs = (!differing.is_empty()).then(|| differing.join(", "));
        Some(Compared { n: Some(n), key: order_key, answer, differs })
    }
}

impl TopicRecord<'_> {
    fn time_ms(&self) -> i64 {
        self.place.timestamp_ms
    }
}
