//! A tombstone: what stands in a collection in place of a document that was erased, under the same `_id`, so that the
//! store's own uniqueness keeps the record out. It has nothing of the record's content:
//! `{_id, kafka: {partition, offset, timestamp, erasedAt: <Date>, keptUntil: <Date>}}`, the place only where the last
//! record of a key is its document, and the last date only if there is one. No kind's records have a field `kafka`, and
//! no document has these dates in it, so none is taken for a tombstone.

use bson::raw::cstr;
use bson::{RawDocument, RawDocumentBuf};

use crate::bson_writer::BsonWriter;
use crate::{Place, PostId, document};

/// The date by which a tombstone is recognised: when its record was erased.
pub const ERASED_AT: &str = "kafka.erasedAt";

/// The date until which a tombstone is kept.
pub const KEPT_UNTIL: &str = "kafka.keptUntil";

/// When a record was erased, and for how long it stays out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tombstone {
    /// When it was erased, in ms since 1970.
    pub erased_at_ms: i64,
    /// Until when the tombstone is kept, in ms since 1970; `None` is forever.
    pub kept_until_ms: Option<i64>,
}

impl Tombstone {
    /// The document for a record that would be a document of its own.
    pub fn of_id(self, id: PostId) -> RawDocumentBuf {
        let mut writer = BsonWriter::with_capacity(128);
        writer.uuid(cstr!("_id"), id.uuid());
        writer.document(cstr!("kafka"), |writer| self.write_dates(writer));
        writer.finish()
    }

    /// The document for all records of a key up to this place.
    pub fn of_key(self, key: &str, last: &Place) -> RawDocumentBuf {
        let mut writer = BsonWriter::with_capacity(192 + key.len());
        writer.text(cstr!("_id"), key);
        writer.document(cstr!("kafka"), |writer| {
            document::write_place_fields(writer, last);
            self.write_dates(writer);
        });
        writer.finish()
    }

    fn write_dates(self, writer: &mut BsonWriter) {
        writer.date(cstr!("erasedAt"), self.erased_at_ms);
        if let Some(kept_until_ms) = self.kept_until_ms {
            writer.date(cstr!("keptUntil"), kept_until_ms);
        }
    }

    /// The tombstone that a stored document is, if it is one. Its field `kafka` is enough.
    pub fn read(stored: &RawDocument) -> Option<Self> {
        let kafka = stored.get_document("kafka").ok()?;
        let date = |name| kafka.get_datetime(name).ok().map(bson::DateTime::timestamp_millis);
        Some(Self { erased_at_ms: date("erasedAt")?, kept_until_ms: date("keptUntil") })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use bson::{DateTime, Document, doc};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::decode::Decoder;
    use crate::{Fetched, Kind, SchemaKind};

    #[test]
    fn a_tombstone_has_nothing_but_an_id_a_place_and_dates() {
        let (id, tombstone) = (PostId::fresh(), Tombstone { erased_at_ms: 1_000, kept_until_ms: Some(2_000) });
        let [erased, until, time] = [1_000, 2_000, 900].map(DateTime::from_millis);
        let expected = doc! { "_id": document::encode_id(id), "kafka": { "erasedAt": erased, "keptUntil": until } };
        assert_eq!(Document::try_from(&*tombstone.of_id(id)).unwrap(), expected);
        let kept = Tombstone { kept_until_ms: None, ..tombstone };
        let place = Place { partition: 3, offset: 41, timestamp_ms: 900 };
        let expected = doc! {
            "_id": "A", "kafka": { "partition": 3, "offset": 41_i64, "timestamp": time, "erasedAt": erased },
        };
        assert_eq!(Document::try_from(&*kept.of_key("A", &place)).unwrap(), expected);
    }

    /// Kinds that allow every field, one for each way to write.
    fn kinds() -> [Kind; 4] {
        static KINDS: LazyLock<[Kind; 4]> = LazyLock::new(|| {
            let mut file: Value = serde_json::from_str(include_str!("../../examples/kinds/reading.json")).unwrap();
            file["schema"] = json!({
                "required": ["order_id"],
                "properties": { "order_id": { "type": "string", "minLength": 1, "maxLength": 64 } },
            });
            let read = |file: &Value| {
                Kind::Schema(Box::leak(Box::new(SchemaKind::read(file.to_string().as_bytes()).unwrap())))
            };
            let inserted = read(&file);
            (file["write"], file["key"]) = (json!("upsert"), json!("/order_id"));
            [Kind::Post, Kind::Order, inserted, read(&file)]
        });
        *KINDS
    }

    /// Texts, dates, and what a tombstone itself has.
    fn value() -> impl Strategy<Value = Value> {
        let date = Just(json!("2026-11-29T20:15:00Z"));
        let leaf = prop_oneof![date, any::<i64>().prop_map(|number| json!(number)), Just(json!({ "$date": 0 }))];
        let names = prop_oneof![Just("erasedAt"), Just("keptUntil"), Just("kafka"), Just("timestamp")];
        let names = names.prop_map(str::to_owned);
        leaf.prop_recursive(2, 12, 4, move |inner| {
            prop::collection::btree_map(names.clone(), inner, 0..4).prop_map(|members| json!(members))
        })
    }

    proptest! {
        #[test]
        fn no_record_becomes_a_tombstone(
            fields in prop::collection::btree_map("kafka|kafka.erasedAt|erasedAt|createdAt|_id", value(), 0..4),
        ) {
            let mut record = json!({
                "title": "Hello", "content": "long enough", "order_id": "A", "customer_id": "c", "product_id": "p",
                "quantity": 2, "price": "19.99",
            });
            record.as_object_mut().unwrap().extend(fields);
            for kind in kinds() {
                let record = Fetched {
                    partition: 0,
                    offset: 7,
                    timestamp_ms: 3,
                    replay_attempts: 0,
                    origin: None,
                    trace: None,
                    key: Some(b"A".to_vec()),
                    value: Some(record.to_string().into_bytes()),
                };
                if let Ok(document) = Decoder::new(kind, "topic").decode(record).outcome {
                    prop_assert_eq!(Tombstone::read(&document), None, "{:?}", document);
                }
            }
        }

        #[test]
        fn a_tombstone_reads_back(
            erased_at_ms in any::<i64>(),
            kept_until_ms in any::<Option<i64>>(),
            key in "(?s).{1,20}",
            (partition, offset, timestamp_ms) in any::<(i32, i64, i64)>(),
        ) {
            let tombstone = Tombstone { erased_at_ms, kept_until_ms };
            let place = Place { partition, offset, timestamp_ms };
            for document in [tombstone.of_id(PostId::fresh()), tombstone.of_key(&key, &place)] {
                prop_assert_eq!(Tombstone::read(&document), Some(tombstone));
            }
        }
    }
}
