//! Tokens (JWT, RFC 7519) of an issuer whose public keys (JWKS, RFC 7517) are in a file or at a URL. Only signatures
//! that need a private key count: RS256, ES256 and EdDSA.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use crate::Recent;
use crate::auth::caller::{Identity, Known};
use crate::rate::{Limiter, Standing};

mod claims;
mod jwks;
mod source;
mod token;

pub use claims::Expected;
pub use jwks::KeySet;
pub use source::Source;
pub use token::{Token, TokenError};

use claims::Claims;

/// The shortest time between two looks at the issuer's keys because of a token.
const AFTER_UNKNOWN: Duration = Duration::from_secs(30);

/// How often they are read in any case, so that a key that was taken back is not valid any more.
const PERIOD: Duration = Duration::from_secs(300);

/// The tokens whose verdict is remembered: verifying RS256 costs 20 µs and more.
const REMEMBERED: usize = 4_096;

/// The callers whose standing is remembered.
const CALLERS: usize = 10_000;

/// Where the issuer's keys are, and what its tokens must say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtConfig {
    /// `JWT_ISSUER`, `JWT_AUDIENCE`.
    pub expected: Expected,
    /// `JWT_JWKS`, `JWT_JWKS_CA`.
    pub source: Source,
}

/// Judges tokens.
pub(crate) struct Tokens {
    config: JwtConfig,
    limiter: Arc<Limiter>,
    keys: RwLock<Arc<KeySet>>,
    /// By the hash of the token: with which keys it was judged, until when it is valid, and whose it is.
    judged: Mutex<Recent<[u8; 32], Judged>>,
    standings: Mutex<Recent<String, Arc<Standing>>>,
    /// When the keys were last asked for because of a token; held while they are, so that only one asks.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Judged {
    keys: Arc<KeySet>,
    not_before: u64,
    expires: u64,
    known: Known,
}

impl Tokens {
    /// No keys are known yet: they are read by [`Self::refresh`].
    pub(crate) fn new(config: JwtConfig, limiter: Arc<Limiter>) -> Self {
        Self {
            config,
            limiter,
            keys: RwLock::default(),
            judged: Mutex::new(Recent::new(REMEMBERED)),
            standings: Mutex::new(Recent::new(CALLERS)),
            asked: tokio::sync::Mutex::new(None),
        }
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// Why it is not valid now.
    pub(crate) fn find(&self, token: &[u8]) -> Result<Known, TokenError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let keys = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let hash = Sha256::digest(token).into();
        let judged = self.judged.lock().unwrap_or_else(PoisonError::into_inner).get(&hash).cloned();
        if let Some(Judged { keys: with, not_before, expires, known }) = judged
            && Arc::ptr_eq(&with, &keys)
        {
            claims::check_time(not_before, expires, now)?;
            return Ok(known);
        }
        let token = Token::parse(token)?;
        token.verify(&keys)?;
        let Claims { identity, not_before, expires } = Claims::read(token.payload(), &self.config.expected)?;
        claims::check_time(not_before, expires, now)?;
        let standing = self.standing(&identity);
        let known = Known { identity: Arc::new(identity), standing };
        let judged = Judged { keys, not_before, expires, known: known.clone() };
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).put(hash, judged);
        Ok(known)
    }

    fn standing(&self, identity: &Identity) -> Arc<Standing> {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let known = standings.get(&identity.name).cloned();
        let standing = known.unwrap_or_else(|| Arc::new(self.limiter.standing(identity.rate)));
        standings.put(identity.name.clone(), Arc::clone(&standing));
        standing
    }

    /// Reads the keys again because a token names one that is not known, unless that was done a short time ago. Returns
    /// whether there are other keys now.
    pub(crate) async fn refresh_for_unknown(&self) -> anyhow::Result<bool> {
        let before = Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner));
        let mut asked = self.asked.lock().await;
        let is_file = matches!(self.config.source, Source::File(_));
        if is_file || asked.is_none_or(|asked| asked.elapsed() >= AFTER_UNKNOWN) {
            *asked = Some(Instant::now());
            self.refresh().await?;
        }
        let now = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        Ok(!Arc::ptr_eq(&before, &now))
    }

    /// Reads the keys.
    ///
    /// # Errors
    /// Why that failed. The earlier ones stay in force.
    pub(crate) async fn refresh(&self) -> anyhow::Result<()> {
        let keys = KeySet::parse(&self.config.source.read().await?)?;
        let mut known = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if **known != keys {
            *known = Arc::new(keys);
        }
        Ok(())
    }

    /// Whether any keys are known.
    pub(crate) fn is_ready(&self) -> bool {
        !self.keys.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// How long to wait before the keys are read again: soon if there are none, and a file, which costs nothing, often.
    pub(crate) fn pause(&self) -> Duration {
        match &self.config.source {
            Source::File(_) => Duration::from_millis(500),
            Source::Url { .. } if !self.is_ready() => Duration::from_secs(2),
            Source::Url { .. } => PERIOD,
        }
    }
}

/// Whether a credential is a token and not an API key, which has no full stop.
pub(crate) fn is_token(credential: &[u8]) -> bool {
    credential.iter().filter(|byte| **byte == b'.').count() == 2
}
