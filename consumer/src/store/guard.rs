//! Which state of a key may replace which. Each document says in `kafka` where its record stands in the topic; a later
//! one replaces it, and an earlier one never does, however often and in whatever order the records are written. Pure.
//!
//! Within a partition the offsets give the order. A key moves to another partition only when partitions are added; then
//! the times of the records decide. Stores use the index of `_id` only beside conditions that all must hold, so the two
//! cases are two filters rather than one with `$or`.

use bson::raw::cstr;
use bson::{RawDocument, RawDocumentBuf};
use contract::bson_writer::BsonWriter;
use contract::{Place, document};

/// The field with the offset of a document's record.
pub(super) const OFFSET: &str = "kafka.offset";

/// The field that says where a document's record stands.
pub(super) const PLACE_FIELD: &str = "kafka";

/// A state to write under its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replacement<'a> {
    /// The document's id.
    pub(crate) key: &'a str,
    /// Where its record stands.
    pub(crate) place: Place,
    /// The document.
    pub(crate) document: &'a RawDocumentBuf,
}

impl<'a> Replacement<'a> {
    /// The state that this document is, of a kind with one document for each key.
    pub(crate) fn new(place: Place, document: &'a RawDocumentBuf) -> Self {
        let key = document.get_str(document::ID_FIELD).expect("the id of such a document is the key");
        Self { key, place, document }
    }

    /// Finds the key's document if it is an earlier one of the same partition.
    pub(super) fn if_earlier(&self) -> RawDocumentBuf {
        self.filter(|filter| {
            filter.int32(cstr!("kafka.partition"), self.place.partition);
            filter.document(cstr!("kafka.offset"), |than| than.int64(cstr!("$lt"), self.place.offset));
        })
    }

    /// Finds the key's document if it is an older one of another partition.
    pub(super) fn if_moved(&self) -> RawDocumentBuf {
        self.filter(|filter| {
            filter.document(cstr!("kafka.partition"), |than| than.int32(cstr!("$ne"), self.place.partition));
            filter.document(cstr!("kafka.timestamp"), |than| than.date(cstr!("$lt"), self.place.timestamp_ms));
        })
    }

    /// Finds the key's document, whatever it is.
    pub(super) fn if_any(&self) -> RawDocumentBuf {
        self.filter(|_| ())
    }

    fn filter(&self, conditions: impl FnOnce(&mut BsonWriter)) -> RawDocumentBuf {
        /// Everything but the key, at most.
        const OTHER_BYTES: usize = 96;
        let mut filter = BsonWriter::with_capacity(OTHER_BYTES + self.key.len());
        filter.text(cstr!("_id"), self.key);
        conditions(&mut filter);
        filter.finish()
    }
}

/// Whether the record at this place is the later one.
pub(crate) fn is_later(place: Place, than: Place) -> bool {
    if place.partition == than.partition { place.offset > than.offset } else { place.timestamp_ms > than.timestamp_ms }
}

/// How much later than the stored state a record is, in ms, that cannot be an earlier one of the same log: clocks of
/// producers differ by less, and so do the times at which the records of a partition are appended.
const SET_BACK_MS: i64 = 60_000;

/// Whether the record at this place seems to be from after the partition was recreated or its log set back: it is newer
/// than what is stored, at an offset that is earlier. By the offsets it is not stored.
pub(super) fn is_set_back(place: Place, stored: Place) -> bool {
    place.partition == stored.partition
        && place.offset < stored.offset
        && place.timestamp_ms.saturating_sub(stored.timestamp_ms) > SET_BACK_MS
}

/// Where the record of a stored document stands, if the document says so.
pub(super) fn place_of(document: &RawDocument) -> Option<Place> {
    let place = document.get_document(PLACE_FIELD).ok()?;
    Some(Place {
        partition: place.get_i32("partition").ok()?,
        offset: place.get_i64("offset").ok()?,
        timestamp_ms: place.get_datetime("timestamp").ok()?.timestamp_millis(),
    })
}

#[cfg(test)]
mod tests {
    use bson::{Bson, DateTime, Document, rawdoc};
    use contract::decode::Decoder;
    use contract::{Fetched, Kind};
    use proptest::prelude::*;

    use super::*;

    fn document(key: &str, place: Place) -> RawDocumentBuf {
        let Place { partition, offset, timestamp_ms } = place;
        let timestamp = DateTime::from_millis(timestamp_ms);
        rawdoc! { "_id": key, "kafka": { "partition": partition, "offset": offset, "timestamp": timestamp } }
    }

    /// Whether a store finds the document by the filter: as much of MongoDB's language as the filters use.
    fn finds(filter: &RawDocument, stored: &RawDocument) -> bool {
        let (filter, stored) = (Document::try_from(filter).unwrap(), Document::try_from(stored).unwrap());
        filter.iter().all(|(path, condition)| {
            let value = at(&stored, path);
            match condition {
                Bson::Document(operator) => operator.iter().all(|(name, than)| match name.as_str() {
                    "$lt" => number(value) < number(than),
                    "$ne" => value != than,
                    other => panic!("{other}"),
                }),
                same => value == same,
            }
        })
    }

    fn at<'a>(document: &'a Document, path: &str) -> &'a Bson {
        match path.split_once('.') {
            Some((field, rest)) => at(document.get_document(field).unwrap(), rest),
            None => document.get(path).unwrap(),
        }
    }

    fn number(value: &Bson) -> i64 {
        match value {
            Bson::Int64(number) => *number,
            Bson::DateTime(time) => time.timestamp_millis(),
            other => panic!("{other:?}"),
        }
    }

    fn place() -> impl Strategy<Value = Place> {
        (0..3, 0_i64..4, -2_i64..3).prop_map(|(partition, offset, timestamp_ms)| Place {
            partition,
            offset,
            timestamp_ms,
        })
    }

    proptest! {
        #[test]
        fn the_filters_find_exactly_what_is_earlier(new in place(), stored in place()) {
            let (document_of_new, stored_document) = (document("A", new), document("A", stored));
            let replacement = Replacement::new(new, &document_of_new);
            let (earlier, moved) = (replacement.if_earlier(), replacement.if_moved());
            let found = [&earlier, &moved].map(|filter| finds(filter, &stored_document));
            prop_assert_eq!(found[0] || found[1], is_later(new, stored));
            prop_assert!(!found[0] || new.partition == stored.partition);
            let other = document("B", stored);
            prop_assert!(!finds(&earlier, &other) && !finds(&moved, &other));
            prop_assert!(finds(&replacement.if_any(), &stored_document));
        }

        #[test]
        fn no_place_is_later_than_itself_and_not_both_are(one in place(), other in place()) {
            prop_assert!(!is_later(one, one));
            prop_assert!(!(is_later(one, other) && is_later(other, one)));
        }
    }

    /// The document is contract's; what is read here must be what is written there.
    #[test]
    fn the_place_of_an_orders_document_is_read_as_it_was_written() {
        let value = br#"{"order_id":"A-17","customer_id":"c","product_id":"p","quantity":2,"price":"19.99"}"#;
        let origin = Place { partition: 3, offset: 1 << 40, timestamp_ms: 1_700_000_000_123 };
        let record = Fetched {
            partition: 1,
            offset: 9,
            timestamp_ms: origin.timestamp_ms,
            replay_attempts: 1,
            origin: Some(origin),
            trace: None,
            key: Some(b"A-17".to_vec()),
            value: Some(value.to_vec()),
        };
        let decoded = Decoder::new(Kind::Order, "orders").decode(record);
        let document = decoded.outcome.unwrap();
        let replacement = Replacement::new(decoded.fetched.place(), &document);
        assert_eq!((replacement.key, replacement.place), ("A-17", origin));
        assert_eq!(place_of(&document), Some(origin));
        assert_eq!(place_of(&rawdoc! { "_id": "A-17", "kafka": { "partition": 1 } }), None);
    }
}
