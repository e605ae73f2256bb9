use bson::RawDocumentBuf;
use proptest::prelude::*;

use super::*;

fn document(raw: &RawDocumentBuf) -> Document {
    Document::try_from(raw.as_ref()).unwrap_or_else(|error| panic!("{raw:?}: {error}"))
}

fn date(text: &str) -> Bson {
    Bson::DateTime(DateTime::parse_rfc3339_str(text).unwrap())
}

#[test]
fn a_reading_becomes_a_document() {
    let (id, text) = (PostId::fresh(), reading().to_string());
    let found = document(&readings().judge(text.as_bytes()).unwrap().document(id, 1_700_000_000_123));
    let expected = bson::doc! {
        "_id": crate::document::encode_id(id),
        // serde_json sorts the names of the test's own text.
        "device": {
            "firmware": "1.2.3",
            "id": "D-1",
            "installed_at": date("2025-01-01T00:00:00+01:00"),
        },
        "humidity": 81_i64,
        "measured_at": date("2026-11-28T20:15:00.123Z"),
        "note": "ok",
        "pressure": 1013.25,
        "raining": false,
        "sequence": 17_i64,
        "station": "North",
        "temperature": -3.5,
        "wind": [1_i64, 2.5],
        "createdAt": DateTime::from_millis(1_700_000_000_123),
    };
    assert_eq!(found, expected);
}

#[test]
fn the_document_of_a_key_says_where_its_record_stands() {
    let kind = anything();
    let place = Place { partition: 3, offset: 4_711, timestamp_ms: 1_700_000_000_123 };
    let found = document(&kind.judge(br#"{"b":null,"a":{}}"#).unwrap().keyed_document("K", &place));
    let timestamp = DateTime::from_millis(place.timestamp_ms);
    let expected = bson::doc! {
        "_id": "K", "b": null, "a": {}, "kafka": { "partition": 3, "offset": 4_711_i64, "timestamp": timestamp },
    };
    assert_eq!(found, expected);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["_id", "b", "a", "kafka"], "the fields keep their order");
}

#[test]
fn dates_are_where_the_schema_has_them_and_nowhere_else() {
    let time = json!({ "type": ["string", "null"], "format": "date-time" });
    let kind = of_schema(json!({
        "$defs": { "time": time, "node": {
            "properties": { "at": { "$ref": "#/$defs/time" }, "next": { "$ref": "#/$defs/node" } },
        } },
        "allOf": [{ "properties": { "both": { "format": "date-time" } } }],
        "properties": {
            "both": { "type": "string" },
            "list": { "prefixItems": [true, time], "items": { "properties": { "at": time } } },
            "map": { "properties": { "plain": true }, "additionalProperties": time },
            "node": { "$ref": "#/$defs/node" },
        },
    }));
    let time = "2026-11-28T20:15:00Z";
    let record = json!({
        "both": time, "other": time, "list": [time, time, time, { "at": time, "x": time }],
        "map": { "plain": time, "any": time, "nothing": null },
        "node": { "at": time, "x": time, "next": { "at": time, "next": { "at": time } } },
    });
    let found = document(&kind.judge(record.to_string().as_bytes()).unwrap().document(PostId::fresh(), 0));
    let (date, text) = (date(time), Bson::from(time));
    let expected = bson::doc! {
        "both": &date,
        "list": [&text, &date, &text, { "at": &date, "x": &text }],
        "map": { "any": &date, "nothing": null, "plain": &text },
        "node": { "at": &date, "next": { "at": &date, "next": { "at": &date } }, "x": &text },
        "other": &text,
    };
    for (name, value) in &expected {
        assert_eq!(found.get(name), Some(value), "{name}");
    }
}

/// A value, and what it is in a document.
fn value() -> impl Strategy<Value = (Value, Bson)> {
    let double = any::<f64>().prop_filter("JSON has none other", |double| double.is_finite());
    let leaf = prop_oneof![
        Just((Value::Null, Bson::Null)),
        any::<bool>().prop_map(|boolean| (json!(boolean), Bson::Boolean(boolean))),
        any::<i64>().prop_map(|integer| (json!(integer), Bson::Int64(integer))),
        double.prop_map(|double| (json!(double), Bson::Double(double + 0.0))),
        "(?s).{0,12}".prop_map(|text| (json!(text), Bson::String(text))),
    ];
    leaf.prop_recursive(4, 40, 12, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(|elements| {
                let (json, bson): (Vec<_>, Vec<_>) = elements.into_iter().unzip();
                (Value::from(json), Bson::Array(bson))
            }),
            members(inner).prop_map(|(json, bson)| (json, Bson::Document(bson))),
        ]
    })
}

fn members(value: impl Strategy<Value = (Value, Bson)>) -> impl Strategy<Value = (Value, Document)> {
    prop::collection::btree_map("[^.$\0]{0,6}", value, 0..6).prop_map(|members| {
        let json = members.iter().map(|(name, (json, _))| (name.clone(), json.clone())).collect();
        (Value::Object(json), members.into_iter().map(|(name, (_, bson))| (name, bson)).collect())
    })
}

proptest! {
    #[test]
    fn any_record_reads_back_from_its_document(record in members(value()), created_at_ms: i64) {
        let (json, expected) = record;
        let kind = anything();
        let (id, text) = (PostId::fresh(), json.to_string());
        let raw = kind.judge(text.as_bytes()).unwrap().document(id, created_at_ms);
        let mut found = document(&raw);
        prop_assert_eq!(found.remove("_id"), Some(Bson::Binary(crate::document::encode_id(id))));
        prop_assert_eq!(found.remove("createdAt"), Some(Bson::DateTime(DateTime::from_millis(created_at_ms))));
        prop_assert_eq!(&found, &expected);
        // By bytes too: zero and negative zero are equal.
        prop_assert_eq!(bson::serialize_to_vec(&found).unwrap(), bson::serialize_to_vec(&expected).unwrap());
        prop_assert!(raw.as_bytes().len() <= kind.judge(text.as_bytes()).unwrap().document_bytes());
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(
        body in prop::collection::vec(any::<u8>(), 0..300),
        like in "\\{(\"(wind|a|device)\":(\"[a-z]{0,3}\"|-?[0-9]{1,20}(\\.[0-9]{1,20})?|\\[\\]|\\{\\}),?){0,4}\\}",
    ) {
        for body in [body, like.into_bytes()] {
            if let Err(errors) = readings().judge(&body) {
                prop_assert!(errors.iter().count() > 0);
            }
        }
    }
}
