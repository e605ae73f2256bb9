use std::collections::{BTreeMap, HashSet};

use bson::{Bson, DateTime, Document, RawDocumentBuf, doc};
use contract::{FieldErrors, PostId, SchemaKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::compare::differences;
use super::json::{Kept, Number};
use super::*;

mod keywords;

/// Ten fields with every sort of rule.
pub(super) fn reading() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "device": {
                "type": "object",
                "properties": {
                    "id": {"type": "string", "minLength": 1, "maxLength": 64},
                    "firmware": {"type": ["string", "null"], "maxLength": 20},
                },
                "required": ["id"],
                "additionalProperties": false,
            },
            "note": {"type": "string", "maxLength": 200},
            "sequence": {"type": "integer"},
            "battery": {"type": "number", "minimum": 0, "maximum": 1},
            "celsius": {"type": "number", "minimum": -90, "exclusiveMaximum": 60, "multipleOf": 0.01},
            "quality": {"enum": ["good", "poor", null, 7, 1.5]},
            "is_indoors": {"type": "boolean"},
            "taken_at": {"type": "string", "format": "date-time"},
            "samples": {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 16},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 12}, "uniqueItems": true},
        },
        "required": ["device", "note", "sequence", "celsius", "taken_at", "samples"],
        "additionalProperties": false,
    })
}

pub(super) fn run(seed: u64, hostile_share: f64, invalid_share: f64) -> Run {
    let shape = Shape { hostile_share, invalid_share, ..Shape::default() };
    Run { id: "00ab12cd".parse().unwrap(), seed, shape, is_bulk: false }
}

/// The bodies of a kind, and the kind that judges them, which shares nothing with them.
pub(super) struct Judged {
    pub(super) bodies: SchemaBodies,
    pub(super) kind: SchemaKind,
}

impl Judged {
    pub(super) fn new(schema: &Value) -> Self {
        let file = json!({
            "kind": "reading", "route": "/api/readings", "topic": "readings", "collection": "readings",
            "write": "insert", "schema": schema,
        });
        let kind =
            SchemaKind::read(file.to_string().as_bytes()).unwrap_or_else(|errors| panic!("{schema}: {errors:?}"));
        Self { bodies: SchemaBodies::drawn(schema, Places::default()).unwrap(), kind }
    }

    /// The document of a valid body.
    pub(super) fn stored(&self, text: &[u8]) -> Option<Document> {
        let stored = self.kind.judge(text).ok()?.document(PostId::fresh(), 0);
        Some(Document::try_from(stored).unwrap())
    }

    /// What is wrong with a body.
    pub(super) fn errors(&self, text: &[u8]) -> Option<FieldErrors> {
        self.kind.judge(text).err()
    }
}

pub(super) fn compared(document: &Document, said: &Json) -> Vec<String> {
    differences(&RawDocumentBuf::try_from(document).unwrap(), said, &["_id", "createdAt"])
}

proptest! {
    #[test]
    fn every_valid_body_is_allowed_and_becomes_the_document_that_it_says(seed: u64, n in 0_u64..10_000_000_000) {
        for hostile_share in [0.0, 1.0] {
            let (judged, run) = (Judged::new(&reading()), run(seed, hostile_share, 0.0));
            let body = judged.bodies.body(run, n, "");
            let errors = judged.errors(&body.text);
            prop_assert!(errors.is_none(), "{:?}: {}", errors, String::from_utf8_lossy(&body.text));
            let said = body.said.clone().unwrap();
            let mut document = judged.stored(&body.text).unwrap();
            prop_assert_eq!(compared(&document, &said), [""; 0]);
            prop_assert_eq!(judged.bodies.body(run, n, ""), body);
            document.insert("kafka", "nor this");
            prop_assert_eq!(compared(&document, &said), ["/kafka was not sent"]);
        }
    }

    #[test]
    fn an_invalid_body_breaks_a_rule(seed: u64, n in 0_u64..1_000_000, is_hostile: bool) {
        let hostile_share = f64::from(u8::from(is_hostile));
        let judged = Judged::new(&reading());
        let body = judged.bodies.body(run(seed, hostile_share, 1.0), n, "");
        prop_assert_eq!(&body.said, &None);
        prop_assert!(judged.errors(&body.text).is_some(), "{}", String::from_utf8_lossy(&body.text));
    }

    #[test]
    fn the_marker_of_a_body_is_its_own(seed: u64, n in 0_u64..10_000_000_000, hostile_share in 0.0..1.0) {
        let places = Places { key: Some("/device/id"), ..Places::default() };
        let (bodies, run) = (SchemaBodies::drawn(&reading(), places).unwrap(), run(seed, hostile_share, 0.0));
        prop_assert_eq!(bodies.marker(), ["note"]);
        let body: Value = serde_json::from_slice(&bodies.body(run, n, "00ab12cd-3-14").text).unwrap();
        prop_assert_eq!(run.id.number_in(body["note"].as_str().unwrap()), Some(n));
        prop_assert_eq!(&body["device"]["id"], "00ab12cd-3-14");
    }
}

#[test]
fn bodies_are_many_and_shares_are_what_they_say() {
    let drawn = SchemaBodies::drawn(&reading(), Places::default()).unwrap();
    let bodies: Vec<Body> = (0..4_000).map(|n| drawn.body(run(1, 0.5, 0.25), n, "")).collect();
    let different: HashSet<&[u8]> = bodies.iter().map(|body| &*body.text).collect();
    assert_eq!(different.len(), bodies.len());
    let invalid = bodies.iter().filter(|body| body.said.is_none()).count();
    assert!((800..1_200).contains(&invalid), "{invalid}");
    let readable = bodies.iter().filter(|body| serde_json::from_slice::<Value>(&body.text).is_ok()).count();
    assert!(readable > 3_800, "few invalid bodies are cut off: {readable}");
    assert!((0..100).all(|n| drawn.body(run(2, 0.5, 0.25), n, "").text != bodies[usize::try_from(n).unwrap()].text));
    let with_optional = bodies.iter().filter_map(|body| body.said.as_ref()).filter(|said| has(said, "battery")).count();
    assert!((1_500..3_000).contains(&with_optional), "sometimes there and sometimes not: {with_optional}");
}

#[test]
fn the_bodies_of_the_example_are_valid() {
    let file = include_bytes!("../../../../examples/kinds/reading.json");
    let kind = SchemaKind::read(file).unwrap();
    let bodies = SchemaBodies::drawn(kind.json_schema(), Places::default()).unwrap();
    for n in 0..2_000 {
        let Body { text, said } = bodies.body(run(3, 0.5, 0.2), n, "");
        assert_eq!(kind.judge(&text).is_ok(), said.is_some(), "{}", String::from_utf8_lossy(&text));
    }
}

fn has(said: &Json, name: &str) -> bool {
    matches!(said, Json::Object(members) if members.iter().any(|(known, _)| known == name))
}

/// A liar for every sort of value: each alteration is seen, and named by its pointer.
#[test]
fn any_alteration_of_a_document_is_named() {
    let said = |name: &str, value: Json| (name.to_owned(), value);
    let number = |text: &str| Json::Number(Number::of(text.to_owned()));
    let sent = Json::Object(vec![
        said("text", Json::Text("caf\u{e9}".to_owned())),
        said("whole", number("9007199254740993")),
        said("point", number("12.0")),
        said("is", Json::Bool(true)),
        said("none", Json::Null),
        said("at", Json::Date { text: "1970-01-01T00:00:01.5Z".to_owned(), ms: 1_500 }),
        said("list", Json::Array(vec![number("1"), Json::Object(vec![said("a/b", number("0.1"))])])),
    ]);
    let document = doc! {
        "text": "caf\u{e9}", "whole": 9_007_199_254_740_993_i64, "point": 12.0, "is": true, "none": Bson::Null,
        "at": DateTime::from_millis(1_500), "list": [1_i64, {"a/b": 0.1}],
    };
    assert_eq!(compared(&document, &sent), [""; 0]);
    let alterations: BTreeMap<&str, Vec<(Bson, &str)>> = BTreeMap::from([
        (
            "text",
            vec![
                (Bson::from("cafe\u{301}"), "/text differs from character 4"),
                (Bson::Null, "/text is of type Null, not a string"),
            ],
        ),
        (
            "whole",
            vec![
                (
                    Bson::Int64(9_007_199_254_740_992),
                    "/whole is the int64 9007199254740992, not the int64 9007199254740993",
                ),
                (
                    Bson::Double(9_007_199_254_740_992.0),
                    "/whole is the double 9007199254740992, not the int64 9007199254740993",
                ),
            ],
        ),
        (
            "point",
            vec![
                (Bson::Int64(12), "/point is the int64 12, not the double 12"),
                (Bson::Int32(12), "/point is the int32 12, not the double 12"),
                (
                    Bson::Double(f64::from_bits(12.0_f64.to_bits() + 1)),
                    "/point is the double 12.000000000000002, not the double 12",
                ),
            ],
        ),
        (
            "is",
            vec![(Bson::Boolean(false), "/is is false, not true"), (Bson::Int64(1), "/is is the int64 1, not true")],
        ),
        ("none", vec![(Bson::Boolean(false), "/none is false, not null")]),
        (
            "at",
            vec![
                (Bson::DateTime(DateTime::from_millis(1_501)), "/at is 1501 ms since 1970, not 1970-01-01T00:00:01.5Z"),
                (Bson::from("1970-01-01T00:00:01.5Z"), "/at is of type String, not the date 1970-01-01T00:00:01.5Z"),
            ],
        ),
        (
            "list",
            vec![
                (bson::bson!([1_i64]), "/list has 1 elements, not 2"),
                (bson::bson!([1_i64, {"a/b": 0.1}, 3_i64]), "/list has 3 elements, not 2"),
                (bson::bson!([1_i64, {"a/b": 0.2}]), "/list/1/a~1b is the double 0.2, not the double 0.1"),
                (bson::bson!([1_i64, {"a/b": 0.1, "c": 1}]), "/list/1/c was not sent"),
                (bson::bson!([1_i64, {}]), "/list/1/a~1b is not there"),
                (bson::bson!([{"a/b": 0.1}, 1_i64]), "/list/0 is of type EmbeddedDocument, not the int64 1"),
            ],
        ),
    ]);
    for (name, alterations) in alterations {
        for (value, difference) in alterations {
            let mut altered = document.clone();
            altered.insert(name, value);
            assert_eq!(compared(&altered, &sent)[0], difference);
        }
        let mut without = document.clone();
        without.remove(name);
        assert_eq!(compared(&without, &sent), [format!("/{name} is not there")]);
    }
}

#[test]
fn a_number_is_kept_as_it_is_written() {
    for (text, kept) in [
        ("12", Kept::Int64(12)),
        ("9223372036854775807", Kept::Int64(i64::MAX)),
        ("9223372036854775808", Kept::Double(9_223_372_036_854_775_808.0)),
        ("12.0", Kept::Double(12.0)),
        ("1e2", Kept::Double(100.0)),
    ] {
        assert_eq!(Number::of(text.to_owned()).kept, kept);
    }
}

#[test]
fn the_bodies_of_a_file_are_sent_over_and_over_with_their_own_marker_and_key() {
    let lines =
        "{\"a\":1.50,\"device\":{\"id\":7,\"x\":[]},\"taken_at\":\"1970-01-01T00:00:01Z\"}\n\n{\"note\":\"mine\"}";
    let places = Places { key: Some("/device/id"), ..Places::default() };
    let bodies = SchemaBodies::given(lines, &reading(), places, |_| None).unwrap();
    assert_eq!((bodies.lines(), bodies.marker()), (Some(2), &["note".to_owned()][..]));
    let body = bodies.body(run(1, 0.0, 0.0), 4, "k-1");
    let expected =
        r#"{"a":1.50,"device":{"id":"k-1","x":[]},"taken_at":"1970-01-01T00:00:01Z","note":"load 00ab12cd 4"}"#;
    assert_eq!(body.text, expected);
    let taken_at = DateTime::from_millis(1_000);
    let stored = doc! { "a": 1.5, "device": { "id": "k-1", "x": [] }, "taken_at": taken_at, "note": "load 00ab12cd 4" };
    assert_eq!(compared(&stored, &body.said.unwrap()), [""; 0]);
    let expected = r#"{"note":"load 00ab12cd 5","device":{"id":"k-2"}}"#;
    assert_eq!(bodies.body(run(1, 0.0, 0.0), 5, "k-2").text, expected);
    let unusual = bodies.body(run(1, 1.0, 0.0), 4, "k-1");
    assert_ne!(unusual.text, body.text, "hostile is only how they are written");
    assert_eq!(compared(&stored, &unusual.said.unwrap()), [""; 0]);
    for n in 0..100 {
        let invalid = bodies.body(run(1, 0.0, 1.0), n, "k");
        assert_eq!(invalid.said, None);
        assert!(!serde_json::from_slice::<Value>(&invalid.text).is_ok_and(|value| value.is_object()));
    }
    assert_eq!(SchemaBodies::given(" \n", &reading(), places, |_| None).unwrap_err(), ["there is no body in it"]);
    let is_short = |body: &[u8]| (body.len() > 100).then(|| format!("is long: {}", String::from_utf8_lossy(body)));
    let long = format!(r#"{{"note":"replaced","a":"{}"}}"#, "x".repeat(80));
    let errors = SchemaBodies::given(&format!("{{}}\n[]\n{{\n{long}"), &reading(), places, is_short).unwrap_err();
    assert!(errors[0].starts_with("line 2: must be") && errors[1].starts_with("line 3: "), "{errors:?}");
    assert!(errors[2].starts_with(r#"line 4: is long: {"note":"load 00000000 9999999999""#), "{errors:?}");
    let has_short_marker = |body: &[u8]| String::from_utf8_lossy(body).contains(" 0\"").then(|| "is short".to_owned());
    let errors = SchemaBodies::given("{}", &reading(), places, has_short_marker).unwrap_err();
    assert_eq!(errors, ["line 1: is short"], "the first markers of a run are the shortest");
}

#[test]
fn no_body_of_a_bulk_is_cut_off() {
    let drawn = SchemaBodies::drawn(&reading(), Places::default()).unwrap();
    let mut run = run(1, 0.5, 1.0);
    let are_readable = |run| (0..500).all(|n| serde_json::from_slice::<Value>(&drawn.body(run, n, "").text).is_ok());
    assert!(!are_readable(run));
    run.is_bulk = true;
    assert!(are_readable(run));
}
