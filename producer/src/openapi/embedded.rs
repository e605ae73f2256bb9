//! A JSON Schema as a part of another document: its references to itself lead to where it stands there.

use serde_json::{Map, Value};

/// The keywords whose values are no schemas, whatever they hold.
const VALUES: [&str; 4] = ["const", "default", "enum", "examples"];

/// The keywords whose value has a schema for each name.
const NAMED_SCHEMAS: [&str; 4] = ["properties", "patternProperties", "$defs", "dependentSchemas"];

/// A time without a fraction of a second, or with one that is not finer than a millisecond.
const TO_THE_MILLISECOND: &str = r"^[^.]+(\.[0-9]{1,3}0*[Zz+-][^.]*)?$";

/// The schema for this place, which is a reference such as `#/components/schemas/reading`. A document has one dialect
/// and one address, so what the schema says of its own goes. A time becomes a date of the store, which is not finer
/// than a millisecond, so that rule comes in.
pub(super) fn embedded(schema: &Value, place: &str) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let own = members.iter().filter(|(keyword, _)| !matches!(keyword.as_str(), "$schema" | "$id"));
    let mut own: Map<_, _> = own.map(|(name, value)| (name.clone(), of_keyword(name, value, place))).collect();
    if own.get("format").is_some_and(|format| format == "date-time") {
        own.entry("pattern").or_insert_with(|| Value::from(TO_THE_MILLISECOND));
    }
    Value::Object(own)
}

fn of_keyword(keyword: &str, value: &Value, place: &str) -> Value {
    match value {
        Value::String(reference) if keyword == "$ref" => {
            let pointer = reference.strip_prefix('#');
            pointer.map_or(value.clone(), |pointer| Value::String(format!("{place}{pointer}")))
        }
        _ if VALUES.contains(&keyword) => value.clone(),
        Value::Object(named) if NAMED_SCHEMAS.contains(&keyword) => {
            let named = named.iter().map(|(name, schema)| (name.clone(), embedded(schema, place)));
            Value::Object(named.collect::<Map<_, _>>())
        }
        Value::Array(schemas) => schemas.iter().map(|schema| embedded(schema, place)).collect(),
        _ => embedded(value, place),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_lead_to_the_schema_where_it_stands() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": "https://example.com/reading",
            "$defs": { "id": { "type": "string", "maxLength": 3 }, "tree": { "items": { "$ref": "#/$defs/tree" } } },
            "properties": {
                "$ref": { "$ref": "#/$defs/id" },
                "enum": { "anyOf": [{ "$ref": "#/$defs/tree" }, { "enum": [{ "$ref": "#/a" }] }] },
                "parent": { "$ref": "#" },
            },
        });
        let place = "#/components/schemas/reading";
        let embedded = embedded(&schema, place);
        assert_eq!((&embedded["$schema"], &embedded["$id"]), (&Value::Null, &Value::Null));
        let properties = &embedded["properties"];
        assert_eq!(properties["$ref"]["$ref"], format!("{place}/$defs/id"));
        assert_eq!(properties["enum"]["anyOf"][0]["$ref"], format!("{place}/$defs/tree"));
        assert_eq!(properties["enum"]["anyOf"][1]["enum"][0]["$ref"], "#/a", "a value");
        assert_eq!(properties["parent"]["$ref"], place);

        let document = json!({ "$ref": place, "components": { "schemas": { "reading": embedded } } });
        let (alone, within) =
            (jsonschema::validator_for(&schema).unwrap(), jsonschema::validator_for(&document).unwrap());
        for record in [
            json!({ "$ref": "abc" }),
            json!({ "$ref": "abcd" }),
            json!({ "enum": [[[]]] }),
            json!({ "enum": [[1]] }),
            json!({ "parent": { "parent": { "$ref": "abcd" } } }),
            json!({ "enum": { "$ref": "#/a" } }),
            json!({}),
        ] {
            assert_eq!(within.is_valid(&record), alone.is_valid(&record), "{record}");
        }
    }

    #[test]
    fn times_are_not_finer_than_a_millisecond() {
        let schema = embedded(&json!({ "type": "string", "format": "date-time" }), "#");
        let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        for (end, is_valid) in
            [("Z", true), (".1Z", true), (".123000+01:00", true), (".1234Z", false), (".0001-01:00", false)]
        {
            assert_eq!(schema.is_valid(&json!(format!("2026-11-28T20:15:00{end}"))), is_valid, "{end}");
        }
    }
}
