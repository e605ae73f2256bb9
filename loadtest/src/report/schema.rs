//! Whether a report matches `report.schema.json`. The schema's few keywords are checked by hand, because a full
//! validator would bring thirty crates. CI checks the schema itself, and reports against it, with a real validator.

use serde_json::Value;

const SCHEMA: &str = include_str!("../../report.schema.json");

/// The schema's name, which the other schemas use to refer to shared parts.
const NAME: &str = "report.schema.json";

/// Every way in which the report differs from the schema.
pub fn faults(report: &Value) -> Vec<String> {
    faults_by(SCHEMA, report)
}

/// The same for another schema.
pub fn faults_by(schema: &str, report: &Value) -> Vec<String> {
    let schema = parsed(schema);
    let mut faults = Vec::new();
    check(&schema, &schema, report, "report", &mut faults);
    faults
}

fn parsed(schema: &str) -> Value {
    serde_json::from_str(schema).expect("the schema is JSON")
}

fn check(root: &Value, schema: &Value, value: &Value, path: &str, faults: &mut Vec<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        let (file, place) = reference.split_once('#').expect("the schema refers to a place");
        let other = (file == NAME).then(|| parsed(SCHEMA));
        let root = other.as_ref().unwrap_or(root);
        let referred = root.pointer(place).expect("the schema refers to an existing place");
        check(root, referred, value, path, faults);
    }
    if let Some(choices) = schema["enum"].as_array()
        && !choices.contains(value)
    {
        faults.push(format!("{path} is none of {}: {value}", schema["enum"]));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = |choice: &&Value| {
            let mut found = Vec::new();
            check(root, choice, value, path, &mut found);
            found.is_empty()
        };
        if choices.iter().filter(fits).count() != 1 {
            faults.push(format!("{path} is not one of the choices: {value}"));
        }
    }
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if !types.iter().all(Value::is_null) && !types.iter().any(|one| is_of(one, value)) {
        faults.push(format!("{path} is not of the type {}: {value}", schema["type"]));
    }
    if let (Some(fields), Some(properties)) = (value.as_object(), schema["properties"].as_object()) {
        assert_eq!(schema["additionalProperties"], false, "{path} allows what is not described");
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(required) {
                faults.push(format!("{path}.{required} is missing"));
            }
        }
        for (name, field) in fields {
            match properties.get(name) {
                Some(property) => {
                    assert!(property["description"].is_string(), "{path}.{name} has no description");
                    check(root, property, field, &format!("{path}.{name}"), faults);
                }
                None => faults.push(format!("{path}.{name} is not in the schema")),
            }
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        check(root, &schema["items"], item, &format!("{path}[{index}]"), faults);
    }
}

fn is_of(one: &Value, value: &Value) -> bool {
    match one.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_u64() || value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => false,
    }
}
