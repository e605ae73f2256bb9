//! The tokens of OAUTHBEARER: fetched from the token endpoint, and used again until they are about to expire.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::Deserialize;
use service::cluster::{Security, TokenSource};
use service::http::client;
use tokio::sync::Mutex;

/// The lifetime of a token whose answer does not say it (RFC 6749 only recommends to).
const LIFETIME: u64 = 300;

/// A longer one counts as a day: what is renewed each day needs no clock beyond that.
const LONGEST_LIFETIME: u64 = 86_400;

/// A token.
#[derive(Clone)]
pub(super) struct Token {
    pub(super) text: String,
    /// In ms since 1970.
    pub(super) expires_ms: i64,
    /// From then on another one is fetched: one that expires on its way is refused.
    renewed_at: Instant,
}

/// Fetches tokens and keeps the last.
pub(super) struct Tokens {
    /// The authorities that its certificate may be of; the system's if there is none.
    ca: Option<PathBuf>,
    current: Mutex<Option<Token>>,
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u64>,
}

/// Its answer if it gives none.
#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl Tokens {
    /// The endpoint's certificate is checked as the brokers' are.
    pub(super) fn new(security: &Security) -> Self {
        let ca = security.tls.as_ref().and_then(|tls| tls.ca.clone());
        Self { ca, current: Mutex::default() }
    }

    /// A token that is valid for a while.
    ///
    /// # Errors
    /// Why the endpoint gives none.
    pub(super) async fn valid(&self, source: &TokenSource) -> anyhow::Result<Token> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.renewed_at) {
            return Ok(token.clone());
        }
        Ok(current.insert(self.fetch(source).await?).clone())
    }

    /// The same for a thread of librdkafka, which waits.
    pub(super) fn valid_blocking(&self, source: &TokenSource) -> anyhow::Result<Token> {
        // A thread of its own: this one may be a runtime's, on which nothing may block.
        let fetching = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.context("cannot start a runtime")?.block_on(self.valid(source))
        };
        std::thread::scope(|scope| match scope.spawn(fetching).join() {
            Ok(token) => token,
            Err(_) => bail!("fetching a token panicked"),
        })
    }

    async fn fetch(&self, source: &TokenSource) -> anyhow::Result<Token> {
        let secret = source.client_secret.read()?;
        let credentials = format!("{}:{}", form_encoded(&source.client_id), form_encoded(&secret));
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(credentials));
        let scope = source.scope.iter().map(|scope| format!("&scope={}", form_encoded(scope)));
        let form = "grant_type=client_credentials".to_owned() + &scope.collect::<String>();
        let (asked_at, asked_ms) = (Instant::now(), now_ms());
        let request = Request::post(&source.endpoint)
            .header(AUTHORIZATION, authorization)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Bytes::from(form)).context("cannot ask the token endpoint")?;
        let (status, body) = client::ask(request, self.ca.as_deref()).await?;
        if !status.is_success() {
            let why = match serde_json::from_slice(&body) {
                Ok(Refusal { error, error_description }) => format!(": {error} {error_description}"),
                Err(_) => String::new(),
            };
            bail!("the token endpoint {} gives no token ({status}){why}", source.endpoint);
        }
        let cannot = || format!("the answer of the token endpoint {} is none", source.endpoint);
        let Answer { access_token, expires_in } = serde_json::from_slice(&body).with_context(cannot)?;
        let lifetime = Duration::from_secs(expires_in.unwrap_or(LIFETIME).min(LONGEST_LIFETIME));
        Ok(Token {
            text: access_token,
            expires_ms: asked_ms.saturating_add(i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX)),
            renewed_at: asked_at + lifetime * 4 / 5,
        })
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

/// As in a form (`application/x-www-form-urlencoded`), which RFC 6749 asks for in the credentials, too.
fn form_encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'*' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_as_forms_are() {
        assert_eq!(form_encoded("a b:c/é-1"), "a+b%3Ac%2F%C3%A9-1");
    }
}
