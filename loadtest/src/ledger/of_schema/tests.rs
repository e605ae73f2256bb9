//! What the contract makes of a record is what the ledger expects, and every lie about it is named.

use bson::{Document, RawDocumentBuf, doc};
use contract::dead_letter::Reason;
use contract::{DeadLetter, Kind, PostId, RecordId, SchemaKind};
use serde_json::json;

use super::*;
use crate::ledger::expected::{ExpectedPosts, Layout, Origin};
use crate::ledger::plan::Keys;
use crate::ledger::post::RunId;
use crate::ledger::post::bodies::Shape;
use crate::ledger::schema_bodies::Places;

/// A kind that is written in this way, and a plan of its records.
pub(crate) fn plan(write: &str) -> (&'static SchemaKind, RunPlan) {
    let mut file = json!({
        "kind": "reading", "route": "/api/readings", "topic": "readings", "collection": "readings", "write": write,
        "schema": {
            "type": "object", "required": ["id", "note", "value"],
            "properties": {
                "id": {"type": "string", "minLength": 24, "maxLength": 64},
                "note": {"type": "string"},
                "value": {"type": "integer"},
            },
        },
    });
    if write == "upsert" {
        file["key"] = "/id".into();
    }
    let kind: &'static SchemaKind = Box::leak(Box::new(SchemaKind::read(file.to_string().as_bytes()).unwrap()));
    let places = Places { marker: Some("/note"), key: kind.key_pointer() };
    let bodies = SchemaBodies::drawn(kind.json_schema(), places).unwrap();
    let shape = Shape { hostile_share: 0.5, ..Shape::default() };
    let keys = Keys { users: 4, all: 40 };
    let bodies = Some(&*Box::leak(Box::new(bodies)));
    (kind, RunPlan { kind: Kind::Schema(kind), keys, bodies, ..RunPlan::of_posts(RunId::fresh(), 5, shape) })
}

fn raw(document: &Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}

#[test]
fn a_document_of_its_own_is_compared_whole_and_with_its_date() {
    let (kind, plan) = plan("insert");
    let (records, expected) = (SchemaRecords::of(&plan).unwrap(), ExpectedPosts::new(plan, Layout::Whole));
    for n in 0..200 {
        let id = PostId::fresh();
        let body = records.record(n, "").body;
        let stored = kind.judge(&body).unwrap().document(id, 5);
        let compared = expected.compare(&stored);
        assert_eq!((compared.from, compared.id, compared.created_at_ms), (Origin::Post(n), id, Some(5)));
        assert_eq!(compared.differs, None);
        let honest = Document::try_from(stored).unwrap();
        let differs = |change: fn(&mut Document)| {
            let mut document = honest.clone();
            change(&mut document);
            expected.compare(&raw(&document)).differs.unwrap_or_default()
        };
        assert!(differs(|document| drop(document.insert("value", 0.5))).starts_with("/value is the double 0.5, not"));
        assert_eq!(differs(|document| drop(document.insert("kafka", 1))), "/kafka was not sent");
        assert_eq!(differs(|document| drop(document.remove("createdAt"))), "createdAt is no date");
        assert_eq!(differs(|document| drop(document.remove("id"))), "/id is not there");

        let letter = DeadLetter {
            topic: "readings".to_owned(),
            partition: 0,
            offset: 0,
            id: RecordId::from(id),
            reason: Reason::Refused,
            message: String::new(),
        };
        let key = id.to_key();
        let of_value = |value: &[u8]| expected.compare_letter(Some(&key), value, Some(&letter)).unwrap();
        assert_eq!((of_value(&body).n, of_value(&body).differs), (n, None));
        let altered = String::from_utf8(body.to_vec()).unwrap().replacen('{', "{\"added\":1,", 1);
        assert_eq!(of_value(altered.as_bytes()).differs.as_deref(), Some("value"));
    }
    let other = raw(&doc! { "_id": "x", "note": "somebody's" });
    assert_eq!(expected.compare(&other).from, Origin::Elsewhere);
}

#[test]
fn a_record_says_nothing_where_it_breaks_a_rule() {
    let (_, mut plan) = plan("insert");
    plan.shape.invalid_share = 0.3;
    let records = SchemaRecords::of(&plan).unwrap();
    let broken =
        (0..200).filter(|n| records.breaks_rule(*n)).inspect(|n| assert_eq!(records.said(*n, ""), None)).count();
    assert!((20..100).contains(&broken), "{broken}");
    assert!((0..200).filter(|n| !records.breaks_rule(*n)).all(|n| records.said(n, "").is_some()));
}
