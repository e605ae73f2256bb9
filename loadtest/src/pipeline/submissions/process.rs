//! One process of `submissions`, which can be killed, frozen, stopped, and started again.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use stack::{Process, Signal};
use tokio::time::{Instant, sleep};

use crate::load::access::Access;
use crate::load::target::Target;
use crate::pipeline::services::without_tls;

/// A process that is not ready after this long has a problem, and its log says which.
const READY_DEADLINE: Duration = Duration::from_secs(60);
const READY_PAUSE: Duration = Duration::from_millis(20);

/// `STOP_GRACE` must fit in here.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How many lines of a log are shown when something fails.
const LOG_LINES: usize = 20;

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    All,
    Api,
    Worker,
}

impl Role {
    /// Its argument, if it has one.
    fn argument(self) -> Option<&'static str> {
        match self {
            Role::All => None,
            Role::Api => Some("api"),
            Role::Worker => Some("worker"),
        }
    }
}

/// A process.
pub(crate) struct SubmissionsProcess {
    name: String,
    command: Command,
    process: Process,
    log: PathBuf,
    pub(crate) target: Target,
    /// Where it says how it is.
    pub(crate) operators: Target,
}

/// What all processes are started with.
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    /// What each gets besides the lab's environment.
    pub(crate) variables: Vec<(&'static str, String)>,
    pub(crate) logs: PathBuf,
    /// What requests to the API carry, and whom they trust if it has TLS.
    pub(crate) access: Arc<Access>,
}

impl SubmissionsProcess {
    /// Starts it on ports of its own. It inherits the lab's environment.
    ///
    /// # Errors
    /// When it cannot be started, or a file of TLS cannot be used.
    pub(crate) fn start(launch: &Launch, name: &str, role: Role) -> anyhow::Result<Self> {
        let Launch { program, variables, logs, access } = launch;
        let (port, admin_port, log) = (stack::free_port(), stack::free_port(), logs.join(format!("{name}.log")));
        let mut command = Command::new(program);
        let [of_clients, of_operators] = service::tls::VARIABLES;
        without_tls(&mut command, &of_operators);
        if access.files.ca.is_none() {
            without_tls(&mut command, &of_clients);
        }
        command.args(role.argument()).envs(variables.iter().map(|(variable, value)| (variable, value)));
        command.env("HOST", "127.0.0.1").env("PORT", port.to_string()).env("ADMIN_PORT", admin_port.to_string());
        let process = Process::spawn(name, &command, &log)?;
        let (target, operators) = (Target::local(port).with_access(access)?, Target::local(admin_port));
        Ok(Self { name: name.to_owned(), command, process, log, target, operators })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.process.exit_status().is_none()
    }

    /// Sends SIGKILL, and waits until it is gone.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        self.process.kill().await.map(drop)
    }

    /// SIGSTOP or SIGCONT.
    pub(crate) fn freeze(&self, is_frozen: bool) -> anyhow::Result<()> {
        self.process.signal(if is_frozen { Signal::Stop } else { Signal::Continue })
    }

    /// Sends SIGTERM, as in production.
    ///
    /// # Errors
    /// When it does not end cleanly.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        let status = self.process.stop(STOP_DEADLINE).await?;
        if !status.success() {
            bail!("{} did not stop cleanly ({status}){}", self.name, self.end_of_log());
        }
        Ok(())
    }

    /// Starts it after its end with the same settings, on the same ports.
    pub(crate) fn start_again(&mut self) -> anyhow::Result<()> {
        self.process = Process::spawn(&self.name, &self.command, &self.log)?;
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        while let Err(reason) = self.is_ready().await {
            if let Some(status) = self.process.exit_status() {
                bail!("{} ended by itself ({status}){}", self.name, self.end_of_log());
            }
            if Instant::now() > deadline {
                bail!("{} is not ready after {READY_DEADLINE:?}: {reason}{}", self.name, self.end_of_log());
            }
            sleep(READY_PAUSE).await;
        }
        Ok(())
    }

    /// Fails if it has ended, which it must not do by itself.
    pub(crate) fn still_runs(&self) -> anyhow::Result<()> {
        let Some(status) = self.process.exit_status() else { return Ok(()) };
        bail!("{} ended by itself ({status}){}", self.name, self.end_of_log())
    }

    async fn is_ready(&self) -> Result<(), String> {
        #[derive(Deserialize)]
        struct Problem {
            detail: String,
        }
        let answer = self.operators.get("/readyz").await.map_err(|error| format!("{error:#}"))?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(serde_json::from_slice(&answer.body).map_or(answer.status.to_string(), |problem: Problem| problem.detail))
    }

    fn end_of_log(&self) -> String {
        format!("; its log {} ends:\n{}", self.log.display(), self.process.last_lines(LOG_LINES))
    }
}

/// The logs of a run are not those of an earlier one.
///
/// # Errors
/// When an old one cannot be removed.
pub(crate) fn forget(logs: &Path, name: &str) -> anyhow::Result<()> {
    let log = logs.join(format!("{name}.log"));
    if log.exists() {
        std::fs::remove_file(&log).with_context(|| format!("cannot remove the old log {}", log.display()))?;
    }
    Ok(())
}
