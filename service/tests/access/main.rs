//! Who is let in: a server with a few routes, asked over raw sockets.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod cors;
mod issuer;
mod limits;
mod sessions;
mod tokens;
mod world;

use std::time::{Duration, Instant};

use world::{Keys, World, get, post};

#[tokio::test]
async fn only_a_known_key_is_let_in_and_only_to_its_kinds() {
    let keys = Keys::new(&[("shop", "one", ""), ("till", "two", r#","kinds":["order"]"#)]);
    let world = World::start(&keys.settings()).await;
    for (request, status, challenge, text) in [
        (get("/open", ""), 200, None, "nobody"),
        (get("/livez", ""), 200, None, "ok"),
        (get("/any", ""), 401, Some(r#"Bearer realm="api""#), "Authorization: Bearer KEY"),
        (get("/any", "authorization: Basic dTpw\r\n"), 401, Some(r#"Bearer realm="api""#), "X-API-Key: KEY"),
        (get("/any", "authorization: Bearer three\r\n"), 401, Some("invalid_token"), "does not know"),
        (get("/any", "authorization: Bearer\r\n"), 401, Some("invalid_token"), "does not know"),
        (
            get("/any", "x-api-key: one\r\nauthorization: Bearer one\r\n"),
            400,
            Some("invalid_request"),
            "one credential",
        ),
        (get("/any", "authorization: Bearer one\r\n"), 200, None, "shop"),
        (get("/any", "x-api-key: two\r\n"), 200, None, "till"),
        (post("/post", "x-api-key: one\r\n", "body"), 200, None, "shop"),
        (post("/post", "x-api-key: two\r\n", "body"), 403, Some("insufficient_scope"), "`post`"),
        // What is not there is not there for anybody, and which methods a path accepts is in the document.
        (get("/nowhere", ""), 404, None, "no such path"),
        (get("/post", ""), 405, None, "only POST"),
    ] {
        let answer = world.ask(&request).await;
        assert_eq!(answer.status, status, "{request}: {answer:?}");
        assert!(answer.body.contains(text), "{request}: {answer:?}");
        let header = answer.header("www-authenticate");
        assert_eq!(header.is_some(), challenge.is_some(), "{request}: {answer:?}");
        assert!(header.unwrap_or_default().contains(challenge.unwrap_or_default()), "{request}: {answer:?}");
        if status >= 400 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{request}");
        }
    }
    let metrics = world.metrics();
    for (reason, count) in [("no_credential", 2), ("malformed", 1), ("unknown_key", 2), ("kind", 1)] {
        let line = format!("http_server_denied_requests_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
    assert!(metrics.contains("http_server_api_keys 2\n"), "{metrics}");
}

#[tokio::test]
async fn without_keys_nobody_is_asked() {
    let world = World::start(&[]).await;
    let answer = world.ask(&post("/post", "authorization: Bearer nonsense\r\nx-api-key: more\r\n", "body")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "nobody"));
}

#[tokio::test]
async fn a_key_is_valid_and_invalid_soon_after_its_file_changes() {
    let keys = Keys::new(&[("shop", "one", "")]);
    let world = World::start(&keys.settings()).await;
    let status = async |key: &str| world.ask(&get("/any", &format!("x-api-key: {key}\r\n"))).await.status;
    assert_eq!((status("one").await, status("two").await), (200, 401));
    keys.write(&[("shop", "one", ""), ("shop", "two", "")]);
    world.eventually(async || status("two").await == 200).await;
    assert_eq!(status("one").await, 200, "both are valid while the caller changes");
    keys.write(&[("shop", "two", "")]);
    world.eventually(async || status("one").await == 401).await;
    assert_eq!(status("two").await, 200);

    keys.write_text("[{");
    world.eventually(async || world.metrics().contains("http_server_api_keys_broken_files_total 1\n")).await;
    assert_eq!(status("two").await, 200, "a broken file changes nothing");
    let note = world.ask(&get("/readyz", "")).await;
    assert!(note.status == 200 && note.body.contains("API keys: "), "{note:?}");
    keys.write_text("[]");
    world.eventually(async || status("two").await == 401).await;
    let note = world.ask(&get("/readyz", "")).await;
    assert!(!note.body.contains("API keys"), "{note:?}");
}

#[tokio::test]
async fn a_rejected_request_costs_no_other_one() {
    let keys = Keys::new(&[("shop", "one", ""), ("till", "two", r#","kinds":["order"]"#)]);
    let world = World::start(&keys.settings()).await;
    let mut connection = world.connect().await;
    let requests = [
        post("/post", "x-api-key: three\r\n", "body"),
        post("/post", "x-api-key: two\r\n", "body"),
        post("/nowhere", "x-api-key: one\r\n", "body"),
        post("/any", "x-api-key: one\r\n", "body"),
        post("/post", "x-api-key: one\r\n", "body"),
    ];
    connection.send(&requests.concat()).await;
    for status in [401, 403, 404, 405, 200] {
        let answer = connection.receive().await;
        assert_eq!((answer.status, answer.header("connection")), (status, None), "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_is_not_asked_for_before_its_sender_is_known() {
    let keys = Keys::new(&[("shop", "one", "")]);
    let world = World::start(&keys.settings()).await;
    let head = |key: &str, more: &str| {
        format!("POST /post HTTP/1.1\r\nhost: test\r\nx-api-key: {key}\r\n{more}content-length: 4\r\n\r\n")
    };
    let mut connection = world.connect().await;
    connection.send(&head("one", "expect: 100-continue\r\n")).await;
    assert_eq!(connection.receive().await.status, 100);
    connection.send("body").await;
    assert_eq!(connection.receive().await.status, 200);
    connection.send(&head("two", "expect: 100-continue\r\n")).await;
    let answer = connection.receive().await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")), "{answer:?}");
    connection.closed().await;

    // A body that is on its way, or too large to wait for.
    let mut connection = world.connect().await;
    connection.send(&head("two", "")).await;
    let answer = connection.receive().await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")), "{answer:?}");
    let mut connection = world.connect().await;
    connection.send(&post("/post", "x-api-key: two\r\n", &"x".repeat(1_000_000))).await;
    assert_eq!(connection.receive().await.status, 401);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_an_error_of_the_settings() {
    let keys = Keys::new(&[("shop", "one", "")]);
    let text = keys.text();
    for (broken, expected) in [("", "EOF"), (&*text.replace("hash", "key"), "entry 1: unknown field `key`")] {
        keys.write_text(broken);
        let errors = world::errors(&keys.settings());
        assert!(
            errors.len() == 1 && errors[0].starts_with("API_KEYS_FILE: ") && errors[0].contains(expected),
            "{errors:?}"
        );
    }
    assert!(world::errors(&[("API_KEYS_FILE", "/missing/keys.json")])[0].contains("/missing/keys.json: No such file"));
}

#[tokio::test]
async fn many_wrong_keys_do_not_keep_the_right_one_out() {
    let keys = Keys::new(&[("shop", "one", "")]);
    let world = World::start(&keys.settings()).await;
    let mut wrong = Vec::new();
    for index in 0..50 {
        let mut connection = world.connect().await;
        connection.send(&post("/post", &format!("x-api-key: wrong-{index}\r\n"), "body")).await;
        wrong.push(connection);
    }
    let answer = tokio::time::timeout(Duration::from_secs(60), world.ask(&get("/any", "x-api-key: one\r\n"))).await;
    assert_eq!(answer.unwrap().status, 200);
    for mut connection in wrong {
        assert_eq!(connection.receive().await.status, 401);
    }
}

#[tokio::test]
async fn who_is_denied_again_and_again_waits_and_others_do_not() {
    let keys = Keys::new(&[("shop", "one", "")]);
    let world = World::start(&keys.settings()).await;
    let mut connection = world.connect().await;
    let mut ask = async |headers: &str| {
        let asked = Instant::now();
        connection.send(&post("/post", headers, "body")).await;
        (connection.receive().await.status, asked.elapsed())
    };
    for _ in 0..20 {
        assert_eq!(ask("x-api-key: wrong\r\n").await.0, 401);
    }
    let (status, waited) = ask("x-api-key: wrong\r\n").await;
    assert!(status == 401 && waited >= Duration::from_millis(100), "{status} {waited:?}");
    assert_eq!(ask("x-api-key: one\r\n").await.0, 200);
    // Others on new connections never wait for it.
    assert_eq!(world.ask(&post("/post", "x-api-key: one\r\n", "body")).await.status, 200);
}

#[tokio::test]
async fn those_who_run_a_service_may_have_a_token() {
    let world = World::start(&[("ADMIN_TOKEN", "S3CRET")]).await;
    // An orchestrator need not know the token.
    for path in ["/", "/livez", "/readyz", "/health"] {
        assert_eq!(world.ask(&get(path, "")).await.status, 200, "{path}");
    }
    for path in ["/metrics", "/status", "/status?still", "/any"] {
        for headers in ["", "authorization: Bearer other\r\n", "authorization: S3CRET\r\n"] {
            let answer = world.ask(&get(path, headers)).await;
            assert_eq!(answer.status, 401, "{path} {headers}");
            assert!(answer.header("www-authenticate").is_some() && !answer.body.contains("S3CRET"), "{answer:?}");
        }
        assert_eq!(world.ask(&get(path, "authorization: Bearer S3CRET\r\n")).await.status, 200, "{path}");
    }
    let page = world.ask(&get("/status", "x-api-key: S3CRET\r\n")).await;
    assert_eq!((page.status, page.header("referrer-policy")), (200, Some("no-referrer")));
    assert!(!page.body.contains("S3CRET"));
}
