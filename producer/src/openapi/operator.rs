//! The operations for those who run the service: health, metrics, pages, and this description.

use serde_json::{Value, json};

use super::answers::{response, with_body};
use crate::paths;

/// The heading of these operations.
pub(super) const TAG: &str = "Service";

/// Each path with its operation; the health check for clients of orders is there with orders.
pub(super) fn operations(is_with_orders: bool) -> Vec<(&'static str, Value)> {
    let mut operations = vec![
        ("/", get("getVersion", "Name and version", json!({ "200": version() }))),
        (
            "/livez",
            get("getLiveness", "Whether the process lives", json!({ "200": status("The process lives", "ok") })),
        ),
        ("/readyz", get("getReadiness", "Whether the service is ready", readiness("ready"))),
        ("/health", get("getHealth", "The same as /readyz", readiness("ready"))),
        ("/metrics", get("getMetrics", "Metrics for Prometheus", json!({ "200": metrics() }))),
        ("/status", status_page()),
        (paths::OPENAPI, get("getDescription", "This description", json!({ "200": description() }))),
        (paths::DOCS, get("getDocumentation", "This description as a page", json!({ "200": page() }))),
    ];
    if is_with_orders {
        let health =
            get("getHealthOfOrders", "Whether the service is ready, for clients of orders", readiness("healthy"));
        operations.push((paths::HEALTH, health));
    }
    operations
}

fn get(id: &str, summary: &str, mut responses: Value) -> Value {
    responses["431"] = response("HeadTooLarge");
    if responses.get("503").is_none() {
        responses["503"] = response("TooManyConnections");
    }
    json!({
        "operationId": id,
        "tags": [TAG],
        "summary": summary,
        "description": format!("{summary}."),
        "responses": responses,
    })
}

fn version() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    let schema = json!({
        "type": "object",
        "required": ["status", "service", "version"],
        "properties": {
            "status": { "const": "ok" },
            "service": { "const": "producer" },
            "version": { "type": "string" },
        },
    });
    let example = json!({ "status": "ok", "service": "producer", "version": version });
    with_body("Name and version", "application/json", schema, example)
}

fn status(description: &str, word: &str) -> Value {
    let schema = json!({ "type": "object", "required": ["status"], "properties": { "status": { "const": word } } });
    with_body(description, "application/json", schema, json!({ "status": word }))
}

fn readiness(word: &str) -> Value {
    json!({ "200": status("The service is ready", word), "503": response("NotReady") })
}

fn metrics() -> Value {
    let example = "# HELP http_server_connections Connections that are open\n# TYPE http_server_connections gauge\n\
                   http_server_connections 1\n";
    with_body("Prometheus text format 0.0.4", "text/plain", json!({ "type": "string" }), json!(example))
}

fn status_page() -> Value {
    let page = html("The status page: state, throughput, partitions, last errors, settings without secrets");
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

fn description() -> Value {
    json!({
        "description": "An OpenAPI 3.1 document of the kinds that are served",
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

fn html(description: &str) -> Value {
    json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" } } } })
}
