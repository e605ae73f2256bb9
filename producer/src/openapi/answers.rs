//! The answers that all kinds share: problems, their headers, and what makes a record invalid.

use serde_json::{Map, Value, json};

/// A reference to a component of this group.
pub(super) fn component(group: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{group}/{name}") })
}

/// A reference to a shared response.
pub(super) fn response(name: &str) -> Value {
    component("responses", name)
}

/// A response with a body of this media type.
pub(super) fn with_body(description: &str, media_type: &str, schema: Value, example: Value) -> Value {
    json!({
        "description": description,
        "content": { media_type: { "schema": schema, "examples": { "example": { "value": example } } } },
    })
}

/// The media type of problems.
pub(super) const PROBLEM: &str = "application/problem+json";

/// The schemas that do not depend on the kinds.
pub(super) fn schemas() -> Map<String, Value> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let problem = json!({
        "type": "object",
        "description": "What is wrong (RFC 9457)",
        "required": ["title", "status", "detail"],
        "properties": {
            "title": text("The status in words"),
            "status": { "type": "integer", "minimum": 400, "maximum": 599, "description": "The status as a number" },
            "detail": text("One line that says what is wrong and what to do"),
            "errors": component("schemas", "FieldErrors"),
        },
    });
    let field_errors = json!({
        "type": "array",
        "description": "Everything that is wrong, one error for each field",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": ["field", "message"],
            "properties": {
                "field": text("The name of the field or header, or `body` if the error is about the whole body"),
                "message": text("What is wrong, in words that follow the field's name"),
            },
        },
    });
    let counts = json!({
        "type": "object",
        "required": ["accepted", "rejected"],
        "properties": {
            "accepted": count("How many records of the bulk were accepted"),
            "rejected": count("How many records of the bulk were not"),
        },
    });
    [("Problem", problem), ("FieldErrors", field_errors), ("BulkCounts", counts)]
        .map(|(name, schema)| (name.to_owned(), schema))
        .into_iter()
        .collect()
}

/// The responses that do not depend on the kinds.
pub(super) fn responses() -> Value {
    let unavailable = "too many posts are in flight: try again";
    json!({
        "SlowBody": problem(408, "The body did not arrive within `BODY_TIMEOUT`", "the body did not arrive in time"),
        "TooLarge": problem(
            413,
            "The body has more bytes than `MAX_BODY_BYTES`, or in a bulk `MAX_BULK_BYTES`; or a bulk has more records \
             than it may have",
            "the body must not be larger than 65536 bytes",
        ),
        "ContentType": problem(
            415,
            "The body is of another content type. Without the header, it counts as JSON",
            "the body must be JSON: send the header `content-type: application/json`",
        ),
        "KeyConflict": problem(
            422,
            "The `Idempotency-Key` was used with another record",
            "this Idempotency-Key was used with another post: send that one again as it was, or this one under another \
             key",
        ),
        "HeadTooLarge": {
            "description": "The head of the request has more than 16 KiB or more than 100 lines; there is no body",
        },
        "Unavailable": with_retry_after(problem(
            503,
            "Try again: too much is in flight, Kafka is away or did not acknowledge within `PRODUCER_TIMEOUT`, or more \
             than `MAX_CONNECTIONS` are open. If the detail says so, the record may be stored or not",
            unavailable,
        ), true),
        "TooManyConnections": with_retry_after(problem(
            503,
            "More than `MAX_CONNECTIONS` are open",
            "too many connections: try again",
        ), true),
        "NotReady": with_retry_after(problem(
            503,
            "The service is not ready, for the reason in the detail; or more than `MAX_CONNECTIONS` are open",
            "kafka: connecting",
        ), false),
    })
}

/// The headers of responses.
pub(super) fn headers() -> Value {
    json!({
        "RetryAfter": {
            "description": "Try again after this number of seconds",
            "schema": { "type": "integer", "minimum": 1 },
            "required": true,
        },
        "RetryAfterIfOverloaded": {
            "description": "Try again after this number of seconds; only if too many connections are open",
            "schema": { "type": "integer", "minimum": 1 },
        },
    })
}

/// The parameters of requests.
pub(super) fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "Fixes the id, so that a request that is sent again stores nothing twice. In a bulk it \
                            fixes the id of each position",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            "example": "upload-4711",
        },
    })
}

/// A problem with this status.
pub(super) fn problem(status: u16, description: &str, detail: &str) -> Value {
    let title = hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let example = json!({ "title": title, "status": status, "detail": detail });
    with_body(description, PROBLEM, component("schemas", "Problem"), example)
}

fn with_retry_after(mut response: Value, is_always_there: bool) -> Value {
    let header = if is_always_there { "RetryAfter" } else { "RetryAfterIfOverloaded" };
    response["headers"] = json!({ "Retry-After": component("headers", header) });
    response
}
