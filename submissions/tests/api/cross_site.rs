//! What a page of another site sends through a browser is refused, whatever it looks like.

use serde_json::json;
use submissions::Roles;

use crate::running::{GOOD, Server, id};

#[tokio::test]
async fn a_page_of_another_site_can_change_nothing() {
    let server = Server::with_file(Roles::API, &[]).await;
    let submission = server.submit(GOOD).await;
    for headers in ["sec-fetch-site: cross-site\r\n", "origin: https://example.com\r\n", "origin: null\r\n"] {
        for path in [
            "/api/submissions".to_owned(),
            "/api/submissions/bulk".to_owned(),
            "/api/submissions/retry?status=FAILED".to_owned(),
            format!("/api/submissions/{}/cancel", id(&submission)),
            format!("/api/submissions/{}/retry", id(&submission)),
        ] {
            // Without a content type, which browsers let any page send.
            let response = server.post(&path, headers, r#"{"content":"by another site"}"#).await;
            assert!(response.problem(403).starts_with("a page of another site"), "{path} {headers}");
        }
    }
    let own = "sec-fetch-site: same-origin\r\norigin: http://test\r\n";
    server.post("/api/submissions", own, r#"{"content":"by the page itself"}"#).await.json(202);
    assert_eq!(
        server.get("/api/stats").await.json(200)["statuses"],
        json!({
            "PENDING": 2, "PROCESSING": 0, "PASSED": 0, "FAILED": 0, "CANCELLED": 0,
        })
    );
    assert_eq!(server.counted("submissions_rejected_total", r#"reason="cross_site""#).await, 6);
    server.stopped().await;
}
