//! The server's manners are the same in the clear and over TLS.

use service::http::ServerLimits;
use tokio::io::AsyncWriteExt;
use tokio::time::Duration;

use crate::client::{How, answer, ask, get, post, rest, within_patience};
use crate::server::{Certified, LIMITS, LONG, Server};

/// Does this with a server without TLS and one with it.
async fn for_both(limits: ServerLimits, test: impl AsyncFn(Server, How)) {
    test(Server::start(None, limits).await, How::plain()).await;
    let certified = Certified::new();
    test(Server::start(Some(&certified.files), limits).await, How::tls(&certified.authority)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_before_the_body_is_read_is_not_lost() {
    for_both(LIMITS, async |server, how| {
        const BYTES: usize = 20_000_000;
        for (path, status) in [("/early", "200 "), ("/nowhere", "404 ")] {
            let mut stream = how.connect(server.address).await;
            let sending = async {
                stream.write_all(post(path, BYTES).as_bytes()).await.unwrap();
                stream.write_all(&vec![b' '; BYTES]).await.unwrap();
                stream.flush().await.unwrap();
            };
            within_patience("sending", sending).await;
            let answer = rest(&mut *stream).await.unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_ends_its_side_still_gets_its_answers() {
    for_both(LIMITS, async |server, how| {
        let mut stream = how.connect(server.address).await;
        stream.write_all(get("/held").repeat(2).as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        server.held.add_permits(2);
        let answers = rest(&mut *stream).await.unwrap();
        assert_eq!(answers.matches("\r\n\r\nheld").count(), 2, "{answers}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_answer_is_cut() {
    let limits = ServerLimits { header_timeout: Duration::from_secs(1), ..LIMITS };
    for_both(limits, async |server, how| {
        let mut stream = how.connect(server.address).await;
        stream.write_all(get("/long").repeat(20).as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        server.has_taken(1).await;
        server.becomes("http_server_connections", 0.0).await;
        let read = rest(&mut *stream).await.map_or(0, |answers| answers.len());
        assert!(read < 20 * LONG, "{read}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_slowly_gets_all_of_its_answer() {
    let limits = ServerLimits { header_timeout: Duration::from_secs(10), ..LIMITS };
    for_both(limits, async |server, how| {
        let mut stream = how.connect(server.address).await;
        stream.write_all(get("/long").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let text = within_patience("an answer", answer(&mut *stream)).await.unwrap();
        assert!(text.len() > LONG);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_in_flight_and_ends_what_is_idle() {
    for_both(LIMITS, async |server, how| {
        let mut idle = how.connect(server.address).await;
        ask(&mut *idle, &get("/livez")).await.unwrap();
        let mut busy = how.connect(server.address).await;
        busy.write_all(get("/held").as_bytes()).await.unwrap();
        busy.flush().await.unwrap();
        server.has_taken(1).await;
        server.stop();
        assert_eq!(rest(&mut *idle).await.unwrap(), "", "it ends cleanly");
        server.held.add_permits(1);
        let text = rest(&mut *busy).await.unwrap();
        assert!(text.contains("connection: close") && text.ends_with("\r\n\r\nheld"), "{text}");
        server.stopped().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_answered_after_all() {
    let limits = ServerLimits { max_connections: 1, ..LIMITS };
    for_both(limits, async |server, how| {
        let mut only = how.connect(server.address).await;
        ask(&mut *only, &get("/livez")).await.unwrap();
        let mut next = how.connect(server.address).await;
        next.write_all(get("/livez").as_bytes()).await.ok();
        next.flush().await.ok();
        let text = rest(&mut *next).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 503 "), "{text}");
        server.becomes("http_server_connections_rejected_total", 1.0).await;
    })
    .await;
}
