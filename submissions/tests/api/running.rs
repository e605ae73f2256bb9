//! A process's `run` within the test.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use service::{Addresses, Listeners, Settings};
use submissions::{Roles, SubmissionsConfig};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::{JSON, Response, ask, request, within_patience};

/// A content that passes, and one that fails.
pub(crate) const GOOD: &str = "long enough, with 1 digit";
pub(crate) const BAD: &str = "no digit";

/// How often to ask about something that cannot be awaited.
const POLL_PAUSE: Duration = Duration::from_millis(20);

/// A running process; it ends with the test's runtime, if not before.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Where it listens for those who run it.
    operators: SocketAddr,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    /// Where its file is, if it has one of its own.
    _folder: Option<TempDir>,
}

/// The URL of a file of SQLite in this folder.
pub(crate) fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("submissions.db").display())
}

impl Server {
    /// Starts it with these variables set, and no others.
    pub(crate) async fn start(roles: Roles, variables: &[(&str, &str)]) -> Self {
        let variables: HashMap<&str, &str> = variables.iter().copied().collect();
        let lookup = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        let mut settings = Settings::new(&lookup);
        let config = SubmissionsConfig::read(&mut settings);
        assert_eq!(settings.finish().1, []);
        let listeners = Listeners::bind("127.0.0.1", 0, 0).await.unwrap();
        let Addresses { clients: address, operators } = listeners.addresses().unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(submissions::run(config, roles, listeners, stop.clone()));
        Self { address, operators, stop, running, _folder: None }
    }

    /// Starts it with a file of SQLite of its own, and waits until it is ready.
    pub(crate) async fn with_file(roles: Roles, variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sqlite(folder.path());
        let mut server = Self::with_database(roles, &url, variables).await;
        server._folder = Some(folder);
        server
    }

    /// Starts it with this database, and waits until it is ready. Its timeout allows for a busy machine.
    pub(crate) async fn with_database(roles: Roles, url: &str, variables: &[(&str, &str)]) -> Self {
        let server =
            Self::start(roles, &[&[("DATABASE_URL", url), ("SUBMIT_TIMEOUT", "50s")], variables].concat()).await;
        eventually("ready", async || server.get("/readyz").await.status == 200).await;
        server
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        ask(self.address, &request("GET", path, "", "")).await
    }

    /// Gets a page as those who run it do.
    pub(crate) async fn look(&self, path: &str) -> Response {
        ask(self.operators, &request("GET", path, "", "")).await
    }

    pub(crate) async fn post(&self, path: &str, header_lines: &str, body: &str) -> Response {
        ask(self.address, &request("POST", path, header_lines, body)).await
    }

    /// Submits a content and returns what is answered.
    pub(crate) async fn submit(&self, content: &str) -> Value {
        self.post("/api/submissions/", JSON, &json!({ "content": content }).to_string()).await.json(202)
    }

    /// The submission with this id.
    pub(crate) async fn submission(&self, id: &str) -> Value {
        self.get(&format!("/api/submissions/{id}")).await.json(200)
    }

    /// Waits until it has this status.
    pub(crate) async fn becomes(&self, id: &str, status: &str) -> Value {
        eventually(status, async || self.submission(id).await["status"] == status).await;
        self.submission(id).await
    }

    /// The total of a counter, over all its labels that contain this text.
    pub(crate) async fn counted(&self, metric: &str, labels: &str) -> u64 {
        let response = self.look("/metrics").await;
        let rows = response.text().lines().filter(|line| line.split(['{', ' ']).next() == Some(metric));
        let rows = rows.filter(|line| line.contains(labels));
        rows.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Stops it, which must succeed.
    pub(crate) async fn stopped(self) {
        self.stop.cancel();
        within_patience("its end", self.running).await.unwrap().unwrap();
    }

    /// Waits for its end without a stop.
    pub(crate) async fn ended(self) -> anyhow::Result<()> {
        within_patience("its end", self.running).await.unwrap()
    }
}

/// The id in an answer.
pub(crate) fn id(submission: &Value) -> &str {
    submission["id"].as_str().unwrap()
}

/// Waits until `happened` is true, by asking again and again.
pub(crate) async fn eventually(what: &str, happened: impl AsyncFn() -> bool) {
    let asking = async {
        while !happened().await {
            tokio::time::sleep(POLL_PAUSE).await;
        }
    };
    within_patience(what, asking).await;
}
