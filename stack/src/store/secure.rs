//! A store that asks for a user and a password, over TLS.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::bail;

use super::{StoreOptions, start};
use crate::certificates::Authority;
use crate::options::StoreKind;
use crate::probe::Probe;
use crate::process::Process;
use crate::server::Server;
use crate::{cache, environment, secantus};

/// Makes a user who may read and write one database, or changes his password. Its arguments: the options of the client
/// as JSON, the database, the user, the password.
const PROVISION: &str = "
import json, sys
from pymongo import MongoClient
options, database, user, password = json.loads(sys.argv[1]), *sys.argv[2:]
roles = [{'role': 'readWrite', 'db': database}]
with MongoClient(**options) as client:
    known = client.admin.command('usersInfo', user)['users']
    command = 'updateUser' if known else 'createUser'
    client.admin.command(command, user, pwd=password, roles=roles)
";

const DEADLINE: Duration = Duration::from_secs(60);

/// SecantusDB with TLS and SCRAM-SHA-256, for one database.
pub struct SecureStore {
    /// The store.
    pub server: Server,
    /// The authority of its certificate, PEM.
    pub ca: PathBuf,
    database: String,
}

impl SecureStore {
    /// Starts it with this user, who may use this database.
    ///
    /// # Errors
    /// Why it does not start.
    pub async fn start(database: &str, user: &str, password: &str) -> anyhow::Result<Self> {
        let options = StoreOptions { kind: StoreKind::Secantus, ..StoreOptions::default() };
        let mut server = start(&options, environment).await?;
        // Users are made while it asks for none.
        let options = format!(r#"{{"host":"127.0.0.1","port":{},"directConnection":true}}"#, server.port());
        provision(server.directory(), &[&options, database, user, password]).await?;
        let authority = Authority::new("Test authority")?;
        let ca = authority.write(server.directory(), "ca.pem")?;
        authority.server(&["localhost"])?.write(server.directory(), "server")?;
        let arguments = ["--auth", "--tls-cert-file", "server.pem", "--tls-key-file", "server.key"];
        server.restart_with(&arguments.map(str::to_owned), Probe::Port).await?;
        Ok(Self { server, ca, database: database.to_owned() })
    }

    /// The connection string for this user.
    pub fn uri(&self, user: &str, password: &str) -> String {
        self.uri_of("localhost", &format!("{user}:{password}@"), &self.ca)
    }

    /// The connection string with another host name, user or authority.
    pub fn uri_of(&self, host: &str, user: &str, ca: &Path) -> String {
        let (port, database, ca) = (self.server.port(), &self.database, ca.display());
        let source = if user.is_empty() { "" } else { "&authSource=admin" };
        format!("mongodb://{user}{host}:{port}/{database}?tls=true&tlsCAFile={ca}{source}")
    }
}

async fn provision(directory: &Path, arguments: &[&str]) -> anyhow::Result<()> {
    let python = secantus::python(&cache::directory()?.join(secantus::ENTRY));
    let mut command = Command::new(python);
    command.args(["-I", "-c", PROVISION]).args(arguments).current_dir(directory);
    let process = Process::spawn("provision", &command, &directory.join("provision.log"))?;
    match process.wait_for(DEADLINE).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("the store does not make a user ({status}):\n{}", process.last_lines(20)),
        None => bail!("the store did not make a user within {} s", DEADLINE.as_secs()),
    }
}
