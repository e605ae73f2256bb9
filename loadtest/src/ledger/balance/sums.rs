//! A document in 16 bytes: a hash of everything but its date, and the date, because the records of one id may differ in
//! it. The hash is keyed with random numbers, so that no sender can make two documents with the same one. It is a sum
//! over the fields, whose order does not matter.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::num::NonZeroU64;

use bson::{RawBsonRef, RawDocument};

/// The field with the record's timestamp.
const CREATED_AT: &str = "createdAt";

/// What is kept of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DocumentSum {
    /// All fields but the date: names, types and values.
    pub(super) content: NonZeroU64,
    /// `createdAt` in ms since 1970, if it is a date.
    pub(super) date: Option<i64>,
}

/// Makes the sums; its clones make the same ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums(RandomState);

impl Sums {
    /// The sum of a document; `None` if it is not valid BSON.
    pub(super) fn of_document(&self, document: &RawDocument) -> Option<DocumentSum> {
        let (mut content, mut date) = (0_u64, None);
        for field in document {
            let (name, value) = field.ok()?;
            match value {
                RawBsonRef::DateTime(at) if name.as_str() == CREATED_AT && date.is_none() => {
                    date = Some(at.timestamp_millis());
                }
                _ => content = content.wrapping_add(self.of_field(name.as_str(), value)),
            }
        }
        Some(DocumentSum { content: NonZeroU64::new(content).unwrap_or(NonZeroU64::MIN), date })
    }

    /// The hash of a key or a value.
    pub(super) fn of_bytes(&self, bytes: Option<&[u8]>) -> Option<u64> {
        bytes.map(|bytes| self.0.hash_one(bytes))
    }

    fn of_field(&self, name: &str, value: RawBsonRef<'_>) -> u64 {
        let mut hasher = self.0.build_hasher();
        name.hash(&mut hasher);
        hasher.write_u8(value.element_type() as u8);
        match value {
            RawBsonRef::String(text) => text.hash(&mut hasher),
            RawBsonRef::Binary(binary) => (u8::from(binary.subtype), binary.bytes).hash(&mut hasher),
            RawBsonRef::DateTime(at) => at.timestamp_millis().hash(&mut hasher),
            RawBsonRef::Int32(number) => number.hash(&mut hasher),
            RawBsonRef::Int64(number) => number.hash(&mut hasher),
            RawBsonRef::Double(number) => number.to_bits().hash(&mut hasher),
            RawBsonRef::Boolean(truth) => truth.hash(&mut hasher),
            RawBsonRef::Document(inner) => inner.as_bytes().hash(&mut hasher),
            RawBsonRef::Array(inner) => inner.as_bytes().hash(&mut hasher),
            // No record becomes a document with a field of another type.
            other => format!("{other:?}").hash(&mut hasher),
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use bson::spec::BinarySubtype;
    use bson::{Binary, DateTime, RawDocumentBuf, rawdoc};

    use super::*;

    fn id(subtype: BinarySubtype) -> Binary {
        Binary { subtype, bytes: vec![7; 16] }
    }

    #[test]
    fn every_change_changes_the_sum_and_the_order_does_not() {
        let (sums, date) = (Sums::default(), DateTime::from_millis(5));
        let sum = |document: RawDocumentBuf| sums.of_document(&document).unwrap();
        let uuid = || id(BinarySubtype::Uuid);
        let whole = sum(rawdoc! { "_id": uuid(), "title": "ab", "content": "cd", "createdAt": date });
        assert_eq!(whole.date, Some(5));
        let reordered = sum(rawdoc! { "createdAt": date, "content": "cd", "title": "ab", "_id": uuid() });
        assert_eq!(reordered, whole);
        let later = DateTime::from_millis(6);
        let moved = sum(rawdoc! { "_id": uuid(), "title": "ab", "content": "cd", "createdAt": later });
        assert_eq!((moved.content, moved.date), (whole.content, Some(6)), "the date is kept apart");
        for other in [
            rawdoc! { "_id": uuid(), "title": "cd", "content": "ab", "createdAt": date },
            rawdoc! { "_id": uuid(), "title": "ab", "content": "cde", "createdAt": date },
            rawdoc! { "_id": uuid(), "title": "ab", "content": 5, "createdAt": date },
            rawdoc! { "_id": uuid(), "title": "ab", "createdAt": date },
            rawdoc! { "_id": uuid(), "title": "ab", "content": "cd", "createdAt": date, "more": true },
            rawdoc! { "_id": uuid(), "title": "ab", "content": "cd", "createdAt": date, "createdAt": date },
            rawdoc! { "_id": uuid(), "title": "ab", "content": "cd", "content": "cd", "createdAt": date },
            rawdoc! { "_id": uuid(), "title": "ab", "content": "cd", "createdAt": "5" },
            rawdoc! { "_id": id(BinarySubtype::Generic), "title": "ab", "content": "cd", "createdAt": date },
        ] {
            assert_ne!(sum(other.clone()).content, whole.content, "{other:?}");
        }
        let undated = sum(rawdoc! { "_id": uuid(), "title": "ab", "content": "cd" });
        assert_eq!((undated.content, undated.date), (whole.content, None));
    }

    #[test]
    fn every_value_of_every_type_counts() {
        let sums = Sums::default();
        let values = rawdoc! {
            "a": 1, "b": 2, "c": 1_i64, "d": 2_i64, "e": 1.0, "f": 2.0, "g": true, "h": false, "i": { "a": 1 },
            "j": { "a": 2 }, "k": [1], "l": [2], "m": null, "n": "1", "o": "2",
            "p": DateTime::from_millis(1), "q": DateTime::from_millis(2),
            "r": bson::oid::ObjectId::from_bytes([1; 12]), "s": bson::oid::ObjectId::from_bytes([2; 12]),
        };
        let all: Vec<u64> = values.iter().map(|field| sums.of_field("name", field.unwrap().1)).collect();
        let different: std::collections::HashSet<u64> = all.iter().copied().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
    }

    #[test]
    fn a_document_that_cannot_be_read_has_no_sum() {
        let mut bytes = rawdoc! { "title": "ab" }.into_bytes();
        bytes[4] = 0x7e; // No type.
        assert_eq!(Sums::default().of_document(&RawDocumentBuf::from_bytes(bytes).unwrap()), None);
    }
}
