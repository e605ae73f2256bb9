//! What a listener with TLS takes, and what it refuses.

use stack::certificates::{Authority, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::rustls::HandshakeKind;
use tokio_rustls::rustls::version::{TLS12, TLS13};

use crate::client::{How, VERSIONS, ask, get, post, rest, within_patience};
use crate::server::{Certified, LIMITS, Server};

#[tokio::test]
async fn both_versions_carry_requests_by_http_1_1_alone() {
    let certified = Certified::new();
    let server = Server::start(Some(&certified.files), LIMITS).await;
    for version in VERSIONS {
        for protocols in [&[][..], &["http/1.1"], &["h2", "http/1.1"]] {
            let how = How::with(&certified.authority, None, &[version], protocols);
            let mut stream = how.encrypted(server.address).await.unwrap();
            let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            assert_eq!(agreed, protocols.last().map(|name| name.as_bytes().to_vec()));
            for length in [0, 10, 1_000_000] {
                let request = post("/length", length) + &"x".repeat(length);
                let answer = ask(&mut stream, &request).await.unwrap();
                assert!(answer.ends_with(&format!("\r\n\r\n{length}")), "{answer}");
            }
        }
    }
    let how = How::with(&certified.authority, None, &VERSIONS, &["h2"]);
    let error = how.encrypted(server.address).await.unwrap_err().to_string();
    assert!(error.contains("NoApplicationProtocol"), "{error}");
    server.failed("incompatible", 1).await;
}

#[tokio::test]
async fn a_client_that_comes_back_is_spared_the_signature() {
    let certified = Certified::new();
    let server = Server::start(Some(&certified.files), LIMITS).await;
    for version in [&TLS13, &TLS12] {
        let how = How::with(&certified.authority, None, &[version], &[]);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut stream = how.encrypted(server.address).await.unwrap();
            ask(&mut stream, &get("/livez")).await.unwrap();
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed]);
    }
}

#[tokio::test]
async fn clients_must_show_a_certificate_where_an_authority_is_set() {
    let certified = Certified::mutual();
    let server = Server::start(Some(&certified.files), LIMITS).await;
    let own = certified.authority.client("somebody").unwrap();
    let how = How::mutual(&certified.authority, &own);
    for _ in 0..2 {
        let mut stream = how.encrypted(server.address).await.unwrap();
        assert!(ask(&mut stream, &get("/livez")).await.unwrap().starts_with("HTTP/1.1 200 "));
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "no ticket replaces a certificate");
    }

    // A client learns it from the first thing that it reads, even while it sends.
    let refused = async |how: How| {
        let mut stream = match how.encrypted(server.address).await {
            Ok(stream) => stream,
            Err(error) => return error.to_string(),
        };
        stream.write_all(get("/livez").as_bytes()).await.ok();
        rest(&mut stream).await.unwrap_err().to_string()
    };
    let none = refused(How::tls(&certified.authority)).await;
    assert!(none.contains("CertificateRequired"), "{none}");
    server.failed("no_certificate", 1).await;
    let other = Authority::new("another").unwrap().client("somebody").unwrap();
    let unknown = refused(How::mutual(&certified.authority, &other)).await;
    assert!(unknown.contains("UnknownCA"), "{unknown}");
    server.failed("wrong_certificate", 1).await;
    let over = Validity::over();
    let expired = certified.authority.client_during("somebody", over).unwrap();
    let expired = refused(How::mutual(&certified.authority, &expired)).await;
    assert!(expired.contains("Expired"), "{expired}");
    server.failed("wrong_certificate", 2).await;
}

#[tokio::test]
async fn what_is_not_tls_learns_what_to_do() {
    let certified = Certified::new();
    let server = Server::start(Some(&certified.files), LIMITS).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all((post("/length", 100_000) + &"x".repeat(100_000)).as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("use https://"), "{answer}");
    server.failed("not_tls", 1).await;

    for (bytes, reason, count) in [(&b"\0\0\0"[..], "not_tls", 2), (b"\x16\x03\x01\xff\xff", "not_tls", 3)] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        within_patience("the end", stream.read_to_end(&mut Vec::new())).await.ok();
        server.failed(reason, count).await;
    }
    drop(TcpStream::connect(server.address).await.unwrap());
    server.failed("closed", 1).await;

    let stranger = How::tls(&Authority::new("another").unwrap());
    let error = stranger.encrypted(server.address).await.unwrap_err().to_string();
    assert!(error.contains("UnknownIssuer"), "{error}");
    server.failed("refused", 1).await;
}
