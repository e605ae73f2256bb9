//! The operations that the description of every service has: health, pages, and the description itself.

use serde_json::{Value, json};

use super::answers::{response, with_body};
use crate::documentation::{DOCS_PATH, OPENAPI_PATH};

/// The heading of these operations.
pub const TAG: &str = "Service";

/// The words in which services differ.
#[derive(Debug, Clone, Copy)]
pub struct SharedWords {
    /// The service's name.
    pub service: &'static str,
    /// What its OpenAPI document describes.
    pub description: &'static str,
}

/// Each path that clients have on every service, with its operation.
pub fn operations(words: &SharedWords) -> Vec<(&'static str, Value)> {
    let alive = json!({ "200": status("The process lives", "ok") });
    vec![
        ("/", get("getVersion", "Name and version", json!({ "200": version(words) }))),
        ("/livez", get("getLiveness", "Whether the process lives", alive)),
        ("/readyz", get("getReadiness", "Whether the service is ready", ready())),
        ("/health", get("getHealth", "The same as /readyz", ready())),
        (OPENAPI_PATH, get("getDescription", "This description", json!({ "200": description(words) }))),
        (DOCS_PATH, get("getDocumentation", "This description as a page", json!({ "200": page() }))),
    ]
}

/// An operation without a body. `responses` are those besides what every request may get.
pub fn get(id: &str, summary: &str, responses: Value) -> Value {
    operation(TAG, id, summary, responses)
}

/// The same under another heading.
pub fn operation(tag: &str, id: &str, summary: &str, mut responses: Value) -> Value {
    responses["431"] = response("HeadTooLarge");
    if responses.get("503").is_none() {
        responses["503"] = response("TooManyConnections");
    }
    json!({
        "operationId": id,
        "tags": [tag],
        "summary": summary,
        "description": format!("{summary}."),
        "responses": responses,
    })
}

fn version(words: &SharedWords) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let schema = json!({
        "type": "object",
        "required": ["status", "service", "version"],
        "properties": {
            "status": { "const": "ok" },
            "service": { "const": words.service },
            "version": { "type": "string" },
        },
    });
    let example = json!({ "status": "ok", "service": words.service, "version": version });
    with_body("Name and version", "application/json", schema, example)
}

fn status(description: &str, word: &str) -> Value {
    let schema = json!({ "type": "object", "required": ["status"], "properties": { "status": { "const": word } } });
    with_body(description, "application/json", schema, json!({ "status": word }))
}

fn ready() -> Value {
    let mut responses = readiness("ready");
    responses["200"]["content"]["application/json"]["schema"]["properties"]["note"] =
        json!({ "type": "string", "description": "What is not as it should be, although the service is ready." });
    responses
}

/// The answers of a health check that says this word when the service is ready.
pub fn readiness(word: &str) -> Value {
    json!({ "200": status("The service is ready", word), "503": response("NotReady") })
}

fn description(words: &SharedWords) -> Value {
    json!({
        "description": words.description,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["openapi", "info", "paths"],
                    "properties": {
                        "openapi": { "type": "string" },
                        "info": { "type": "object" },
                        "paths": { "type": "object" },
                    },
                },
            },
        },
    })
}

fn page() -> Value {
    html("A page without anything from elsewhere, from which requests can be sent")
}

/// A response that is a page.
pub fn html(description: &str) -> Value {
    json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" } } } })
}
