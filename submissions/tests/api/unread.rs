//! Answers that their clients do not read: what they hold is within the budget for bodies.

use serde_json::json;
use submissions::Roles;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::client::{JSON, Response, request, within_patience};
use crate::page::page;
use crate::running::{Server, eventually, id};

/// Characters of a content, each of which takes six bytes in an answer: more than the system's own buffers hold.
const CHARS: usize = 1_000_000;

/// The budget, which one such answer nearly fills.
const BUDGET: &str = "7000000";

impl Server {
    async fn for_large_contents() -> Self {
        let limits = ["MAX_BODY_BYTES", "MAX_BULK_BYTES", "BODY_BUFFER_BYTES"].map(|name| (name, BUDGET));
        let more = [("MAX_CONTENT_CHARS", "1000000"), ("HEADER_TIMEOUT", "1h")];
        Self::with_file(Roles::API, &[&limits[..], &more].concat()).await
    }

    /// A connection whose client reads only the start of the answer.
    async fn unread(&self, request: &str, status: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut start = [0; 12];
        within_patience("the start of an answer", stream.read_exact(&mut start)).await.unwrap();
        assert_eq!(start, format!("HTTP/1.1 {status}").as_bytes());
        stream
    }

    async fn held(&self) -> u64 {
        self.counted("ingest_body_buffer_bytes", "").await
    }
}

/// The status is compared first: a large answer need not be in the log.
fn is_full(response: &Response) {
    assert_eq!(response.status, 503);
    assert_eq!(response.problem(503), "too many bytes are being received: try again");
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_held_within_the_budget() {
    let server = Server::for_large_contents().await;
    let in_json = id(&server.submit(&"\u{1}".repeat(CHARS)).await).to_owned();
    let in_html = id(&server.submit(&"\"".repeat(CHARS)).await).to_owned();
    for path in [
        format!("/api/submissions/{in_json}"),
        format!("/api/submissions?after={in_html}"),
        format!("/submissions/{in_html}"),
    ] {
        let unread = server.unread(&request("GET", &path, "", ""), "200").await;
        assert!(server.held().await >= 6 * CHARS as u64, "{path}");
        is_full(&server.get("/api/submissions").await);
        is_full(&server.get(&format!("/api/submissions/{in_json}")).await);
        let html = server.get(&format!("/submissions/{in_html}")).await;
        assert!(page(&html, 503).contains("Too much is on its way at this moment."));
        // A change that could not be answered is not made.
        is_full(&server.post(&format!("/api/submissions/{in_json}/cancel"), "", "").await);
        // What is small is answered all the same.
        assert_eq!(server.get("/api/stats").await.json(200)["statuses"]["PENDING"], 2);
        page(&server.get("/").await, 200);
        drop(unread);
        eventually("nothing held", async || server.held().await == 0).await;
    }
    let body = json!({ "content": "\u{1}".repeat(CHARS) }).to_string();
    let submitted = server.unread(&request("POST", "/api/submissions", JSON, &body), "202").await;
    assert!(server.held().await >= 6 * CHARS as u64, "the answer has the share of the body");
    drop(submitted);
    eventually("nothing held", async || server.held().await == 0).await;
    let newest = server.get("/api/submissions").await.json(200);
    assert_eq!(newest["submissions"].as_array().unwrap().len(), 1, "there is always one");
    let cancelled = server.post(&format!("/api/submissions/{in_json}/cancel"), "", "").await.json(200);
    assert_eq!(cancelled["status"], "CANCELLED");
    eventually("nothing held", async || server.held().await == 0).await;
    server.stopped().await;
}
