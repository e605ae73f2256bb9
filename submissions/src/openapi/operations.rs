//! The operations of the API.

use serde_json::{Map, Value, json};
use service::openapi::answers::{component, response, with_body};

use super::bulk;
use super::components::submission;
use super::dead_letters;
use super::parts::{invalid, operation};
use crate::status::Status;

/// The heading of the operations on submissions.
pub(super) const TAG: &str = "Submissions";

/// The heading of those on figures.
pub(super) const FIGURES: &str = "Figures";

const JSON: &str = "application/json";

/// The paths, each with its operations.
pub(super) fn paths() -> Map<String, Value> {
    let paths = [
        ("/api/submissions", json!({ "get": list(), "post": create() })),
        ("/api/submissions/bulk", json!({ "post": bulk::operation(TAG) })),
        ("/api/submissions/retry", json!({ "post": retry_all() })),
        ("/api/submissions/{id}", json!({ "get": get() })),
        (
            "/api/submissions/{id}/cancel",
            json!({ "post": change(
                "cancelSubmission",
                "Cancels a submission",
                "It is CANCELLED, if it was PENDING or PROCESSING; what a worker has begun is dropped.",
                Status::Cancelled,
            ) }),
        ),
        (
            "/api/submissions/{id}/retry",
            json!({ "post": change(
                "retrySubmission",
                "Tries a submission again",
                "It is PENDING in a new series of attempts, if it was FAILED or CANCELLED.",
                Status::Pending,
            ) }),
        ),
        ("/api/dead-letters", json!({ "get": dead_letters::operation(TAG) })),
        ("/api/stats", json!({ "get": stats() })),
        ("/api/workers", json!({ "get": workers() })),
    ];
    paths.map(|(path, operations)| (path.to_owned(), operations)).into_iter().collect()
}

fn create() -> Value {
    let mut accepted = with_body(
        "The submission is durable in the database. If the `Idempotency-Key` was used before, this is what has become \
         of it",
        JSON,
        component("schemas", "Submission"),
        submission(Status::Pending),
    );
    accepted["headers"] = json!({
        "Location": {
            "description": "The address of the submission",
            "required": true,
            "schema": { "type": "string", "format": "uri-reference" },
        },
    });
    let responses = json!({
        "202": accepted,
        "400": invalid(
            "The submission breaks a rule, or the body is not JSON or broke off; or the `Idempotency-Key` is malformed",
            "the submission is not valid: see errors",
            ("content", "is required"),
        ),
        "403": response("CrossSite"),
        "408": response("SlowBody"),
        "413": response("TooLarge"),
        "415": response("ContentType"),
        "422": response("KeyConflict"),
    });
    let description = "Answers once the submission is durable in the database. The work on it comes later.";
    let mut operation = operation(TAG, "createSubmission", "Sends one submission", description, responses);
    operation["parameters"] = json!([component("parameters", "IdempotencyKey")]);
    let example = json!({ "content": "Chapter 1, second draft" });
    operation["requestBody"] = json!({
        "required": true,
        "content": {
            JSON: { "schema": component("schemas", "NewSubmission"), "examples": { "valid": { "value": example } } },
        },
    });
    operation
}

fn list() -> Value {
    let page = json!({
        "submissions": [submission(Status::Passed)],
        "next": "/api/submissions?after=019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
    });
    let responses = json!({
        "200": with_body("A page of submissions", JSON, component("schemas", "Page"), page),
        "400": invalid(
            "A parameter is wrong",
            "the query of the address is not valid: see errors",
            ("limit", "must be a whole number from 1 to 200"),
        ),
    });
    let description = "From the newest to the oldest. Follow `next` for older ones: what is submitted meanwhile does \
                       not move the pages. A page with contents of a megabyte in JSON ends there, so it may have fewer \
                       than `limit`; only `next` says whether there are others.";
    let mut operation = operation(TAG, "listSubmissions", "Lists submissions", description, responses);
    operation["parameters"] =
        ["Status", "After", "Limit"].map(|name| component("parameters", name)).into_iter().collect();
    operation
}

fn get() -> Value {
    let schema = component("schemas", "Submission");
    let mut shown = with_body("The submission", JSON, schema, submission(Status::Processing));
    shown["headers"] = tag();
    let responses = json!({
        "200": shown,
        "304": { "description": "It is as it was when it had the `ETag` of `If-None-Match`", "headers": tag() },
        "404": response("Missing"),
    });
    let description = "What has become of it so far. Who asks again and again sends the `ETag` of the last answer as \
                       `If-None-Match`, and gets 304 without a body while nothing has changed.";
    let mut operation = of_one(operation(TAG, "getSubmission", "Shows a submission", description, responses));
    operation["parameters"].as_array_mut().expect("it has parameters").push(component("parameters", "IfNoneMatch"));
    operation
}

/// The header that stands for what an answer shows.
fn tag() -> Value {
    let description = "Changes with the answer";
    json!({ "ETag": { "description": description, "required": true, "schema": { "type": "string" } } })
}

fn change(id: &str, summary: &str, description: &str, becomes: Status) -> Value {
    let schema = component("schemas", "Submission");
    let responses = json!({
        "200": with_body("The submission as it is now", JSON, schema, submission(becomes)),
        "400": response("BrokenBody"),
        "403": response("CrossSite"),
        "404": response("Missing"),
        "408": response("SlowBody"),
        "409": response("StatusConflict"),
        "413": response("TooLarge"),
    });
    of_one(operation(TAG, id, summary, description, responses))
}

/// The same, for the submission that the path names.
fn of_one(mut operation: Value) -> Value {
    operation["parameters"] = json!([component("parameters", "SubmissionId")]);
    operation
}

fn retry_all() -> Value {
    let schema = json!({
        "type": "object",
        "required": ["retried"],
        "properties": {
            "retried": { "type": "integer", "minimum": 0, "description": "How many submissions are tried again" },
        },
    });
    let responses = json!({
        "200": with_body("They are PENDING in a new series of attempts", JSON, schema, json!({ "retried": 12 })),
        "400": invalid(
            "The parameter is wrong, or the body broke off",
            "the query of the address is not valid: see errors",
            ("status", "is required: FAILED or CANCELLED"),
        ),
        "403": response("CrossSite"),
        "408": response("SlowBody"),
        "413": response("TooLarge"),
    });
    let description = "All submissions that have this status now. After a 503, a part of them may be tried again \
                       already: send it again for the others.";
    let summary = "Tries all submissions of a status again";
    let mut operation = operation(TAG, "retrySubmissions", summary, description, responses);
    operation["parameters"] = json!([component("parameters", "StatusToRetry")]);
    operation
}

fn stats() -> Value {
    let example = json!({
        "statuses": { "PENDING": 3, "PROCESSING": 2, "PASSED": 40, "FAILED": 1, "CANCELLED": 0 },
        "oldest_pending_seconds": 0.25,
        "stuck": 0,
        "dead_letters": 0,
    });
    let responses = json!({ "200": with_body("The figures", JSON, component("schemas", "Stats"), example) });
    let description = "Submissions in each status, and what waits or is stuck: of the caller's own, or of all for \
                       the scope `admin` and where the service asks for no credentials.";
    operation(FIGURES, "getStats", "Shows the figures of the moment", description, responses)
}

fn workers() -> Value {
    let example = json!({ "workers": [{
        "id": "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
        "name": "example:4711",
        "running": 2,
        "concurrency": 1000,
        "silent_seconds": 0.4,
        "started_at": "2026-11-28T20:15:00.000Z",
    }] });
    let responses = json!({
        "200": with_body("The workers", JSON, component("schemas", "Workers"), example),
        "403": response("NotAdmin"),
    });
    let description = "Each worker that has neither left nor been silent for too long. Where the service asks for \
                       credentials, only those with the scope `admin` may see them.";
    operation(FIGURES, "listWorkers", "Lists the workers", description, responses)
}
