//! A native Apache Kafka broker that is its own controller (KRaft).
//!
//! Maven fetches the jars, once. Every start formats a fresh directory, and the broker listens only on 127.0.0.1. As in
//! production, it creates no topic by itself, and its data are on disk, so a killed broker that is restarted still has
//! what it acknowledged.

mod properties;
pub mod secure;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use crate::cache::{self, BuildStep, Sources};
use crate::probe::Probe;
use crate::process::Process;
use crate::progress::{OnProgress, during, to_stderr};
use crate::run_directory::RunDirectory;
use crate::server::{Recipe, Server};
use crate::tools::{OnJava, Tools};
use crate::{disk, free_port, port};
pub use properties::{Listener, Voter};

const NAME: &str = "Apache Kafka 4.3.1";
const ON_JAVA: OnJava = OnJava { what: "Kafka", instead: "set KAFKA_BROKER to a running broker" };
const ENTRY: &str = "kafka-4.3.1";
const SOURCES: &Sources = &[
    ("pom.xml", include_str!("../native/kafka/pom.xml")),
    ("log4j2.properties", include_str!("../native/kafka/log4j2.properties")),
];

/// All brokers of a cluster need the same id. Ours never meet those of another stack.
const CLUSTER_ID: &str = "c3RhY2stc3RhY2stc3RhY2s";

/// The JVM's options, unless `KAFKA_JVM_PERFORMANCE_OPTS` has others, as with Kafka's own scripts. They turn off the
/// second compiler: it takes a third of the broker's CPU in the first minute, and most brokers here live no longer (in
/// runs of 20 s on 2 cores, 13,000 posts/s instead of 9,300).
const JVM_OPTIONS: &str = "-XX:TieredStopAtLevel=1 -XX:+UseG1GC -XX:MaxGCPauseMillis=20";

const FORMAT_DEADLINE: Duration = Duration::from_secs(60);

/// How to start a broker. The default is a cluster of one on free ports.
#[derive(Clone, Debug)]
pub struct BrokerOptions {
    /// The port to listen on; `None` means a free one.
    pub port: Option<u16>,
    /// The port that the broker advertises to clients, such as a proxy's; `None` means its own port.
    pub advertised_port: Option<u16>,
    /// The broker's number in its cluster.
    pub node_id: u32,
    /// All controllers of the cluster, including this broker; empty means this broker alone, on a free port.
    pub voters: Vec<Voter>,
    /// Listeners for clients besides the one at `port`, which asks for nothing.
    pub listeners: Vec<Listener>,
    /// More lines for its `server.properties`.
    pub more_properties: String,
    /// More arguments for the formatting of its directory, such as `--add-scram`.
    pub more_format_arguments: Vec<String>,
    /// Gets a line whenever something takes more than a second.
    pub progress: OnProgress,
}

impl Default for BrokerOptions {
    fn default() -> BrokerOptions {
        BrokerOptions {
            port: None,
            advertised_port: None,
            node_id: 1,
            voters: Vec::new(),
            listeners: Vec::new(),
            more_properties: String::new(),
            more_format_arguments: Vec::new(),
            progress: to_stderr,
        }
    }
}

/// Starts a broker and waits until topics can be created. `lookup` is the environment.
pub async fn start(options: &BrokerOptions, lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<Server> {
    let directory = cache::directory()?;
    let programs = check(options, &Tools::new(lookup), &directory).await;
    let programs = programs.map_err(|missing| anyhow!(missing.join("\n")))?;
    let jars = jars(&programs, &directory, options.progress).await?;
    run(options, &programs, &jars, &directory).await
}

/// The programs that a broker needs.
#[derive(Clone)]
pub(crate) struct KafkaPrograms {
    java: PathBuf,
    jvm_options: Vec<String>,
    /// `None` if the jars are there.
    maven: Option<PathBuf>,
}

/// Returns the programs, or a sentence for each thing that stands in the way.
pub(crate) async fn check(
    options: &BrokerOptions,
    tools: &Tools,
    directory: &Path,
) -> Result<KafkaPrograms, Vec<String>> {
    let is_fetched = cache::is_current(&directory.join(ENTRY), SOURCES);
    let java = tools.java(&ON_JAVA).await;
    let maven = if is_fetched { Ok(None) } else { tools.maven(&ON_JAVA).map(Some) };
    let taken = options.port.and_then(port::taken);
    let full = disk::full(directory, if is_fetched { disk::TO_RUN } else { disk::TO_BUILD });
    match (java, maven, taken, full) {
        (Ok(java), Ok(maven), None, None) => {
            let jvm_options = tools.kafka_jvm.as_deref().unwrap_or(JVM_OPTIONS);
            let jvm_options = jvm_options.split_whitespace().map(str::to_owned).collect();
            Ok(KafkaPrograms { java, jvm_options, maven })
        }
        (java, maven, taken, full) => Err([java.err(), maven.err(), taken, full].into_iter().flatten().collect()),
    }
}

/// The directory of the broker's classes; fetches them if necessary.
pub(crate) async fn jars(programs: &KafkaPrograms, directory: &Path, progress: OnProgress) -> anyhow::Result<PathBuf> {
    match &programs.maven {
        Some(maven) => fetch(maven, directory, progress).await,
        None => Ok(directory.join(ENTRY)),
    }
}

/// Starts a broker.
pub(crate) async fn run(
    options: &BrokerOptions,
    programs: &KafkaPrograms,
    jars: &Path,
    directory: &Path,
) -> anyhow::Result<Server> {
    let port = options.port.unwrap_or_else(free_port);
    let voters = match options.voters.as_slice() {
        [] => vec![Voter { node_id: options.node_id, port: free_port() }],
        voters => voters.to_vec(),
    };
    let advertised_port = options.advertised_port.unwrap_or(port);
    let properties = properties::text(options.node_id, port, advertised_port, &voters, &options.listeners)?
        + &options.more_properties;

    let run = RunDirectory::new(directory, "kafka")?;
    let cannot = || format!("cannot write to {}", run.path().display());
    std::fs::write(run.path().join("server.properties"), properties).with_context(cannot)?;
    // Jars with native code unpack it there. In the system's directory, a killed broker would leave it behind.
    std::fs::create_dir(run.path().join("tmp")).with_context(cannot)?;
    during(options.progress, &format!("formatting {NAME}'s directory"), format(options, programs, jars, run.path()))
        .await?;

    let mut command = java(programs, jars);
    command.args(["kafka.Kafka", "server.properties"]);
    let recipe = Recipe {
        name: NAME.to_owned(),
        command,
        port,
        probe: Probe::Kafka,
        directory: run,
        progress: options.progress,
    };
    Server::start(recipe).await
}

async fn fetch(maven: &Path, directory: &Path, progress: OnProgress) -> anyhow::Result<PathBuf> {
    let mut command = Command::new(maven);
    command.args(["-B", "-q", "-Dstyle.color=never", "dependency:copy-dependencies", "-DoutputDirectory=libs"]);
    let step = BuildStep { what: &format!("fetching {NAME} with Maven (first run only)"), command };
    cache::entry(directory, ENTRY, SOURCES, step, progress).await
}

async fn format(options: &BrokerOptions, programs: &KafkaPrograms, jars: &Path, run: &Path) -> anyhow::Result<()> {
    let mut command = java(programs, jars);
    command.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", "server.properties"]);
    command.args(&options.more_format_arguments).current_dir(run);
    let process = Process::spawn("format", &command, &run.join("format.log"))?;
    match process.wait_for(FORMAT_DEADLINE).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{NAME} cannot format its directory ({status}):\n{}", process.last_lines(20)),
        None => bail!("{NAME} did not format its directory within {} s", FORMAT_DEADLINE.as_secs()),
    }
}

/// Runs one of Kafka's own commands, by the name of its class, and waits for its end. `lookup` is the environment.
///
/// # Errors
/// When it fails, with what it printed.
pub async fn command(class: &str, arguments: &[&str], lookup: impl Fn(&str) -> Option<String>) -> anyhow::Result<()> {
    let directory = cache::directory()?;
    let programs = check(&BrokerOptions::default(), &Tools::new(lookup), &directory).await;
    let programs = programs.map_err(|missing| anyhow!(missing.join("\n")))?;
    let jars = jars(&programs, &directory, to_stderr).await?;
    let run = RunDirectory::new(&directory, "command")?;
    std::fs::create_dir(run.path().join("tmp")).context("cannot write to its directory")?;
    let mut command = java(&programs, &jars);
    command.arg(class).args(arguments).current_dir(run.path());
    let process = Process::spawn("command", &command, &run.path().join("command.log"))?;
    match process.wait_for(FORMAT_DEADLINE).await {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("{class} failed ({status}):\n{}", process.last_lines(20)),
        None => bail!("{class} did not end within {} s", FORMAT_DEADLINE.as_secs()),
    }
}

/// Java with the broker's classes. The paths in its files are relative to the run's directory.
fn java(programs: &KafkaPrograms, jars: &Path) -> Command {
    let mut command = Command::new(&programs.java);
    let jars = jars.display();
    command
        // The first part is for log4j2.properties.
        .args(["-cp", &format!("{jars}:{jars}/libs/*")])
        .arg("-Xmx512m")
        .args(&programs.jvm_options)
        .args(["-Djava.io.tmpdir=tmp", "-XX:-UsePerfData", "-Djava.awt.headless=true"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_same_everywhere() {
        let version = NAME.rsplit(' ').next().unwrap();
        assert!(ENTRY.ends_with(version));
        assert!(SOURCES[0].1.contains(&format!("<version>{version}</version>")));
    }

    #[tokio::test]
    async fn everything_that_is_missing_is_named_at_once() {
        let empty = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", free_port())).unwrap();
        let options = BrokerOptions { port: Some(listener.local_addr().unwrap().port()), ..BrokerOptions::default() };
        let missing = check(&options, &Tools::default(), empty.path()).await.err().unwrap();
        assert!(missing[0].starts_with("Kafka needs Java 17"), "{missing:?}");
        assert!(missing[1].starts_with("Kafka is fetched by Maven"), "{missing:?}");
        assert!(missing[2].starts_with("Port "), "{missing:?}");
    }
}
