//! How much a form may have: that of the longest content, and not what a client can make of it.

use submissions::Roles;

use crate::client::ask;
use crate::page::{FORM, page};
use crate::running::Server;

/// Far more than a page that repeats nothing of the form has.
const SMALL: usize = 20_000;

#[tokio::test]
async fn a_form_is_as_long_as_the_longest_content_at_most() {
    let server = Server::with_file(Roles::API, &[]).await;
    // Four bytes a character, each of them escaped.
    let longest = server.post("/", FORM, &format!("content={}", "%F0%9F%98%80".repeat(10_000))).await;
    assert_eq!(longest.status, 303);
    for (body, status, words) in [
        (
            format!("content={}", "%22".repeat(20_001)),
            400,
            "It must be at most 10000 characters long, has 20001. Go back",
        ),
        (format!("content={}", "\"".repeat(1_000_000)), 413, "The form is too large."),
        ("a&".repeat(500_000), 413, "The form is too large."),
        ("a&".repeat(17), 400, "The form has more fields than any form of the page."),
    ] {
        let answer = server.post("/", FORM, &body).await;
        let html = page(&answer, status);
        assert!(html.contains(words) && html.len() < SMALL, "{} bytes: {words}", html.len());
        assert!(!html.contains("&quot;&quot;"), "what is far too long is not repeated");
    }
    let nearly = server.post("/", FORM, &format!("content={}", "%22".repeat(10_001))).await;
    assert!(page(&nearly, 400).contains(&"&quot;".repeat(10_001)), "what needs only to be shortened is there");
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 1);
    assert_eq!(server.counted("submissions_rejected_total", r#"reason="too_large""#).await, 2);
    server.stopped().await;
}

#[tokio::test]
async fn a_form_without_its_length_has_the_limit_of_a_single_body() {
    let server = Server::with_file(Roles::API, &[("MAX_BODY_BYTES", "1000")]).await;
    for (bytes, status) in [(900, 303), (1_000, 413)] {
        let (form, length) = (format!("content={}", "x".repeat(bytes)), bytes + "content=".len());
        let head =
            format!("POST / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{FORM}transfer-encoding: chunked\r\n\r\n");
        let answer = ask(server.address, &format!("{head}{length:x}\r\n{form}\r\n0\r\n\r\n")).await;
        assert_eq!(answer.status, status, "{bytes}");
        assert_eq!(server.post("/", FORM, &form).await.status, 303, "with its length");
    }
    server.stopped().await;
}

#[tokio::test]
async fn no_form_may_be_compressed() {
    let server = Server::with_file(Roles::API, &[]).await;
    for coding in ["gzip", "zstd", "br"] {
        let headers = format!("{FORM}content-encoding: {coding}\r\n");
        for path in ["/", "/submissions/retry", "/submissions/7/cancel", "/submissions/7/retry"] {
            let answer = server.post(path, &headers, "content=x&status=FAILED").await;
            assert!(page(&answer, 415).contains("A form must not be compressed."), "{coding} {path}");
        }
    }
    let identity = format!("{FORM}content-encoding: identity\r\n");
    assert_eq!(server.post("/", &identity, "content=x").await.status, 303);
    assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 1);
    server.stopped().await;
}
