//! What a request must pass before its handler sees it: who is its caller, may he use this kind of record, and has he
//! sent too much. A service says of each route what it needs of its caller ([`Needs`]); the server asks here between
//! the route and the handler. Without any of the settings everything is open.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::HeaderMap;
use hyper::{Method, Response};

use crate::audit::{self, Asked, AuditLog, Visit};
use crate::auth::{self, Caller, Denial, Known, Needs, TokenError, Tokens, WatchedKeys, credential};
use crate::metrics::Metric;
use crate::rate::Limiter;
use crate::{Readiness, Registry};

mod config;
mod cors;
mod jwt;
mod metrics;
mod session;
mod sign_in;

pub use config::AccessConfig;
pub use cors::Origins;
pub use session::{SessionConfig, SignInError};

use metrics::AccessMetrics;
use session::Sessions;

/// The metrics of a service that may ask for credentials.
pub const METRICS: &[Metric] = metrics::ALL;

/// What `/readyz` calls the keys of tokens.
const TOKENS_CONDITION: &str = "JWT keys";

/// What `/readyz` calls the keys when their file is broken.
const CONDITION: &str = "API keys";

/// A request that is not served.
pub struct Denied {
    /// Why not.
    pub denial: Denial,
    /// Who sent it, as far as that is known.
    caller: Caller,
}

/// Asks callers for credentials, and counts what they send. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Rules>);

struct Rules {
    keys: Option<WatchedKeys>,
    tokens: Option<Tokens>,
    seen: Mutex<auth::Seen>,
    /// The last error of the tokens' keys that the log has.
    reported: Mutex<Option<String>>,
    limiter: Arc<Limiter>,
    origins: Option<Origins>,
    sessions: Option<Sessions>,
    audit: Option<AuditLog>,
    metrics: AccessMetrics,
    readiness: Readiness,
}

impl Access {
    /// What the configuration wants for records of these kinds; `None` if everything is open. Who may send is a line in
    /// the log.
    ///
    /// # Errors
    /// When the file of keys cannot be used, or the audit log cannot be opened.
    pub fn start(
        config: &AccessConfig,
        kinds: Vec<&'static str>,
        registry: &Registry,
        readiness: &Readiness,
    ) -> anyhow::Result<Option<Self>> {
        let limiter = Arc::new(Limiter::new(kinds, config.rate));
        let metrics = AccessMetrics::new(registry);
        let (keys, seen) = match &config.keys {
            Some(path) => {
                let read = WatchedKeys::read(path, Arc::clone(&limiter));
                let (keys, seen) = read.map_err(|error| anyhow::anyhow!("API_KEYS_FILE: {error}"))?;
                tracing::info!(keys = keys.len(), "requests need an API key");
                metrics.keys.set(keys.len() as f64);
                (Some(keys), seen)
            }
            None => (None, auth::Seen::default()),
        };
        let tokens = config.tokens.clone().map(|tokens| Tokens::new(tokens, Arc::clone(&limiter)));
        match &config.tokens {
            Some(tokens) => {
                tracing::info!(issuer = tokens.expected.issuer, "tokens of this issuer are taken");
                readiness.unmet(TOKENS_CONDITION, "the keys of the issuer are not read yet");
            }
            None if keys.is_none() => tracing::info!(
                "open: everybody may send requests; set API_KEYS_FILE or JWT_JWKS to ask for credentials"
            ),
            None => {}
        }
        let is_open = keys.is_none() && tokens.is_none();
        if is_open && config.rate.is_none() && config.audit.is_none() && config.origins.is_none() {
            return Ok(None);
        }
        let audit = config.audit.as_ref().map(|target| AuditLog::open(target, registry, readiness)).transpose()?;
        let sessions = config.sessions.as_ref().filter(|_| !is_open).map(Sessions::new).transpose()?;
        let (seen, readiness) = (Mutex::new(seen), readiness.clone());
        Ok(Some(Self(Arc::new(Rules {
            keys,
            tokens,
            seen,
            reported: Mutex::default(),
            limiter,
            origins: config.origins.clone(),
            sessions,
            audit,
            metrics,
            readiness,
        }))))
    }

    /// Who sent a request with these headers, if the route may be used by him now. It counts as one record.
    ///
    /// # Errors
    /// Why not.
    pub fn check(
        &self,
        needs: Needs,
        method: &Method,
        headers: &HeaderMap,
        address: IpAddr,
    ) -> Result<Caller, Box<Denied>> {
        let caller = Caller::open(address);
        if needs == Needs::Nothing {
            return Ok(caller);
        }
        let known = if self.0.is_open() { Ok(None) } else { self.0.known(method, headers).map(Some) };
        let known = known.map_err(|denial| Box::new(Denied { denial, caller }))?;
        let is_signed_in = known.as_ref().is_some_and(|(_, way)| *way == Way::Cookie);
        let caller = Caller::counted(known.map(|(known, _)| known), address, Arc::clone(&self.0.limiter));
        let caller = if is_signed_in { caller.signed_in() } else { caller };
        let denial = match needs {
            Needs::Kind(kind) if !caller.may_use(kind) => Some(Denial::Kind(kind)),
            Needs::Kind(kind) => caller.take(kind).err().map(Denial::Limited),
            Needs::Caller | Needs::Nothing => None,
        };
        let caller = if self.is_from_allowed_page(headers) { caller.on_allowed_page() } else { caller };
        match denial {
            Some(denial) => Err(Box::new(Denied { denial, caller })),
            None if self.0.audit.is_some() => Ok(caller.audited()),
            None => Ok(caller),
        }
    }

    fn is_from_allowed_page(&self, headers: &HeaderMap) -> bool {
        self.0.origins.as_ref().is_some_and(|origins| origins.allow(headers))
    }

    /// Adds to an answer which pages may read it.
    pub(crate) fn share(&self, request: &HeaderMap, answer: &mut HeaderMap) {
        if let Some(origins) = &self.0.origins {
            origins.share(request, answer);
        }
    }

    /// The answer to a browser that asks whether a page may send a request to a path that accepts these methods.
    pub(crate) fn preflight(&self, request: &HeaderMap, methods: &str) -> Option<Response<Full<Bytes>>> {
        self.0.origins.as_ref()?.preflight(request, methods)
    }

    /// Whether this request might be served after all, once the issuer's keys are read again.
    pub(crate) async fn knows_by_now(&self, denied: &Denied) -> bool {
        let Some(tokens) = self.0.tokens.as_ref().filter(|_| denied.denial == Denial::Token(TokenError::UnknownKey))
        else {
            return false;
        };
        let refreshed = tokens.refresh_for_unknown().await;
        self.refreshed(refreshed.as_ref().map(drop));
        refreshed.unwrap_or_default()
    }

    /// Counts a request that is not served, and writes its line into the audit log. Its answer is the service's own, or
    /// else that of the denial.
    pub(crate) fn denied(
        &self,
        denied: &Denied,
        own: Option<Response<Full<Bytes>>>,
        asked: impl FnOnce() -> Asked,
    ) -> Response<Full<Bytes>> {
        let Denied { denial, caller } = denied;
        self.0.metrics.denied(denial);
        let response = own.unwrap_or_else(|| denial.response());
        if let Some(log) = &self.0.audit {
            audit::denied(log, &asked(), caller, denial.reason(), response.status());
        }
        response
    }

    /// The request as the audit log sees it, if there is one and the route is not for everybody.
    pub(crate) fn begin<'a>(
        &'a self,
        needs: Needs,
        caller: &'a Caller,
        asked: impl FnOnce() -> Asked,
    ) -> Option<Box<Visit<'a>>> {
        let log = self.0.audit.as_ref().filter(|_| needs != Needs::Nothing)?;
        Some(Box::new(Visit::new(log, asked(), caller)))
    }

    /// Keeps the keys up to date, for as long as it is polled.
    async fn upkeep(&self) {
        tokio::join!(self.watch_keys(), self.keep_tokens());
    }

    async fn keep_tokens(&self) {
        let Some(tokens) = &self.0.tokens else { return };
        loop {
            self.refreshed(tokens.refresh().await.as_ref().map(drop));
            tokio::time::sleep(tokens.pause()).await;
        }
    }

    /// The issuer's keys were read, or could not be.
    fn refreshed(&self, refreshed: Result<(), &anyhow::Error>) {
        let Rules { readiness, tokens: Some(tokens), .. } = &*self.0 else { return };
        match refreshed {
            Ok(()) => {
                readiness.met(TOKENS_CONDITION);
                *self.0.reported.lock().unwrap_or_else(PoisonError::into_inner) = None;
            }
            Err(error) => {
                let error = format!("{error:#}");
                if tokens.is_ready() {
                    readiness.met_in_part(TOKENS_CONDITION, format!("{error}; the earlier ones stay valid"));
                } else {
                    readiness.unmet(TOKENS_CONDITION, error.clone());
                }
                self.0.metrics.token_key_failures.increment(1);
                let mut reported = self.0.reported.lock().unwrap_or_else(PoisonError::into_inner);
                if reported.as_ref() != Some(&error) {
                    tracing::error!(error, "cannot read the keys of tokens; those that were read before stay valid");
                    *reported = Some(error);
                }
            }
        }
    }

    async fn watch_keys(&self) {
        if self.0.keys.is_none() {
            return;
        }
        loop {
            tokio::time::sleep(auth::LOOK).await;
            let access = self.clone();
            // A file system may take its time.
            if tokio::task::spawn_blocking(move || access.look()).await.is_err() {
                tracing::error!("looking at the file of API keys failed");
            }
        }
    }

    fn look(&self) {
        let Rules { keys: Some(keys), seen, metrics, readiness, .. } = &*self.0 else { return };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match keys.look(&mut seen, SystemTime::now()) {
            auth::Looked::Same => {}
            auth::Looked::Read(count) => {
                tracing::info!(keys = count, "read the file of API keys again");
                metrics.keys.set(count as f64);
                readiness.met(CONDITION);
            }
            auth::Looked::Broken(error) => {
                tracing::error!(error, "cannot use the file of API keys; those that it had before stay valid");
                metrics.broken_files.increment(1);
                readiness.met_in_part(CONDITION, format!("{error}; the earlier keys stay valid"));
            }
        }
    }
}

impl Rules {
    /// Whether nobody is asked who he is.
    fn is_open(&self) -> bool {
        self.keys.is_none() && self.tokens.is_none()
    }

    /// Whose credential a request has in its headers, or else in its cookie, and where.
    fn known(&self, method: &Method, headers: &HeaderMap) -> Result<(Known, Way), Denial> {
        match (credential(headers).map_err(Denial::Malformed)?, &self.sessions) {
            (Some(credential), _) => self.find(credential.bytes()).map(|known| (known, Way::Header)),
            (None, Some(sessions)) => {
                let credential = sessions.credential(method, headers)?;
                self.find(&credential).map(|known| (known, Way::Cookie))
            }
            (None, None) => Err(Denial::NoCredential),
        }
    }

    /// Whose credential this is.
    fn find(&self, credential: &[u8]) -> Result<Known, Denial> {
        match (&self.tokens, &self.keys) {
            (Some(tokens), _) if auth::is_token(credential) => tokens.find(credential).map_err(Denial::Token),
            (_, Some(keys)) => keys.find(credential).ok_or(Denial::UnknownKey),
            (_, None) => Err(Denial::UnknownKey),
        }
    }
}

/// Where a request has its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Header,
    Cookie,
}

/// Runs the upkeep, if there is anything to keep up to date; never ends.
pub async fn upkeep(access: Option<&Access>) {
    if let Some(access) = access {
        access.upkeep().await;
    }
    std::future::pending().await
}
