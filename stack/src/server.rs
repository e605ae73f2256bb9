//! A native server: one process, one port, one directory.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::bail;
use tokio::time::Instant;

use crate::probe::Probe;
use crate::process::{Process, Signal};
use crate::progress::{OnProgress, during};
use crate::run_directory::RunDirectory;

/// A start takes some five seconds; on a busy machine it may take many times that.
const READY_DEADLINE: Duration = Duration::from_secs(120);
const READY_PAUSE: Duration = Duration::from_millis(50);

/// A stopping broker hands its work over and flushes. After this time it is killed.
const STOP_GRACE: Duration = Duration::from_secs(15);

/// What every start of a server needs.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// Its name and version, for people.
    pub(crate) name: String,
    /// Runs in the directory.
    pub(crate) command: Command,
    pub(crate) port: u16,
    pub(crate) probe: Probe,
    pub(crate) directory: RunDirectory,
    pub(crate) progress: OnProgress,
}

/// A native broker, store or tool on 127.0.0.1. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Server {
    // Dropped before the recipe, whose directory it writes to.
    process: Process,
    recipe: Recipe,
}

impl Server {
    /// Starts it and waits until it answers.
    pub(crate) async fn start(mut recipe: Recipe) -> anyhow::Result<Server> {
        recipe.command.current_dir(recipe.directory.path());
        let process = Process::spawn(&recipe.name, &recipe.command, &log(&recipe))?;
        let server = Server { process, recipe };
        server.ready().await?;
        Ok(server)
    }

    /// Its name and version.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// The port that it listens on, the same after a restart.
    pub fn port(&self) -> u16 {
        self.recipe.port
    }

    /// `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.recipe.port)
    }

    /// Its process id, which a restart changes.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The file it logs to. It is removed with the server's data.
    pub fn log(&self) -> &Path {
        self.process.log()
    }

    /// How it ended, or `None` while it runs (a paused server runs).
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.process.exit_status()
    }

    /// Sends SIGTERM and, if it still runs after a grace, SIGKILL. Its data stay for [`Server::restart`].
    pub async fn stop(&self) -> anyhow::Result<()> {
        let what = format!("stopping {}", self.name());
        during(self.recipe.progress, &what, self.process.stop(STOP_GRACE)).await.map(drop)
    }

    /// Sends SIGKILL and waits until it is gone. Its data stay for [`Server::restart`].
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.process.kill().await.map(drop)
    }

    /// Sends SIGSTOP: its connections stay open, but nothing answers.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::Stop)
    }

    /// Sends SIGCONT.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::Continue)
    }

    /// The same as [`Server::kill`] for a server with child processes.
    pub(crate) async fn kill_family(&self) -> anyhow::Result<()> {
        if self.exit_status().is_none() {
            self.process.signal_family(Signal::Kill)?;
        }
        self.kill().await
    }

    /// The same as [`Server::pause`] for a server with child processes.
    pub(crate) fn pause_family(&self) -> anyhow::Result<()> {
        self.process.signal_family(Signal::Stop)
    }

    /// The same as [`Server::resume`] for a server with child processes.
    pub(crate) fn resume_family(&self) -> anyhow::Result<()> {
        self.process.signal_family(Signal::Continue)
    }

    /// Starts it again on the same port and data, and waits until it answers. One that still runs is stopped first.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if self.exit_status().is_none() {
            self.stop().await?;
        }
        self.process = Process::spawn(&self.recipe.name, &self.recipe.command, &log(&self.recipe))?;
        self.ready().await
    }

    /// The same with other arguments.
    pub(crate) async fn restart_with(&mut self, arguments: &[String], probe: Probe) -> anyhow::Result<()> {
        self.recipe.command.args(arguments);
        self.recipe.probe = probe;
        self.restart().await
    }

    /// The directory that it runs in.
    pub(crate) fn directory(&self) -> &Path {
        self.recipe.directory.path()
    }

    /// Kills it and waits until its data are gone too.
    pub(crate) async fn discard(self) -> anyhow::Result<()> {
        self.kill().await?;
        self.recipe.directory.remove().await
    }

    async fn ready(&self) -> anyhow::Result<()> {
        let what = format!("starting {}", self.name());
        during(self.recipe.progress, &what, self.answers()).await
    }

    async fn answers(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        while !self.recipe.probe.is_ready(self.recipe.port).await {
            if let Some(status) = self.exit_status() {
                bail!("{} ended during its start ({status}); {}", self.name(), self.evidence());
            }
            if Instant::now() > deadline {
                bail!("{} does not answer after {} s; {}", self.name(), READY_DEADLINE.as_secs(), self.evidence());
            }
            tokio::time::sleep(READY_PAUSE).await;
        }
        Ok(())
    }

    /// The end of the log. A copy is kept beside the run's directory, because that is removed.
    fn evidence(&self) -> String {
        let kept = self.recipe.directory.path().with_extension("log");
        // On a full disk, only the lines below are left.
        std::fs::copy(self.log(), &kept).ok();
        format!("the last lines of {}:\n{}", kept.display(), self.process.last_lines(20))
    }
}

fn log(recipe: &Recipe) -> PathBuf {
    recipe.directory.path().join("log")
}
