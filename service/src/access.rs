//! What a request must pass before its handler sees it. A service says of each route what it needs of its caller
//! ([`Needs`]); the server asks here between the route and the handler. Without API keys everything
//! is open.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::header::HeaderMap;

use crate::auth::{self, Caller, Denial, Needs, WatchedKeys, credential};
use crate::metrics::Metric;
use crate::{Readiness, Registry, Settings};

mod metrics;

use metrics::AccessMetrics;

/// The metrics of a service that may ask for credentials.
pub const METRICS: &[Metric] = metrics::ALL;

/// What `/readyz` calls the keys when their file is broken.
const CONDITION: &str = "API keys";

/// Who may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessConfig {
    /// `API_KEYS_FILE`: the file of API keys, if any are needed.
    pub keys: Option<PathBuf>,
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
        Self { keys }
    }
}

/// Asks callers for credentials. Cheap to clone.
#[derive(Clone)]
pub struct Access(Arc<Rules>);

struct Rules {
    keys: WatchedKeys,
    seen: std::sync::Mutex<auth::Seen>,
    metrics: AccessMetrics,
    readiness: Readiness,
}

impl Access {
    /// What the configuration wants; `None` if everything is open, which a line in the log says.
    ///
    /// # Errors
    /// When the file of keys cannot be used.
    pub fn start(config: &AccessConfig, registry: &Registry, readiness: &Readiness) -> anyhow::Result<Option<Self>> {
        let Some(path) = &config.keys else {
            tracing::info!("open: everybody may send requests; set API_KEYS_FILE to ask for keys");
            return Ok(None);
        };
        let (keys, seen) = WatchedKeys::read(path).map_err(|error| anyhow::anyhow!("API_KEYS_FILE: {error}"))?;
        tracing::info!(keys = keys.len(), "requests need an API key");
        let metrics = AccessMetrics::new(registry);
        metrics.keys.set(keys.len() as f64);
        let readiness = readiness.clone();
        Ok(Some(Self(Arc::new(Rules { keys, seen: std::sync::Mutex::new(seen), metrics, readiness }))))
    }

    /// Who sent a request with these headers, if the route may be used by him.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, needs: Needs, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Denial> {
        self.find(needs, headers, address).inspect_err(|denial| self.0.metrics.denied(denial))
    }

    fn find(&self, needs: Needs, headers: &HeaderMap, address: IpAddr) -> Result<Caller, Denial> {
        if needs == Needs::Nothing {
            return Ok(Caller::open(address));
        }
        let credential = credential(headers).map_err(Denial::Malformed)?.ok_or(Denial::NoCredential)?;
        let identity = self.0.keys.find(credential.bytes()).ok_or(Denial::UnknownKey)?;
        match needs {
            Needs::Kind(kind) if !identity.may_use(kind) => Err(Denial::Kind(kind)),
            _ => Ok(Caller::known(identity, address)),
        }
    }

    /// Keeps the keys up to date, for as long as it is polled.
    pub async fn upkeep(&self) {
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
        let Rules { keys, seen, metrics, readiness } = &*self.0;
        let mut seen = seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
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

/// Runs the upkeep, if there is anything to keep up to date; never ends.
pub async fn upkeep(access: Option<&Access>) {
    match access {
        Some(access) => access.upkeep().await,
        None => std::future::pending().await,
    }
}
