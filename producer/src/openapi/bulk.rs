//! The operation that takes many records at once, and its answers.

use serde_json::{Value, json};

use super::answers::{COMPRESSED, PROBLEM, component, response, with_body};
use super::record::RecordShape;
use crate::create_bulk::MAX_RECORDS;
use crate::noun::Noun;

/// The operation.
pub(super) fn operation(shape: &RecordShape) -> Value {
    let Noun { one, many, .. } = shape.noun;
    let all = json!({ "accepted": 1, "rejected": 0, "results": [shape.accepted_example()] });
    let some = json!({ "accepted": 1, "rejected": 1, "results": [shape.accepted_example(), errors(shape)] });
    let json_type = "application/json";
    let mut responses = json!({
        "201": with_body(&format!("All {many} were accepted"), json_type, results(shape), all),
        "207": with_body(&format!("Some {many} were accepted: see results"), json_type, results(shape), some),
        "400": rejected(shape, 400, &format!("No {one} is valid: see results. Or the body is not a bulk: see errors")),
        "408": response("SlowBody"),
        "413": response("TooLarge"),
        "415": response("ContentType"),
        "431": response("HeadTooLarge"),
        "503": response("Unavailable"),
    });
    let mut parameters = Vec::new();
    if shape.is_idempotent_by_header {
        parameters.push(component("parameters", "IdempotencyKey"));
        let description = format!("The `Idempotency-Key` was used with other {many} than all the valid ones");
        responses["422"] = rejected(shape, 422, &description);
    }
    json!({
        "operationId": format!("{}Bulk", shape.operation),
        "tags": [shape.tag],
        "summary": format!("Sends many {many}"),
        "description": format!(
            "Each {one} is judged as it would be alone, and has its own result, in the same position. At most \
             {MAX_RECORDS} {many}, each of at most `MAX_BODY_BYTES`, and all of at most `MAX_BULK_BYTES`. {COMPRESSED}"
        ),
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": {
                "application/json": {
                    "schema": array(shape),
                    "examples": shape.examples(|record| json!([record])),
                },
                "application/x-ndjson": {
                    "schema": {
                        "type": "string",
                        "description": format!(
                            "One {one} a line, as JSON. A broken line is an error of that line alone; empty lines are \
                             skipped"
                        ),
                    },
                    "examples": shape.examples(|record| json!(format!("{record}\n"))),
                },
            },
        },
        "responses": responses,
    })
}

/// An array of records, at least one of which is valid. The others have their errors among the results.
fn array(shape: &RecordShape) -> Value {
    let rejected = format!("Anything else gets its errors in the results, and the other {} count", shape.noun.many);
    json!({
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_RECORDS,
        "items": { "anyOf": [shape.schema_ref(), { "description": rejected }] },
        "contains": shape.schema_ref(),
    })
}

/// The schema of a record's result.
pub(super) fn result_schema(shape: &RecordShape) -> Value {
    let one = shape.noun.one;
    let flagged = |flag: &str, description: String| {
        json!({
            "type": "object",
            "description": description,
            "required": [flag, "message"],
            "properties": { flag: { "const": true }, "message": { "type": "string" } },
        })
    };
    let mut accepted = shape.accepted_schema(&[]);
    accepted["description"] = json!(format!("The {one} was accepted"));
    json!({
        "description": format!("The result of one {one}"),
        "oneOf": [
            accepted,
            {
                "type": "object",
                "description": format!("The {one} is invalid"),
                "required": ["errors"],
                "properties": { "errors": component("schemas", "FieldErrors") },
            },
            flagged("unknown", format!("The {one} was not acknowledged in time: it may be stored or not")),
            flagged("unavailable", format!("The {one} was not sent on, because its partition is away")),
        ],
    })
}

fn results(shape: &RecordShape) -> Value {
    json!({
        "allOf": [component("schemas", "BulkCounts")],
        "type": "object",
        "required": ["results"],
        "properties": { "results": results_array(shape) },
    })
}

fn results_array(shape: &RecordShape) -> Value {
    let description = format!("In the order of the {}", shape.noun.many);
    let items = component("schemas", &shape.result_name());
    json!({ "type": "array", "description": description, "minItems": 1, "maxItems": MAX_RECORDS, "items": items })
}

/// The answer if no record of the bulk is accepted: with results, unless the request is rejected as a whole.
fn rejected(shape: &RecordShape, status: u16, description: &str) -> Value {
    let title = if status == 400 { "Bad Request" } else { "Unprocessable Entity" };
    let detail = if status == 400 {
        format!("no {} is valid: see results", shape.noun.one)
    } else {
        format!("this Idempotency-Key was used with other {}: see results", shape.noun.many)
    };
    let example = json!({
        "title": title, "status": status, "detail": detail, "accepted": 0, "rejected": 1, "results": [errors(shape)],
    });
    let with_results = json!({ "allOf": [component("schemas", "Problem"), results(shape)] });
    let schema = match status {
        400 => json!({ "anyOf": [with_results, component("schemas", "Problem")] }),
        _ => with_results,
    };
    with_body(description, PROBLEM, schema, example)
}

/// The result of a record that is invalid.
fn errors(shape: &RecordShape) -> Value {
    json!({ "errors": [{ "field": shape.first_required(), "message": "is required" }] })
}
