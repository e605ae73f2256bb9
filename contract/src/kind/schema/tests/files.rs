use super::*;

/// The errors of the example's file after this change.
fn errors_of(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut file: Value = serde_json::from_str(READING).unwrap();
    change(&mut file);
    SchemaKind::read(file.to_string().as_bytes()).err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// The errors of a schema, without what they all start with.
fn errors_of_schema(schema: Value) -> Vec<String> {
    let errors = errors_of(|file| file["schema"] = schema);
    errors.into_iter().map(|error| error.trim_start_matches("/schema").to_owned()).collect()
}

#[test]
fn the_example_says_all_that_a_kind_needs() {
    let kind = readings();
    assert_eq!((kind.name(), kind.plural(), kind.route()), ("reading", "readings", "/api/readings"));
    assert_eq!((kind.bulk_route(), kind.topic()), ("/api/readings/bulk", "readings"));
    assert_eq!((kind.dead_letter_topic(), kind.group()), ("readings.dlq", "reading-consumer"));
    assert_eq!((kind.collection(), kind.write(), kind.key_pointer()), ("readings", Write::Insert, None));
    assert_eq!(kind.retention(), Some(Duration::from_secs(30 * 86_400)));
    assert_eq!(kind.json_schema()["title"], "Reading");
    assert_eq!(latest_readings().key_pointer(), Some("/device/id"));
}

#[test]
fn every_error_of_a_file_is_named() {
    let errors = errors_of(|file| {
        *file = json!({
            "kind": "Reading", "route": "readings/", "topic": "a b", "write": "replace", "keys": "/a", "group": "",
            "retention": "1 day", "dead_letter_topic": 7,
            "schema": { "type": "thing", "minimun": 3, "properties": { "a": { "pattern": "(?=x)" } } },
        });
    });
    let pointers: Vec<&str> = errors.iter().filter_map(|error| error.split(' ').next()).collect();
    let expected = [
        "/collection",
        "/dead_letter_topic",
        "/group",
        "/keys",
        "/kind",
        "/retention",
        "/route",
        "/schema/minimun",
        "/schema/properties/a/pattern",
        "/schema/type",
        "/topic",
        "/write",
    ];
    assert_eq!(pointers, expected, "{errors:#?}");
}

#[test]
fn names_and_retentions_are_bounded() {
    for (member, wrong) in [
        ("kind", &["", "1a", "a-b", "ä"][..]),
        ("route", &["", "/", "a", "/a/", "//a", "/a b", "/../a", "/a?b", "/a#b"]),
        ("topic", &["", ".", "..", "a/b", "ä"]),
        ("collection", &["", "1a", "$a", "system.a", "a b", "ingest_control"]),
        ("retention", &["", "30", "d", "1w", "0s", "-1d", "+1d", "1.5d", "999999999999999999d", "365001d", "ü"]),
        ("write", &["Insert", ""]),
    ] {
        for text in wrong {
            let errors = errors_of(|file| file[member] = json!(text));
            assert!(errors.len() == 1 && errors[0].starts_with(&format!("/{member} ")), "{text}: {errors:?}");
        }
    }
    assert_eq!(errors_of(|file| file["dead_letter_topic"] = json!("readings")).len(), 1);
    assert_eq!(SchemaKind::read(b"[1").unwrap_err()[0].to_string(), "is not valid JSON: it ends too early or is empty");
    assert_eq!(SchemaKind::read(b"[1]").unwrap_err()[0].to_string(), "must be a JSON object, not an array");
    let twice = READING.replacen("\"kind\"", "\"topic\":\"a\",\"kind\"", 1);
    assert_eq!(SchemaKind::read(twice.as_bytes()).unwrap_err()[0].to_string(), "/topic must be given only once");
}

#[test]
fn a_topic_leaves_room_for_the_default_of_its_dead_letters() {
    let with = |bytes: usize, dead_letter_topic: Value| {
        errors_of(|file| {
            file["topic"] = json!("t".repeat(bytes));
            if dead_letter_topic.is_string() {
                file["dead_letter_topic"] = dead_letter_topic;
            }
        })
    };
    assert_eq!(with(245, Value::Null), [""; 0]);
    let expected = "/topic must have at most 245 characters, or a dead_letter_topic beside it: its default adds .dlq";
    assert_eq!(with(246, Value::Null), [expected]);
    assert_eq!(with(249, json!("dead")), [""; 0]);
}

#[test]
fn a_key_is_promised_by_the_schema() {
    let with = |key: Value, schema: Value| {
        errors_of(|file| (file["write"], file["key"], file["schema"]) = (json!("upsert"), key, schema))
    };
    let id = json!({ "type": "string", "minLength": 1, "maxLength": 64 });
    let good = json!({ "required": ["a"], "allOf": [{ "properties": { "a": { "$ref": "#/$defs/a" } } }], "$defs": {
        "a": { "type": "object", "required": ["b"], "properties": { "b": id } },
    } });
    assert_eq!(with(json!("/a/b"), good.clone()), Vec::<String>::new());
    for (key, expected) in [
        ("a/b", "must be a JSON pointer"),
        ("", "must be a JSON pointer"),
        ("/b", "needs a schema that requires /b"),
        ("/a", "needs a schema in which /a has \"type\": \"string\""),
        ("/a/c", "needs a schema that requires /a/c"),
    ] {
        let errors = with(json!(key), good.clone());
        assert!(errors.iter().any(|error| error.starts_with(&format!("/key {expected}"))), "{key}: {errors:?}");
    }
    for (lacking, value) in [("minLength", json!(0)), ("maxLength", json!(65)), ("type", json!(["string", "null"]))] {
        let mut id = id.clone();
        id[lacking] = value;
        let errors = with(json!("/a"), json!({ "required": ["a"], "properties": { "a": id } }));
        assert!(errors.len() == 1 && errors[0].contains(lacking), "{errors:?}");
    }
    assert_eq!(with(json!(null), good).len(), 1);
    let of_insert = errors_of(|file| file["key"] = json!("/station"));
    assert_eq!(of_insert.len(), 1, "{of_insert:?}");
}

#[test]
fn a_schema_is_whole_and_says_where_dates_are() {
    let time = json!({ "format": "date-time" });
    for (schema, expected) in [
        (json!({ "$ref": "https://example.com/a.json" }), "/$ref must be a pointer to a part of this schema"),
        (json!({ "$ref": "#/$defs/none" }), "/$ref must be a pointer"),
        (json!({ "$ref": "#" }), "/$ref must not lead back to itself"),
        (
            json!({ "$defs": { "a": { "anyOf": [{ "$ref": "#/$defs/a" }] } } }),
            "/$defs/a/anyOf/0/$ref must not lead back to itself",
        ),
        (json!({ "$dynamicRef": "#a" }), "/$dynamicRef is not a keyword that is supported"),
        (json!({ "$schema": "http://json-schema.org/draft-07/schema#" }), "/$schema must be https://json-schema.org"),
        (json!({ "properties": { "a": { "$id": "a" } } }), "/properties/a/$id must be at the top"),
        (json!({ "format": "colour" }), "/format is not a format that is checked"),
        (json!({ "anyOf": [{ "properties": { "a": time } }] }), "/anyOf/0/properties/a/format a time becomes a date"),
        (json!({ "not": { "$ref": "#/$defs/a" }, "$defs": { "a": time } }), "/$defs/a/format a time becomes a date"),
        (
            json!({ "patternProperties": { "^x": true }, "additionalProperties": time }),
            "/additionalProperties/format a time becomes a date",
        ),
        (json!({ "contains": time }), "/contains/format a time becomes a date"),
        (json!({ "properties": { "_id": true } }), "/properties/_id is reserved"),
        (json!({ "properties": { "a.b": true } }), "/properties/a.b must not be the name of a field"),
        (json!({ "patternProperties": { "(": true } }), "/patternProperties/( must be a regular expression"),
        (json!({ "required": "a" }), "/required must be an array, not a string"),
        (json!({ "items": [true] }), "/items must be "),
    ] {
        let errors = errors_of_schema(schema.clone());
        assert!(errors.iter().any(|error| error.starts_with(expected)), "{schema}: {errors:?}");
    }
    for good in [
        json!({ "$id": "https://example.com/reading.json", "x-note": 1, "$defs": { "a": time } }),
        json!({ "properties": { "next": { "$ref": "#" }, "a": time }, "$comment": "", "examples": [{ "minimun": 1 }] }),
        json!({ "anyOf": [{ "format": "email" }], "not": { "required": ["x"] } }),
    ] {
        assert_eq!(errors_of_schema(good.clone()), Vec::<String>::new(), "{good}");
    }
}

#[test]
fn no_two_kinds_have_a_name_in_common() {
    let file = |change: &dyn Fn(&mut Value)| {
        let mut file: Value = serde_json::from_str(READING).unwrap();
        change(&mut file);
        KindFile { name: format!("{}.json", file["kind"].as_str().unwrap()), bytes: file.to_string().into_bytes() }
    };
    let one = file(&|_| {});
    let other = file(&|file| {
        for (member, name) in [("kind", "other"), ("route", "/o"), ("topic", "o"), ("collection", "o")] {
            file[member] = json!(name);
        }
    });
    let names = |kinds: Vec<SchemaKind>| kinds.iter().map(|kind| kind.name().to_owned()).collect::<Vec<_>>();
    assert_eq!(
        read_kinds(&[one.clone(), other.clone()]).map(names),
        Ok(vec!["reading".to_owned(), "other".to_owned()])
    );
    let same = file(&|file| file["group"] = json!("order-processing-group"));
    let errors = read_kinds(&[one, other, same]).unwrap_err();
    let found: Vec<_> = errors.iter().map(|(_, error)| error.pointer.as_str()).collect();
    let expected = ["/kind", "/route", "/route", "/topic", "/dead_letter_topic", "/group", "/collection"];
    assert_eq!(found, expected);
    let fixed = file(&|file| {
        (file["kind"], file["route"], file["topic"]) = (json!("post"), json!("/api/orders"), json!("post.dlq"))
    });
    let errors: Vec<String> = read_kinds(&[fixed]).unwrap_err().iter().map(|(_, error)| error.to_string()).collect();
    let expected = [
        "/kind must not be post, which belongs to the kind post",
        "/route must not be /api/orders, which belongs to the services",
        "/route must not be /api/orders/bulk, which belongs to the services",
        "/topic must not be post.dlq, which belongs to the kind post",
        "/group must not be post-consumer, which belongs to the kind post",
    ];
    assert_eq!(errors, expected);
}
