//! The operation that lists dead letters.

use serde_json::{Value, json};
use service::openapi::answers::{component, with_body};

use super::parts::{TIME, invalid, operation as described, status};
use crate::operations::MAX_LIMIT;
use crate::status::Status;

/// The operation, under this heading.
pub(super) fn operation(tag: &str) -> Value {
    let example = json!({
        "dead_letters": [{
            "id": "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
            "series": 1,
            "attempts": 3,
            "reason": "was not done within 300s",
            "at": TIME,
            "status": Status::Failed,
        }],
        "next": "/api/dead-letters?after=019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b.1",
    });
    let responses = json!({
        "200": with_body("A page of dead letters", "application/json", component("schemas", "DeadLetters"), example),
        "400": invalid(
            "A parameter is wrong",
            "the query of the address is not valid: see errors",
            ("after", "must be the id of a submission, a dot, and a series"),
        ),
    });
    let description = "Series of attempts that ended without a verdict, because the attempts were used up: of the \
                       newest submissions first, and of each its latest series first. A dead letter is kept as long as \
                       its submission, also when a retry has done better.";
    let mut operation = described(tag, "listDeadLetters", "Lists dead letters", description, responses);
    operation["parameters"] =
        ["AfterDeadLetter", "Limit"].map(|name| component("parameters", name)).into_iter().collect();
    operation
}

/// The schema of a page.
pub(super) fn page() -> Value {
    let number = |description: &str| json!({ "type": "integer", "minimum": 1, "description": description });
    let letter = json!({
        "type": "object",
        "required": ["id", "series", "attempts", "reason", "at", "status"],
        "properties": {
            "id": { "type": "string", "format": "uuid", "description": "The id of the submission" },
            "series": number("Which series of its attempts ended"),
            "attempts": number("Attempts begun in that series"),
            "reason": { "type": "string", "description": "Why the last of them ended" },
            "at": { "type": "string", "format": "date-time", "description": "When that was" },
            "status": status("What has become of the submission since"),
        },
    });
    json!({
        "type": "object",
        "required": ["dead_letters", "next"],
        "properties": {
            "dead_letters": { "type": "array", "maxItems": MAX_LIMIT, "items": letter },
            "next": {
                "type": ["string", "null"],
                "format": "uri-reference",
                "description": "The address of the next page, if there is one",
            },
        },
    })
}

/// The parameter that says where a page begins.
pub(super) fn after() -> Value {
    json!({
        "name": "after",
        "in": "query",
        "description": "Only dead letters behind this one: the id of its submission, a dot, and its series",
        "schema": {
            "type": "string",
            "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\\.[1-9][0-9]{0,8}$",
        },
    })
}
