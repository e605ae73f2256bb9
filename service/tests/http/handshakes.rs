//! Handshakes that never end keep nobody out.

use service::http::ServerLimits;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Duration;

use crate::client::{How, ask, get, rest};
use crate::server::{Certified, LIMITS, Server};

/// The start of a hello, and no more of it.
const BEGINNING: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

async fn unfinished(server: &Server, sent: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(sent).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_handshakes_take_no_places_and_the_newer_ones_displace_the_older() {
    const MOST: usize = 20;
    let certified = Certified::new();
    let limits = ServerLimits { max_connections: 2, max_handshakes: MOST, ..LIMITS };
    let server = Server::start(Some(&certified.files), limits).await;
    let how = How::tls(&certified.authority);
    let mut open = how.encrypted(server.address).await.unwrap();
    ask(&mut open, &get("/livez")).await.unwrap();
    let mut all = Vec::new();
    for number in 0..10 * MOST {
        all.push(unfinished(&server, if number % 2 == 0 { BEGINNING } else { b"" }).await);
        if number % MOST == 0 {
            let mut fresh = how.encrypted(server.address).await.unwrap();
            assert!(ask(&mut fresh, &get("/livez")).await.unwrap().starts_with("HTTP/1.1 200 "));
            drop(fresh);
            server.becomes("http_server_connections", 1.0).await;
        }
    }
    server.failed("displaced", 9 * MOST).await;
    assert_eq!(server.metric("http_server_connections_rejected_total"), 0.0);
    // The oldest have gone, and the newest are still there.
    rest(&mut all[0]).await.ok();
    let newest = all.last_mut().unwrap();
    let ended = tokio::time::timeout(Duration::from_millis(50), rest(newest)).await;
    assert!(ended.is_err(), "{ended:?}");
    assert!(ask(&mut open, &get("/livez")).await.unwrap().starts_with("HTTP/1.1 200 "));
    server.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_has_its_time() {
    let certified = Certified::new();
    let limits = ServerLimits { header_timeout: Duration::from_millis(300), ..LIMITS };
    let server = Server::start(Some(&certified.files), limits).await;
    let mut streams = [unfinished(&server, b"").await, unfinished(&server, BEGINNING).await];
    for stream in &mut streams {
        rest(stream).await.ok();
    }
    server.failed("timeout", 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_handshake_does_not_hold_up_a_stop() {
    let certified = Certified::new();
    let server = Server::start(Some(&certified.files), LIMITS).await;
    let mut stream = unfinished(&server, BEGINNING).await;
    // It has been accepted once a later one is served.
    let mut later = How::tls(&certified.authority).encrypted(server.address).await.unwrap();
    ask(&mut later, &get("/livez")).await.unwrap();
    server.stopped().await;
    rest(&mut stream).await.ok();
}
