//! Each keyword alone, and what is not understood.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Places, SchemaBodies};
use super::{Judged, compared, run};

/// A kind with one more property, of this schema.
fn with(property: Value) -> Value {
    json!({
        "type": "object",
        "properties": {"mark": {"type": "string"}, "value": property},
        "required": ["mark", "value"],
        "$defs": {
            "tree": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
                    "next": {"anyOf": [true]},
                },
            },
            "leaf": {"type": "integer", "minimum": 3},
            "list": {
                "type": ["object", "null"], "required": ["next"],
                "properties": {"next": {"$ref": "#/$defs/list"}},
            },
            "endless": {"type": "object", "properties": {"next": {"$ref": "#/$defs/endless"}}, "required": ["next"]},
            "a/b~c": {"type": "boolean"},
        },
    })
}

/// Without the keyword in `$defs` that is not understood.
fn supported(property: Value) -> Value {
    let mut schema = with(property);
    schema["$defs"]["tree"]["properties"].as_object_mut().unwrap().remove("next");
    schema
}

fn properties() -> Vec<Value> {
    vec![
        json!(true),
        json!({}),
        json!({"title": "anything", "description": "at all", "x-unit": "m"}),
        json!({"type": "null"}),
        json!({"type": ["boolean", "integer", "null"]}),
        json!({"type": ["integer", "number", "string"], "minimum": 5, "minLength": 3}),
        json!({"minimum": 5}),
        json!({"minLength": 3, "required": ["a"], "maxItems": 2}),
        json!({"const": {"a": [1, 2.5, null]}}),
        json!({"enum": ["a", 1, 1.5, [], {}, null, false], "type": ["string", "integer", "array"]}),
        json!({"type": "integer", "minimum": -3, "maximum": 3}),
        json!({"type": "integer", "exclusiveMinimum": -3.5, "exclusiveMaximum": 3.5}),
        json!({"type": "integer", "multipleOf": 0.3, "minimum": 1}),
        json!({"type": "integer", "minimum": 9_223_372_036_854_775_000_i64}),
        json!({"type": "integer", "multipleOf": 7, "maximum": -100}),
        json!({"type": "number"}),
        json!({"type": "number", "minimum": 0}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "minimum": 0.1, "maximum": 0.3, "multipleOf": 0.1}),
        json!({"type": "number", "multipleOf": 0.01}),
        json!({"type": "number", "multipleOf": 1e-7, "maximum": 1}),
        json!({"type": "number", "multipleOf": 2.5, "minimum": -1e9, "exclusiveMinimum": -1e9}),
        json!({"type": "string", "minLength": 1, "maxLength": 1}),
        json!({"type": "string", "maxLength": 0}),
        json!({"type": "string", "minLength": 500}),
        json!({"type": "string", "pattern": "^[0-9]+\\.[0-9]+$", "minLength": 3, "maxLength": 30}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "format": "date"}),
        json!({"type": "string", "format": "time"}),
        json!({"type": "string", "format": "uuid", "maxLength": 36}),
        json!({"type": "string", "format": "email", "minLength": 20, "maxLength": 30}),
        json!({"type": "string", "format": "uri"}),
        json!({"type": "string", "format": "ipv4"}),
        json!({"type": "string", "format": "ipv6"}),
        json!({"type": "string", "format": "hostname", "maxLength": 12}),
        json!({"type": "array"}),
        json!({"type": "array", "items": false}),
        json!({"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 3}),
        json!({"type": "array", "items": {"enum": [1, 2, 3, "3"]}, "uniqueItems": true, "minItems": 4}),
        json!({
            "type": "array", "uniqueItems": true, "minItems": 30,
            "items": {"type": "integer", "minimum": 1, "maximum": 30},
        }),
        json!({"type": "array", "items": {"type": "string", "maxLength": 1}, "uniqueItems": true, "minItems": 8}),
        json!({"type": "array", "items": {"type": "number"}, "uniqueItems": true, "minItems": 2, "maxItems": 9}),
        json!({"type": "array", "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "null"}}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, false, true], "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}], "items": false, "minItems": 1}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "required": ["counted"]}),
        json!({"type": "object", "properties": {"never": false, "b": true}, "additionalProperties": false}),
        json!({"required": ["b"]}),
        json!({"$ref": "#/$defs/tree"}),
        json!({"$ref": "#/$defs/leaf", "maximum": 5}),
        json!({"$ref": "#/$defs/list"}),
        json!({"$ref": "#/$defs/a~1b~0c"}),
        json!({"type": "array", "items": {"$ref": "#"}, "maxItems": 3}),
        json!({"allOf": [{"$ref": "#/$defs/leaf"}, {"maximum": 9}, true], "type": "integer"}),
        json!({
            "type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}},
            "allOf": [{"properties": {"b": {"type": "integer"}}, "required": ["b"]}, {"type": "object"}],
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn bodies_follow_each_keyword(seed: u64) {
        for property in properties() {
            let schema = supported(property.clone());
            let judged = Judged::new(&schema);
            for (hostile, invalid) in [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)] {
                for n in 0..3 {
                    let body = judged.bodies.body(run(seed, hostile, invalid), n, "");
                    let text = String::from_utf8_lossy(&body.text);
                    prop_assert_eq!(body.said.is_some(), invalid == 0.0);
                    let stored = judged.stored(&body.text);
                    if let (Some(said), Some(stored)) = (&body.said, &stored) {
                        prop_assert_eq!(compared(stored, said), [""; 0], "{}: {}", property, text);
                    }
                    let errors = judged.errors(&body.text);
                    prop_assert_eq!(errors.is_none(), invalid == 0.0, "{}: {}: {:?}", property, text, errors);
                }
            }
        }
    }
}

#[test]
fn what_is_not_understood_is_named_by_pointer() {
    for (property, pointer, why) in [
        (json!({"type": "string", "pattern": "^(?=a)"}), "/pattern", "is not understood"),
        (json!({"type": "string", "pattern": "^a{9}$", "maxLength": 8}), "", "leaves no text"),
        (json!({"type": "string", "pattern": "^a$", "format": "uuid"}), "/pattern", "without a format"),
        (json!({"if": true}), "/if", "is not understood"),
        (json!({"oneOf": [true]}), "/oneOf", "is not understood"),
        (json!({"anyOf": [true]}), "/anyOf", "is not understood"),
        (json!({"not": {"type": "null"}}), "/not", "is not understood"),
        (json!({"type": "object", "patternProperties": {}}), "/patternProperties", "is not understood"),
        (json!({"type": "object", "minProperties": 1}), "/minProperties", "is not understood"),
        (json!({"type": "array", "contains": true}), "/contains", "is not understood"),
        (json!({"type": "string", "maxlength": 7}), "/maxlength", "is not understood"),
        (json!({"type": "string", "format": "regex"}), "/format", "is not a format"),
        (json!({"type": "string", "format": "uuid", "maxLength": 10}), "", "leaves no text"),
        (json!({"type": "string", "minLength": 9, "maxLength": 8}), "", "leaves no text"),
        (json!({"type": "integer", "minimum": 1.2, "maximum": 1.8}), "", "leaves no number"),
        (json!({"type": "number", "minimum": 1e300}), "/minimum", "at most 19 digits"),
        (json!({"enum": [1, "a"], "type": "null"}), "/enum", "leaves no value"),
        (json!({"enum": [1, "a"], "minimum": 1}), "/enum", "beside keywords other than type"),
        (json!({"type": "array", "minItems": 2, "items": false}), "", "leaves no array"),
        (json!({"type": "array", "minItems": 2, "uniqueItems": true, "items": {"type": "null"}}), "", "uniqueItems"),
        (json!({"type": "object", "required": ["a"], "additionalProperties": false}), "", "a is required"),
        (json!({"type": "object", "required": ["a"], "properties": {"a": false}}), "/properties/a", "leaves no value"),
        (json!({"$ref": "https://example.com/schema"}), "/$ref", "JSON pointer within the schema"),
        (json!({"$ref": "#/$defs/nowhere"}), "/$ref", "JSON pointer within the schema"),
        (json!({"$ref": "#/properties/value"}), "/$ref", "refers to itself"),
        (json!({"allOf": [{"minimum": 1}, {"minimum": 2}]}), "/allOf/1/minimum", "beside another value"),
        (
            json!({"properties": {"a": true}, "allOf": [{"properties": {"a": true}}]}),
            "/properties/a",
            "the same property elsewhere",
        ),
        (
            json!({"properties": {"a": true}, "allOf": [{"properties": {"b": true}, "additionalProperties": false}]}),
            "/allOf/0/additionalProperties",
            "several schemas have properties",
        ),
    ] {
        let errors = SchemaBodies::drawn(&supported(property.clone()), Places::default()).unwrap_err();
        let pointer = format!("/properties/value{pointer}");
        let found = errors.iter().any(|error| error.pointer == pointer && error.why.contains(why));
        assert!(found, "{property}: {errors:?}");
    }
    let errors = SchemaBodies::drawn(&with(json!({"$ref": "#/$defs/tree"})), Places::default()).unwrap_err();
    assert_eq!(errors[0].to_string(), "/$defs/tree/properties/next/anyOf is not understood");
    let errors = SchemaBodies::drawn(&with(json!({"$ref": "#/$defs/endless"})), Places::default()).unwrap_err();
    assert_eq!(errors[0].to_string(), "the schema contains itself without an end");
}

#[test]
fn the_marker_is_found_or_asked_for() {
    let text = |rules: Value| json!({"type": "object", "properties": {"value": rules}, "required": ["value"]});
    let marker = |schema: &Value, places: Places<'_>| {
        SchemaBodies::drawn(schema, places)
            .map(|bodies| bodies.marker().join("/"))
            .map_err(|errors| errors[0].to_string())
    };
    let plain = Places::default();
    assert_eq!(marker(&text(json!({"type": "string", "maxLength": 24})), plain), Ok("value".to_owned()));
    let nested = text(
        json!({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["b"]}),
    );
    assert_eq!(marker(&nested, plain), Ok("value/b".to_owned()), "the required one comes first");
    assert_eq!(marker(&nested, Places { key: Some("/value/b"), ..plain }), Ok("value/a".to_owned()));
    assert_eq!(marker(&nested, Places { marker: Some("/value/a"), ..plain }), Ok("value/a".to_owned()));
    for rules in [
        json!({"type": "string", "maxLength": 23}),
        json!({"type": "string", "format": "email"}),
        json!({"type": "string", "pattern": "^a{40}$"}),
        json!({"type": ["string", "null"]}),
        json!({"type": "integer"}),
    ] {
        assert!(marker(&text(rules.clone()), plain).is_err_and(|error| error.contains("--marker")), "{rules}");
        let named = if rules["type"] == json!(["string", "null"]) { Ok("value".to_owned()) } else { Err(()) };
        let given = Places { marker: Some("/value"), ..plain };
        assert_eq!(
            marker(&text(rules), given).map_err(|error| assert!(error.contains("cannot hold the marker"))),
            named
        );
    }
    let is_key = Places { key: Some("/value/a"), marker: Some("/value/a") };
    assert!(marker(&nested, is_key).is_err_and(|error| error.contains("is the key")));
    let with_key = |shortest: usize| {
        let key = json!({"type": "string", "minLength": shortest});
        let schema = text(json!({"type": "object", "properties": {"a": key, "b": {"type": "string"}}}));
        marker(&schema, Places { key: Some("/value/a"), ..plain })
    };
    assert_eq!(with_key(24), Ok("value/b".to_owned()));
    assert!(with_key(25).is_err_and(|error| error.contains("minLength is larger")));
    for pointer in ["", "value", "/nowhere", "/value/deeper"] {
        let given = Places { marker: Some(pointer), ..plain };
        let error = marker(&text(json!({"type": "string"})), given).unwrap_err();
        assert!(error.contains("cannot hold") || error.contains("must be a JSON pointer"), "{error}");
    }
}
