//! Many orders in one body: a JSON array, or lines of JSON (NDJSON). Each order is judged as it would be alone, with
//! the same messages.

use super::{Order, fields};
use crate::kind::bulk::{BulkElements, BulkError, BulkFormat, BulkLimits};
use crate::kind::errors::FieldErrors;

/// The orders of a body, in turn.
pub struct OrderBulk {
    body: Vec<u8>,
    elements: BulkElements,
    now_ms: i64,
}

impl OrderBulk {
    /// The bulk in this body; `now_ms` is as for [`Order::parse`].
    pub fn new(body: Vec<u8>, format: BulkFormat, limits: BulkLimits, now_ms: i64) -> Self {
        Self { body, elements: BulkElements::new("order", "orders", format, limits), now_ms }
    }

    /// Searches for the next order for a moment. Returns whether the search is over; until then, other work may be
    /// done.
    pub fn search(&mut self) -> bool {
        self.elements.search(&self.body)
    }

    /// How many bytes have been searched so far.
    pub fn searched(&self) -> usize {
        self.elements.searched()
    }

    /// The next order, or what is wrong with the element in its place; `None` at the end.
    ///
    /// # Errors
    /// When the body as a whole is rejected; then its earlier orders do not count either.
    pub fn next_order(&mut self) -> Result<Option<Result<Order, FieldErrors>>, BulkError> {
        let element = match self.elements.next(&self.body)? {
            Some(Ok(element)) => element,
            Some(Err(errors)) => return Ok(Some(Err(errors))),
            None => return Ok(None),
        };
        match fields::read(&self.body[element]) {
            Ok(body) => Ok(Some(Order::judge(body, self.now_ms))),
            Err(how) => self.elements.broken_json(&how),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const LIMITS: BulkLimits = BulkLimits { records: 100, record_bytes: 10_000 };
    const NOW_MS: i64 = 1_795_896_900_123;

    type Judged = Result<Order, FieldErrors>;

    fn judged(body: impl Into<Vec<u8>>, format: BulkFormat, limits: BulkLimits) -> Result<Vec<Judged>, BulkError> {
        let (mut bulk, mut all) = (OrderBulk::new(body.into(), format, limits, NOW_MS), Vec::new());
        while let Some(order) = bulk.next_order()? {
            all.push(order);
        }
        Ok(all)
    }

    fn order(id: &str) -> String {
        json!({ "order_id": id, "customer_id": "C", "product_id": "P", "quantity": 2, "price": "19.99" }).to_string()
    }

    #[test]
    fn an_array_that_is_broken_anywhere_is_rejected_as_a_whole() {
        let order = order("A");
        for (body, expected) in [
            (format!("[{order},{{\"price\":}}]"), "is not valid JSON: expected value at line 1 column 10 in the order"),
            (format!("[{order},]"), "is not valid JSON: it ends too early or is empty in the order at position 1"),
            (format!("[{order}"), "is not valid JSON: the array does not end"),
            (format!("[{order}] x"), "is not valid JSON: something follows the array"),
            (order.clone(), "must be a JSON array of orders, or lines of JSON with content-type"),
            ("[]".to_owned(), "must hold at least one order"),
        ] {
            let Err(BulkError::Broken(errors)) = judged(body.as_bytes(), BulkFormat::Array, LIMITS) else {
                panic!("{body} is accepted");
            };
            let error = errors.to_string();
            assert!(error.strip_prefix("body ").is_some_and(|rest| rest.starts_with(expected)), "{body}: {error}");
        }
    }

    #[test]
    fn neither_too_many_nor_too_large_orders_are_parsed() {
        let order = order("A");
        let limits = BulkLimits { records: 2, record_bytes: order.len() };
        for (format, start, separator, end) in [(BulkFormat::Array, "[", ",", "]"), (BulkFormat::Lines, "", "\n", "")] {
            let two = judged(format!("{start}{order}x{separator}{order}{end}"), format, limits).unwrap();
            let too_large = two[0].as_ref().unwrap_err().to_string();
            assert_eq!(too_large, format!("body must not be larger than {} bytes", order.len()));
            assert_eq!(two[1].as_ref().map(Order::order_id), Ok("A"));
            let three = [&*order; 3].join(separator);
            assert_eq!(judged(format!("{start}{three}{end}"), format, limits), Err(BulkError::TooMany));
        }
    }

    #[test]
    fn a_broken_line_is_the_error_of_that_line_alone() {
        let order = order("A");
        let found = judged(format!("{order}\r\n\n{{\"price\":\n{order} {order}\n{order}"), BulkFormat::Lines, LIMITS);
        let is_valid: Vec<bool> = found.unwrap().iter().map(Result::is_ok).collect();
        assert_eq!(is_valid, [true, false, false, true]);
    }

    /// JSON of every kind, most of it nearly an order.
    fn element() -> impl Strategy<Value = String> {
        let value = prop_oneof![
            6 => "\\PC{0,20}".prop_map(Value::from),
            4 => (0..3_000_u32).prop_map(Value::from),
            1 => Just(json!(null)),
            1 => Just(json!(["]", { "price": "[]," }])),
        ];
        let name = prop::sample::select(&["order_id", "customer_id", "product_id", "quantity", "price", "x,\"]"][..]);
        let change = prop::option::of((name, value.clone()));
        let object = change.prop_map(|change| {
            let mut fields: Value = serde_json::from_str(&order("A,]")).expect("it is JSON");
            if let Some((name, value)) = change {
                fields[name] = value;
            }
            fields.to_string()
        });
        prop_oneof![6 => object, 1 => value.prop_map(|value| value.to_string())]
    }

    proptest! {
        #[test]
        fn each_order_is_judged_as_it_would_be_alone(
            elements in prop::collection::vec(element(), 1..20),
            space in "[ \t\r]{0,3}",
            blank in "[ \n\r]{0,3}",
        ) {
            let alone: Vec<Judged> =
                elements.iter().map(|element| Order::parse(element.as_bytes(), NOW_MS)).collect();
            let separator = format!("{space},{space}{blank}");
            let array = format!("{blank}[{space}{}{blank}]{space}", elements.join(&separator));
            prop_assert_eq!(judged(array, BulkFormat::Array, LIMITS).unwrap(), alone.clone());
            let lines = format!("{blank}\n{}{blank}", elements.join(&format!("{space}\n{blank}\n{space}")));
            prop_assert_eq!(judged(lines, BulkFormat::Lines, LIMITS).unwrap(), alone);
        }

        #[test]
        fn any_bytes_are_answered(
            body in prop::collection::vec(any::<u8>(), 0..300),
            like in "[\\[\\]{},\":\\\\ \na1]{0,60}",
        ) {
            for body in [body, like.into_bytes()] {
                for format in [BulkFormat::Array, BulkFormat::Lines] {
                    let _ignored = judged(body.clone(), format, LIMITS);
                }
            }
        }
    }
}
