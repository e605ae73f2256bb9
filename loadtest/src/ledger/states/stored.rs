//! What a stored document of an order says: its place, and how it differs from what it must be. Pure.

use bson::{Document, RawDocument};
use contract::Place;

/// Where a document says that its record stands.
pub(crate) fn place_in(document: &RawDocument) -> Option<Place> {
    let kafka = document.get_document("kafka").ok()?;
    Some(Place {
        partition: kafka.get_i32("partition").ok()?,
        offset: kafka.get_i64("offset").ok()?,
        timestamp_ms: kafka.get_datetime("timestamp").ok()?.timestamp_millis(),
    })
}

/// What differs between a document and what it must be, by fields, whatever their order.
pub(super) fn differences(document: &RawDocument, expected: &Document) -> Option<String> {
    let Ok(found) = Document::try_from(document) else { return Some("it cannot be read to its end".to_owned()) };
    let mut differing: Vec<String> =
        expected.iter().filter(|(name, value)| found.get(name) != Some(value)).map(|(name, _)| name.clone()).collect();
    differing.extend(found.keys().filter(|name| !expected.contains_key(name)).map(|name| format!("{name} is added")));
    if document.iter().count() > found.len() {
        differing.push("a field is there twice".to_owned());
    }
    (!differing.is_empty()).then(|| differing.join(", "))
}
