//! A record of a kind that a file describes: any bytes become a record that another parser reads in the same way and
//! whose document has the same values, or errors that a client can read. Two schemas judge it: that of the example, and
//! one that allows everything, with times in some places.

#![no_main]

use std::sync::LazyLock;

use bson::Bson;
use contract::{BulkFormat, BulkLimits, PostId, SchemaBulk, SchemaKind, SchemaRecord};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

const READING: &str = include_str!("../../examples/kinds/reading.json");
const LIMITS: BulkLimits = BulkLimits { records: 10, record_bytes: 65_536 };

static READINGS: LazyLock<&'static SchemaKind> = LazyLock::new(|| kind(serde_json::from_str(READING).expect("JSON")));

static ANY: LazyLock<&'static SchemaKind> = LazyLock::new(|| {
    let mut file: Value = serde_json::from_str(READING).expect("the example is JSON");
    file["schema"] = json!({ "properties": { "t": { "items": { "format": "date-time" } } } });
    kind(file)
});

fn kind(file: Value) -> &'static SchemaKind {
    Box::leak(Box::new(SchemaKind::read(file.to_string().as_bytes()).expect("the file is valid")))
}

fuzz_target!(|body: &[u8]| {
    for kind in [*READINGS, *ANY] {
        match kind.judge(body) {
            Ok(record) => check_record(body, &record),
            Err(errors) => {
                assert!((1..=21).contains(&errors.iter().count()));
                assert!(errors.iter().all(|error| !error.message.is_empty()
                    && ![&error.field, &error.message].iter().any(|text| text.contains('\n'))));
            }
        }
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !is_blank(line)).take(LIMITS.records);
        let alone: Vec<bool> = lines.map(|line| kind.judge(line).is_ok()).collect();
        assert_eq!(judged(kind, body), alone);
    }
});

fn check_record(body: &[u8], record: &SchemaRecord<'_>) {
    let json: Value = serde_json::from_slice(body).expect("an accepted body is JSON to other parsers too");
    let document = record.document(PostId::fresh(), 0);
    let document = bson::Document::from_reader(document.as_bytes()).expect("a document is valid BSON");
    let members = json.as_object().expect("an accepted body is an object");
    assert_eq!(document.len(), members.len() + 2);
    for (name, value) in members {
        check_value(value, document.get(name).expect("each member is there"));
    }
}

fn check_value(json: &Value, bson: &Bson) {
    match (json, bson) {
        (Value::Null, Bson::Null) => {}
        (Value::Bool(one), Bson::Boolean(other)) => assert_eq!(one, other),
        (Value::Number(one), Bson::Int64(other)) => assert_eq!(one.as_f64(), Some(*other as f64)),
        (Value::Number(one), Bson::Double(other)) => assert_eq!(one.as_f64(), Some(*other)),
        (Value::String(one), Bson::String(other)) => assert_eq!(one, other),
        (Value::String(_), Bson::DateTime(_)) => {}
        (Value::Array(one), Bson::Array(other)) => {
            assert_eq!(one.len(), other.len());
            one.iter().zip(other).for_each(|(one, other)| check_value(one, other));
        }
        (Value::Object(one), Bson::Document(other)) => {
            assert_eq!(one.len(), other.len());
            for (name, value) in one {
                check_value(value, other.get(name).expect("each member is there"));
            }
        }
        _ => panic!("{json} became {bson}"),
    }
}

fn judged(kind: &'static SchemaKind, body: &[u8]) -> Vec<bool> {
    let mut bulk = SchemaBulk::new(kind, body.to_vec(), BulkFormat::Lines, LIMITS);
    let mut found = Vec::new();
    while let Ok(Some(record)) = bulk.next_record() {
        found.push(record.is_ok());
    }
    found
}

fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}
