//! One operation: what it takes, what it answers, and a form that sends a request.

use maud::{Markup, html};
use serde_json::Value;

use super::prose::{line, prose};
use super::resolve::{elements, example, members, resolve, text};
use super::schema;
use crate::openapi;

/// The operation, folded to one line.
pub(super) fn render(document: &Value, path: &str, method: &str, operation: &Value) -> Markup {
    let parameters: Vec<&Value> =
        elements(&operation["parameters"]).iter().map(|parameter| resolve(document, parameter)).collect();
    let body = &operation["requestBody"]["content"];
    html! {
        details.operation id=(text(&operation["operationId"])) {
            summary {
                span.method { (method.to_uppercase()) } " " code { (path) } " " span { (text(&operation["summary"])) }
            }
            (prose(text(&operation["description"])))
            @if !parameters.is_empty() { h3 { "Parameters" } (parameter_table(&parameters)) }
            @for (media_type, content) in members(body) {
                h3 { "Body as " code { (media_type) } }
                (schema::render(document, &content["schema"], &own_schema(document, &content["schema"])))
            }
            h3 { "Try it" }
            (form(path, method, &parameters, body))
            h3 { "Answers" }
            (answers(document, &operation["responses"]))
        }
    }
}

/// The schema as JSON; if it is a reference, what it refers to.
fn own_schema(document: &Value, schema: &Value) -> String {
    openapi::pretty(resolve(document, schema))
}

fn parameter_table(parameters: &[&Value]) -> Markup {
    html! {
        dl {
            @for parameter in parameters {
                dt { code { (text(&parameter["name"])) } " in the " (text(&parameter["in"])) }
                dd { (line(text(&parameter["description"]))) }
            }
        }
    }
}

fn answers(document: &Value, responses: &Value) -> Markup {
    html! {
        dl.answers {
            @for (status, response) in members(responses) {
                @let response = resolve(document, response);
                dt { strong { (status) } }
                dd {
                    p {
                        (line(text(&response["description"])))
                        @for (name, _) in members(&response["headers"]) { ". Header: " code { (name) } }
                    }
                    @for (media_type, content) in members(&response["content"]) {
                        details {
                            summary { code { (media_type) } }
                            @if let Some(example) = example(content) { pre { code { (example) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The form is hidden until the script can send what it holds.
fn form(path: &str, method: &str, parameters: &[&Value], body: &Value) -> Markup {
    let bodies: Vec<(&str, String)> =
        members(body).map(|(media_type, content)| (media_type, example(content).unwrap_or_default())).collect();
    html! {
        noscript { p { "To send requests from here, allow scripts." } }
        div.try hidden data-method=(method.to_uppercase()) data-path=(path) {
            @for parameter in parameters {
                @let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                label { (name) " " input type="text" autocomplete="off" data-in=(place) name=(name); }
            }
            @if !bodies.is_empty() {
                label {
                    "Content type "
                    select {
                        @for (media_type, example) in &bodies { option data-example=(example) { (media_type) } }
                    }
                }
                label { "Body " textarea rows="6" spellcheck="false" {} }
            }
            pre.curl aria-label="The same with curl" { code {} }
            button type="button" { "Send" } " "
            output aria-live="polite" {}
            pre.answer hidden tabindex="0" { code {} }
        }
    }
}
