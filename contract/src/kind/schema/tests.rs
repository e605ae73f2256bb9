use std::sync::LazyLock;
use std::time::Duration;

use bson::{Bson, DateTime, Document};
use serde_json::{Value, json};

use super::*;
use crate::{BulkError, BulkFormat, BulkLimits, FieldErrors, KindFile, Place, PostId, Write, read_kinds};

mod documents;
mod files;

const READING: &str = include_str!("../../../../examples/kinds/reading.json");

/// The kind of this file.
fn read(file: &Value) -> &'static SchemaKind {
    match SchemaKind::read(file.to_string().as_bytes()) {
        Ok(kind) => Box::leak(Box::new(kind)),
        Err(errors) => panic!("{errors:?}"),
    }
}

/// A kind with this schema.
fn of_schema(schema: Value) -> &'static SchemaKind {
    let mut file: Value = serde_json::from_str(READING).unwrap();
    file["schema"] = schema;
    read(&file)
}

fn readings() -> &'static SchemaKind {
    static READINGS: LazyLock<&SchemaKind> = LazyLock::new(|| read(&serde_json::from_str(READING).unwrap()));
    &READINGS
}

/// A kind that allows everything.
fn anything() -> &'static SchemaKind {
    static ANYTHING: LazyLock<&SchemaKind> = LazyLock::new(|| of_schema(json!({})));
    &ANYTHING
}

/// Readings of which the last one of each device counts.
fn latest_readings() -> &'static SchemaKind {
    let mut file: Value = serde_json::from_str(READING).unwrap();
    (file["write"], file["key"]) = (json!("upsert"), json!("/device/id"));
    read(&file)
}

fn reading() -> Value {
    json!({
        "station": "North", "measured_at": "2026-11-28T20:15:00.123Z", "temperature": -3.5, "humidity": 81,
        "pressure": 1013.25, "raining": false, "sequence": 17, "note": "ok",
        "device": { "id": "D-1", "firmware": "1.2.3", "installed_at": "2025-01-01T00:00:00+01:00" },
        "wind": [1, 2.5],
    })
}

fn errors(kind: &SchemaKind, record: &str) -> String {
    match kind.judge(record.as_bytes()) {
        Ok(_) => panic!("{record} is valid"),
        Err(errors) => errors.to_string(),
    }
}

#[test]
fn a_record_is_what_its_schema_says() {
    let text = reading().to_string();
    let record = readings().judge(text.as_bytes()).unwrap();
    assert_eq!((record.value(), record.key()), (text.as_bytes(), None));
    assert_eq!(latest_readings().judge(text.as_bytes()).unwrap().key(), Some("D-1"));
}

#[test]
fn every_error_is_named_by_its_pointer() {
    let record = r#"{"station":"","temperature":"cold","humidity":100.5,"measured_at":"2026-11-28T20:15:00.1234Z",
        "device":{"id":7,"firmware":"1.2","x":1},"wind":[1,-2,"3"],"colour":"red"}"#;
    let expected = [
        "/colour is not a field of this kind",
        "/device/firmware must match the pattern ^[0-9]+\\.[0-9]+\\.[0-9]+$",
        "/device/id must be a string, not an integer",
        "/device/x is not a field of this kind",
        "/humidity must be an integer, not a number",
        "/humidity must be at most 100",
        "/measured_at must not be finer than a millisecond",
        "/station must have at least 1 characters",
        "/temperature must be a number, not a string",
        "/wind/1 must be at least 0",
        "/wind/2 must be a number, not a string",
    ];
    assert_eq!(errors(readings(), record), expected.join("; "));
    let missing = "/device is required; /humidity is required; /measured_at is required; /station is required; \
                   /temperature is required";
    assert_eq!(errors(readings(), "{}"), missing);
}

#[test]
fn what_no_document_keeps_is_an_error_under_any_schema() {
    let kind = anything();
    for (record, expected) in [
        (r#"{"a":{"b":[0.1234567890123456789]}}"#, "/a/b/0 cannot be kept exactly"),
        (r#"{"a":1,"b":{"c":1,"c":2}}"#, "/b/c must be given only once"),
        (r#"{"a/b":{"\u0000":1}}"#, "/a~1b/\\u0000 must not be the name of a field"),
        (r#"{"$set":1}"#, "/$set must not be the name of a field"),
        (r#"{"a.b":1}"#, "/a.b must not be the name of a field"),
        (r#"{"_id":1,"kafka":2}"#, "/_id is reserved: each document has a field of this name of its own; /kafka is"),
        (r#"{"createdAt":1}"#, "/createdAt is reserved"),
        (r#"{"a":"\ud800"}"#, "/a must be valid Unicode"),
        (r#"{"\ud800":1}"#, "/\u{fffd} must be valid Unicode"),
        ("[]", "body must be a JSON object, not an array"),
        ("", "body is not valid JSON: it ends too early or is empty"),
        (r#"{"a":1}x"#, "body is not valid JSON: expected the end at line 1 column 8"),
    ] {
        let errors = errors(kind, record);
        assert!(errors.starts_with(expected), "{record}: {errors}");
        assert!(kind.judge(record.as_bytes()).is_err_and(|errors| errors.is_of_body() == expected.starts_with("body")));
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(64), "]".repeat(64));
    assert_eq!(errors(kind, &deep), "body must not be nested deeper than 64 levels");
}

#[test]
fn errors_are_bounded_in_number_and_in_length() {
    let kind = of_schema(json!({ "additionalProperties": { "type": "string" }, "minProperties": 10_000 }));
    let members: Vec<String> = (0..25).map(|number| format!("\"{}{number}\":1", "x".repeat(300))).collect();
    let FieldErrorCount { count, longest } = counted(kind, &format!("{{{}}}", members.join(",")));
    assert_eq!(count, 21);
    assert!(longest < 500, "{longest}");
}

#[test]
fn of_a_large_record_only_the_first_error_is_searched_for() {
    let kind = of_schema(json!({ "additionalProperties": { "items": { "type": "string" } } }));
    let record = |count: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(count));
    assert_eq!(counted(kind, &record(4_000)).count, 21);
    let more = "body may have more errors: of more than 8192 bytes, only the first is named";
    assert_eq!(errors(kind, &record(100_000)), format!("/a/0 must be a string, not an integer; {more}"));
}

struct FieldErrorCount {
    count: usize,
    longest: usize,
}

fn counted(kind: &SchemaKind, record: &str) -> FieldErrorCount {
    let Err(errors) = kind.judge(record.as_bytes()) else { panic!("it is valid") };
    let longest = errors.iter().map(|error| error.field.len() + error.message.len()).max().unwrap_or(0);
    FieldErrorCount { count: errors.iter().count(), longest }
}

#[test]
fn a_rule_of_the_whole_record_is_not_broken_json() {
    let kind = of_schema(json!({ "minProperties": 2, "anyOf": [{ "required": ["a"] }, { "required": ["b"] }] }));
    let Err(errors) = kind.judge(br#"{"c":1}"#) else { panic!("it is valid") };
    assert!(!errors.is_of_body(), "{errors}");
    assert!(errors.to_string().starts_with("body "), "{errors}");
}

#[test]
fn a_record_that_would_become_too_large_a_document_is_an_error() {
    let kind = anything();
    let array = |count: usize| format!("{{\"a\":[{}0]}}", "0,".repeat(count));
    assert!(kind.judge(array(500_000).as_bytes()).is_ok());
    assert_eq!(errors(kind, &array(1_100_000)), "body must not become a document of more than 16000000 bytes");
}

#[test]
fn the_records_of_a_bulk_are_judged_as_they_would_be_alone() {
    let limits = BulkLimits { records: 10, record_bytes: 10_000 };
    let elements = [reading().to_string(), "{}".to_owned(), "7".to_owned()];
    let alone: Vec<String> = elements.iter().map(|element| judged(readings().judge(element.as_bytes()))).collect();
    for (body, format) in
        [(format!(" [ {} ]", elements.join("\n,\t")), BulkFormat::Array), (elements.join(" \r\n\n"), BulkFormat::Lines)]
    {
        let (mut bulk, mut found) = (SchemaBulk::new(readings(), body.into_bytes(), format, limits), Vec::new());
        while let Some(record) = bulk.next_record().unwrap() {
            found.push(judged(record));
        }
        assert_eq!(found, alone);
    }
    let mut broken = SchemaBulk::new(readings(), b"[{},{\"a\":}]".to_vec(), BulkFormat::Array, limits);
    assert!(matches!(broken.next_record(), Ok(Some(Err(_)))));
    let Err(BulkError::Broken(errors)) = broken.next_record() else { panic!("the second element is accepted") };
    let expected = "is not valid JSON: expected a value at line 1 column 6 in the reading at position 1";
    assert_eq!(errors.to_string(), format!("body {expected}"));
}

#[test]
fn alone_and_in_a_bulk_a_record_is_the_same_bytes() {
    let limits = BulkLimits { records: 10, record_bytes: 10_000 };
    for (around, is_valid) in [(" \t\r", true), ("\x0c", false), ("\x0b", false)] {
        let element = format!("{around}{{ \"a\": 1 }}{around}");
        let alone = anything().judge(element.as_bytes());
        assert_eq!(alone.is_ok(), is_valid, "{around:?}");
        let mut bulk = SchemaBulk::new(anything(), element.clone().into_bytes(), BulkFormat::Lines, limits);
        assert_eq!(judged(bulk.next_record().unwrap().unwrap()), judged(alone));
    }
    assert_eq!(judged(anything().judge(b" \r\n{ \"a\": 1 }\t\n")), "{ \"a\": 1 }");
}

fn judged(record: Result<SchemaRecord<'_>, FieldErrors>) -> String {
    match record {
        Ok(record) => String::from_utf8_lossy(record.value()).into_owned(),
        Err(errors) => errors.to_string(),
    }
}
