//! Finds the dates in a body of a file: the texts that the schema says have the format `date-time`, wherever the schema
//! says so of each value that can be there.

use bson::DateTime;
use serde_json::Value;

use super::json::Json;

/// How many references and parts of `allOf` lead from one place of a schema to another of the same value.
const MOST_STEPS: usize = 64;

/// The body, with its dates as dates.
pub(super) fn dated(schema: &Value, body: Json) -> Json {
    Dates { root: schema }.of(schema, body, 0)
}

struct Dates<'a> {
    root: &'a Value,
}

impl Dates<'_> {
    fn of(&self, schema: &Value, value: Json, steps: usize) -> Json {
        let Some(keywords) = schema.as_object().filter(|_| steps < MOST_STEPS) else { return value };
        let mut value = value;
        let reference = keywords.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        if let Some(target) = reference.and_then(|pointer| self.root.pointer(pointer)) {
            value = self.of(target, value, steps + 1);
        }
        for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            value = self.of(part, value, steps + 1);
        }
        match value {
            Json::Text(text) if keywords.get("format").is_some_and(|format| format == "date-time") => {
                let time = DateTime::parse_rfc3339_str(text.to_ascii_uppercase());
                // What is not a time breaks the schema, which is judged elsewhere.
                time.map_or_else(
                    |_| Json::Text(text.clone()),
                    |time| {
                        let ms = time.timestamp_millis();
                        Json::Date { text: text.clone(), ms }
                    },
                )
            }
            Json::Array(items) => {
                let first = keywords.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let of_item = |(index, item): (usize, Json)| match first.get(index).or(keywords.get("items")) {
                    Some(schema) => self.of(schema, item, 0),
                    None => item,
                };
                Json::Array(items.into_iter().enumerate().map(of_item).collect())
            }
            Json::Object(members) => {
                let named = |name: &str| keywords.get("properties")?.get(name);
                let of_member = |(name, member): (String, Json)| {
                    let schema = named(&name).or(keywords.get("additionalProperties"));
                    let member = schema.map_or(member.clone(), |schema| self.of(schema, member, 0));
                    (name, member)
                };
                Json::Object(members.into_iter().map(of_member).collect())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::read;
    use super::*;

    #[test]
    fn a_date_is_one_wherever_the_schema_says_so() {
        let at = json!({"type": "string", "format": "date-time"});
        let schema = json!({
            "properties": {
                "at": at,
                "list": {"prefixItems": [true, {"$ref": "#/$defs/at"}], "items": at},
                "day": {"format": "date"},
            },
            "additionalProperties": {"properties": {"at": {"$ref": "#/$defs/at"}}},
            "allOf": [{"properties": {"other": {"allOf": [{"$ref": "#/$defs/at"}]}}}, {"$ref": "#"}],
            "$defs": {"at": at},
        });
        let line = r#"{"at":"1970-01-01t00:00:00.007z","list":["1970-01-01T00:00:00Z","1970-01-01T00:00:01Z",1,
            "1970-01-01T01:00:02+01:00"],"day":"1970-01-01","other":"1969-12-31T23:59:59Z",
            "more":{"at":"1970-01-01T00:00:03Z"}}"#;
        let mut found = Vec::new();
        collect(&dated(&schema, read::object(line).unwrap()), &mut found);
        assert_eq!(found, [7, 1_000, 2_000, -1_000, 3_000]);
    }

    fn collect(value: &Json, found: &mut Vec<i64>) {
        match value {
            Json::Date { ms, .. } => found.push(*ms),
            Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Json::Object(members) => members.iter().for_each(|(_, member)| collect(member, found)),
            _ => {}
        }
    }
}
