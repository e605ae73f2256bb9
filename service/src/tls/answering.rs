//! The certificate and key with which a listener answers, renewed while it runs.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use metrics::Gauge;
use tokio_rustls::TlsAcceptor;

use super::contents::{Contents, Fingerprint};
use super::files::TlsFiles;
use super::loaded::Loaded;
use crate::renewal::Renewal;

/// How often the files are looked at. A change counts once it is seen twice.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a listener answers with.
pub(crate) struct Answering {
    files: TlsFiles,
    in_force: RwLock<Loaded>,
    at_start: State,
}

/// What was found: the files, or why they cannot be read.
type State = Result<Fingerprint, String>;

/// What metrics show of it.
pub(crate) struct Gauges {
    /// When the certificate ends, in seconds since 1970.
    pub(crate) expiry: Gauge,
    /// 1 while the files cannot be used, and earlier ones are in force.
    pub(crate) is_outdated: Gauge,
}

impl Answering {
    /// Loads the files.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub(crate) fn new(files: TlsFiles) -> anyhow::Result<Self> {
        let contents = Contents::read(&files)?;
        let loaded = files.load_from(&contents)?;
        Ok(Self { files, in_force: RwLock::new(loaded), at_start: Ok(contents.fingerprint()) })
    }

    /// The files that are looked at.
    pub(crate) fn files(&self) -> &TlsFiles {
        &self.files
    }

    /// What the next connection is answered with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let in_force = self.in_force.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&in_force.config))
    }

    /// Looks at the files for as long as it is polled. Connections that are open keep what they began with.
    pub(crate) async fn renew(&self, gauges: &Gauges) {
        self.show(gauges);
        let mut renewal = Renewal::new(self.at_start.clone());
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let files = self.files.clone();
            let Ok(contents) = tokio::task::spawn_blocking(move || Contents::read(&files)).await else { continue };
            let state = contents.as_ref().map(Contents::fingerprint).map_err(ToString::to_string);
            if !renewal.look(state) {
                continue;
            }
            let certificate = self.files.certificate.display();
            match contents.and_then(|contents| self.files.load_from(&contents)) {
                Ok(loaded) => {
                    if loaded.expiry <= SystemTime::now() {
                        tracing::warn!("{}", self.files.expired());
                    }
                    *self.in_force.write().unwrap_or_else(PoisonError::into_inner) = loaded;
                    gauges.is_outdated.set(0.0);
                    self.show(gauges);
                    tracing::info!(%certificate, listener = self.files.audience.label(), "TLS certificate renewed");
                }
                Err(fault) => {
                    gauges.is_outdated.set(1.0);
                    tracing::error!(
                        %fault,
                        listener = self.files.audience.label(),
                        "cannot renew the TLS certificate: the earlier one stays in force"
                    );
                }
            }
        }
    }

    fn show(&self, gauges: &Gauges) {
        let expiry = self.in_force.read().unwrap_or_else(PoisonError::into_inner).expiry;
        gauges.expiry.set(expiry.duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64()));
    }
}
