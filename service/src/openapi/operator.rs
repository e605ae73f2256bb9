//! The operations for those who run the service: health, metrics, pages, and this description.

use serde_json::{Value, json};

use super::answers::{response, with_body};
use crate::documentation::{DOCS_PATH, OPENAPI_PATH};

/// The heading of these operations.
pub const TAG: &str = "Service";

/// The words in which services differ.
#[derive(Debug, Clone, Copy)]
pub struct OperatorWords {
    /// The service's name.
    pub service: &'static str,
    /// What its status page is.
    pub status_page: &'static str,
    /// What its OpenAPI document describes.
    pub description: &'static str,
}

/// Each path that every service has, with its operation.
pub fn operations(words: &OperatorWords) -> Vec<(&'static str, Value)> {
    let alive = json!({ "200": status("The process lives", "ok") });
    vec![
        ("/", get("getVersion", "Name and version", json!({ "200": version(words) }))),
        ("/livez", get("getLiveness", "Whether the process lives", alive)),
        ("/readyz", get("getReadiness", "Whether the service is ready", readiness("ready"))),
        ("/health", get("getHealth", "The same as /readyz", readiness("ready"))),
        ("/metrics", get("getMetrics", "Metrics for Prometheus", json!({ "200": metrics() }))),
        ("/status", status_page(words)),
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

fn version(words: &OperatorWords) -> Value {
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

/// The answers of a health check that says this word when the service is ready.
pub fn readiness(word: &str) -> Value {
    json!({ "200": status("The service is ready", word), "503": response("NotReady") })
}

fn metrics() -> Value {
    let example = "# HELP http_server_connections Connections that are open\n# TYPE http_server_connections gauge\n\
                   http_server_connections 1\n";
    with_body("Prometheus text format 0.0.4", "text/plain", json!({ "type": "string" }), json!(example))
}

fn status_page(words: &OperatorWords) -> Value {
    let page = html(words.status_page);
    let mut operation = get("getStatus", "The status page", json!({ "200": page }));
    operation["parameters"] = json!([{
        "name": "still",
        "in": "query",
        "description": "If it is there, with or without a value, the page does not refresh itself",
        "allowEmptyValue": true,
        "schema": { "type": "string" },
    }]);
    operation
}

fn description(words: &OperatorWords) -> Value {
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
