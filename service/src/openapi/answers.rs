//! The answers that the operations of all services share: problems, and their headers.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// The media type of problems.
pub const PROBLEM: &str = "application/problem+json";

/// A reference to a component of this group.
pub fn component(group: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{group}/{name}") })
}

/// A reference to a shared response.
pub fn response(name: &str) -> Value {
    component("responses", name)
}

/// A response with a body of this media type.
pub fn with_body(description: &str, media_type: &str, schema: Value, example: Value) -> Value {
    json!({
        "description": description,
        "content": { media_type: { "schema": schema, "examples": { "example": { "value": example } } } },
    })
}

/// What bulks say about compression: no parameter, because the page's form would ask for it.
pub const COMPRESSED: &str = "With `Content-Encoding: gzip` or `zstd` the limits count the bytes that come out.";

/// A problem with this status.
pub fn problem(status: u16, description: &str, detail: &str) -> Value {
    let title = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let example = json!({ "title": title, "status": status, "detail": detail });
    with_body(description, PROBLEM, component("schemas", "Problem"), example)
}

/// The same response with the header `Retry-After`: always, or only if too many connections are open.
pub fn with_retry_after(mut response: Value, is_always_there: bool) -> Value {
    let header = if is_always_there { "RetryAfter" } else { "RetryAfterIfOverloaded" };
    response["headers"] = json!({ "Retry-After": component("headers", header) });
    response
}

/// The schemas of problems.
pub fn schemas() -> Map<String, Value> {
    let text = |description: &str| json!({ "type": "string", "description": description });
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
    Map::from_iter([("Problem".to_owned(), problem), ("FieldErrors".to_owned(), field_errors)])
}

/// The responses that need no words of a service's own. `not_ready` is an example of why it is not ready.
pub fn responses(not_ready: &str) -> Map<String, Value> {
    let head_too_large = json!({
        "description": "The head of the request has more than 16 KiB or more than 100 lines; there is no body",
    });
    let mut content_type = problem(
        415,
        "The body is of another content type (without the header, it counts as JSON), or compressed in a way that is \
         not taken here",
        "the body must be JSON: send the header `content-type: application/json`",
    );
    content_type["headers"] = json!({ "Accept-Encoding": component("headers", "AcceptEncoding") });
    let too_many = problem(503, "More than `MAX_CONNECTIONS` are open", "too many connections: try again");
    let not_ready = problem(
        503,
        "The service is not ready, for the reason in the detail; or more than `MAX_CONNECTIONS` are open",
        not_ready,
    );
    Map::from_iter([
        (
            "SlowBody".to_owned(),
            problem(
                408,
                "The body did not arrive within `BODY_TIMEOUT`, or came more slowly than `BODY_MIN_RATE` allows",
                "the body did not arrive in time",
            ),
        ),
        ("ContentType".to_owned(), content_type),
        ("HeadTooLarge".to_owned(), head_too_large),
        ("TooManyConnections".to_owned(), with_retry_after(too_many, true)),
        ("NotReady".to_owned(), with_retry_after(not_ready, false)),
    ])
}

/// The headers of responses.
pub fn headers() -> Value {
    json!({
        "AcceptEncoding": {
            "description": "How the body may be compressed; only if that is what was wrong",
            "schema": { "type": "string" },
        },
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
