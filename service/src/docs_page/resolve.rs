//! Values of an OpenAPI document, wherever they are in it.

use serde_json::Value;

/// What the value says; if it is a reference, what it refers to.
pub(super) fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let reference = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    reference.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// The text of a value, or nothing.
pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The members of an object, or nothing.
pub(super) fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

/// The elements of an array, or nothing.
pub(super) fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The first example of a media type: JSON, or the text itself.
pub(super) fn example(media_type: &Value) -> Option<String> {
    let (_, example) = members(&media_type["examples"]).next()?;
    Some(match &example["value"] {
        Value::String(text) => text.clone(),
        value => format!("{value:#}"),
    })
}
