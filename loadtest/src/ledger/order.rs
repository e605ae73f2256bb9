//! The orders that the lab sends. What the n-th one says is a function of the seed, its number n and its user; a user
//! owns its keys and sends one request at a time, so n is also the sequence of the states of a key. An order's customer
//! carries the run's id and n, as a post's title does. [`bodies`] writes the requests.

use std::fmt::Write;

use bson::{DateTime, Document, doc};
use contract::{Place, PostId};
use serde_json::Value;
use uuid::Uuid;

use super::draws::{Draws, is_within};
use super::mix::mix;
use super::plan::RunPlan;
use super::schema_bodies::KEY_CHARACTERS;

mod bodies;

const KEY_SALT: u64 = 0x3f84_d5b5_b547_0917;
const ID_SALT: u64 = 0x9216_d5d9_8979_fb1b;
const STATE_SALT: u64 = 0xd131_0ba6_98df_b5ac;
const HOSTILE_SALT: u64 = 0x2ffd_72db_d01a_dfb7;
const INVALID_SALT: u64 = 0xb8e1_afed_6a26_7e96;
const RETRY_SALT: u64 = 0xba7c_9045_f12c_7f99;

/// The longest id that `contract` allows, in characters.
const LONGEST_ID: usize = 64;

/// What hostile ids end with: visible characters that a careless pipeline alters, cuts, or takes for something else.
const MARKS: [&str; 14] = [
    " ü",
    " e\u{301}",
    " 😀",
    " 名前",
    " \"\\/",
    " ' OR 1=1",
    " $set",
    ".a.b",
    "%00%2f",
    " <b>&amp;",
    "/../..",
    " {}[]",
    " NaN",
    "…",
];

const STATUSES: [&str; 5] = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"];

/// 1 January 2026, in ms since 1970, and how much later an order may say that it was created.
const CREATED_FROM_MS: i64 = 1_767_225_600_000;
const CREATED_WITHIN_MS: usize = 300 * 24 * 60 * 60 * 1_000;

/// Which order it is: the number of a key among those of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OrderKey {
    pub(crate) vu: u32,
    pub(crate) number: u64,
}

/// What an order says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderState {
    pub(crate) order_id: String,
    pub(crate) customer_id: String,
    pub(crate) product_id: String,
    pub(crate) quantity: u32,
    pub(crate) price_cents: i64,
    pub(crate) status: &'static str,
    /// `None` if it does not say so: then it is the time of its record.
    pub(crate) created_at_ms: Option<i64>,
}

/// The orders of one run.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    plan: RunPlan,
    /// What the ids of this run start with, and no other id.
    prefix: String,
}

/// What an answer to an order names, in the form in which the ledger keeps ids.
pub(crate) fn answered_id(order_id: &str, total_amount: &str) -> PostId {
    let half = |salt| fold(fold(salt, order_id), total_amount);
    Uuid::from_u64_pair(half(ID_SALT), half(KEY_SALT)).into()
}

fn fold(start: u64, text: &str) -> u64 {
    let hash = |hash, chunk: &[u8]| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(hash ^ u64::from_le_bytes(word))
    };
    mix(text.as_bytes().chunks(8).fold(start, hash) ^ text.len() as u64)
}

impl Orders {
    /// The orders of this plan.
    pub(crate) fn of(plan: RunPlan) -> Self {
        Self { plan, prefix: format!("{}-", plan.run) }
    }

    /// The key of order `n`, which this user sends.
    pub(crate) fn key(&self, n: u64, vu: u32) -> OrderKey {
        OrderKey { vu, number: mix(self.plan.seed ^ mix(n ^ KEY_SALT)) % self.plan.keys.of_user(vu) }
    }

    /// The id of this key.
    pub(crate) fn id(&self, key: OrderKey) -> String {
        let OrderKey { vu, number } = key;
        if self.plan.bodies.is_some() {
            // What else may be in the key of a kind of a schema is not known; a text that is longer is not its key.
            let start = format!("{}{vu}-", self.prefix);
            let digits = KEY_CHARACTERS.saturating_sub(start.len());
            return format!("{start}{number:0digits$}");
        }
        let mut id = format!("{}{vu}-{number}", self.prefix);
        let random = mix(self.plan.seed ^ mix(mix(number ^ ID_SALT) ^ u64::from(vu)));
        if is_within(random, self.plan.shape.hostile_share) {
            mark(&mut id, &mut Draws::new(random));
        }
        id
    }

    /// The key with exactly this id.
    pub(crate) fn key_of(&self, id: &str) -> Option<OrderKey> {
        let (vu, rest) = id.strip_prefix(&self.prefix)?.split_once('-')?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let key = OrderKey { vu: vu.parse().ok()?, number: rest[..end].parse().ok()? };
        (self.id(key) == id).then_some(key)
    }

    /// Whether an id is one of this run by how it starts.
    pub(crate) fn is_of_run(&self, id: &str) -> bool {
        id.starts_with(&self.prefix)
    }

    /// What the ids of this run start with.
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The number in an order's customer; `None` if it is not an order of this run.
    pub(crate) fn number_in(&self, customer_id: &str) -> Option<u64> {
        self.plan.run.number_in(customer_id)
    }

    /// Whether order `n` is sent more than once, whatever the answers are.
    pub(crate) fn is_sent_repeatedly(&self, n: u64) -> bool {
        // A bulk is sent again as a whole.
        let is_of_bulks = self.plan.bulk > 1 && self.plan.shape.retry_share > 0.0;
        self.plan.repeat > 1 || is_of_bulks || self.is_retried(n)
    }

    /// Whether two orders are in one request.
    pub(crate) fn are_in_one_bulk(&self, n: u64, other: u64) -> bool {
        let bulk = u64::from(self.plan.bulk.max(1));
        n / bulk == other / bulk
    }

    /// What order `n` of this user says; `None` if it breaks a rule, so that it must not be stored.
    pub(crate) fn state(&self, n: u64, vu: u32) -> Option<OrderState> {
        (!self.is_invalid(n)).then(|| self.valid_state(n, vu, self.is_hostile(n)))
    }

    fn valid_state(&self, n: u64, vu: u32, is_hostile: bool) -> OrderState {
        let draws = &mut Draws::new(self.random(n) ^ STATE_SALT);
        let mut customer_id = format!("{}{n}", self.plan.run.title_prefix());
        let mut product_id = format!("product-{}", draws.below(1_000));
        let (mut quantity, mut price_cents) = (draws.between(1, 20), draws.between(1, 100_000));
        if is_hostile {
            if draws.one_in(2) {
                customer_id.push(' ');
                mark(&mut customer_id, draws);
            }
            mark(&mut product_id, draws);
            quantity = draws.one_of(&[1, quantity, 1_000_000]);
            price_cents = draws.one_of(&[1, 10, price_cents, 90_071_992_547, 100_000_000_000]);
        }
        let created_at = draws.one_in(8).then(|| CREATED_FROM_MS + draws.below(CREATED_WITHIN_MS) as i64);
        OrderState {
            order_id: self.id(self.key(n, vu)),
            customer_id,
            product_id,
            quantity: u32::try_from(quantity).expect("it is a million at most"),
            price_cents: price_cents as i64,
            status: draws.one_of(&STATUSES),
            created_at_ms: created_at,
        }
    }

    fn random(&self, n: u64) -> u64 {
        mix(self.plan.seed ^ mix(n))
    }

    /// Whether order `n` breaks a rule.
    pub(crate) fn is_invalid(&self, n: u64) -> bool {
        is_within(mix(self.random(n) ^ INVALID_SALT), self.plan.shape.invalid_share)
    }

    fn is_hostile(&self, n: u64) -> bool {
        is_within(mix(self.random(n) ^ HOSTILE_SALT), self.plan.shape.hostile_share)
    }

    fn is_retried(&self, n: u64) -> bool {
        is_within(mix(self.random(n) ^ RETRY_SALT), self.plan.shape.retry_share)
    }
}

/// Makes an id hostile, sometimes as long as may be.
fn mark(id: &mut String, draws: &mut Draws) {
    id.push_str(draws.one_of(&MARKS));
    if draws.one_in(4) {
        let room = LONGEST_ID.saturating_sub(id.chars().count());
        id.extend(std::iter::repeat_n('ß', room));
    }
}

/// An amount as it is stored and answered.
fn amount(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl OrderState {
    pub(crate) fn total_cents(&self) -> i64 {
        self.price_cents * i64::from(self.quantity)
    }

    /// Its answer, as the ledger keeps it.
    #[cfg(test)]
    pub(crate) fn answer(&self) -> PostId {
        answered_id(&self.order_id, &amount(self.total_cents()))
    }

    /// What it says, as JSON.
    pub(crate) fn shown(&self) -> String {
        let mut shown = serde_json::json!({
            "order_id": self.order_id,
            "customer_id": self.customer_id,
            "product_id": self.product_id,
            "quantity": self.quantity,
            "price": amount(self.price_cents),
            "status": self.status,
        })
        .to_string();
        if let Some(created_at_ms) = self.created_at_ms {
            shown.pop();
            write!(shown, r#","created_at_ms":{created_at_ms}}}"#).expect("writing into memory cannot fail");
        }
        shown
    }

    /// What differs between it and the value of its record, which has this time.
    pub(crate) fn value_differs(&self, value: &Value, timestamp_ms: i64) -> Option<String> {
        let Some(fields) = value.as_object() else { return Some("value is not an object".to_owned()) };
        let text = |text: &str| Value::from(text);
        let (price, total) = (amount(self.price_cents), amount(self.total_cents()));
        let expected = [
            ("order_id", text(&self.order_id)),
            ("customer_id", text(&self.customer_id)),
            ("product_id", text(&self.product_id)),
            ("quantity", self.quantity.into()),
            ("price", text(&price)),
            ("status", text(self.status)),
            ("total_amount", text(&total)),
        ];
        let mut differing: Vec<String> = Vec::new();
        for (name, expected) in &expected {
            if fields.get(*name) != Some(expected) {
                differing.push(format!("{name} in the record"));
            }
        }
        let created_at = fields.get("created_at").and_then(Value::as_str);
        let created_at = created_at.and_then(|text| DateTime::parse_rfc3339_str(text).ok());
        if created_at.map(DateTime::timestamp_millis) != Some(self.created_at_ms.unwrap_or(timestamp_ms)) {
            differing.push("created_at in the record".to_owned());
        }
        let is_known = |name: &String| name == "created_at" || expected.iter().any(|(known, _)| known == name);
        differing.extend(fields.keys().filter(|name| !is_known(name)).map(|name| format!("{name} is not in an order")));
        (!differing.is_empty()).then(|| differing.join(", "))
    }

    /// The document that it must be, of a record at this place.
    pub(crate) fn document(&self, place: Place) -> Document {
        let created_at_ms = self.created_at_ms.unwrap_or(place.timestamp_ms);
        doc! {
            "_id": &self.order_id,
            "customer_id": &self.customer_id,
            "product_id": &self.product_id,
            "quantity": i64::from(self.quantity),
            "price": amount(self.price_cents),
            "price_cents": self.price_cents,
            "status": self.status,
            "created_at": DateTime::from_millis(created_at_ms),
            "total_amount": amount(self.total_cents()),
            "total_amount_cents": self.total_cents(),
            "kafka": {
                "partition": place.partition,
                "offset": place.offset,
                "timestamp": DateTime::from_millis(place.timestamp_ms),
            },
        }
    }
}

#[cfg(test)]
mod tests;
