//! The key pointer of an upsert kind: the schema must promise a text of 1 to 64 characters there, so that each valid
//! record has a key.

use serde_json::Value;

use super::errors::Errors;
use super::places::{Place, Schema};
use super::pointer;
use crate::id::KEY_MAX_CHARS;

/// The member of a kind's file.
const AT: &str = "/key";

/// The steps of the pointer; adds what the schema lacks.
pub(super) fn check(text: &str, schema: &Value, errors: &mut Errors) -> Option<Vec<String>> {
    let steps = pointer::steps(text).filter(|steps| !steps.is_empty());
    let Some(steps) = steps else {
        errors.add(AT, "must be a JSON pointer to a field, as in /device/id");
        return None;
    };
    let schema = Schema(schema);
    let mut place = schema.root();
    for (index, step) in steps.iter().enumerate() {
        let at = steps[..=index].iter().fold(String::new(), |pointer, step| pointer::joined(&pointer, step));
        if !is_required(schema, &place, step) {
            errors.add(AT, format!("needs a schema that requires {at}"));
        }
        place = schema.member(&place, step);
        let is_last = index + 1 == steps.len();
        if !is_last && !schema.keyword(&place, "type").any(|name| name == "object") {
            errors.add(AT, format!("needs a schema in which {at} has \"type\": \"object\""));
        }
    }
    let number = |keyword| schema.keyword(&place, keyword).filter_map(Value::as_u64);
    if !schema.keyword(&place, "type").any(|name| name == "string") {
        errors.add(AT, format!("needs a schema in which {text} has \"type\": \"string\""));
    }
    if number("minLength").all(|length| length == 0) {
        errors.add(AT, format!("needs a schema in which {text} has a \"minLength\" of at least 1"));
    }
    if number("maxLength").all(|length| length > KEY_MAX_CHARS as u64) {
        errors.add(AT, format!("needs a schema in which {text} has a \"maxLength\" of at most {KEY_MAX_CHARS}"));
    }
    Some(steps)
}

fn is_required(schema: Schema<'_>, place: &Place, name: &str) -> bool {
    let required = schema.keyword(place, "required").filter_map(Value::as_array);
    required.flatten().any(|required| required == name)
}
