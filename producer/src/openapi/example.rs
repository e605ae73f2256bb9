//! An example of a record of a kind that a file describes: one from its schema, or one that is made from the rules of
//! its fields. Only what the kind accepts is an example.

use contract::SchemaKind;
use serde_json::{Value, json};

/// How deep an example is made, because a schema may refer to itself.
const MAX_DEPTH: usize = 8;

/// A valid record, if one is found.
pub(super) fn example(kind: &SchemaKind) -> Option<Value> {
    let schema = kind.json_schema();
    let given = schema["examples"].as_array().into_iter().flatten().cloned();
    let is_valid = |record: &Value| kind.judge(record.to_string().as_bytes()).is_ok();
    given.chain([made(schema, schema, MAX_DEPTH)]).find(is_valid)
}

/// A value for this part of a schema, as far as simple rules lead.
fn made(root: &Value, schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    let given = ["const", "default"].iter().filter_map(|keyword| schema.get(*keyword));
    let listed = ["examples", "enum"].iter().filter_map(|keyword| schema[keyword].get(0));
    if let Some(value) = given.chain(listed).next() {
        return value.clone();
    }
    let elsewhere = schema["$ref"].as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?));
    let part = elsewhere.or_else(|| ["allOf", "anyOf", "oneOf"].iter().find_map(|keyword| schema[keyword].get(0)));
    let types = &schema["type"];
    match types.as_str().or_else(|| types.get(0)?.as_str()) {
        Some("object") => object(root, schema, depth),
        Some("array") => {
            // One element shows what they are; further down, a list that need not have any ends the example.
            let count = schema["minItems"].as_u64().unwrap_or(u64::from(depth + 2 > MAX_DEPTH)).min(8);
            (0..count).map(|_| made(root, &schema["items"], depth - 1)).collect()
        }
        Some("string") => json!(text(schema)),
        Some("integer" | "number") => number(schema),
        Some("boolean") => json!(true),
        Some(_) => Value::Null,
        None if schema["properties"].is_object() => object(root, schema, depth),
        None => part.map_or(Value::Null, |part| made(root, part, depth - 1)),
    }
}

/// An object with the fields that it must have.
fn object(root: &Value, schema: &Value, depth: usize) -> Value {
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.map(|name| (name.to_owned(), made(root, &schema["properties"][name], depth - 1))).collect()
}

fn text(schema: &Value) -> String {
    match schema["format"].as_str() {
        Some("date-time") => "2026-11-28T20:15:00.000Z".to_owned(),
        Some("date") => "2026-11-28".to_owned(),
        Some("uuid") => "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b".to_owned(),
        Some("email") => "someone@example.com".to_owned(),
        Some("uri") => "https://example.com/".to_owned(),
        _ => {
            let (min, max) = (schema["minLength"].as_u64().unwrap_or(0), schema["maxLength"].as_u64().unwrap_or(6));
            "example".chars().cycle().take(min.max(max.min(7)).min(1000) as usize).collect()
        }
    }
}

fn number(schema: &Value) -> Value {
    let bound = ["minimum", "maximum", "multipleOf"].iter().find_map(|keyword| schema.get(*keyword));
    bound.cloned().unwrap_or_else(|| json!(1))
}
