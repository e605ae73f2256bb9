//! An OAuth 2 token endpoint, whose tokens the broker takes without a signature.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The secret that it asks for.
pub const CLIENT_SECRET: &str = "a secret/with:signs";

/// The same as clients send it, encoded as in a form.
const ENCODED_SECRET: &str = "a+secret%2Fwith%3Asigns";

/// The end of a request, with the scope that it asks for.
const REQUEST_END: &str = "grant_type=client_credentials&scope=kafka";

/// How long its tokens last, in seconds: shorter than a test, so that they are renewed.
const LIFETIME: u64 = 8;

/// It gives each client a token for the user of the client's name, and ends with the runtime that started it.
pub struct TokenEndpoint {
    port: u16,
    given: Arc<AtomicU64>,
}

impl TokenEndpoint {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start() -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (port, given) = (listener.local_addr()?.port(), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&given);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&counted)));
            }
        });
        Ok(Self { port, given })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// How many tokens it has given.
    pub fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }
}

/// Answers one request; a connection that ends before gets none.
async fn answer(mut stream: TcpStream, given: Arc<AtomicU64>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !String::from_utf8_lossy(&request).contains(REQUEST_END) {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = match client(&String::from_utf8_lossy(&request)) {
        Some(user) => {
            given.fetch_add(1, Ordering::Relaxed);
            ("200 OK", format!(r#"{{"access_token":"{}","expires_in":{LIFETIME}}}"#, token(&user)))
        }
        None => ("401 Unauthorized", r#"{"error":"invalid_client"}"#.to_owned()),
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(answer.as_bytes()).await
}

/// The client that sends this request, if it knows the secret.
fn client(request: &str) -> Option<String> {
    let authorization = request.lines().find_map(|line| line.strip_prefix("authorization: Basic "))?;
    let credentials = String::from_utf8(BASE64_STANDARD.decode(authorization).ok()?).ok()?;
    let (user, secret) = credentials.split_once(':')?;
    (secret == ENCODED_SECRET).then(|| user.to_owned())
}

fn token(user: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = format!(r#"{{"sub":"{user}","iat":{now},"exp":{}}}"#, now + LIFETIME);
    let encode = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.", encode(r#"{"alg":"none"}"#), encode(&claims))
}
