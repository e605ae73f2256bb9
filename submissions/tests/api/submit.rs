//! Single submissions: what is answered, what is rejected, and what the same key means.

use serde_json::{Value, json};
use submissions::Roles;

use crate::client::{JSON, ask, request};
use crate::running::{BAD, GOOD, Server, id};

#[tokio::test]
async fn a_submission_is_answered_once_it_is_stored_and_then_worked_on() {
    let server = Server::with_file(Roles::ALL, &[("WORK_TIME", "10ms")]).await;
    let body = json!({ "content": GOOD, "other": [1] }).to_string();
    let response = server.post("/api/submissions/", JSON, &body).await;
    let submission = response.json(202);
    assert_eq!(submission["content"], GOOD);
    assert_eq!((&submission["status"], &submission["processed_at"]), (&json!("PENDING"), &Value::Null));
    let location = format!("/api/submissions/{}", id(&submission));
    assert_eq!(response.header("location"), Some(location.as_str()));

    let passed = server.becomes(id(&submission), "PASSED").await;
    assert_eq!((&passed["created_at"], &passed["attempts"]), (&submission["created_at"], &json!(1)));
    assert!(passed["processed_at"].as_str().unwrap() >= passed["started_at"].as_str().unwrap());
    let failed = server.submit(BAD).await;
    let failed = server.becomes(id(&failed), "FAILED").await;
    assert_eq!(failed["reason"], "content has 8 of at least 10 characters and has no digit");

    assert_eq!(server.counted("submissions_accepted_total", "").await, 2);
    assert_eq!(server.counted("submissions_total", "PENDING").await, 2);
    server.stopped().await;
}

#[tokio::test]
async fn the_last_slash_makes_no_difference() {
    let server = Server::with_file(Roles::API, &[]).await;
    for path in ["/api/submissions", "/api/submissions/"] {
        let submission = server.post(path, JSON, r#"{"content":"x"}"#).await.json(202);
        for path in [format!("/api/submissions/{}", id(&submission)), format!("/api/submissions/{}/", id(&submission))]
        {
            assert_eq!(server.get(&path).await.json(200), submission);
        }
        assert_eq!(server.get(path).await.json(200)["submissions"][0], submission);
        let head = ask(server.address, &request("HEAD", path, "", "")).await;
        assert_eq!((head.status, head.text()), (200, ""));
    }
    for path in ["/api/stats", "/api/stats/", "/api/workers", "/api/workers/"] {
        server.get(path).await.json(200);
    }
    let response = server.look("/metrics").await;
    let label = r#"method="GET",route="/api/submissions/{id}",status="200""#;
    assert!(response.text().contains(label), "the label is the route's: {}", response.text());
    server.stopped().await;
}

#[tokio::test]
async fn everything_that_is_wrong_is_named() {
    let settings = [("MAX_CONTENT_CHARS", "20"), ("MAX_BODY_BYTES", "200"), ("BODY_TIMEOUT", "200ms")];
    let server = Server::with_file(Roles::API, &settings).await;
    let long = json!({ "content": "ü".repeat(21) }).to_string();
    for (body, error) in [
        ("{}", "content is required"),
        (r#"{"content":null}"#, "content must be a string, not null"),
        (r#"{"content":" \n"}"#, "content must not be blank"),
        (r#"{"content":"a\u0000"}"#, "content must not contain the character U+0000"),
        (r#"{"content":"a","content":"b"}"#, "content must be given only once"),
        (long.as_str(), "content must be at most 20 characters long, has 21"),
        ("[]", "body must be a JSON object, not an array"),
    ] {
        assert_eq!(server.post("/api/submissions", JSON, body).await.errors(), [error], "{body}");
    }
    let broken = server.post("/api/submissions", JSON, "{").await.errors();
    assert!(broken[0].starts_with("body is not valid JSON: "), "{broken:?}");
    let keyed = server.post("/api/submissions", &format!("{JSON}idempotency-key: a b\r\n"), r#"{"content":"a"}"#).await;
    assert_eq!(keyed.errors(), ["Idempotency-Key must be 1 to 255 visible ASCII characters, without spaces"]);
    let large = server.post("/api/submissions", JSON, &" ".repeat(201)).await;
    assert_eq!(large.problem(413), "the body must not be larger than 200 bytes");
    let text = server.post("/api/submissions", "content-type: text/plain\r\n", r#"{"content":"a"}"#).await;
    assert!(text.problem(415).starts_with("the body must be JSON"));
    let whole = request("POST", "/api/submissions", JSON, r#"{"content":"a"}"#);
    ask(server.address, &whole[..whole.len() - 1]).await.problem(408);

    for (method, path, allowed) in [
        ("PUT", "/api/submissions", "POST, GET, HEAD"),
        ("GET", "/api/submissions/bulk", "POST"),
        ("POST", "/api/stats", "GET, HEAD"),
        ("POST", "/api/submissions/019a1b2c-3d4e-7f60-8a9b-0c1d2e3f4a5b", "GET, HEAD"),
    ] {
        let response = ask(server.address, &request(method, path, "", "")).await;
        assert_eq!((response.status, response.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
    assert_eq!(server.get("/api/nothing").await.problem(404), "there is no such path");
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 0);
    for (reason, count) in [("invalid", 8), ("idempotency_key", 1), ("too_large", 1), ("content_type", 1)] {
        let label = format!(r#"reason="{reason}""#);
        assert_eq!(server.counted("submissions_rejected_total", &label).await, count, "{reason}");
    }
    server.stopped().await;
}

#[tokio::test]
async fn the_same_key_is_the_same_submission() {
    let server = Server::with_file(Roles::API, &[]).await;
    let keyed = |content: &str| {
        let (server, body) = (&server, json!({ "content": content }).to_string());
        async move { server.post("/api/submissions", &format!("{JSON}idempotency-key: k1\r\n"), &body).await }
    };
    let first = keyed(GOOD).await.json(202);
    assert_eq!(keyed(GOOD).await.json(202), first);
    assert!(keyed(BAD).await.problem(422).starts_with("this Idempotency-Key was used with another content"));
    let cancelled = server.post(&format!("/api/submissions/{}/cancel", id(&first)), "", "").await.json(200);
    assert_eq!(keyed(GOOD).await.json(202), cancelled, "what has become of it");
    assert_eq!(server.counted("submissions_accepted_total", "").await, 1);

    let many: Vec<_> = (0..20)
        .map(|_| server.post("/api/submissions", "idempotency-key: k2\r\n", r#"{"content":"at the same time"}"#))
        .collect();
    let answers = futures_util::future::join_all(many).await;
    let ids: std::collections::BTreeSet<String> = answers.iter().map(|one| id(&one.json(202)).to_owned()).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 1);
    server.stopped().await;
}

#[tokio::test]
async fn equal_contents_are_judged_once() {
    let server = Server::with_file(Roles::ALL, &[("WORK_TIME", "1ms")]).await;
    let first = server.submit(GOOD).await;
    assert_eq!(server.becomes(id(&first), "PASSED").await["cached"], false);
    let second = server.submit(GOOD).await;
    assert_eq!(server.becomes(id(&second), "PASSED").await["cached"], true);
    server.stopped().await;
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let server = Server::with_file(Roles::API, &[]).await;
    let path = format!("/api/submissions/{}", id(&server.submit(GOOD).await));
    let first = server.get(&path).await;
    let tag = first.header("etag").unwrap();
    let known = format!("if-none-match: {tag}\r\n");
    let again = ask(server.address, &request("GET", &path, &known, "")).await;
    assert_eq!((again.status, again.header("etag"), again.text()), (304, Some(tag), ""));
    assert_eq!(ask(server.address, &request("HEAD", &path, &known, "")).await.status, 304);
    server.post(&format!("{path}/cancel"), "", "").await.json(200);
    let changed = ask(server.address, &request("GET", &path, &known, "")).await;
    assert_eq!(changed.json(200)["status"], "CANCELLED");
    assert_ne!(changed.header("etag"), Some(tag));
    server.stopped().await;
}
