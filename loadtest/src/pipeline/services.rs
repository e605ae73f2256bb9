//! The producer and the consumer as child processes: this program starts itself again, once as each of them, so that
//! one build is enough. They log to files, die with this process, and are stopped as in production, by SIGTERM.

use kafka::Cluster;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use contract::Kind;
use serde::Deserialize;
use service::failpoint;
use stack::{Process, Signal};
use tokio::time::{Instant, sleep};

use crate::load::target::Target;
use crate::pipeline::counted::{self, STATE_FILE_SUFFIX};
use crate::pipeline::news;

pub(crate) mod armed;
pub(crate) mod dead_letters;

/// The first argument that makes this program the producer.
pub(crate) const PRODUCER: &str = "producer";
/// The first argument that makes this program the consumer.
pub(crate) const CONSUMER: &str = "consumer";
/// The first argument that makes this program a bare server, for `loadtest limits`.
pub(crate) const BARE: &str = "bare";

/// A service that is not ready after this long has a problem, and its log says which.
const READY_DEADLINE: Duration = Duration::from_secs(60);
const READY_PAUSE: Duration = Duration::from_millis(50);
/// When the lab first says that a service is not ready yet, and how often after that.
const TELL_AFTER: Duration = Duration::from_secs(2);
const TELL_EVERY: Duration = Duration::from_secs(10);

/// The services' own grace period is `STOP_GRACE`; it must fit in here.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// How many lines of a log are shown when something fails.
const LOG_LINES: usize = 20;

/// What the lab sets in the services' environment; they inherit everything else from the lab's own.
#[derive(Debug, Clone)]
pub(crate) struct ServiceOptions {
    /// `KINDS`: what a run sends and proves; an engine for other kinds would only share its CPU.
    pub(crate) kind: Kind,
    /// `KAFKA_BROKER` and `KAFKA_SECURITY_PROTOCOL`; what else secures it is in the environment.
    pub(crate) kafka: Cluster,
    /// `MONGO_URI`.
    pub(crate) mongo_uri: String,
    /// The producer's.
    pub(crate) producer_ports: ServicePorts,
    /// The consumer's.
    pub(crate) consumer_ports: ServicePorts,
    /// `LOG_FORMAT`.
    pub(crate) log_format: String,
    /// More variables.
    pub(crate) more: Vec<(&'static str, String)>,
    /// Where the logs go.
    pub(crate) logs: PathBuf,
}

/// Where a service listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServicePorts {
    /// `PORT`.
    pub(crate) clients: u16,
    /// `ADMIN_PORT`.
    pub(crate) operators: u16,
}

impl ServicePorts {
    /// Free ones.
    pub(crate) fn free() -> Self {
        Self { clients: stack::free_port(), operators: stack::free_port() }
    }
}

/// Both services, ready.
pub(crate) struct Services {
    pub(crate) producer: Service,
    pub(crate) consumer: Service,
    /// Where the logs go.
    pub(crate) logs: PathBuf,
}

/// One service.
pub(crate) struct Service {
    name: String,
    command: Command,
    process: Process,
    /// How often it was started; each process has a state file of its own.
    starts: u32,
    /// Where its steps are armed; its own, so that no other service dies at them.
    failpoints: PathBuf,
    /// What it serves.
    pub(crate) kind: Kind,
    /// Where it listens.
    pub(crate) target: Target,
    /// Where it says how it is.
    pub(crate) operators: Target,
    /// The variables that the lab has set for it.
    pub(crate) variables: Vec<(&'static str, String)>,
}

impl Services {
    /// Starts both and waits until they are ready.
    pub(crate) async fn start(options: &ServiceOptions) -> anyhow::Result<Self> {
        counted::forget(&options.logs)?;
        let producer = Service::spawn(PRODUCER, PRODUCER, options.producer_ports, options)?;
        let consumer = Service::spawn(CONSUMER, CONSUMER, options.consumer_ports, options)?;
        tokio::try_join!(producer.ready(), consumer.ready())?;
        Ok(Self { producer, consumer, logs: options.logs.clone() })
    }

    /// Returns when one of them has ended, which it should not do, with the reason and the end of its log.
    pub(crate) async fn failure(&self) -> String {
        tokio::select! {
            failure = self.producer.failure() => failure,
            failure = self.consumer.failure() => failure,
        }
    }

    /// Stops both, the producer first. Returns a sentence for each that did not end cleanly.
    pub(crate) async fn stop(self) -> Vec<String> {
        let mut problems = Vec::new();
        for service in [self.producer, self.consumer] {
            problems.extend(service.stop().await.err().map(|error| format!("{error:#}")));
        }
        problems
    }
}

impl Service {
    /// Starts a single service on ports of its own, and waits until it is ready.
    pub(crate) async fn start(name: &str, role: &'static str, options: &ServiceOptions) -> anyhow::Result<Self> {
        let service = Self::start_unready(name, role, options)?;
        service.ready().await?;
        Ok(service)
    }

    /// Starts a single service on ports of its own.
    pub(crate) fn start_unready(name: &str, role: &'static str, options: &ServiceOptions) -> anyhow::Result<Self> {
        Self::spawn(name, role, ServicePorts::free(), options)
    }

    /// `name` is for the log and for people, `role` is what it does.
    fn spawn(name: &str, role: &'static str, ports: ServicePorts, options: &ServiceOptions) -> anyhow::Result<Self> {
        let (mut command, variables) = command(role, ports, options)?;
        let failpoints = options.logs.join(format!("{name}.failpoints"));
        // The directory is missing until a step is armed, and only builds with failpoints look for it.
        command.env(failpoint::DIRECTORY, &failpoints);
        let log = options.logs.join(format!("{name}.log"));
        let starts = 1;
        command.env("STATE_FILE", state_file(&log, starts));
        let (process, kind) = (Process::spawn(name, &command, &log)?, options.kind);
        let (target, operators) = (Target::local(ports.clients), Target::local(ports.operators));
        Ok(Self { name: name.to_owned(), command, process, starts, failpoints, kind, target, operators, variables })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How often its process has ended, and was started again.
    pub(crate) fn ends(&self) -> u64 {
        u64::from(self.starts - 1)
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Whether it runs.
    pub(crate) fn is_running(&self) -> bool {
        self.process.exit_status().is_none()
    }

    /// Sends SIGKILL, and waits until the process is gone.
    pub(crate) async fn kill(&self) -> anyhow::Result<()> {
        self.process.kill().await.map(drop)
    }

    /// SIGSTOP: its connections stay open and nothing answers.
    pub(crate) fn pause(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::Stop)
    }

    /// SIGCONT.
    pub(crate) fn resume(&self) -> anyhow::Result<()> {
        self.process.signal(Signal::Continue)
    }

    /// Restarts it after its end with the same settings and the same log. Does not wait until it is ready.
    pub(crate) fn start_again(&mut self) -> anyhow::Result<()> {
        let log = self.process.log().to_owned();
        self.starts += 1;
        self.command.env("STATE_FILE", state_file(&log, self.starts));
        self.process = Process::spawn(&self.name, &self.command, &log)?;
        Ok(())
    }

    /// Waits until it is ready.
    ///
    /// # Errors
    /// When it ends, or takes too long.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_DEADLINE;
        let mut tell_at = Instant::now() + TELL_AFTER;
        while let Err(reason) = self.is_ready().await {
            if self.process.exit_status().is_some() {
                bail!(self.failure().await);
            }
            if Instant::now() > deadline {
                bail!("the {} is not ready after {READY_DEADLINE:?}: {reason}{}", self.name, self.end_of_log());
            }
            if Instant::now() > tell_at {
                news::say(&format!("the {} is not ready yet: {reason}", self.name));
                tell_at += TELL_EVERY;
            }
            sleep(READY_PAUSE).await;
        }
        Ok(())
    }

    /// Asks whether it is ready; the error says why not.
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

    /// Returns when it has ended, which it should not do, with the reason and the end of its log.
    pub(crate) async fn failure(&self) -> String {
        let status = self.process.wait().await;
        format!("the {} ended by itself ({status}){}", self.name, self.end_of_log())
    }

    /// Sends SIGTERM, as in production.
    ///
    /// # Errors
    /// When it does not end cleanly.
    pub(crate) async fn stop(&self) -> anyhow::Result<()> {
        let status = self.process.stop(STOP_DEADLINE).await?;
        if !status.success() {
            bail!("the {} did not stop cleanly ({status}){}", self.name, self.end_of_log());
        }
        Ok(())
    }

    fn end_of_log(&self) -> String {
        format!("; its log {} ends:\n{}", self.process.log().display(), self.process.last_lines(LOG_LINES))
    }
}

/// Leaves out what the environment says of TLS in these variables: it is for services that others reach, and the lab
/// reaches its own within this machine.
pub(crate) fn without_tls(command: &mut Command, variables: &[&str]) {
    for variable in variables {
        command.env_remove(variable);
    }
}

/// Beside the log: the state file of the process that was started as number `start`.
fn state_file(log: &Path, start: u32) -> PathBuf {
    log.with_extension(format!("{start}{STATE_FILE_SUFFIX}"))
}

/// This program in a role of a service, and the variables that the lab has set for it.
fn command(
    role: &str,
    ports: ServicePorts,
    options: &ServiceOptions,
) -> anyhow::Result<(Command, Vec<(&'static str, String)>)> {
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    let mut variables = vec![
        ("HOST", "127.0.0.1".to_owned()),
        ("PORT", ports.clients.to_string()),
        ("ADMIN_PORT", ports.operators.to_string()),
        ("LOG_FORMAT", options.log_format.clone()),
        ("KINDS", options.kind.name().to_owned()),
        ("KAFKA_BROKER", options.kafka.bootstrap()),
        ("KAFKA_SECURITY_PROTOCOL", options.kafka.security.protocol().to_owned()),
        ("MONGO_URI", options.mongo_uri.clone()),
    ];
    variables.extend(options.more.iter().cloned());
    let mut command = Command::new(program);
    without_tls(&mut command, service::tls::VARIABLES.as_flattened());
    command.arg(role).envs(variables.iter().map(|(variable, value)| (variable, value)));
    Ok((command, variables))
}
