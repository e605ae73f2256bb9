//! The page at `/docs`: an OpenAPI document as HTML, from which a person can send requests. It is complete without its
//! script, loads nothing, and asks only the service that it came from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest, Sha256};

mod operation;
mod prose;
mod resolve;
mod schema;

use prose::prose;
use resolve::text;

const STYLE: &str = include_str!("docs_page/page.css");
const SCRIPT: &str = include_str!("docs_page/page.js");

/// A page with an arrow, for the browser's tab.
const ICON: &str = "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E\
     %3Cpath%20d='M3%201h10v14H3z'%20fill='%2300664f'/%3E%3Cpath%20d='M5%208h5M8%205l3%203-3%203'%20stroke='white'%20\
     stroke-width='1.5'%20fill='none'/%3E%3C/svg%3E";

/// The page, and the policy that it is sent with.
pub struct DocsPage {
    /// The page.
    pub html: String,
    /// What it may load and do.
    pub policy: HeaderValue,
}

impl DocsPage {
    /// That of this document.
    pub fn of(document: &Value) -> Self {
        Self { html: render(document), policy: policy() }
    }
}

/// Allows exactly the page's own script and style, and requests to the service itself.
fn policy() -> HeaderValue {
    let hash = |source: &str| STANDARD.encode(Sha256::digest(source));
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        hash(SCRIPT),
        hash(STYLE)
    );
    HeaderValue::from_str(&policy).expect("the policy is plain ASCII")
}

fn render(document: &Value) -> String {
    let info = &document["info"];
    let tags = document["tags"].as_array().map_or(&[][..], Vec::as_slice);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (text(&info["title"])) " API" }
                link rel="icon" href=(ICON);
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    div {
                        p { (text(&info["title"])) " " (text(&info["version"])) }
                        h1 { "HTTP API" }
                        nav aria-label="Pages" {
                            a href="openapi.json" { "OpenAPI document" } " "
                            a href="status" { "Status" } " "
                            a href="metrics" { "Metrics" }
                        }
                    }
                }
                main {
                    section { (prose(text(&info["description"]))) }
                    @for tag in tags { (group(document, text(&tag["name"]), text(&tag["description"]))) }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

/// The operations under one heading.
fn group(document: &Value, tag: &str, description: &str) -> Markup {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    });
    let tagged = operations.filter(|(_, _, operation)| operation["tags"][0] == tag);
    html! {
        section {
            h2 { (tag) }
            (prose(description))
            @for (path, method, operation) in tagged { (operation::render(document, path, method, operation)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "info": { "title": "Example", "version": "1", "description": "One `code`." },
            "tags": [{ "name": "Jobs", "description": "Work" }],
            "paths": { "/jobs/{id}": { "post": {
                "operationId": "createJob",
                "tags": ["Jobs"],
                "summary": "Sends one",
                "description": "Answers at once.",
                "parameters": [{ "name": "id", "in": "path", "required": true, "description": "Its id" }],
                "requestBody": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/Job" },
                    "examples": { "valid": { "value": { "a": "b" } } },
                } } },
                "responses": { "202": { "description": "Accepted" } },
            } } },
            "components": { "schemas": { "Job": { "type": "object", "properties": { "a": { "type": "string" } } } } },
        })
    }

    #[test]
    fn an_operation_has_its_fields_its_form_and_its_answers() {
        let DocsPage { html, .. } = DocsPage::of(&document());
        for part in [
            r#"id="createJob""#,
            "<code>id</code> in the path",
            "<td>string</td>",
            r#"data-path="/jobs/{id}""#,
            r#"data-in="path" name="id""#,
            "&quot;a&quot;",
            "<strong>202</strong>",
        ] {
            assert!(html.contains(part), "{part} in\n{html}");
        }
    }

    #[test]
    fn what_a_document_says_cannot_become_markup() {
        let mut document = document();
        let hostile = "<script>alert(1)</script>\"'";
        document["info"]["title"] = hostile.into();
        document["paths"]["/jobs/{id}"]["post"]["summary"] = hostile.into();
        document["components"]["schemas"]["Job"]["properties"][hostile] = json!({ "description": hostile });
        let DocsPage { html, .. } = DocsPage::of(&document);
        assert_eq!(html.matches("<script>").count(), 1, "its own: {html}");
    }

    #[test]
    fn the_policy_allows_no_script_and_no_style_but_the_pages_own() {
        let policy = policy();
        let policy = policy.to_str().unwrap();
        for rule in ["default-src 'none';", "script-src 'sha256-", "style-src 'sha256-", "connect-src 'self';"] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        let DocsPage { html, .. } = DocsPage::of(&document());
        // They would be blocked, and nobody would notice but the reader.
        for blocked in [" style=", " onclick=", "src=", "<link rel=\"stylesheet\""] {
            assert!(!html.contains(blocked), "{blocked}");
        }
    }
}
