//! An order: the latest state of something that a customer wants, under an id that its client chooses. The one readable
//! path from bytes of JSON to a valid order, to a record's value and to a document; both the producer (request bodies)
//! and the consumer (record values) use it.
//!
//! What keeps its rule becomes a value at once, so a valid order cannot hold anything else. The answer to a body with
//! three errors names all three.

use bson::RawDocumentBuf;
use bson::raw::cstr;

use super::errors::{FieldError, FieldErrors};
use super::time;
use crate::bson_writer::BsonWriter;
use crate::{Place, decimal, document};

mod bulk;
mod cents;
mod fields;
mod ids;
mod json_schema;
mod rules;
mod status;

pub use bulk::OrderBulk;
pub use cents::Cents;
use fields::{OrderBody, OrderFields};
pub use status::OrderStatus;

/// A valid order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    order_id: String,
    customer_id: String,
    product_id: String,
    quantity: u32,
    price: Cents,
    status: OrderStatus,
    created_at_ms: i64,
}

impl Order {
    /// Parses and validates one JSON object, a request's body or a record's value; other fields are dropped. `now_ms`
    /// is when the order was created if it does not say so: the time of the request, or of the record.
    ///
    /// # Errors
    /// Every error of the body at once, see [`FieldErrors`].
    pub fn parse(body: &[u8], now_ms: i64) -> Result<Self, FieldErrors> {
        let body = fields::read(body).map_err(|how| FieldErrors::of_broken_json(&how))?;
        Self::judge(body, now_ms)
    }

    /// The order in this body, if it keeps the rules.
    fn judge(body: OrderBody<'_>, now_ms: i64) -> Result<Self, FieldErrors> {
        let fields = match body {
            OrderBody::Object(fields) => fields,
            OrderBody::Other(noun) => {
                return Err(FieldErrors::of_body(format!("must be a JSON object, not {noun}")));
            }
        };
        let OrderFields { order_id, customer_id, product_id, quantity, price, status, created_at, total_amount } =
            fields;
        // In alphabetical order of the names, which is that of the errors.
        let mut errors = Errors::default();
        let created_at_ms = errors.keep("created_at", rules::created_at(created_at, now_ms));
        let customer_id = errors.keep("customer_id", rules::id(customer_id));
        let order_id = errors.keep("order_id", rules::id(order_id));
        let price = errors.keep("price", rules::price(price));
        let product_id = errors.keep("product_id", rules::id(product_id));
        let quantity = errors.keep("quantity", rules::quantity(quantity));
        let status = errors.keep("status", rules::status(status));
        let total = errors.keep("total_amount", rules::total_amount(total_amount, price, quantity));
        let order = || {
            total?;
            Some(Self {
                order_id: order_id?,
                customer_id: customer_id?,
                product_id: product_id?,
                quantity: quantity?,
                price: price?,
                status: status?,
                created_at_ms: created_at_ms?,
            })
        };
        order().ok_or_else(|| FieldErrors::of_fields(errors.0))
    }

    /// Its id, which is the key of its records and the id of its document.
    pub fn order_id(&self) -> &str {
        &self.order_id
    }

    /// The id of its customer.
    pub fn customer_id(&self) -> &str {
        &self.customer_id
    }

    /// The id of its product.
    pub fn product_id(&self) -> &str {
        &self.product_id
    }

    /// How many of the product, 1–1,000,000.
    pub fn quantity(&self) -> u32 {
        self.quantity
    }

    /// The price of one, 0.01–1,000,000,000.00.
    pub fn price(&self) -> Cents {
        self.price
    }

    /// Its status.
    pub fn status(&self) -> OrderStatus {
        self.status
    }

    /// When it was created, in ms since 1970.
    pub fn created_at_ms(&self) -> i64 {
        self.created_at_ms
    }

    /// Its price times its quantity.
    pub fn total(&self) -> Cents {
        self.price.times(self.quantity)
    }

    /// The value of its record, which reads back as this order.
    pub fn encode_value(&self) -> Vec<u8> {
        /// Names, quotes, commas, the largest numbers and the time; escapes make the buffer grow.
        const OTHER_BYTES: usize = 256;
        let ids = [&self.order_id, &self.customer_id, &self.product_id];
        let mut json = Vec::with_capacity(OTHER_BYTES + ids.map(String::len).iter().sum::<usize>());
        let names = [r#"{"order_id":"#, r#","customer_id":"#, r#","product_id":"#];
        for (name, id) in names.into_iter().zip(ids) {
            json.extend_from_slice(name.as_bytes());
            simd_json::serde::to_writer(&mut json, id).expect("writing strings into memory cannot fail");
        }
        for part in [
            r#","quantity":"#,
            decimal::Text::of(self.quantity.into()).as_str(),
            r#","price":""#,
            self.price.text().as_str(),
            r#"","status":""#,
            self.status.as_str(),
            r#"","created_at":""#,
            time::text(self.created_at_ms).as_str(),
            r#"","total_amount":""#,
            self.total().text().as_str(),
            r#""}"#,
        ] {
            json.extend_from_slice(part.as_bytes());
        }
        json
    }

    /// Its document, for a record that stands at this place. Amounts are there twice: as they are written, and in
    /// hundredths, which any store can add up exactly.
    pub fn document(&self, place: &Place) -> RawDocumentBuf {
        /// Everything but the texts of the ids, the amounts and the status.
        const OTHER_BYTES: usize = 280;
        let (price, total) = (self.price, self.total());
        let (price_text, total_text, status) = (price.text(), total.text(), self.status.as_str());
        let texts =
            [&self.order_id, &self.customer_id, &self.product_id, price_text.as_str(), total_text.as_str(), status];
        let mut writer = BsonWriter::with_capacity(OTHER_BYTES + texts.map(str::len).iter().sum::<usize>());
        writer.text(cstr!("_id"), &self.order_id);
        writer.text(cstr!("customer_id"), &self.customer_id);
        writer.text(cstr!("product_id"), &self.product_id);
        writer.int64(cstr!("quantity"), self.quantity.into());
        writer.text(cstr!("price"), price_text.as_str());
        writer.int64(cstr!("price_cents"), price.hundredths());
        writer.text(cstr!("status"), status);
        writer.date(cstr!("created_at"), self.created_at_ms);
        writer.text(cstr!("total_amount"), total_text.as_str());
        writer.int64(cstr!("total_amount_cents"), total.hundredths());
        document::write_place(&mut writer, place);
        writer.finish()
    }
}

/// The errors that were found so far.
#[derive(Default)]
struct Errors(Vec<FieldError>);

impl Errors {
    /// The value of a field, or else nothing, and its error is kept.
    fn keep<T>(&mut self, field: &str, judged: Result<T, String>) -> Option<T> {
        judged.map_err(|message| self.0.push(FieldError { field: field.to_owned(), message })).ok()
    }
}

#[cfg(test)]
mod tests;
