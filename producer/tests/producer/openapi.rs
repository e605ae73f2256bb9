//! The description of the interface, and that answers are as it says.

use contract::Kind;
use serde_json::{Value, json};

use crate::client::{POST, Response, post, post_to, post_with, request};
use crate::orders::ORDER;
use crate::running::Producer;
use crate::topic::fresh_topic;

const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn the_description_has_the_kinds_that_are_served() {
    for (kinds, served) in [("post", &[Kind::Post][..]), ("order", &[Kind::Order]), ("post,order", &Kind::BUILT_IN)] {
        let producer = Producer::without_kafka(&[("KINDS", kinds)]).await;
        let response = producer.get("/openapi.json").await;
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
        assert_eq!(response.text(), producer::openapi(served));
        let page = producer.get("/docs").await;
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
        assert_eq!(page.text().contains("create-post"), served.contains(&Kind::Post));
        assert_eq!(page.text().contains("api/orders"), served.contains(&Kind::Order));
        for path in ["/openapi.json", "/docs"] {
            let mut connection = producer.connect().await;
            connection.send(request("HEAD", path)).await;
            assert_eq!(connection.receive_head().await.status, 200);
            assert_eq!(connection.ask(request("POST", path)).await.header("allow"), Some("GET, HEAD"));
        }
    }
}

/// Fails unless the document describes this answer to this request.
fn is_as_described(document: &Value, method: &str, path: &str, response: &Response) {
    let operation = &document["paths"][path][method];
    let described = resolve(document, &operation["responses"][response.status.to_string()]);
    assert!(described.is_object(), "{method} {path} does not describe {}: {}", response.status, response.text());
    let is_json = response.header("content-type").is_some_and(|media_type| media_type.contains("json"));
    let (media_type, content) = described["content"].as_object().unwrap().iter().next().unwrap();
    assert!(response.header("content-type").unwrap().starts_with(media_type), "{path}: {response:?}");
    let body = if is_json { response.json() } else { json!(response.text()) };
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

fn document() -> Value {
    serde_json::from_str(&producer::openapi(&Kind::BUILT_IN)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_as_described() {
    let document = document();
    let settings = [("MAX_BULK_BYTES", "5000"), ("MAX_BODY_BYTES", "500"), ("BODY_BUFFER_BYTES", "5000")];
    let producer = Producer::with_orders(&fresh_topic(), &settings).await;
    let keyed = format!("{JSON}idempotency-key: k1\r\n");
    let large = " ".repeat(6000);
    let other_post = r#"{"title":"Another","content":"Not the post before"}"#;
    for (path, one, several_paths) in [
        ("/create-post", POST, "/create-posts"),
        ("/api/orders/", ORDER, "/api/orders/bulk"),
        ("/api/orders", ORDER, "/api/orders/bulk"),
    ] {
        let requests = [
            (path, 201, post_to(path, JSON, one)),
            (path, 400, post_to(path, JSON, "{}")),
            (path, 400, post_to(path, JSON, "{")),
            (path, 413, post_to(path, JSON, &large)),
            (path, 415, post_to(path, "content-type: text/plain\r\n", one)),
            (several_paths, 201, post_to(several_paths, JSON, format!("[{one}]"))),
            (several_paths, 201, post_to(several_paths, "content-type: application/x-ndjson\r\n", one)),
            (several_paths, 207, post_to(several_paths, JSON, format!("[{one},{{}}]"))),
            (several_paths, 400, post_to(several_paths, JSON, "[{}]")),
            (several_paths, 400, post_to(several_paths, JSON, "[]")),
            (several_paths, 413, post_to(several_paths, JSON, &large)),
            (several_paths, 415, post_to(several_paths, "content-type: text/plain\r\n", one)),
        ];
        for (path, status, request) in requests {
            let response = producer.ask(request).await;
            assert_eq!(response.status, status, "{path}: {}", response.text());
            is_as_described(&document, "post", path, &response);
        }
    }
    for (path, status, request) in [
        ("/create-post", 201, post_with(&keyed, POST)),
        ("/create-post", 422, post_with(&keyed, other_post)),
        ("/create-post", 400, post_with(&format!("{JSON}idempotency-key: a b\r\n"), POST)),
        ("/create-posts", 201, post_to("/create-posts", &keyed, format!("[{POST}]"))),
        ("/create-posts", 422, post_to("/create-posts", &keyed, format!("[{other_post}]"))),
    ] {
        let response = producer.ask(request).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        is_as_described(&document, "post", path, &response);
    }
    for path in ["/", "/livez", "/readyz", "/health", "/api/health", "/openapi.json", "/docs"] {
        let response = producer.get(path).await;
        assert_eq!(response.status, 200);
        is_as_described(&document, "get", path, &response);
    }
}

#[tokio::test]
async fn temporary_answers_are_as_described() {
    let document = document();
    let producer = Producer::without_kafka(&[("BODY_TIMEOUT", "100ms"), ("MAX_CONNECTIONS", "1")]).await;
    for (path, body) in [
        ("/create-post", POST.to_owned()),
        ("/create-posts", format!("[{POST}]")),
        ("/api/orders/", ORDER.to_owned()),
        ("/api/orders", ORDER.to_owned()),
        ("/api/orders/bulk", format!("[{ORDER}]")),
    ] {
        let mut connection = producer.connect().await;
        let away = connection.ask(post_to(path, JSON, &body)).await;
        assert_eq!(away.status, 503);
        is_as_described(&document, "post", path, &away);
        let whole = post_to(path, JSON, &body);
        let slow = connection.ask(&whole[..whole.len() - 1]).await;
        assert_eq!(slow.status, 408);
        is_as_described(&document, "post", path, &slow);
        connection.closed().await;
    }
    let mut connection = producer.connect().await;
    for path in ["/readyz", "/health", "/api/health"] {
        let response = connection.ask(request("GET", path)).await;
        assert_eq!(response.status, 503);
        is_as_described(&document, "get", path, &response);
    }
    let mut one_too_many = producer.connect().await;
    let response = one_too_many.receive().await;
    assert_eq!(response.status, 503);
    for path in document["paths"].as_object().unwrap().keys() {
        let method = if path.contains("create") || path.contains("orders") { "post" } else { "get" };
        is_as_described(&document, method, path, &response);
    }
    assert_eq!(connection.ask(post(POST)).await.status, 503);
}

#[tokio::test]
async fn a_kind_of_a_file_is_described() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/kinds");
    let producer = Producer::without_kafka(&[("KINDS_DIR", directory)]).await;
    let document = producer.get("/openapi.json").await.json();
    let content = &document["paths"]["/api/readings"]["post"]["requestBody"]["content"]["application/json"];
    let example = content["examples"]["valid"]["value"].to_string();
    for (path, status, body) in [
        // Only Kafka is not there.
        ("/api/readings", 503, example.clone()),
        ("/api/readings", 400, "{}".to_owned()),
        ("/api/readings/bulk", 503, format!("[{example},{{}}]")),
        ("/api/readings/bulk", 400, "[{}]".to_owned()),
    ] {
        let response = producer.ask(post_to(path, JSON, body)).await;
        assert_eq!(response.status, status, "{path}: {}", response.text());
        is_as_described(&document, "post", path, &response);
    }
    assert!(producer.get("/docs").await.text().contains("/api/readings/bulk"));
}
