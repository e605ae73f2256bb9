//! An OAuth 2 token endpoint, whose tokens the broker takes without a signature.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The secret that it asks for.
pub(crate) const CLIENT_SECRET: &str = "a secret/with:signs";

/// How long its tokens last, in seconds: shorter than a test, so that they are renewed.
const LIFETIME: u64 = 8;

/// It ends with its test's runtime.
pub(crate) struct TokenEndpoint {
    port: u16,
    given: Arc<AtomicU64>,
}

impl TokenEndpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, given) = (listener.local_addr().unwrap().port(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&given);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, Arc::clone(&counted)));
            }
        });
        Self { port, given }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// How many tokens it has given.
    pub(crate) fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }
}

async fn answer(mut stream: TcpStream, given: Arc<AtomicU64>) {
    let mut request = Vec::new();
    while !String::from_utf8_lossy(&request).contains("grant_type=client_credentials&scope=kafka") {
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await {
            Ok(0) | Err(_) => return,
            Ok(count) => request.extend_from_slice(&bytes[..count]),
        }
    }
    let request = String::from_utf8(request).unwrap();
    let authorization = request.lines().find_map(|line| line.strip_prefix("authorization: Basic ")).unwrap();
    let credentials = String::from_utf8(BASE64_STANDARD.decode(authorization).unwrap()).unwrap();
    let (status, body) = match credentials.split_once(':').unwrap() {
        (user, "a+secret%2Fwith%3Asigns") => {
            given.fetch_add(1, Ordering::Relaxed);
            ("200 OK", format!(r#"{{"access_token":"{}","expires_in":{LIFETIME}}}"#, token(user)))
        }
        _ => ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned()),
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}

fn token(user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let claims = format!(r#"{{"sub":"{user}","iat":{now},"exp":{}}}"#, now + LIFETIME);
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))
}
