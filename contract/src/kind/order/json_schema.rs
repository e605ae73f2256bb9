//! The rules of an order as JSON Schema, made from those that judge it.

use serde_json::{Value, json};

use super::cents::Cents;
use super::rules::{MAX_PRICE, MAX_QUANTITY, MIN_AMOUNT};
use super::{Order, OrderStatus, ids};

/// A time to the millisecond, in the forms of RFC 3339 that are accepted.
const TIME_PATTERN: &str = concat!(
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]",
    r"(\.[0-9]{1,3}0*)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
);

impl Order {
    /// The JSON Schema (2020-12) of what [`Order::parse`] accepts. It cannot say everything:
    ///
    /// - a field's name must not occur twice
    /// - an amount may be a text with an exponent (`"1e2"`), which the schema leaves out
    /// - an id must not hold an invisible character beyond U+FFFF
    /// - `created_at` must be in the years 0000 to 9999 also in UTC
    /// - a `total_amount` that is given must be the product; clients need not give it, so it is `readOnly`
    pub fn json_schema() -> Value {
        let max_total = MAX_PRICE.times(MAX_QUANTITY);
        json!({
            "type": "object",
            "description": "The state of an order. A field that is given twice is an error; other fields are dropped.",
            "required": ["order_id", "customer_id", "product_id", "quantity", "price"],
            "properties": {
                "order_id": id("The order's id, which is the key of its document"),
                "customer_id": id("The id of its customer"),
                "product_id": id("The id of its product"),
                "quantity": {
                    "type": "integer",
                    "description": "How many of the product",
                    "minimum": 1,
                    "maximum": MAX_QUANTITY,
                },
                "price": amount("The price of one, taken exactly as it is written: at most two decimals", MAX_PRICE),
                "status": {
                    "type": "string",
                    "description": "What has become of the order so far",
                    "enum": OrderStatus::ALL.map(OrderStatus::as_str),
                    "default": OrderStatus::default().as_str(),
                },
                "created_at": {
                    "type": "string",
                    "description": "RFC 3339 time, not finer than a millisecond; the time of the request by default",
                    "format": "date-time",
                    "pattern": TIME_PATTERN,
                },
                "total_amount": read_only(amount("price × quantity: computed, and checked if it is given", max_total)),
            },
        })
    }
}

fn id(description: &str) -> Value {
    let description = format!("{description}; space around it is dropped");
    json!({ "type": "string", "description": description, "pattern": ids::pattern() })
}

fn amount(description: &str, max: Cents) -> Value {
    let units = |amount: Cents| json!(amount.hundredths() / 100);
    json!({
        "description": description,
        "anyOf": [
            { "type": "number", "minimum": 0.01, "maximum": units(max), "multipleOf": 0.01 },
            { "type": "string", "pattern": amount_pattern(max) },
        ],
    })
}

/// The amounts from 0.01 up to this one, which is 1 with zeros behind it, without an exponent.
fn amount_pattern(max: Cents) -> String {
    debug_assert_eq!(MIN_AMOUNT.hundredths(), 1);
    let max = max.hundredths() / 100;
    let more_digits = max.ilog10() - 1;
    format!(r"^([1-9][0-9]{{0,{more_digits}}}(\.[0-9]{{1,2}}0*)?|0\.(0[1-9]|[1-9][0-9]?)0*|{max}(\.0+)?)$")
}

fn read_only(mut schema: Value) -> Value {
    schema["readOnly"] = json!(true);
    schema
}

#[cfg(test)]
mod tests;
