//! The operation that takes many submissions at once, and its answers.

use serde_json::{Value, json};
use service::openapi::answers::{COMPRESSED, PROBLEM, component, response, with_body};

use crate::api::MAX_SUBMISSIONS;

/// The operation, under this heading.
pub(super) fn operation(tag: &str) -> Value {
    let json_type = "application/json";
    let accepted = json!({ "id": "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b", "status": "PENDING" });
    let all = json!({ "accepted": 1, "rejected": 0, "results": [accepted] });
    let some = json!({ "accepted": 1, "rejected": 1, "results": [accepted, errors()] });
    let one = json!({ "content": "Chapter 1, second draft" });
    let unknown = json!({ "unknown": true, "message": "not confirmed, so it may be stored or not" });
    let mut unavailable = problem(
        503,
        "Service Unavailable",
        "Try again: the database confirmed none of the submissions, see results; or it is another reason, without \
         results",
        "the database confirmed none of the submissions, so they may be stored or not: see results",
        &unknown,
    );
    unavailable["headers"] = json!({ "Retry-After": component("headers", "RetryAfter") });
    json!({
        "operationId": "createSubmissions",
        "tags": [tag],
        "summary": "Sends many submissions",
        "description": format!(
            "Each submission is judged as it would be alone, and has its own result, in the same position. At most \
             {MAX_SUBMISSIONS} submissions, and all of at most `MAX_BULK_BYTES`. {COMPRESSED}"
        ),
        "parameters": [component("parameters", "IdempotencyKey")],
        "requestBody": {
            "required": true,
            "content": {
                "application/json": {
                    "schema": array(),
                    "examples": { "valid": { "value": [one] } },
                },
                "application/x-ndjson": {
                    "schema": {
                        "type": "string",
                        "description": "One submission a line, as JSON. A broken line is an error of that line alone; \
                                        empty lines are skipped",
                    },
                    "examples": { "valid": { "value": format!("{one}\n") } },
                },
            },
        },
        "responses": {
            "202": with_body("All submissions were accepted", json_type, results(), all),
            "207": with_body("Some submissions were accepted: see results", json_type, results(), some),
            "400": problem(
                400,
                "Bad Request",
                "No submission is valid: see results. Or the body is not a bulk: see errors",
                "no submission is valid: see results",
                &errors(),
            ),
            "403": response("CrossSite"),
            "408": response("SlowBody"),
            "413": response("TooLarge"),
            "415": response("ContentType"),
            "422": problem(
                422,
                "Unprocessable Entity",
                "The `Idempotency-Key` was used with other submissions than all the valid ones",
                "this Idempotency-Key was used with other submissions: see results",
                &errors(),
            ),
            "431": response("HeadTooLarge"),
            "503": unavailable,
        },
    })
}

/// An array of submissions, at least one of which is valid. The others have their errors among the results.
fn array() -> Value {
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_SUBMISSIONS,
        "items": { "anyOf": [
            component("schemas", "NewSubmission"),
            { "description": "Anything else gets its errors in the results, and the other submissions count" },
        ] },
        "contains": component("schemas", "NewSubmission"),
    })
}

/// The schema of the numbers of a bulk.
pub(super) fn counts() -> Value {
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    json!({
        "type": "object",
        "required": ["accepted", "rejected"],
        "properties": {
            "accepted": count("How many submissions of the bulk were accepted"),
            "rejected": count("How many submissions of the bulk were not"),
        },
    })
}

/// The schema of a submission's result.
pub(super) fn result() -> Value {
    json!({
        "description": "The result of one submission",
        "oneOf": [
            {
                "type": "object",
                "description": "The submission was accepted, now or before with the same key",
                "required": ["id", "status"],
                "properties": {
                    "id": { "type": "string", "format": "uuid" },
                    "status": { "type": "string" },
                },
            },
            {
                "type": "object",
                "description": "The submission is invalid",
                "required": ["errors"],
                "properties": { "errors": component("schemas", "FieldErrors") },
            },
            {
                "type": "object",
                "description": "The submission was not confirmed: it may be stored or not",
                "required": ["unknown", "message"],
                "properties": { "unknown": { "const": true }, "message": { "type": "string" } },
            },
        ],
    })
}

fn results() -> Value {
    json!({
        "allOf": [component("schemas", "BulkCounts")],
        "type": "object",
        "required": ["results"],
        "properties": {
            "results": {
                "type": "array",
                "description": "In the order of the submissions",
                "minItems": 1,
                "maxItems": MAX_SUBMISSIONS,
                "items": component("schemas", "SubmissionResult"),
            },
        },
    })
}

/// The answer if no submission is accepted: with results, unless the request is rejected as a whole.
fn problem(status: u16, title: &str, description: &str, detail: &str, result: &Value) -> Value {
    let example = json!({
        "title": title, "status": status, "detail": detail, "accepted": 0, "rejected": 1, "results": [result],
    });
    let with_results = json!({ "allOf": [component("schemas", "Problem"), results()] });
    let schema = json!({ "anyOf": [with_results, component("schemas", "Problem")] });
    with_body(description, PROBLEM, schema, example)
}

/// The result of a submission that is invalid.
fn errors() -> Value {
    json!({ "errors": [{ "field": "content", "message": "is required" }] })
}
