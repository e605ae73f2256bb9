//! What a request must pass before its handler sees it: who is its caller, may he use this kind of record, and has he
//! sent too much. A service says of each route what it needs of its caller ([`Needs`]); the server asks here between
//! the route and the handler. Without any of the settings everything is open.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::header::HeaderMap;

use crate::audit::{self, Asked, AuditLog, Target, Visit};
use crate::auth::{self, Caller, Denial, JwtConfig, Known, Needs, TokenError, Tokens, WatchedKeys, credential};
use crate::metrics::Metric;
use crate::rate::{Limiter, Rate};
use crate::{Readiness, Registry, Settings};

mod cors;
mod jwt;
mod metrics;

pub use cors::Origins;
use metrics::AccessMetrics;

/// The metrics of a service that may ask for credentials.
pub const METRICS: &[Metric] = metrics::ALL;

/// What `/readyz` calls the keys of tokens.
const TOKENS_CONDITION: &str = "JWT keys";

/// What `/readyz` calls the keys when their file is broken.
const CONDITION: &str = "API keys";

/// Who may call, and how much he may send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessConfig {
    /// `API_KEYS_FILE`: the file of API keys, if any are needed.
    pub keys: Option<PathBuf>,
    /// `JWT_ISSUER`, `JWT_AUDIENCE`, `JWT_JWKS`, `JWT_JWKS_CA`: whose tokens are taken, if any are.
    pub tokens: Option<JwtConfig>,
    /// `RATE_LIMIT`: the rate of callers without one of their own; without keys, of addresses.
    pub rate: Option<Rate>,
    /// `CORS_ORIGINS`: the sites whose pages may read the answers.
    pub origins: Option<Origins>,
    /// `AUDIT_LOG`: where a line for each request goes, if anywhere.
    pub audit: Option<Target>,
}

impl AccessConfig {
    /// Reads every setting; `settings` collects the errors, those of the file of keys, too.
    pub fn read(settings: &mut Settings<'_>) -> Self {
        let keys = settings.read(
            "API_KEYS_FILE",
            "",
            "JSON file of the API keys, see docs/security.md; it is read again when it changes; empty needs no keys",
            |text| Ok((!text.is_empty()).then(|| PathBuf::from(text))),
        );
        if let Some(path) = &keys {
            for error in auth::read(path).err().unwrap_or_default() {
                settings.error("API_KEYS_FILE", error);
            }
        }
        let tokens = jwt::read(settings);
        let rate = settings.read(
            "RATE_LIMIT",
            "",
            "records of each kind that a caller without a rate of its own, or without keys an address, may send: \
             1000/s, 600/m, 10/h; beyond it 429; empty is no limit",
            |text| if text.is_empty() { Ok(None) } else { text.parse().map(Some) },
        );
        let origins = settings.read(
            "CORS_ORIGINS",
            "",
            "sites whose pages may send requests and read the answers, comma-separated, such as https://example.com; \
             * is all, for development; empty is none",
            Origins::parse,
        );
        let audit = settings.read(
            "AUDIT_LOG",
            "",
            "file of this process alone, or `stdout`, for a line of JSON about each request for a record, written \
             before its answer, see docs/security.md; empty is none",
            |text| {
                Ok(match text {
                    "" => None,
                    "stdout" => Some(Target::Output),
                    path => Some(Target::File(PathBuf::from(path))),
                })
            },
        );
        Self { keys, tokens, rate, origins, audit }
    }
}

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
        let (seen, readiness) = (Mutex::new(seen), readiness.clone());
        Ok(Some(Self(Arc::new(Rules {
            keys,
            tokens,
            seen,
            reported: Mutex::default(),
            limiter,
            origins: config.origins.clone(),
            audit,
            metrics,
            readiness,
        }))))
    }

    /// Who sent a request with these headers, if the route may be used by him now. It counts as one record.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, needs: Needs, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Box<Denied>> {
        let caller = Caller::open(address);
        if needs == Needs::Nothing {
            return Ok(caller);
        }
        let known = if self.0.is_open() { Ok(None) } else { self.0.known(headers).map(Some) };
        let known = known.map_err(|denial| Box::new(Denied { denial, caller }))?;
        let caller = Caller::counted(known, address, Arc::clone(&self.0.limiter));
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

    /// Counts a request that is not served, and writes its line into the audit log.
    pub(crate) fn denied(&self, denied: &Denied, asked: impl FnOnce() -> Asked) -> Response<Full<Bytes>> {
        let Denied { denial, caller } = denied;
        self.0.metrics.denied(denial);
        let response = denial.response();
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

    /// Whose credential these headers have.
    fn known(&self, headers: &HeaderMap) -> Result<Known, Denial> {
        let credential = credential(headers).map_err(Denial::Malformed)?.ok_or(Denial::NoCredential)?.bytes();
        match (&self.tokens, &self.keys) {
            (Some(tokens), _) if auth::is_token(credential) => tokens.find(credential).map_err(Denial::Token),
            (_, Some(keys)) => keys.find(credential).ok_or(Denial::UnknownKey),
            (_, None) => Err(Denial::UnknownKey),
        }
    }
}

/// Runs the upkeep, if there is anything to keep up to date; never ends.
pub async fn upkeep(access: Option<&Access>) {
    if let Some(access) = access {
        access.upkeep().await;
    }
    std::future::pending().await
}
