//! The answers that all kinds share, besides those of every service.

use serde_json::{Map, Value, json};
use service::openapi::answers::{problem, with_retry_after};

pub(super) use service::openapi::answers::{COMPRESSED, PROBLEM, component, response, with_body};

/// The schemas that do not depend on the kinds.
pub(super) fn schemas() -> Map<String, Value> {
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let counts = json!({
        "type": "object",
        "required": ["accepted", "rejected"],
        "properties": {
            "accepted": count("How many records of the bulk were accepted"),
            "rejected": count("How many records of the bulk were not"),
        },
    });
    let mut schemas = service::openapi::answers::schemas();
    schemas.insert("BulkCounts".to_owned(), counts);
    schemas
}

/// The responses that do not depend on the kinds.
pub(super) fn responses() -> Map<String, Value> {
    let unavailable = "too many posts are in flight: try again";
    let own = [
        (
            "TooLarge",
            problem(
                413,
                "The body has more bytes than `MAX_BODY_BYTES`, or in a bulk `MAX_BULK_BYTES`; or a bulk has more \
                 records than it may have",
                "the body must not be larger than 65536 bytes",
            ),
        ),
        (
            "KeyConflict",
            problem(
                422,
                "The `Idempotency-Key` was used with another record",
                "this Idempotency-Key was used with another post: send that one again as it was, or this one under \
                 another key",
            ),
        ),
        (
            "Unavailable",
            with_retry_after(
                problem(
                    503,
                    "Try again: too much is in flight, Kafka is away or did not acknowledge within \
                     `PRODUCER_TIMEOUT`, or more than `MAX_CONNECTIONS` are open. If the detail says so, the record \
                     may be stored or not",
                    unavailable,
                ),
                true,
            ),
        ),
    ];
    let mut responses = service::openapi::answers::responses("kafka: connecting");
    responses.extend(own.map(|(name, response)| (name.to_owned(), response)));
    responses
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
