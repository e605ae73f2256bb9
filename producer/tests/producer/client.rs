//! A raw HTTP/1.1 client: sends bytes as they are and reads one response at a time, so that a test sees what a client
//! library would hide.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for anything that must happen; generous, because only a failing test waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `future`, but not forever.
pub(crate) async fn within_patience<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("{what}: nothing happened within {PATIENCE:?}"),
    }
}

/// A valid post.
pub(crate) const POST: &str = r#"{"title":"A title","content":"Some content, long enough"}"#;

/// `POST /create-post` with this JSON.
pub(crate) fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    post_with("content-type: application/json\r\n", body)
}

/// `POST /create-post` with these header lines beside `host` and `content-length`.
pub(crate) fn post_with(header_lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    post_to("/create-post", header_lines, body)
}

/// `POST` to this path with these header lines beside `host` and `content-length`.
pub(crate) fn post_to(path: &str, header_lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("POST {path} HTTP/1.1\r\nhost: test\r\n{header_lines}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A request without a body.
pub(crate) fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: test\r\n\r\n")
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = within_patience("connecting", TcpStream::connect(address)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, received: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within_patience("sending", self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends, and returns whether the server still takes anything.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        within_patience("sending", self.stream.write_all(bytes.as_ref())).await.is_ok()
    }

    /// The next response.
    pub(crate) async fn receive(&mut self) -> Response {
        within_patience("a response", self.try_receive()).await.expect("the connection was closed without a response")
    }

    async fn try_receive(&mut self) -> Option<Response> {
        let mut response = self.try_receive_head().await?;
        let length = response.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.received.len() < length {
            self.read().await?;
        }
        response.body = self.received.drain(..length).collect();
        Some(response)
    }

    /// The next response to a HEAD request: it has no body, whatever its length says.
    pub(crate) async fn receive_head(&mut self) -> Response {
        let head = within_patience("a response's head", self.try_receive_head()).await;
        head.expect("the connection was closed without a response")
    }

    async fn try_receive_head(&mut self) -> Option<Response> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            self.read().await?;
        };
        let head: Vec<u8> = self.received.drain(..end + 4).collect();
        Some(Response::of_head(std::str::from_utf8(&head[..end]).unwrap()))
    }

    /// Sends a request and waits for its response.
    pub(crate) async fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        self.send(request).await;
        self.receive().await
    }

    /// Sends a request and waits for its response; `None` if the connection is closed instead.
    pub(crate) async fn try_ask(&mut self, request: impl AsRef<[u8]>) -> Option<Response> {
        let asked = async {
            self.stream.write_all(request.as_ref()).await.ok()?;
            self.try_receive().await
        };
        within_patience("a response or the connection's end", asked).await
    }

    /// Waits until the server closes the connection; nothing more may come before.
    pub(crate) async fn closed(&mut self) {
        let end = within_patience("the connection's end", self.read()).await;
        assert_eq!(end, None, "unexpected: {}", String::from_utf8_lossy(&self.received));
        assert_eq!(String::from_utf8_lossy(&self.received), "");
    }

    /// Closes only our side, as a client does that breaks off.
    pub(crate) async fn end_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// `None` once the server has closed the connection (or reset it, if it had not read everything).
    async fn read(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.received).await.unwrap_or(0);
        (count > 0).then_some(())
    }
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) version: String,
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Response {
    fn of_head(head: &str) -> Self {
        let mut lines = head.split("\r\n");
        let mut status_line = lines.next().unwrap().splitn(3, ' ');
        let version = status_line.next().unwrap().to_owned();
        let status = status_line.next().unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self { version, status, headers: headers.collect(), body: Vec::new() }
    }

    /// The header's value; the header must not occur twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
        let value = values.next();
        assert_eq!(values.next(), None, "{name} twice in {self:?}");
        value
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The id in a 201, after a check of the rest of it.
    pub(crate) fn created_id(&self) -> String {
        assert_eq!((self.status, self.header("content-type")), (201, Some("application/json")), "{}", self.text());
        let id = self.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(self.text(), format!(r#"{{"message":"Post created successfully","id":"{id}"}}"#));
        id
    }

    /// The value of the series with this name, in an answer of `/metrics`.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        let value = self.text().lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("there is no {series}")).parse().unwrap()
    }

    /// The problem in a rejection, after a check of what all of them have.
    pub(crate) fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        assert!(!problem["title"].as_str().unwrap().is_empty(), "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(!detail.is_empty() && !detail.contains('\n'), "{problem}");
        problem
    }

    /// The errors of a 400, each as `field message`.
    pub(crate) fn errors(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let problem = self.problem(400);
        let errors = problem["errors"].as_array().unwrap();
        errors.iter().map(|error| format!("{} {}", text(&error["field"]), text(&error["message"]))).collect()
    }

    /// What a 503 on a post says; it must say when to try again.
    pub(crate) fn unavailable(&self) -> String {
        let problem = self.problem(503);
        assert_eq!(self.header("retry-after"), Some("1"));
        problem["detail"].as_str().unwrap().to_owned()
    }
}
