//! Posts that are rejected, each with its errors. Kafka is away throughout: validity is judged before availability.

use serde_json::json;

use crate::client::{POST, post, post_with, request};
use crate::running::Producer;

#[tokio::test]
async fn every_error_of_a_body_is_named() {
    let producer = Producer::without_kafka(&[]).await;
    let (title, content) = (r#""title":"A title""#, r#""content":"Some content, long enough""#);
    let long_title = json!({ "title": "é".repeat(101), "content": "😀".repeat(1001) }).to_string();
    let deep = format!("{{{title},{content},\"x\":{}", "[".repeat(30_000));
    let cases: [(&[u8], &[&str]); 21] = [
        (b"{}", &["content is required", "title is required"]),
        (
            br#"{"title":"A","content":"Too short"}"#,
            &["content must be 10 to 1000 characters long, has 9", "title must be 2 to 100 characters long, has 1"],
        ),
        (
            long_title.as_bytes(),
            &[
                "content must be 10 to 1000 characters long, has 1001",
                "title must be 2 to 100 characters long, has 101",
            ],
        ),
        (
            br#"{"title":5,"content":{"a":1}}"#,
            &["content must be a string, not an object", "title must be a string, not a number"],
        ),
        (
            br#"{"title":null,"content":["Some content"]}"#,
            &["content must be a string, not an array", "title must be a string, not null"],
        ),
        (format!("{{{title}}}").leak().as_bytes(), &["content is required"]),
        (format!("{{{content},\"Title\":\"A title\"}}").leak().as_bytes(), &["title is required"]),
        (format!("{{{title},{content},{title}}}").leak().as_bytes(), &["title must be given only once"]),
        (b"", &["body is not valid JSON: it ends too early or is empty"]),
        (b"[]", &["body must be a JSON object, not an array"]),
        (b"\"text\"", &["body must be a JSON object, not a string"]),
        (b"7", &["body must be a JSON object, not a number"]),
        (b"null", &["body must be a JSON object, not null"]),
        (br#"{"title":"A title","content":"#, &["body is not valid JSON"]),
        (br#"{"title":"A title""#, &["body is not valid JSON"]),
        (br#"{"title":"A title","content":"Some content"} {}"#, &["body is not valid JSON"]),
        (b"title=A+title&content=Some+content", &["body is not valid JSON"]),
        (b"{\"title\":\"A \xff\",\"content\":\"Some content\"}", &["body is not valid JSON: invalid UTF-8"]),
        (
            br#"{"title":"\ud83d","content":"Some content"}"#,
            &["body is not valid JSON: invalid unicode escape (a lone surrogate?)"],
        ),
        (b"{\"title\":\"A\ntitle\",\"content\":\"Some content\"}", &["body is not valid JSON"]),
        (deep.as_bytes(), &["body is not valid JSON"]),
    ];
    let mut connection = producer.connect().await;
    for (body, expected) in cases {
        let errors = connection.ask(post(body)).await.errors();
        assert_eq!(errors.len(), expected.len(), "{errors:?} for {}", String::from_utf8_lossy(body));
        for (error, expected) in errors.iter().zip(expected) {
            // For broken JSON the position may follow.
            assert!(error.starts_with(expected), "{error} for {}", String::from_utf8_lossy(body));
        }
    }
}

#[tokio::test]
async fn an_error_body_is_a_contract() {
    let producer = Producer::without_kafka(&[]).await;
    let response = producer.ask(post(r#"{"title":"A","content":12}"#)).await;
    assert_eq!((response.status, response.header("content-type")), (400, Some("application/problem+json")));
    assert_eq!(
        response.text(),
        concat!(
            r#"{"title":"Bad Request","status":400,"detail":"the post is not valid: see errors","errors":["#,
            r#"{"field":"content","message":"must be a string, not a number"},"#,
            r#"{"field":"title","message":"must be 2 to 100 characters long, has 1"}]}"#
        )
    );
}

#[tokio::test]
async fn a_malformed_or_repeated_idempotency_key_is_an_error() {
    let producer = Producer::without_kafka(&[]).await;
    let malformed = "Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces";
    let too_long = format!("Idempotency-Key: {}\r\n", "k".repeat(256));
    for (header_lines, expected) in [
        ("Idempotency-Key: two words\r\n", malformed),
        ("Idempotency-Key: \r\n", malformed),
        ("Idempotency-Key: clé\r\n", malformed),
        (&too_long, malformed),
        ("Idempotency-Key: k\r\nIdempotency-Key: k\r\n", "Idempotency-Key must be given only once"),
    ] {
        assert_eq!(producer.ask(post_with(header_lines, POST)).await.errors(), [expected], "{header_lines}");
    }
}

#[tokio::test]
async fn another_content_type_is_answered_with_the_right_one() {
    let producer = Producer::without_kafka(&[]).await;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonl", "application/xml", ""]
    {
        let response = producer.ask(post_with(&format!("content-type: {content_type}\r\n"), POST)).await;
        let problem = response.problem(415);
        assert!(problem["detail"].as_str().unwrap().contains("content-type: application/json"), "{problem}");
    }
}

#[tokio::test]
async fn a_path_that_is_not_there_is_not_found() {
    let producer = Producer::without_kafka(&[]).await;
    for path in ["/nowhere", "/create-post/", "//create-post", "/Create-Post", "/livez/x", "/create%2dpost"] {
        for method in ["GET", "POST", "BREVE"] {
            producer.ask(request(method, path)).await.problem(404);
        }
    }
}

#[tokio::test]
async fn another_method_is_answered_with_those_allowed() {
    let producer = Producer::without_kafka(&[]).await;
    for (method, path, allowed) in [
        ("GET", "/create-post", "POST"),
        ("PUT", "/create-post", "POST"),
        ("BREVE", "/create-post", "POST"),
        ("POST", "/livez", "GET, HEAD"),
        ("DELETE", "/", "GET, HEAD"),
        ("OPTIONS", "/readyz", "GET, HEAD"),
    ] {
        let response = producer.ask(request(method, path)).await;
        response.problem(405);
        assert_eq!(response.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn without_kafka_a_good_post_is_rejected_at_once() {
    // A wait for the timeout would last an hour.
    let producer = Producer::without_kafka(&[("PRODUCER_TIMEOUT", "1h")]).await;
    for _ in 0..3 {
        assert_eq!(producer.ask(post(POST)).await.unavailable(), "Kafka cannot be reached: try again");
        assert_eq!(producer.ask(post("{}")).await.status, 400);
    }
}
