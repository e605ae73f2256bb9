//! What several operations refer to.

use serde_json::{Map, Value, json};
use service::openapi::answers::{self, component, problem, with_retry_after};

use super::parts::{TIME, status};
use super::{bulk, dead_letters};
use crate::content;
use crate::operations::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::status::Status;

/// The example of a submission, in this status.
pub(super) fn submission(status: Status) -> Value {
    let finished = status.is_final().then_some("2026-11-28T20:15:05.000Z");
    json!({
        "id": "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
        "content": "Chapter 1, second draft",
        "status": status,
        "series": 1,
        "attempts": i32::from(status != Status::Pending),
        "failures": 0,
        "losses": 0,
        "given_back": 0,
        "reason": null,
        "cached": false,
        "created_at": TIME,
        "started_at": (status != Status::Pending).then_some(TIME),
        "processed_at": finished,
        "changed_at": finished.unwrap_or(TIME),
        "run_at": TIME,
    })
}

/// The schemas, of a service that takes contents of at most this length.
pub(super) fn schemas(max_content_chars: usize) -> Map<String, Value> {
    let mut schemas = answers::schemas();
    let own = [
        ("NewSubmission", new_submission(max_content_chars)),
        ("Submission", submission_schema()),
        ("Page", page()),
        ("DeadLetters", dead_letters::page()),
        ("Stats", stats()),
        ("Workers", workers()),
        ("BulkCounts", bulk::counts()),
        ("SubmissionResult", bulk::result()),
    ];
    schemas.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    schemas
}

/// The rules of a content are those of [`content::error`]. It cannot say that the field must not occur twice.
fn new_submission(max_content_chars: usize) -> Value {
    json!({
        "type": "object",
        "description": "A content. Its length counts Unicode code points; other fields are dropped.",
        "required": ["content"],
        "properties": {
            "content": {
                "type": "string",
                "description": "What is submitted: neither blank nor with the character U+0000",
                "minLength": 1,
                "maxLength": max_content_chars,
                "pattern": content::pattern(),
            },
        },
    })
}

fn submission_schema() -> Value {
    let time = |description: &str| json!({ "type": "string", "format": "date-time", "description": description });
    let time_or_null =
        |description: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": description });
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let properties = json!({
        "id": { "type": "string", "format": "uuid", "description": "Its id; ids sort by the time of submission" },
        "content": { "type": "string", "description": "What was submitted" },
        "status": status("What has become of it so far"),
        "series": {
            "type": "integer",
            "minimum": 1,
            "description": "Which series of attempts it is in; each retry by a client begins another one",
        },
        "attempts": count("Attempts begun in this series"),
        "failures": count("Those of them that failed, or took longer than `WORK_TIMEOUT`"),
        "losses": count("Those of them whose worker was gone"),
        "given_back": count("Those of them that a stopping worker gave back"),
        "reason": {
            "type": ["string", "null"],
            "description": "Why it failed, or why its last attempt did",
        },
        "cached": {
            "type": "boolean",
            "description": "Whether the verdict is that of an equal content, which was judged before",
        },
        "created_at": time("When it was submitted"),
        "started_at": time_or_null("When its last attempt began"),
        "processed_at": time_or_null("When it became PASSED, FAILED or CANCELLED"),
        "changed_at": time("When it took on its status"),
        "run_at": time("If it is PENDING: when its next attempt may begin"),
    });
    let names: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    json!({ "type": "object", "description": "A submission", "required": names, "properties": properties })
}

fn page() -> Value {
    json!({
        "type": "object",
        "required": ["submissions", "next"],
        "properties": {
            "submissions": {
                "type": "array",
                "description": "From the newest to the oldest",
                "maxItems": MAX_LIMIT,
                "items": component("schemas", "Submission"),
            },
            "next": {
                "type": ["string", "null"],
                "format": "uri-reference",
                "description": "The address of the next page, if there is one",
            },
        },
    })
}

fn stats() -> Value {
    let count = |description: &str| json!({ "type": "integer", "minimum": 0, "description": description });
    let names = Status::ALL.map(Status::as_str);
    let counts: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), count(&format!("Submissions that are {name}")))).collect();
    json!({
        "type": "object",
        "required": ["statuses", "oldest_pending_seconds", "stuck", "dead_letters"],
        "properties": {
            "statuses": { "type": "object", "required": names, "properties": counts },
            "oldest_pending_seconds": {
                "type": ["number", "null"],
                "minimum": 0,
                "description": "How long the oldest submission has waited whose attempt may begin",
            },
            "stuck": count("Submissions in PROCESSING for longer than `STUCK_AFTER`"),
            "dead_letters": count("Series of attempts that ended without a verdict"),
        },
    })
}

fn workers() -> Value {
    let worker = json!({
        "type": "object",
        "required": ["id", "name", "running", "concurrency", "silent_seconds", "started_at"],
        "properties": {
            "id": { "type": "string", "format": "uuid", "description": "Its id, which no other process ever has" },
            "name": { "type": "string", "description": "Host and process" },
            "running": { "type": "integer", "description": "Submissions that it worked on at its last heartbeat" },
            "concurrency": { "type": "integer", "description": "The most that it works on at a time" },
            "silent_seconds": { "type": "number", "description": "How long ago its last heartbeat was" },
            "started_at": { "type": "string", "format": "date-time", "description": "When it started" },
        },
    });
    json!({
        "type": "object",
        "required": ["workers"],
        "properties": {
            "workers": { "type": "array", "description": "By their names", "items": worker },
        },
    })
}

/// The responses that several operations have.
pub(super) fn responses() -> Map<String, Value> {
    let mut responses = answers::responses("database: connecting");
    let own = [
        (
            "CrossSite",
            problem(
                403,
                "A browser sent this for a page of another site",
                "a page of another site sent this: open the page of this service itself",
            ),
        ),
        ("NotAdmin", not_admin()),
        ("BrokenBody", problem(400, "The body broke off", "the body broke off")),
        ("Missing", problem(404, "There is no such submission of the caller", "there is no submission with this id")),
        (
            "StatusConflict",
            problem(
                409,
                "The status of the submission does not allow it",
                "a submission that is PASSED cannot be cancelled, only one that is not final",
            ),
        ),
        (
            "TooLarge",
            problem(
                413,
                "The body has more bytes than `MAX_BODY_BYTES`, or in a bulk `MAX_BULK_BYTES`; or a bulk has more \
                 submissions than it may have",
                "the body must not be larger than 65536 bytes",
            ),
        ),
        (
            "KeyConflict",
            problem(
                422,
                "The `Idempotency-Key` was used with another content",
                "this Idempotency-Key was used with another content: send that one again as it was, or this one under \
                 another key",
            ),
        ),
        (
            "Unavailable",
            with_retry_after(
                problem(
                    503,
                    "Try again: the database does not answer or did not confirm within `SUBMIT_TIMEOUT`, too much \
                     waits for it, bodies and answers hold `BODY_BUFFER_BYTES`, or more than `MAX_CONNECTIONS` are \
                     open. If the detail says so, the submission may be stored or not",
                    "too many submissions wait for the database: try again",
                ),
                true,
            ),
        ),
    ];
    responses.extend(own.map(|(name, response)| (name.to_owned(), response)));
    responses
}

fn not_admin() -> Value {
    let mut response = problem(
        403,
        "The credential has not the scope `admin`, or may not be used for submissions",
        "this needs a credential with the scope `admin`",
    );
    response["headers"] = json!({ "WWW-Authenticate": component("headers", "WwwAuthenticate") });
    response
}

/// The parameters of requests.
pub(super) fn parameters() -> Value {
    json!({
        "IdempotencyKey": {
            "name": "Idempotency-Key",
            "in": "header",
            "description": "A request that is sent again with the same key is answered with the same submission. In a \
                            bulk it stands for the submission in each position",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
            "example": "upload-4711",
        },
        "IfNoneMatch": {
            "name": "If-None-Match",
            "in": "header",
            "description": "The `ETag` of the answer that the client has",
            "schema": { "type": "string" },
        },
        "SubmissionId": {
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The id of the submission",
            "schema": { "type": "string", "format": "uuid" },
            "example": "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b",
        },
        "Status": {
            "name": "status",
            "in": "query",
            "description": "Only submissions with this status",
            "schema": status("A status"),
        },
        "StatusToRetry": {
            "name": "status",
            "in": "query",
            "required": true,
            "description": "The status of the submissions to try again",
            "schema": { "enum": [Status::Failed, Status::Cancelled], "type": "string" },
        },
        "After": {
            "name": "after",
            "in": "query",
            "description": "Only submissions that are older than the one with this id",
            "schema": { "type": "string", "format": "uuid" },
        },
        "AfterDeadLetter": dead_letters::after(),
        "Limit": {
            "name": "limit",
            "in": "query",
            "description": "The most entries of the page",
            "schema": { "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT },
        },
    })
}
