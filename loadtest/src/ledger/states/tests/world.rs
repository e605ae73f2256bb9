//! A small pipeline, with everything that there is to see of it.

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document};
use contract::dead_letter::LeftOut;
use contract::{Kind, Place, PostId, RecordId};
use serde_json::json;

use super::super::older::OlderStates;
use super::super::{StateLetter, StateReconciliation, TopicRecord, is_later};
use super::{Sent, raw};
use crate::ledger::accepted_ids::AcceptedLog;
use crate::ledger::books::{Ledger, Reply, SentPost};
use crate::ledger::mix::mix;
use crate::ledger::order::{OrderState, Orders};
use crate::ledger::plan::{Keys, RunPlan};
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::Shape;
use crate::ledger::reconcile::{CLOCK_SKEW, Reconciled, Strictness};

mod letters;

const START_MS: i64 = 1_795_000_000_000;
const PARTITIONS: u64 = 3;

/// What becomes of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Accepted,
    /// Unknown to its client: never appended, at once, after this number of later orders, or twice.
    Never,
    AtOnce,
    Late(usize),
    Twice,
}

#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) n: u64,
    pub(super) vu: u32,
    pub(super) place: Place,
    pub(super) origin: Option<Place>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: String,
}

#[derive(Clone)]
pub(super) struct World {
    plan: RunPlan,
    pub(super) orders: Orders,
    /// The time between two orders.
    pub(super) pace_ms: i64,
    replies: Vec<(u32, Fate)>,
    /// What each client was answered, if it was accepted, and the numbers that were rejected.
    pub(super) answers: Vec<PostId>,
    rejected: Vec<u64>,
    /// Accepted ones that were also sent without an answer.
    doubted: Vec<u64>,
    late: Vec<(usize, u64, u32)>,
    pub(super) records: Vec<Record>,
    pub(super) letters: Vec<Record>,
    pub(super) documents: BTreeMap<String, Document>,
    pub(super) older: OlderStates,
}

impl World {
    pub(super) fn new(seed: u64, is_hostile: bool, bulk: u32) -> Self {
        let mut world = Self::with_keys(seed, 10, bulk, 4);
        world.plan.shape.hostile_share = if is_hostile { 0.5 } else { 0.0 };
        world.orders = Orders::of(world.plan);
        world
    }

    pub(super) fn with_keys(seed: u64, of_each: u64, bulk: u32, users: u32) -> Self {
        let keys = Keys { users, all: of_each * u64::from(users) };
        let plan =
            RunPlan { kind: Kind::Order, keys, bulk, ..RunPlan::of_posts(RunId::fresh(), seed, Shape::default()) };
        Self {
            plan,
            orders: Orders::of(plan),
            pace_ms: 1,
            replies: Vec::new(),
            answers: Vec::new(),
            rejected: Vec::new(),
            doubted: Vec::new(),
            late: Vec::new(),
            records: Vec::new(),
            letters: Vec::new(),
            documents: BTreeMap::new(),
            older: OlderStates::default(),
        }
    }

    /// Orders that are all sent this number of times or, if they are sent in bulks, may be.
    pub(super) fn repeated(repeat: u32, bulk: u32) -> Self {
        let mut world = Self::with_keys(7, 10, bulk, 4);
        world.plan.repeat = repeat;
        world.plan.shape.retry_share = if bulk > 1 { 0.1 } else { 0.0 };
        world.orders = Orders::of(world.plan);
        world
    }

    /// The next order.
    pub(super) fn send(&mut self, sent: Sent) {
        let (n, Sent { vu, fate }) = (self.replies.len() as u64, sent);
        let state = self.orders.state(n, vu).unwrap();
        self.replies.push((vu, fate));
        self.answers.push(state.answer());
        match fate {
            Fate::Never => {}
            Fate::Accepted | Fate::AtOnce => self.append(n, vu, &state),
            Fate::Twice => (0..2).for_each(|_| self.append(n, vu, &state)),
            Fate::Late(after) => self.late.push((self.replies.len() + after, n, vu)),
        }
        self.append_late(self.replies.len());
    }

    fn append_late(&mut self, now: usize) {
        let (due, later): (Vec<_>, Vec<_>) = self.late.iter().copied().partition(|(at, ..)| *at <= now);
        self.late = later;
        for (_, n, vu) in due {
            self.append(n, vu, &self.orders.state(n, vu).unwrap());
        }
    }

    pub(super) fn append(&mut self, n: u64, vu: u32, state: &OrderState) {
        let key = self.orders.key(n, vu);
        let partition = (mix(key.number ^ mix(u64::from(key.vu))) % PARTITIONS) as i32;
        let place = Place { partition, offset: self.end(partition), timestamp_ms: self.sent_ms(n % 1_000_000) };
        let key = Some(state.order_id.clone().into_bytes());
        self.records.push(Record { n, vu, place, origin: None, key, value: value(state, place.timestamp_ms) });
    }

    fn sent_ms(&self, n: u64) -> i64 {
        START_MS + n as i64 * self.pace_ms
    }

    fn end(&self, partition: i32) -> i64 {
        // Offsets have gaps.
        3 * self.records.iter().filter(|record| record.place.partition == partition).count() as i64
    }

    /// Everything is appended, and the last storable record of each key is its document.
    pub(super) fn settle(&mut self) {
        self.append_late(usize::MAX);
        let mut last: BTreeMap<String, &Record> = BTreeMap::new();
        for record in &self.records {
            let entry = last.entry(self.orders.id(self.orders.key(record.n, record.vu))).or_insert(record);
            if is_later(record.place, entry.place) {
                *entry = record;
            }
        }
        let document = |record: &Record| self.orders.state(record.n, record.vu).unwrap().document(record.place);
        self.documents = last.into_iter().map(|(id, record)| (id, document(record))).collect();
    }

    pub(super) fn judged(self) -> Reconciled {
        let folder = tempfile::tempdir().unwrap();
        let (mut ledger, mut log) =
            (Ledger::default(), AcceptedLog::create(&folder.path().join("accepted.ids")).unwrap());
        for (n, (_, fate)) in (0..).zip(&self.replies) {
            let reply = match fate {
                _ if self.rejected.contains(&n) => Reply::Rejected,
                Fate::Accepted => Reply::Accepted(self.answers[n as usize]),
                _ => Reply::Unknown,
            };
            if let Reply::Accepted(id) = reply {
                log.add(n, id).unwrap();
            }
            let sent_ms = self.sent_ms(n);
            let was_unknown = self.doubted.contains(&n);
            ledger.answered(SentPost { n, reply, was_unknown, sent_ms, ended_ms: sent_ms + 1 });
        }
        let log = log.finish().unwrap();
        let strictness = Strictness { may_lack_ids: false, is_own_store: true, clock_skew: CLOCK_SKEW };
        let mut reconciliation = StateReconciliation::begin(ledger, self.plan, strictness);
        reconciliation.older(&self.older);
        for Record { place, key, value, .. } in &self.letters {
            let id = RecordId::from_text(std::str::from_utf8(key.as_deref().unwrap()).unwrap());
            reconciliation.dead_letter(&StateLetter {
                partition: place.partition,
                offset: place.offset,
                id: &id,
                left_out: LeftOut::default(),
                time_ms: Some(place.timestamp_ms),
                key: key.as_deref(),
                value: Some(value.as_bytes()),
            });
        }
        let mut is_first = true;
        loop {
            for partition in 0..PARTITIONS as i32 {
                for record in self.records.iter().filter(|record| record.place.partition == partition) {
                    let Record { place, origin, key, value, .. } = record;
                    let (key, value) = (key.as_deref(), Some(value.as_bytes()));
                    reconciliation.record(&TopicRecord { place: *place, origin: *origin, key, value });
                }
            }
            if std::mem::take(&mut is_first) {
                self.documents.values().for_each(|document| reconciliation.document(&raw(document)));
            }
            if !reconciliation.needs_another_pass(&log).unwrap() {
                return reconciliation.finish();
            }
        }
    }

    fn key(&self, index: usize) -> String {
        let Record { n, vu, .. } = self.records[index];
        self.orders.id(self.orders.key(n, vu))
    }

    pub(super) fn is_last(&self, index: usize) -> bool {
        (index + 1..self.records.len()).all(|later| self.key(later) != self.key(index))
    }

    pub(super) fn superseded(&mut self) -> &mut Record {
        let index = super::superseded(self);
        &mut self.records[index]
    }

    /// The record before the last one of a key, and the last one.
    fn last_two(&self) -> (usize, usize) {
        let last = super::last(self);
        let before = (0..last).rfind(|index| self.key(*index) == self.key(last)).unwrap();
        (before, last)
    }

    pub(super) fn append_again(&mut self, index: usize) {
        let record = self.records[index].clone();
        let offset = self.end(record.place.partition);
        self.records.push(Record { place: Place { offset, ..record.place }, ..record });
        self.settle();
    }

    pub(super) fn set_back(&mut self) {
        let Record { n, vu, place, .. } = self.records[self.last_two().0];
        let state = self.orders.state(n, vu).unwrap();
        self.documents.insert(state.order_id.clone(), state.document(place));
    }

    pub(super) fn swap(&mut self) {
        let (before, last) = self.last_two();
        let places = (self.records[before].place, self.records[last].place);
        // Each keeps its time.
        self.records[before].place.offset = places.1.offset;
        self.records[last].place.offset = places.0.offset;
        self.records.swap(before, last);
        self.settle();
    }

    /// The last record of a key is appended to another partition, which is read later.
    pub(super) fn scatter(&mut self) -> u64 {
        let is_scattered = |index: &usize| self.is_last(*index) && self.records[*index].place.partition == 0;
        let mut record = self.records.remove((100..self.records.len()).find(is_scattered).unwrap());
        let partition = PARTITIONS as i32 - 1;
        record.place = Place { partition, offset: self.end(partition), ..record.place };
        let n = record.n;
        self.records.push(record);
        self.settle();
        n
    }

    pub(super) fn scatter_unknown(&mut self) {
        let n = self.scatter();
        self.replies[n as usize].1 = Fate::AtOnce;
    }

    pub(super) fn alter(&mut self, index: usize, with: &str, or: &str) {
        let price = serde_json::from_str::<serde_json::Value>(&self.records[index].value).unwrap()["price"].to_string();
        let other = if price == format!("\"{with}\"") { or } else { with };
        self.records[index].value = self.records[index].value.replacen(&price, &format!("\"{other}\""), 1);
    }

    pub(super) fn add(&mut self, index: usize) {
        self.records[index].value = self.records[index].value.replacen('{', r#"{"note":1,"#, 1);
    }

    pub(super) fn other_key(&mut self, index: usize) {
        let other = (0..self.records.len()).find(|other| self.key(*other) != self.key(index)).unwrap();
        self.records[index].key = self.records[other].key.clone();
    }

    pub(super) fn edit(&mut self, field: &str, value: impl Into<Bson>) {
        self.documents.values_mut().next().unwrap().insert(field, value);
    }

    pub(super) fn invent(&mut self) {
        let mut document = self.documents.values().next().unwrap().clone();
        let id = format!("{}3-77", self.orders.prefix());
        document.insert("_id", id.clone());
        self.documents.insert(id, document);
    }

    pub(super) fn reject(&mut self, index: usize) {
        self.rejected.push(self.records[index].n);
    }

    pub(super) fn lose_answer(&mut self, index: usize) {
        self.replies[self.records[index].n as usize].1 = Fate::AtOnce;
    }

    /// From now on every order is one that breaks a rule.
    pub(super) fn break_rules(&mut self) {
        self.plan.shape.invalid_share = 1.0;
    }

    pub(super) fn doubt(&mut self, n: u64) {
        self.doubted.push(n);
    }
}

/// The value of the record of an order, as the producer writes it.
fn value(state: &OrderState, timestamp_ms: i64) -> String {
    let shown: serde_json::Value = serde_json::from_str(&state.shown()).unwrap();
    let created_at = DateTime::from_millis(state.created_at_ms.unwrap_or(timestamp_ms)).try_to_rfc3339_string();
    let total = state.total_cents();
    json!({
        "order_id": state.order_id,
        "customer_id": state.customer_id,
        "product_id": state.product_id,
        "quantity": state.quantity,
        "price": shown["price"],
        "status": state.status,
        "created_at": created_at.unwrap(),
        "total_amount": format!("{}.{:02}", total / 100, total % 100),
    })
    .to_string()
}
