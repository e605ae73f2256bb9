//! A consumer that runs, within this process or as one of its own.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use consumer::ConsumerConfig;
use service::{Addresses, Listeners};
use stack::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{DEADLINE, World, wait_until};

/// Longest wait for the end of a process; longer than any `STOP_GRACE` of the tests.
const STOPPING: Duration = Duration::from_secs(60);

/// The real `run` within this process.
pub(crate) struct Running {
    endpoints: Endpoints,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) async fn start(config: ConsumerConfig) -> Self {
        let listeners = Listeners::bind("127.0.0.1", 0, 0).await.unwrap();
        let Addresses { clients, operators } = listeners.addresses().unwrap();
        let endpoints = Endpoints { address: clients.to_string(), operators: operators.to_string() };
        let stop = CancellationToken::new();
        let task = tokio::spawn(consumer::run(config, listeners, stop.clone()));
        Self { endpoints, stop, task }
    }

    /// Stops it as SIGTERM does, and expects it to end cleanly.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.ended().await.unwrap();
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// How it ended, by itself or because it was asked to.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        tokio::time::timeout(DEADLINE, self.task).await.expect("the consumer ends in time").unwrap()
    }
}

impl std::ops::Deref for Running {
    type Target = Endpoints;

    fn deref(&self) -> &Endpoints {
        &self.endpoints
    }
}

/// The real binary as a process, which can be sent signals.
pub(crate) struct Member {
    endpoints: Endpoints,
    child: Child,
}

impl Member {
    pub(crate) async fn start(world: &World, set: &[(&str, &str)]) -> Self {
        let (port, admin_port) = (free_port().to_string(), free_port().to_string());
        let child = Command::new(env!("CARGO_BIN_EXE_consumer"))
            .env_clear()
            .envs(world.variables(set))
            .envs([("HOST", "127.0.0.1"), ("PORT", &port), ("ADMIN_PORT", &admin_port), ("LOG", "error")])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let endpoints =
            Endpoints { address: format!("127.0.0.1:{port}"), operators: format!("127.0.0.1:{admin_port}") };
        wait_until("the consumer listens", async || TcpStream::connect(&endpoints.operators).await.is_ok()).await;
        Self { endpoints, child }
    }

    /// Sends it a signal, by its name as `kill` knows it.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success(), "kill -s {signal} {pid}");
    }

    /// How it ended; it was asked to before.
    pub(crate) async fn ended(mut self) -> ExitStatus {
        let ending = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(STOPPING, ending).await.expect("the consumer ends in time")
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It has already ended unless a test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl std::ops::Deref for Member {
    type Target = Endpoints;

    fn deref(&self) -> &Endpoints {
        &self.endpoints
    }
}

/// What a consumer answers over HTTP.
pub(crate) struct Endpoints {
    pub(crate) address: String,
    pub(crate) operators: String,
}

impl Endpoints {
    /// Answer of a GET: the whole response.
    pub(crate) async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path}")).await
    }

    /// Answer to a request without a body, written as method and path: the whole response.
    pub(crate) async fn ask(&self, request: &str) -> String {
        ask(&self.address, request, "").await
    }

    /// The same as a page of this origin sends it.
    pub(crate) async fn ask_from(&self, origin: &str, request: &str) -> String {
        ask(&self.address, request, &format!("origin: {origin}\r\n")).await
    }

    /// The same of the listener of those who run it.
    pub(crate) async fn ask_as_operator(&self, request: &str) -> String {
        ask(&self.operators, request, "").await
    }

    /// The value of a series, written as in the metrics' text; `None` if it is absent.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let text = self.get("/metrics").await;
        let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
        line.rsplit_once(' ')?.1.parse().ok()
    }

    pub(crate) async fn wait_for_metric(&self, series: &str, value: f64) {
        wait_until(&format!("{series} = {value}"), async || self.metric(series).await == Some(value)).await;
    }

    /// The number of partitions that the member shows a lag for.
    pub(crate) async fn held(&self, topic: &str) -> usize {
        let series = format!("kafka_consumergroup_lag{{consumergroup=\"{topic}\"");
        self.get("/metrics").await.lines().filter(|line| line.starts_with(&series)).count()
    }

    /// The status page, once it has these parts.
    pub(crate) async fn wait_for_page(&self, parts: &[&str]) -> String {
        let mut page = String::new();
        wait_until(&format!("/status shows {parts:?}"), async || {
            page = self.get("/status").await;
            parts.iter().all(|part| page.contains(part))
        })
        .await;
        page
    }

    pub(crate) async fn wait_for_readyz(&self, expected: &str) {
        wait_until(&format!("/readyz says {expected}"), async || self.get("/readyz").await.contains(expected)).await;
    }
}

async fn ask(address: &str, request: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nhost: localhost\r\n{headers}connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
