//! A JSON Schema for readers: a table of its fields, each with its rules in words, and the schema itself.

use maud::{Markup, html};
use serde_json::Value;

use super::prose::line;
use super::resolve::{elements, members, resolve, text};

/// The schema of a body.
pub(super) fn render(document: &Value, schema: &Value, shown: &str) -> Markup {
    let schema = resolve(document, schema);
    html! {
        @if let Some(description) = schema["description"].as_str() { p { (line(description)) } }
        @if schema["properties"].is_object() { (fields(document, schema)) }
        details { summary { "JSON Schema" } pre { code { (shown) } } }
    }
}

fn fields(document: &Value, schema: &Value) -> Markup {
    let is_required = |name: &str| elements(&schema["required"]).iter().any(|required| required == name);
    html! {
        div.wide role="region" tabindex="0" aria-label="Fields" {
            table {
                thead { tr { th scope="col" { "Field" } th scope="col" { "Rule" } th scope="col" { "Meaning" } } }
                tbody {
                    @for (name, field) in members(&schema["properties"]) {
                        tr {
                            th scope="row" { code { (name) } @if is_required(name) { " " strong { "required" } } }
                            td { (rule(document, field)) }
                            td { (line(text(&resolve(document, field)["description"]))) }
                        }
                    }
                }
            }
        }
    }
}

/// The rules of a value, in words.
fn rule(document: &Value, schema: &Value) -> String {
    let schema = resolve(document, schema);
    let alternatives: Vec<String> = ["anyOf", "oneOf"]
        .iter()
        .flat_map(|keyword| elements(&schema[keyword]))
        .map(|alternative| rule(document, alternative))
        .filter(|rule| !rule.is_empty())
        .collect();
    let types = match &schema["type"] {
        Value::String(name) => name.clone(),
        Value::Array(names) => names.iter().map(text).collect::<Vec<_>>().join(" or "),
        _ => String::new(),
    };
    let bounds = |least: &str, most: &str, unit: &str| match (&schema[least], &schema[most]) {
        (Value::Null, Value::Null) => String::new(),
        (least, Value::Null) => format!("at least {least}{unit}"),
        (Value::Null, most) => format!("at most {most}{unit}"),
        (least, most) => format!("{least} to {most}{unit}"),
    };
    let values = elements(&schema["enum"]).iter().map(shown).collect::<Vec<_>>().join(", ");
    let of = |keyword: &str, before: &str| match &schema[keyword] {
        Value::Null => String::new(),
        value => format!("{before}{}", shown(value)),
    };
    let rules = [
        alternatives.join(", or "),
        types,
        of("format", ""),
        of("const", ""),
        values,
        bounds("minimum", "maximum", ""),
        bounds("minLength", "maxLength", " characters"),
        bounds("minItems", "maxItems", " elements"),
        of("multipleOf", "multiple of "),
        of("default", "default "),
        if schema["pattern"].is_string() { "matches a pattern".to_owned() } else { String::new() },
        if schema["readOnly"] == true { "not needed".to_owned() } else { String::new() },
    ];
    rules.into_iter().filter(|rule| !rule.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A value as a reader writes it.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rules_are_put_into_words() {
        let document = json!({ "components": { "schemas": { "Id": { "type": "string", "format": "uuid" } } } });
        for (schema, words) in [
            (json!({ "$ref": "#/components/schemas/Id" }), "string, uuid"),
            (json!({ "type": "string", "minLength": 2, "maxLength": 100 }), "string, 2 to 100 characters"),
            (json!({ "type": ["integer", "null"], "minimum": 0 }), "integer or null, at least 0"),
            (json!({ "enum": ["A", 1], "default": "A" }), "A, 1, default A"),
            (
                json!({ "anyOf": [{ "type": "number", "maximum": 9.5 }, { "type": "string", "pattern": "^x$" }] }),
                "number, at most 9.5, or string, matches a pattern",
            ),
            (json!({ "const": true }), "true"),
            (json!({}), ""),
        ] {
            assert_eq!(rule(&document, &schema), words, "{schema}");
        }
    }
}
