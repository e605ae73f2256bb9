//! The description of the interface, and that answers are as it says.

use serde_json::{Value, json};
use submissions::Roles;

use crate::client::{JSON, Response, ask, request};
use crate::running::{GOOD, Server, id};

/// Fails unless the document describes this answer to this request.
fn is_as_described(document: &Value, method: &str, path: &str, response: &Response) {
    let operation = &document["paths"][path][method];
    let described = resolve(document, &operation["responses"][response.status.to_string()]);
    assert!(described.is_object(), "{method} {path} does not describe {}: {}", response.status, response.text());
    let (media_type, content) = described["content"].as_object().unwrap().iter().next().unwrap();
    assert!(response.header("content-type").unwrap().starts_with(media_type), "{path}: {response:?}");
    let is_json = media_type.contains("json");
    let body = if is_json { serde_json::from_str(response.text()).unwrap() } else { json!(response.text()) };
    let schema = json!({ "allOf": [content["schema"]], "components": document["components"] });
    let schema = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> = schema.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:?} in {body}");
    for (name, header) in described["headers"].as_object().into_iter().flatten() {
        let value = response.header(&name.to_lowercase());
        assert!(value.is_some() || resolve(document, header)["required"] != true, "{method} {path}: no {name}");
    }
}

fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.map_or(value, |pointer| document.pointer(pointer).unwrap())
}

#[tokio::test]
async fn the_description_is_served_as_json_and_as_a_page() {
    let server = Server::with_file(Roles::API, &[("MAX_CONTENT_CHARS", "77")]).await;
    let response = server.get("/openapi.json").await;
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    assert_eq!(response.text(), submissions::openapi(77));
    let page = server.get("/docs").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
    for part in ["string, 1 to 77 characters", "data-path=\"/api/submissions/{id}/cancel\"", "data-in=\"path\""] {
        assert!(page.text().contains(part), "{part} in {}", page.text());
    }
    server.stopped().await;
}

#[tokio::test]
async fn answers_are_as_described() {
    let document: Value = serde_json::from_str(&submissions::openapi(10_000)).unwrap();
    let settings = [("MAX_BODY_BYTES", "500"), ("MAX_BULK_BYTES", "5000"), ("BODY_BUFFER_BYTES", "5000")];
    let server = Server::with_file(Roles::ALL, &[&settings[..], &[("WORK_TIME", "1ms")]].concat()).await;
    let passed = server.submit(GOOD).await;
    server.becomes(id(&passed), "PASSED").await;
    let (one, unknown) = (id(&passed), "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b");
    let (content, large) = (json!({ "content": GOOD }).to_string(), " ".repeat(6000));
    let (keyed, foreign) = (format!("{JSON}idempotency-key: k1\r\n"), "sec-fetch-site: cross-site\r\n");
    let bulk = format!("[{content}]");
    let requests = [
        ("/api/submissions", "", 202, JSON, content.as_str()),
        ("/api/submissions", "", 202, &keyed, &content),
        ("/api/submissions", "", 422, &keyed, r#"{"content":"another"}"#),
        ("/api/submissions", "", 400, JSON, "{}"),
        ("/api/submissions", "", 400, "idempotency-key: a b\r\n", &content),
        ("/api/submissions", "", 403, foreign, &content),
        ("/api/submissions", "", 413, JSON, &large),
        ("/api/submissions", "", 415, "content-type: text/plain\r\n", &content),
        ("/api/submissions/bulk", "", 202, &keyed, &bulk),
        ("/api/submissions/bulk", "", 207, JSON, r#"[{"content":"a"},{}]"#),
        ("/api/submissions/bulk", "", 400, JSON, "[{}]"),
        ("/api/submissions/bulk", "", 400, JSON, "[]"),
        ("/api/submissions/bulk", "", 403, foreign, &bulk),
        ("/api/submissions/bulk", "", 413, JSON, &large),
        ("/api/submissions/bulk", "", 415, "content-type: text/plain\r\n", &bulk),
        ("/api/submissions/bulk", "", 422, &keyed, r#"[{"content":"another"}]"#),
        ("/api/submissions/retry", "?status=FAILED", 200, "", ""),
        ("/api/submissions/retry", "", 400, "", ""),
        ("/api/submissions/retry", "?status=FAILED", 403, foreign, ""),
    ];
    for (path, query, status, headers, body) in requests {
        let response = server.post(&format!("{path}{query}"), headers, body).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        is_as_described(&document, "post", path, &response);
    }
    for what in ["cancel", "retry"] {
        let described = format!("/api/submissions/{{id}}/{what}");
        for (id, status, headers) in [(one, 409, ""), (unknown, 404, ""), (one, 403, foreign)] {
            let response = server.post(&format!("/api/submissions/{id}/{what}"), headers, "").await;
            assert_eq!(response.status, status, "{}", response.text());
            is_as_described(&document, "post", &described, &response);
        }
    }
    for (path, address, status) in [
        ("/api/submissions", "/api/submissions?limit=1", 200),
        ("/api/submissions", "/api/submissions?limit=0", 400),
        ("/api/submissions/{id}", &format!("/api/submissions/{one}"), 200),
        ("/api/submissions/{id}", &format!("/api/submissions/{unknown}"), 404),
        ("/api/dead-letters", "/api/dead-letters", 200),
        ("/api/dead-letters", "/api/dead-letters?after=1", 400),
        ("/api/stats", "/api/stats", 200),
        ("/api/workers", "/api/workers", 200),
        ("/", "/", 200),
        ("/livez", "/livez", 200),
        ("/readyz", "/readyz", 200),
        ("/health", "/health", 200),
        ("/openapi.json", "/openapi.json", 200),
        ("/docs", "/docs", 200),
    ] {
        let response = server.get(address).await;
        assert_eq!(response.status, status, "{address}: {}", response.text());
        is_as_described(&document, "get", path, &response);
    }
    server.stopped().await;
}

#[tokio::test]
async fn temporary_answers_are_as_described() {
    let document: Value = serde_json::from_str(&submissions::openapi(10_000)).unwrap();
    let url = format!("postgres://127.0.0.1:{}/submissions", stack::free_port());
    let server = Server::start(Roles::API, &[("DATABASE_URL", &url), ("BODY_TIMEOUT", "100ms")]).await;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let address = path.replace("{id}", "019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b");
            let response = ask(server.address, &request(&method.to_uppercase(), &address, "", "")).await;
            if path.starts_with("/api/") || path == "/" {
                response.problem(503);
            }
            is_as_described(&document, method, path, &response);
        }
    }
    server.stopped().await;
    let server = Server::with_file(Roles::API, &[("BODY_TIMEOUT", "100ms")]).await;
    for path in ["/api/submissions", "/api/submissions/bulk", "/api/submissions/retry"] {
        let whole = request("POST", path, JSON, "[]");
        let slow = ask(server.address, &whole[..whole.len() - 1]).await;
        slow.problem(408);
        is_as_described(&document, "post", path, &slow);
    }
    server.stopped().await;
}
