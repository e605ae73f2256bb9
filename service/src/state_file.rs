//! What a service reports to other programs, in the file that `STATE_FILE` names: where it listens, and after a clean
//! end what it has counted. A reader never sees half a file, because each version is written beside it and then
//! renamed. A service that failed or was killed leaves `totals` empty.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::metrics::Totals;
use crate::{Addresses, Listeners, ServiceConfig};

/// The content of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceState {
    /// The service's name.
    pub service: String,
    /// Its version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
    /// Where it listens for those who run it.
    pub operators_address: SocketAddr,
    /// Its counters' totals, after a clean end.
    pub totals: Option<Totals>,
}

impl ServiceState {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is missing, or is not a state file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read the state file {}", path.display());
        let mut text = fs::read(path).with_context(cannot)?;
        simd_json::serde::from_slice(&mut text).with_context(cannot)
    }

    fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = simd_json::serde::to_vec(self).expect("a state is plain strings and numbers");
        replace(path, &text).with_context(|| format!("cannot write the state file {} (STATE_FILE)", path.display()))
    }
}

/// The file of one running service, or none.
#[derive(Debug)]
pub struct StateFile {
    path: Option<PathBuf>,
    state: ServiceState,
}

impl StateFile {
    /// Writes where the service listens, in place of what an earlier one left.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn listening(config: &ServiceConfig, service: &str, listeners: &Listeners) -> anyhow::Result<Self> {
        let Addresses { clients, operators } = listeners.addresses()?;
        let state = ServiceState {
            service: service.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            address: clients,
            operators_address: operators,
            totals: None,
        };
        let file = Self { path: config.state_file.clone(), state };
        file.write()?;
        Ok(file)
    }

    /// Writes what the service counted until its clean end.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn ended(mut self, totals: Totals) -> anyhow::Result<()> {
        self.state.totals = Some(totals);
        self.write()
    }

    fn write(&self) -> anyhow::Result<()> {
        self.path.as_deref().map_or(Ok(()), |path| self.state.write(path))
    }
}

/// Replaces the file's content in one step.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    fs::write(&beside, content)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn config(path: &Path) -> ServiceConfig {
        let lookup = |name: &str| (name == "STATE_FILE").then(|| path.to_str().unwrap().to_owned());
        ServiceConfig::read(&mut Settings::new(&lookup), 3000)
    }

    async fn listeners() -> Listeners {
        Listeners::bind("127.0.0.1", 0, 0).await.unwrap()
    }

    #[tokio::test]
    async fn it_has_the_addresses_from_the_start_and_the_totals_after_the_end() {
        let (folder, listeners) = (tempfile::tempdir().unwrap(), listeners().await);
        let path = folder.path().join("producer.json");
        fs::write(&path, "left by an earlier one").unwrap();
        assert!(ServiceState::read(&path).is_err());

        let file = StateFile::listening(&config(&path), "producer", &listeners).unwrap();
        let state = ServiceState::read(&path).unwrap();
        assert_eq!(state.pid, std::process::id());
        let Addresses { clients, operators } = listeners.addresses().unwrap();
        assert_eq!((state.address, state.operators_address), (clients, operators));
        assert_eq!((state.service.as_str(), &state.totals), ("producer", &None));
        assert!(fs::read_to_string(&path).unwrap().ends_with(",\"totals\":null}"));

        let totals = Totals::from([("ingest_records_accepted_total".to_owned(), 7)]);
        file.ended(totals.clone()).unwrap();
        assert_eq!(ServiceState::read(&path).unwrap(), ServiceState { totals: Some(totals), ..state });
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_written_is_named() {
        let (folder, listeners) = (tempfile::tempdir().unwrap(), listeners().await);
        let path = folder.path().join("folder").join("producer.json");
        let error = StateFile::listening(&config(&path), "producer", &listeners).unwrap_err();
        let expected = format!("cannot write the state file {} (STATE_FILE): No such file", path.display());
        assert!(format!("{error:#}").starts_with(&expected), "{error:#}");

        fs::create_dir(folder.path().join("folder")).unwrap();
        let file = StateFile::listening(&config(&path), "producer", &listeners).unwrap();
        fs::remove_dir_all(folder.path().join("folder")).unwrap();
        assert!(file.ended(Totals::new()).is_err());
    }

    #[tokio::test]
    async fn without_a_path_nothing_is_written() {
        let listeners = listeners().await;
        let config = ServiceConfig::read(&mut Settings::new(&|_| None), 3000);
        assert_eq!(config.state_file, None);
        StateFile::listening(&config, "producer", &listeners).unwrap().ended(Totals::new()).unwrap();
    }
}
