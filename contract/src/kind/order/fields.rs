//! The fields of an order as one pass over the JSON finds them, each as its own text, so that a number is judged by
//! what was written and not by what a parser of numbers makes of it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The fields of a JSON object that an order has.
#[derive(Default)]
pub(super) struct OrderFields<'a> {
    pub(super) order_id: Given<'a>,
    pub(super) customer_id: Given<'a>,
    pub(super) product_id: Given<'a>,
    pub(super) quantity: Given<'a>,
    pub(super) price: Given<'a>,
    pub(super) status: Given<'a>,
    pub(super) created_at: Given<'a>,
    pub(super) total_amount: Given<'a>,
}

/// What the body has under a field's name.
#[derive(Clone, Copy, Default)]
pub(super) enum Given<'a> {
    #[default]
    Missing,
    Once(Raw<'a>),
    /// The name occurs more than once, so readers may disagree about which one counts.
    Repeated,
}

/// A JSON value, as it is written.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a>(&'a RawValue);

/// Any JSON value, as a whole body.
pub(super) enum OrderBody<'a> {
    Object(OrderFields<'a>),
    /// What it is instead.
    Other(&'static str),
}

/// Reads a body.
///
/// # Errors
/// In which way it is not JSON.
pub(super) fn read(body: &[u8]) -> Result<OrderBody<'_>, String> {
    let text = std::str::from_utf8(body).map_err(|_| "invalid UTF-8".to_owned())?;
    if text.trim_ascii_start().starts_with('{') {
        return serde_json::from_str(text).map(OrderBody::Object).map_err(|error| describe(&error));
    }
    let value = serde_json::from_str(text).map(Raw).map_err(|error| describe(&error))?;
    Ok(OrderBody::Other(value.noun()))
}

/// serde_json's errors in words for a client, with the position.
fn describe(error: &serde_json::Error) -> String {
    if error.is_eof() { "it ends too early or is empty".to_owned() } else { error.to_string() }
}

impl<'a> Given<'a> {
    /// Its value, which must be there.
    pub(super) fn required(self) -> Result<Raw<'a>, String> {
        self.optional()?.ok_or_else(|| "is required".to_owned())
    }

    /// Its value, if it is there.
    pub(super) fn optional(self) -> Result<Option<Raw<'a>>, String> {
        match self {
            Given::Missing => Ok(None),
            Given::Once(value) => Ok(Some(value)),
            Given::Repeated => Err("must be given only once".to_owned()),
        }
    }

    fn set(&mut self, value: &'a RawValue) {
        *self = if matches!(self, Given::Missing) { Given::Once(Raw(value)) } else { Given::Repeated };
    }
}

impl<'a> Raw<'a> {
    /// The text of a string.
    pub(super) fn string(self) -> Result<Cow<'a, str>, String> {
        let text = self.0.get();
        let Some(quoted) = text.strip_prefix('"') else {
            return Err(format!("must be a string, not {}", self.noun()));
        };
        match quoted.strip_suffix('"') {
            Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
            _ => serde_json::from_str(text)
                .map(Cow::Owned)
                .map_err(|_| "must be valid Unicode, without a lone surrogate".to_owned()),
        }
    }

    /// A number, as it is written.
    pub(super) fn number(self) -> Option<&'a str> {
        let text = self.0.get();
        text.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then_some(text)
    }

    /// What it is, with an article.
    pub(super) fn noun(self) -> &'static str {
        match self.0.get().as_bytes().first() {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            _ => "a number",
        }
    }
}

/// The names of an order's fields.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    OrderId,
    CustomerId,
    ProductId,
    Quantity,
    Price,
    Status,
    CreatedAt,
    TotalAmount,
    #[serde(other)]
    Other,
}

impl<'de> Deserialize<'de> for OrderFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = OrderFields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = OrderFields::default();
        while let Some(name) = map.next_key::<Name>()? {
            let field = match name {
                Name::OrderId => &mut fields.order_id,
                Name::CustomerId => &mut fields.customer_id,
                Name::ProductId => &mut fields.product_id,
                Name::Quantity => &mut fields.quantity,
                Name::Price => &mut fields.price,
                Name::Status => &mut fields.status,
                Name::CreatedAt => &mut fields.created_at,
                Name::TotalAmount => &mut fields.total_amount,
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            field.set(map.next_value()?);
        }
        Ok(fields)
    }
}
