//! How an order is written in a request: plainly, or in an unusual way that says the same. A share of the orders may
//! break one of `contract`'s rules on purpose.

use bson::DateTime;
use bytes::Bytes;

use super::{INVALID_SALT, OrderState, Orders, amount};
use crate::ledger::draws::Draws;
use crate::ledger::mix::mix;
use crate::ledger::post::bodies::PlannedPost;
use crate::ledger::spelling::{self, FieldText, Style};

const SPELLING_SALT: u64 = 0x24a1_9947_b391_6cf7;

/// Space that may stand around an id.
const SPACES: [&str; 5] = ["", " ", "\t", "\u{a0} ", "\u{3000}\n"];

/// The rules that an order can break. The last one only alone in its request.
const BREACHES: [Breach; 13] = [
    Breach::NoQuantity,
    Breach::FractionOfOne,
    Breach::NoneOfIt,
    Breach::FinePrice,
    Breach::NegativePrice,
    Breach::PriceIsNoNumber,
    Breach::UnknownStatus,
    Breach::InvisibleCharacter,
    Breach::LongId,
    Breach::WrongTotal,
    Breach::PriceTwice,
    Breach::NotATime,
    Breach::CutOff,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breach {
    NoQuantity,
    FractionOfOne,
    NoneOfIt,
    FinePrice,
    NegativePrice,
    PriceIsNoNumber,
    UnknownStatus,
    InvisibleCharacter,
    LongId,
    WrongTotal,
    PriceTwice,
    NotATime,
    CutOff,
}

/// The value of a field.
#[derive(Debug, Clone)]
enum Owned {
    String(String),
    Json(String),
}

type Fields = Vec<(&'static str, Owned)>;

impl Orders {
    /// Order `n` of this user, as it is sent.
    pub(crate) fn order(&self, n: u64, vu: u32) -> PlannedPost {
        let draws = &mut Draws::new(self.random(n) ^ SPELLING_SALT);
        let is_invalid = self.is_invalid(n);
        let body = if is_invalid {
            self.invalid(n, vu, draws)
        } else if self.is_hostile(n) {
            hostile(&self.valid_state(n, vu, true), draws)
        } else {
            written(&fields(&self.valid_state(n, vu, false)), Style::PLAIN, draws)
        };
        PlannedPost { body, is_invalid, is_retried: self.is_retried(n) }
    }

    fn invalid(&self, n: u64, vu: u32, draws: &mut Draws) -> Bytes {
        let known = BREACHES.len() - usize::from(self.plan.shape.is_bulk);
        let breach = BREACHES[(mix(self.random(n) ^ mix(INVALID_SALT)) % known as u64) as usize];
        let state = self.valid_state(n, vu, false);
        let mut fields = fields(&state);
        let mut set = |name: &'static str, value: Owned| {
            fields.retain(|(other, _)| *other != name);
            fields.push((name, value));
        };
        let text = |text: &str| Owned::String(text.to_owned());
        let json = |json: &str| Owned::Json(json.to_owned());
        match breach {
            Breach::NoQuantity => fields.retain(|(name, _)| *name != "quantity"),
            Breach::FractionOfOne => set("quantity", json("1.5")),
            Breach::NoneOfIt => set("quantity", json("0")),
            Breach::FinePrice => set("price", json("19.999")),
            Breach::NegativePrice => set("price", text("-0.01")),
            Breach::PriceIsNoNumber => set("price", text("19,99")),
            Breach::UnknownStatus => set("status", text("pending")),
            Breach::InvisibleCharacter => set("product_id", text("product\u{200b}7")),
            Breach::LongId => set("product_id", Owned::String("x".repeat(65))),
            Breach::WrongTotal => set("total_amount", Owned::String(amount(state.total_cents() + 1))),
            Breach::PriceTwice => fields.push(("price", Owned::String(amount(state.price_cents)))),
            Breach::NotATime => set("created_at", text("yesterday")),
            Breach::CutOff => {}
        }
        let mut body = written(&fields, Style::PLAIN, draws);
        if breach == Breach::CutOff {
            body.truncate(body.len() - 1);
        }
        body
    }
}

/// The fields of an order, written plainly. What is the default is left out.
fn fields(state: &OrderState) -> Fields {
    let mut fields = vec![
        ("order_id", Owned::String(state.order_id.clone())),
        ("customer_id", Owned::String(state.customer_id.clone())),
        ("product_id", Owned::String(state.product_id.clone())),
        ("quantity", Owned::Json(state.quantity.to_string())),
        ("price", Owned::String(amount(state.price_cents))),
    ];
    if state.status != "PENDING" {
        fields.push(("status", Owned::String(state.status.to_owned())));
    }
    fields.extend(state.created_at_ms.map(|ms| ("created_at", Owned::String(time(ms, false)))));
    fields
}

/// An order in an unusual way.
fn hostile(state: &OrderState, draws: &mut Draws) -> Bytes {
    let style = Style::draw(draws);
    let mut fields: Fields = Vec::new();
    for (name, id) in
        [("order_id", &state.order_id), ("customer_id", &state.customer_id), ("product_id", &state.product_id)]
    {
        let (before, after) = (draws.one_of(&SPACES), draws.one_of(&SPACES));
        fields.push((name, Owned::String(format!("{before}{id}{after}"))));
    }
    fields.push(("quantity", Owned::Json(state.quantity.to_string())));
    fields.push(("price", spelled(state.price_cents, draws)));
    if state.status != "PENDING" || draws.one_in(2) {
        fields.push(("status", Owned::String(state.status.to_owned())));
    }
    fields.extend(state.created_at_ms.map(|ms| ("created_at", Owned::String(time(ms, draws.one_in(2))))));
    if draws.one_in(3) {
        fields.push(("total_amount", spelled(state.total_cents(), draws)));
    }
    for index in (1..fields.len()).rev() {
        fields.swap(index, draws.below(index + 1));
    }
    written(&fields, style, draws)
}

/// An amount, as a string or as a number, one way or another.
fn spelled(cents: i64, draws: &mut Draws) -> Owned {
    let plain = amount(cents);
    match draws.below(6) {
        0 => Owned::Json(plain),
        1 => Owned::Json(format!("{cents}e-2")),
        2 => Owned::String(format!("{cents}E-2")),
        3 => Owned::Json(format!("{plain}0000")),
        4 if cents % 100 == 0 => Owned::Json((cents / 100).to_string()),
        4 => Owned::String(format!("0.0000{cents:03}e+{}", 2 + cents.to_string().len().max(3))),
        _ => Owned::String(plain),
    }
}

/// A time as RFC 3339 text, in UTC or in a zone two hours east of it.
fn time(ms: i64, is_east: bool) -> String {
    const EAST_MS: i64 = 2 * 60 * 60 * 1_000;
    let shown = DateTime::from_millis(if is_east { ms + EAST_MS } else { ms }).try_to_rfc3339_string();
    let shown = shown.expect("the year has four digits");
    if is_east { shown.replace('Z', "+02:00") } else { shown }
}

fn written(fields: &Fields, style: Style, draws: &mut Draws) -> Bytes {
    let texts = fields.iter().map(|(name, value)| match value {
        Owned::String(text) => (*name, FieldText::String(text)),
        Owned::Json(json) => (*name, FieldText::Json(json)),
    });
    spelling::object(texts, style, draws)
}
