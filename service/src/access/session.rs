//! Browsers that have signed in: their cookie stands for the credential that is sealed in it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::Method;
use hyper::header::{COOKIE, HeaderMap, HeaderValue, ORIGIN};

use crate::Settings;
use crate::auth::{Denial, SessionKey};
use crate::http::sender::{Sender, sender};
use crate::secrets::Secret;

/// How long a session lasts at most.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// The longest credential that can be in a cookie, in bytes: browsers keep 4,096 bytes of a cookie, sealed and encoded.
pub(super) const MAX_CREDENTIAL_BYTES: usize = 3_000;

/// Sign-in for browsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionConfig {
    /// `SESSION_KEY`: what sessions are sealed with; `None` is a key of this process alone.
    pub key: Option<Secret>,
    /// Whether browsers reach the service by TLS of its own, so that they may keep the cookie for TLS alone.
    pub is_secure: bool,
}

impl SessionConfig {
    /// Reads the settings; `settings` collects the errors.
    pub fn read(settings: &mut Settings<'_>, is_secure: bool) -> Self {
        let key = settings.secret(
            "SESSION_KEY",
            "32 random bytes, as hexadecimal digits or base64, that seal the cookies of those who have signed in; \
             processes behind one address need the same; empty is one of the process alone",
        );
        let text = key.as_ref().and_then(|key| key.read().ok());
        if text.is_some_and(|text| SessionKey::parse(&text).is_none()) {
            // Of either variable, and without what is in it.
            settings.error("SESSION_KEY", "must be 32 bytes, as 64 hexadecimal digits or base64");
        }
        Self { key, is_secure }
    }
}

/// Seals and opens cookies.
pub(super) struct Sessions {
    key: Key,
    is_secure: bool,
}

enum Key {
    /// Of this process.
    Own(Box<SessionKey>),
    /// Of the settings. A file is read each time, so that it can be changed.
    Set { secret: Secret, is_broken: AtomicBool },
}

/// Why somebody cannot sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInError {
    /// The credential would not be let in.
    Denied(Denial),
    /// It is too long for a cookie.
    TooLong,
    /// The service cannot make a session, for a reason that is in the log.
    Unavailable,
}

impl Sessions {
    pub(super) fn new(config: &SessionConfig) -> anyhow::Result<Self> {
        let key = match &config.key {
            Some(secret) => Key::Set { secret: secret.clone(), is_broken: AtomicBool::new(false) },
            None => {
                tracing::info!("a restart ends all sessions of the page; set SESSION_KEY to keep them");
                Key::Own(Box::new(SessionKey::random()?))
            }
        };
        Ok(Self { key, is_secure: config.is_secure })
    }

    /// Does something with the key as it is now.
    fn with_key<T>(&self, with: impl FnOnce(&SessionKey) -> Option<T>) -> Option<T> {
        match &self.key {
            Key::Own(key) => with(key),
            Key::Set { secret, is_broken } => {
                let key = secret.read().ok().and_then(|text| SessionKey::parse(&text));
                // Once: anybody can send a cookie.
                if !is_broken.swap(key.is_none(), Ordering::Relaxed) && key.is_none() {
                    tracing::error!("SESSION_KEY_FILE cannot be used, so nobody is signed in");
                }
                key.and_then(|key| with(&key))
            }
        }
    }

    fn cookie_name(&self) -> &'static str {
        // A browser takes a cookie of this name only for TLS and from this host, so no other host can plant one.
        if self.is_secure { "__Host-ingest-session" } else { "ingest-session" }
    }

    /// The header that signs a browser in with this credential.
    pub(super) fn signed_in(&self, credential: &[u8]) -> Option<HeaderValue> {
        let lifetime = LIFETIME.as_secs();
        let sealed = self.with_key(|key| key.seal(credential, now() + lifetime).ok())?;
        self.cookie(&sealed, lifetime)
    }

    /// The header that signs it out.
    pub(super) fn signed_out(&self) -> Option<HeaderValue> {
        self.cookie("", 0)
    }

    /// The header that gives a browser this value for this number of seconds.
    fn cookie(&self, value: &str, seconds: u64) -> Option<HeaderValue> {
        let secure = if self.is_secure { "; Secure" } else { "" };
        let name = self.cookie_name();
        let cookie = format!("{name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict{secure}");
        HeaderValue::try_from(cookie).ok().map(|mut cookie| {
            cookie.set_sensitive(true);
            cookie
        })
    }

    /// The credential of a request without one in its headers.
    ///
    /// # Errors
    /// When there is none, its session is over, or another site may have sent the request.
    pub(super) fn credential(&self, method: &Method, headers: &HeaderMap) -> Result<Vec<u8>, Denial> {
        let sealed = find(headers, self.cookie_name()).map_err(|Twice| Denial::Session)?.ok_or(Denial::NoCredential)?;
        if sender(headers) != Sender::Own {
            if !matches!(*method, Method::GET | Method::HEAD) {
                return Err(Denial::CrossSite);
            }
            // A link leads here without this header. A script of another site has it, even one of CORS_ORIGINS.
            if headers.contains_key(ORIGIN) {
                return Err(Denial::NoCredential);
            }
        }
        self.with_key(|key| key.open(sealed, now())).ok_or(Denial::Session)
    }
}

/// A cookie is there more than once.
#[derive(Debug, PartialEq, Eq)]
struct Twice;

/// The value of the cookie with this name. Two of them are an error: which of them counts must not depend on who set
/// the other one.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h [u8]>, Twice> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let mut values = pairs.filter_map(|pair| {
        let (own, value) = pair.split_at(pair.iter().position(|byte| *byte == b'=')?);
        (own.trim_ascii() == name.as_bytes()).then(|| value[1..].trim_ascii())
    });
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        (_, Some(_)) => Err(Twice),
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests;
