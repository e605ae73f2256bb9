//! The states of a kind of a schema: what the contract makes of a record is expected, and every lie about it is named.

use bson::{DateTime, Document, RawDocumentBuf};
use contract::document;

use super::super::records::TopicRecord;
use super::*;
use crate::ledger::of_schema::tests::plan;
use crate::ledger::order::answered_id;

const AT: Place = Place { partition: 1, offset: 7, timestamp_ms: 1_795_000_000_000 };

fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

#[test]
fn a_record_of_a_key_is_compared_with_its_key_and_its_bytes() {
    let (kind, plan) = plan("upsert");
    let (records, states) = (SchemaRecords::of(&plan).unwrap(), States::of(plan));
    for n in 0..200 {
        let vu = u32::try_from(n % 4).unwrap();
        let id = states.id(n, vu);
        let body = records.record(n, &id).body;
        let honest = TopicRecord { place: AT, origin: None, key: Some(id.as_bytes()), value: Some(&body) };
        let compared = states.compare_record(&honest).unwrap();
        assert_eq!((compared.n, compared.answer, compared.differs), (Some(n), answered_id(&id, ""), None));
        let other = states.id(n + 1, (vu + 1) % 4);
        let differs = |record: TopicRecord<'_>| states.compare_record(&record).unwrap().differs.unwrap_or_default();
        // The user of that key may have sent the same key under this number, but never with this value.
        assert!(differs(TopicRecord { key: Some(other.as_bytes()), ..honest }).ends_with("value"));
        assert_eq!(differs(TopicRecord { key: Some(b"x"), ..honest }), "key");
        assert_eq!(differs(TopicRecord { key: None, ..honest }), "key");
        let altered = String::from_utf8(body.to_vec()).unwrap().replacen('{', "{ ", 1);
        assert_eq!(differs(TopicRecord { value: Some(altered.as_bytes()), ..honest }), "value");

        let stored = Document::try_from(kind.judge(&body).unwrap().keyed_document(&id, &AT)).unwrap();
        let of_place = |document: &Document, place| states.differs(&raw(document), n, vu, place).unwrap();
        assert_eq!(states.number_of(&raw(&stored)), Some(n));
        assert_eq!(of_place(&stored, AT), None);
        assert_eq!(of_place(&stored, Place { offset: 8, ..AT }).as_deref(), Some("kafka"));
        let mut document = stored.clone();
        document.insert("value", DateTime::from_millis(5));
        assert!(of_place(&document, AT).unwrap().starts_with("/value is of type DateTime, not the "));
        document.insert(document::ID_FIELD, "x");
        assert!(of_place(&document, AT).unwrap().ends_with("_id"));
    }
    let foreign = br#"{"id":"a","note":"b","value":1}"#;
    let record = TopicRecord { place: AT, origin: None, key: Some(b"a"), value: Some(foreign) };
    assert_eq!(states.compare_record(&record), None);
}
