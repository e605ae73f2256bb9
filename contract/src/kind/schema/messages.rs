//! What a schema's keyword says about a value that breaks it, in words that follow the value's pointer.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::errors::Errors;
use super::pointer::joined;
use crate::kind::time;

/// The longest text of a schema that a message repeats, in characters.
const SHOWN_MAX_CHARS: usize = 200;

/// The formats that are checked, and what a text of each is.
pub(super) const FORMATS: [(&str, &str); 14] = [
    ("date-time", "an RFC 3339 time, as in 2026-11-28T20:15:00.000Z"),
    ("date", "a date, as in 2026-11-28"),
    ("time", "a time of day with its offset, as in 20:15:00Z"),
    ("duration", "an ISO 8601 duration, as in PT5M"),
    ("email", "an e-mail address"),
    ("hostname", "a host name"),
    ("ipv4", "an IPv4 address"),
    ("ipv6", "an IPv6 address"),
    ("uri", "a URI"),
    ("uri-reference", "a URI or a relative reference"),
    ("uuid", "a UUID"),
    ("json-pointer", "a JSON pointer"),
    ("relative-json-pointer", "a relative JSON pointer"),
    ("regex", "a regular expression"),
];

/// Adds what this error says.
pub(super) fn add(error: &ValidationError<'_>, errors: &mut Errors) {
    let pointer = error.instance_path().as_str();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            errors.add(joined(pointer, property.as_str().unwrap_or_default()), "is required");
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                errors.add(joined(pointer, name), "is not a field of this kind");
            }
        }
        _ => errors.add(pointer, message(error)),
    }
}

fn message(error: &ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Type { kind } => {
            format!("must be {}, not {}", type_names(kind), noun(error.instance()))
        }
        ValidationErrorKind::Minimum { limit } => format!("must be at least {}", shown(limit)),
        ValidationErrorKind::Maximum { limit } => format!("must be at most {}", shown(limit)),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("must be more than {}", shown(limit)),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("must be less than {}", shown(limit)),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("must be a multiple of {multiple_of}"),
        ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
        ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
        ValidationErrorKind::MinItems { limit } => format!("must have at least {limit} elements"),
        ValidationErrorKind::MaxItems { limit } => format!("must have at most {limit} elements"),
        ValidationErrorKind::MinProperties { limit } => format!("must have at least {limit} fields"),
        ValidationErrorKind::MaxProperties { limit } => format!("must have at most {limit} fields"),
        ValidationErrorKind::UniqueItems => "must not have two equal elements".to_owned(),
        ValidationErrorKind::Constant { expected_value } => format!("must be {}", shown(expected_value)),
        ValidationErrorKind::Enum { options } => format!("must be one of {}", shown(options)),
        ValidationErrorKind::Pattern { pattern } => format!("must match the pattern {}", cut(pattern)),
        ValidationErrorKind::Format { format } => format_message(format, error.instance()),
        ValidationErrorKind::FalseSchema => "must not be given".to_owned(),
        // The value itself may be long, and belongs to the client.
        _ => format!("breaks the rule at {}: {}", error.schema_path(), cut(&error.masked().to_string())),
    }
}

fn format_message(format: &str, instance: &Value) -> String {
    if format == "date-time"
        && let Err(message) = time::parse(instance.as_str().unwrap_or_default())
    {
        return message.to_owned();
    }
    let meaning = FORMATS.iter().find(|(name, _)| *name == format).map_or(format, |(_, meaning)| meaning);
    format!("must be {meaning}")
}

fn type_names(kind: &TypeKind) -> String {
    let with_article = |name: &str| match name {
        "null" => "null".to_owned(),
        "array" | "integer" | "object" => format!("an {name}"),
        _ => format!("a {name}"),
    };
    match kind {
        TypeKind::Single(name) => with_article(name.as_str()),
        TypeKind::Multiple(set) => {
            let names: Vec<String> = set.iter().map(|name| with_article(name.as_str())).collect();
            names.join(" or ")
        }
    }
}

fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    cut(&value.to_string())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
