//! Bulks: a result for each submission, in its place.

use serde_json::{Value, json};
use submissions::Roles;

use crate::client::JSON;
use crate::running::Server;

const BULK: &str = "/api/submissions/bulk";

#[tokio::test]
async fn each_submission_of_a_bulk_has_its_own_result() {
    let server = Server::with_file(Roles::API, &[("MAX_CONTENT_CHARS", "100")]).await;
    let body = json!([{ "content": "first" }, {}, { "content": "second" }]).to_string();
    let answer = server.post(BULK, JSON, &body).await.json(207);
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!(1)));
    assert_eq!(answer["results"][1], json!({ "errors": [{ "field": "content", "message": "is required" }] }));
    for (position, content) in [(0, "first"), (2, "second")] {
        let result = &answer["results"][position];
        assert_eq!(result["status"], "PENDING");
        assert_eq!(server.submission(result["id"].as_str().unwrap()).await["content"], content);
    }

    let lines = "{\"content\":\"third\"}\n\n{\"content\":\"fourth\"}\n";
    let answer = server.post(BULK, "content-type: application/x-ndjson\r\n", lines).await.json(202);
    assert_eq!(answer["accepted"], 2);
    let rejected = server.post(BULK, JSON, "[{},7]").await;
    assert_eq!(rejected.problem(400), "no submission is valid: see results");
    let rejected: Value = serde_json::from_str(rejected.text()).unwrap();
    assert_eq!(rejected["results"][1]["errors"][0]["message"], "must be a JSON object, not a number");

    assert_eq!(server.counted("submissions_accepted_total", "").await, 4);
    assert_eq!(server.counted("submissions_rejected_total", r#"reason="invalid""#).await, 3);
    server.stopped().await;
}

#[tokio::test]
async fn what_is_not_a_bulk_is_rejected_as_a_whole() {
    let settings = [("MAX_BULK_BYTES", "200000"), ("SUBMIT_MAX_WAITING", "2")];
    let server = Server::with_file(Roles::API, &settings).await;
    for (body, error) in [
        ("{}", "body must be a JSON array of submissions, or lines of JSON with content-type: application/x-ndjson"),
        ("[]", "body must hold at least one submission"),
    ] {
        assert_eq!(server.post(BULK, JSON, body).await.errors(), [error]);
    }
    let many = format!("[{}]", vec!["1"; 10_001].join(","));
    assert!(server.post(BULK, JSON, &many).await.problem(413).starts_with("a bulk must not have more than 10000"));
    server.post(BULK, JSON, &" ".repeat(200_001)).await.problem(413);
    let three = json!([{ "content": "a" }, { "content": "b" }, { "content": "c" }]).to_string();
    assert!(server.post(BULK, JSON, &three).await.problem(413).contains("SUBMIT_MAX_WAITING"));
    server.post(BULK, "content-type: text/plain\r\n", "[]").await.problem(415);
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 0);
    server.stopped().await;
}

#[tokio::test]
async fn a_bulk_that_is_sent_again_is_there_once() {
    let server = Server::with_file(Roles::API, &[]).await;
    let contents: Vec<Value> = (0..2_500).map(|number| json!({ "content": format!("number {number}") })).collect();
    let keyed = format!("{JSON}idempotency-key: k1\r\n");
    let body = Value::from(contents).to_string();
    let first = server.post(BULK, &keyed, &body).await.json(202);
    assert_eq!(first["accepted"], 2_500);
    assert_eq!(server.post(BULK, &keyed, &body).await.json(202), first);
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 2_500);

    let other = json!([{ "content": "another" }]).to_string();
    server.post(BULK, &keyed, &other).await.problem(422);
    let partly = json!([{ "content": "number 0" }, { "content": "another" }]).to_string();
    let answer = server.post(BULK, &keyed, &partly).await.json(207);
    assert_eq!(answer["results"][0], first["results"][0]);
    assert_eq!(answer["results"][1]["errors"][0]["field"], "Idempotency-Key");
    server.stopped().await;
}
