//! The operation that takes a single record.

use serde_json::{Value, json};

use super::answers::{PROBLEM, component, response, with_body};
use super::record::RecordShape;
use crate::noun::Noun;

/// The operation; `suffix` distinguishes its name where a kind has several paths.
pub(super) fn operation(shape: &RecordShape, suffix: &str) -> Value {
    let Noun { one, .. } = shape.noun;
    let mut responses = json!({
        "201": created(shape),
        "400": invalid(shape),
        "408": response("SlowBody"),
        "413": response("TooLarge"),
        "415": response("ContentType"),
        "431": response("HeadTooLarge"),
        "503": response("Unavailable"),
    });
    let mut parameters = Vec::new();
    if shape.is_idempotent_by_header {
        parameters.push(component("parameters", "IdempotencyKey"));
        responses["422"] = response("KeyConflict");
    }
    json!({
        "operationId": format!("{}{suffix}", shape.operation),
        "tags": [shape.tag],
        "summary": format!("Sends one {one}"),
        "description": format!("Answers once Kafka has acknowledged the {one} with acks=all."),
        "parameters": parameters,
        "requestBody": {
            "required": true,
            "content": {
                "application/json": {
                    "schema": shape.schema_ref(),
                    "examples": shape.examples(Value::clone),
                },
            },
        },
        "responses": responses,
    })
}

fn created(shape: &RecordShape) -> Value {
    let mut example = shape.accepted_example();
    example["message"] = json!(shape.message);
    let schema = shape.accepted_schema(&[("message", json!({ "const": shape.message }))]);
    with_body(&format!("Kafka has acknowledged the {}", shape.noun.one), "application/json", schema, example)
}

fn invalid(shape: &RecordShape) -> Value {
    let one = shape.noun.one;
    let mut description = format!("The {one} breaks a rule, or the body is not JSON or broke off");
    if shape.is_idempotent_by_header {
        description.push_str("; or the `Idempotency-Key` is malformed");
    }
    let example = json!({
        "title": "Bad Request",
        "status": 400,
        "detail": format!("the {one} is not valid: see errors"),
        "errors": [{ "field": shape.first_required(), "message": "is required" }],
    });
    with_body(&description, PROBLEM, component("schemas", "Problem"), example)
}
