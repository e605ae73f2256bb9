//! A native PostgreSQL, from the programs of this machine: nothing is fetched or built.
//!
//! Every start makes a fresh cluster, which listens only on 127.0.0.1 and lets everybody in. The server refuses to run
//! as root, so for root it runs as another user, to whom its directory belongs.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::sync::OnceCell;

use crate::probe::Probe;
use crate::process::Process;
use crate::progress::{OnProgress, during, to_stderr};
use crate::run_directory::RunDirectory;
use crate::server::{Recipe, Server};
use crate::shared::environment;
use crate::tools::{Tools, is_executable};
use crate::{cache, free_port};

mod certificate;
mod user;

use self::user::{User, as_user, other_user};

/// Where Debian has it, by version, and not on PATH.
const DEBIAN: &str = "/usr/lib/postgresql";

const INIT_DEADLINE: Duration = Duration::from_secs(60);

/// A PostgreSQL on 127.0.0.1. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Postgres {
    server: Server,
}

impl Postgres {
    /// Starts one and waits until it answers. `lookup` is the environment: it reads `PATH`.
    ///
    /// # Errors
    /// When its programs are missing, with a sentence that says what to install, or it does not start.
    pub async fn start(progress: OnProgress, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Postgres> {
        Self::begin(progress, lookup, false).await
    }

    /// The same with TLS, and a certificate for `localhost` by an [authority](Self::authority) of its own. Connections
    /// without TLS work, too.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with_tls(
        progress: OnProgress,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Postgres> {
        Self::begin(progress, lookup, true).await
    }

    async fn begin(
        progress: OnProgress,
        lookup: impl Fn(&str) -> Option<String>,
        has_tls: bool,
    ) -> anyhow::Result<Postgres> {
        let tools = Tools::new(lookup);
        let programs = find(&tools, Path::new(DEBIAN))?;
        let (run, user) = directory(&tools)?;
        let port = free_port();
        during(progress, "making a cluster of PostgreSQL", init(&programs, user.as_ref(), run.path())).await?;
        let mut command = as_user(&programs.join("postgres"), user.as_ref());
        command.args(["-D", "data", "-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1"]);
        command.args(["-c", "unix_socket_directories=", "-c", "max_connections=200"]);
        if has_tls {
            command.args(certificate::make(user.as_ref(), run.path())?);
        }
        let name = format!("PostgreSQL ({})", programs.display());
        let recipe = Recipe { name, command, port, probe: Probe::Postgres, directory: run, progress };
        Ok(Postgres { server: Server::start(recipe).await? })
    }

    /// The connection string of a database of this server. The database `postgres` is there from the start.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.server.address())
    }

    /// The file of the authority that a client must trust if it has TLS. It is removed with the server's data.
    pub fn authority(&self) -> PathBuf {
        self.log().with_file_name(certificate::AUTHORITY)
    }

    /// The port that it listens on, the same after a restart.
    pub fn port(&self) -> u16 {
        self.server.port()
    }

    /// The file it logs to. It is removed with the server's data.
    pub fn log(&self) -> &Path {
        self.server.log()
    }

    /// Sends SIGKILL to all of its processes and waits until they are gone. Its data stay for [`Postgres::restart`].
    ///
    /// # Errors
    /// When they do not end.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.server.kill_family().await
    }

    /// Sends SIGSTOP to all of its processes: connections stay open, but nothing answers.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.server.pause_family()
    }

    /// Sends SIGCONT to all of its processes.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.server.resume_family()
    }

    /// Starts it again on the same port and data, and waits until it answers. One that still runs is killed first.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if self.server.exit_status().is_none() {
            self.kill().await?;
        }
        self.server.restart().await
    }
}

/// The URL of a server that all tests of a binary share, and that ends with the process: the one that `DATABASE_URL`
/// names, or else one that is started here. Tests must make databases of their own on it.
///
/// # Panics
///
/// In every test that asks, if it cannot be started, with the sentences that say why.
pub async fn shared_postgres() -> String {
    static SHARED: OnceCell<Result<Postgres, String>> = OnceCell::const_new();
    if let Some(url) = environment("DATABASE_URL").filter(|url| url.starts_with("postgres")) {
        return url;
    }
    let start = || async { Postgres::start(to_stderr, environment).await.map_err(|error| format!("{error:#}")) };
    match SHARED.get_or_init(start).await {
        Ok(postgres) => postgres.url("postgres"),
        Err(sentences) => panic!("{sentences}"),
    }
}

/// The directory of `postgres` and `initdb`: that of an `initdb` on PATH, or else Debian's newest.
fn find(tools: &Tools, debian: &Path) -> anyhow::Result<PathBuf> {
    // Often a link; `postgres` is beside its target.
    let on_path = tools.find("initdb").and_then(|initdb| Some(initdb.canonicalize().ok()?.parent()?.to_owned()));
    let mut versions: Vec<(u32, PathBuf)> = Vec::new();
    for version in std::fs::read_dir(debian).into_iter().flatten().flatten() {
        let number = version.file_name().to_str().and_then(|name| name.parse().ok());
        versions.extend(number.map(|number| (number, version.path().join("bin"))));
    }
    versions.sort();
    let folders = on_path.into_iter().chain(versions.into_iter().rev().map(|(_, folder)| folder));
    let is_whole = |folder: &PathBuf| ["initdb", "postgres"].iter().all(|name| is_executable(&folder.join(name)));
    folders.into_iter().find(is_whole).context(
        "There is no PostgreSQL on this machine: install it (Debian: apt-get install postgresql; macOS: brew install \
         postgresql), or set DATABASE_URL to a running one.",
    )
}

/// A fresh directory, and the user to run the server as if that is not this one.
fn directory(tools: &Tools) -> anyhow::Result<(RunDirectory, Option<User>)> {
    let run = RunDirectory::new(&cache::directory()?, "postgres")?;
    if run.path().metadata()?.uid() != 0 {
        return Ok((run, None));
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user =
        other_user(&passwd).context("PostgreSQL cannot run as root, and there is no user `postgres` or `nobody`")?;
    ensure!(
        tools.find("setpriv").is_some(),
        "PostgreSQL cannot run as root: install setpriv (util-linux), or be another user"
    );
    if give(&run, &user)? {
        return Ok((run, Some(user)));
    }
    // The workspace may be in a directory that only root can enter.
    let run = RunDirectory::new(&std::env::temp_dir().join("stack"), "postgres")?;
    ensure!(
        give(&run, &user)?,
        "PostgreSQL cannot run as root, and user {} cannot enter {}",
        user.id,
        run.path().display()
    );
    Ok((run, Some(user)))
}

/// Makes this user the owner. Returns whether it can enter.
fn give(run: &RunDirectory, user: &User) -> anyhow::Result<bool> {
    chown(run.path(), Some(user.id), Some(user.group))
        .with_context(|| format!("cannot give {} away", run.path().display()))?;
    let mut enter = as_user(Path::new("/bin/sh"), Some(user));
    enter.args(["-c", r#"cd "$1""#, "enter"]).arg(run.path());
    let entered = enter.stdin(Stdio::null()).stderr(Stdio::null()).status().context("cannot run setpriv")?;
    Ok(entered.success())
}

async fn init(programs: &Path, user: Option<&User>, run: &Path) -> anyhow::Result<()> {
    let mut command = as_user(&programs.join("initdb"), user);
    // Nobody needs the data after a loss of power.
    command.args(["-D", "data", "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    let process = Process::spawn("initdb", command.current_dir(run), &run.join("initdb.log"))?;
    match process.wait_for(INIT_DEADLINE).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("PostgreSQL cannot make a cluster ({status}):\n{}", process.last_lines(20)),
        None => bail!("PostgreSQL did not make a cluster within {} s", INIT_DEADLINE.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::script;

    fn tools_on(path: &Path) -> Tools {
        Tools::new(|name| (name == "PATH").then(|| path.display().to_string()))
    }

    #[test]
    fn its_programs_are_on_path_or_where_debian_has_them_the_newest_first() {
        let (path, debian) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let error = find(&tools_on(path.path()), debian.path()).unwrap_err().to_string();
        assert!(error.contains("apt-get install postgresql"), "{error}");

        let install = |version: &str, programs: &[&str]| {
            let folder = debian.path().join(version).join("bin");
            std::fs::create_dir_all(&folder).unwrap();
            programs.iter().for_each(|name| drop(script(&folder, name, "exit 0")));
            folder
        };
        let old = install("9", &["initdb", "postgres"]);
        assert_eq!(find(&tools_on(path.path()), debian.path()).unwrap(), old);
        let newest = install("16", &["initdb", "postgres"]);
        install("17", &["initdb"]);
        install("common", &["initdb", "postgres"]);
        assert_eq!(find(&tools_on(path.path()), debian.path()).unwrap(), newest);

        std::os::unix::fs::symlink(old.join("initdb"), path.path().join("initdb")).unwrap();
        assert_eq!(find(&tools_on(path.path()), debian.path()).unwrap(), old.canonicalize().unwrap());
    }
}
