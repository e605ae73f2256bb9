//! A raw HTTP/1.1 client that sends one request on a connection of its own.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for anything that must happen; generous, because only a failing test waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const JSON: &str = "content-type: application/json\r\n";

/// Waits for `future`, but not forever.
pub(crate) async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing happened within {PATIENCE:?}"),
    }
}

/// A request with these header lines beside those that every request has.
pub(crate) fn request(method: &str, path: &str, header_lines: &str, body: &str) -> String {
    let length = if method == "POST" { format!("content-length: {}\r\n", body.len()) } else { String::new() };
    format!("{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{header_lines}{length}\r\n{body}")
}

/// The response, if there is a whole one before the connection ends.
pub(crate) async fn try_ask(address: SocketAddr, request: &str) -> Option<Response> {
    let asked = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.ok()?;
        Response::of(&received, request.starts_with("HEAD"))
    };
    within_patience("a response, or the connection's end", asked).await
}

/// The response to a request.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> Response {
    try_ask(address, request).await.unwrap_or_else(|| panic!("no response to {request}"))
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    fn of(received: &[u8], is_without_body: bool) -> Option<Self> {
        let text = std::str::from_utf8(received).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        let headers: Vec<_> = lines.filter_map(header).collect();
        let response = Self { status, headers, body: body.to_owned() };
        let length: usize = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        (is_without_body || body.len() == length).then_some(response)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        &self.body
    }

    /// The JSON of a success with this status.
    pub(crate) fn json(&self, status: u16) -> Value {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/json")), "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The detail of a problem with this status.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!((self.status, self.header("content-type")), (status, Some("application/problem+json")), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem["status"], json!(status));
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && !detail.contains('\n'), "{problem}");
        assert_eq!(self.header("retry-after").is_some(), status == 503, "{self:?}");
        detail.to_owned()
    }

    /// Why a service is not ready.
    pub(crate) fn problem_of_readiness(&self) -> String {
        assert_eq!((self.status, self.header("retry-after")), (503, None), "{self:?}");
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// The errors of a 400, each as `field message`.
    pub(crate) fn errors(&self) -> Vec<String> {
        self.problem(400);
        let problem: Value = serde_json::from_str(&self.body).unwrap();
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {problem}"));
        let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
        errors.iter().map(|error| format!("{} {}", text(error, "field"), text(error, "message"))).collect()
    }
}
