//! The limit of one address.

use service::http::ServerLimits;
use tokio::io::AsyncWriteExt;

use crate::client::{How, ask, get, rest};
use crate::server::{Certified, LIMITS, Server, per_address};

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_places_and_gets_429_beyond_them() {
    let server = Server::start(None, ServerLimits { max_connections_per_address: per_address(2), ..LIMITS }).await;
    let how = How::plain();
    let mut open = vec![how.connect(server.address).await, how.connect(server.address).await];
    for stream in &mut open {
        ask(&mut **stream, &get("/livez")).await.unwrap();
    }
    let mut next = how.connect(server.address).await;
    next.write_all(get("/livez").as_bytes()).await.ok();
    let text = rest(&mut *next).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 429 ") && text.contains("retry-after: 1"), "{text}");
    server.becomes("http_server_address_connections_rejected_total", 1.0).await;
    // A place becomes free with the end of its connection.
    open.pop();
    server.becomes("http_server_connections", 1.0).await;
    let mut next = how.connect(server.address).await;
    assert!(ask(&mut *next, &get("/livez")).await.unwrap().starts_with("HTTP/1.1 200 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_a_place_is_taken_before_the_handshake() {
    let certified = Certified::new();
    let limits = ServerLimits { max_connections_per_address: per_address(1), ..LIMITS };
    let server = Server::start(Some(&certified.files), limits).await;
    let how = How::tls(&certified.authority);
    let mut only = how.encrypted(server.address).await.unwrap();
    ask(&mut only, &get("/livez")).await.unwrap();
    how.encrypted(server.address).await.unwrap_err();
    server.becomes("http_server_address_connections_rejected_total", 1.0).await;
    drop(only);
    server.becomes("http_server_connections", 0.0).await;
    // Also by one that never ends its handshake.
    let unfinished = tokio::net::TcpStream::connect(server.address).await.unwrap();
    server.becomes("http_server_address_connections_rejected_total", 1.0).await;
    how.encrypted(server.address).await.unwrap_err();
    drop(unfinished);
    server.failed("closed", 1).await;
    let mut next = how.encrypted(server.address).await.unwrap();
    assert!(ask(&mut next, &get("/livez")).await.unwrap().starts_with("HTTP/1.1 200 "));
}
