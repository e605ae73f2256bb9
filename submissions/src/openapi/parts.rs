//! What operations and components are made of.

use serde_json::{Value, json};
use service::openapi::answers::{PROBLEM, component, response, with_body};

use crate::status::Status;

/// The time of examples.
pub(super) const TIME: &str = "2026-11-28T20:15:00.000Z";

/// An operation with these responses, and those that each has.
pub(super) fn operation(tag: &str, id: &str, summary: &str, description: &str, mut responses: Value) -> Value {
    responses["431"] = response("HeadTooLarge");
    responses["503"] = response("Unavailable");
    json!({ "operationId": id, "tags": [tag], "summary": summary, "description": description, "responses": responses })
}

/// A 400 that names the field that is wrong.
pub(super) fn invalid(description: &str, detail: &str, (field, message): (&str, &str)) -> Value {
    let example = json!({
        "title": "Bad Request",
        "status": 400,
        "detail": detail,
        "errors": [{ "field": field, "message": message }],
    });
    with_body(description, PROBLEM, component("schemas", "Problem"), example)
}

/// The schema of a status.
pub(super) fn status(description: &str) -> Value {
    json!({ "enum": Status::ALL, "type": "string", "description": description })
}
