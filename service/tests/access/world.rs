//! A server within the test, the file of its keys, and a client that sends bytes as they are.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode};
use service::access::SessionConfig;
use service::audit::Outcome;
use service::auth::Caller;
use service::http::{Handler, RequestBody, Route, ServerLimits, response, serve};
use service::metrics::Metric;
use service::secrets::Secret;
use service::status::{Report, Status, StatusSubject};
use service::{Access, AccessConfig, Health, Readiness, Registry, Settings, access};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Longest wait for anything that must happen; only a failing test waits this long.
const PATIENCE: Duration = Duration::from_secs(60);

const COUNTER: Metric = Metric::counter("test_total", "What the status page counts");

/// A file of keys.
pub(crate) struct Keys {
    directory: TempDir,
}

impl Keys {
    /// With these keys: the caller's name, the key, and further fields of the entry.
    pub(crate) fn new(keys: &[(&str, &str, &str)]) -> Self {
        let keys_of_test = Self { directory: tempfile::tempdir().unwrap() };
        keys_of_test.write(keys);
        keys_of_test
    }

    pub(crate) fn write(&self, keys: &[(&str, &str, &str)]) {
        let entry = |(name, key, more): &(&str, &str, &str)| {
            let hash: String = Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
            format!(r#"{{"name":"{name}","hash":"sha256:{hash}"{more}}}"#)
        };
        self.write_text(&format!("[{}]", keys.iter().map(entry).collect::<Vec<_>>().join(",")));
    }

    /// Replaces the file in one step, as an editor does.
    pub(crate) fn write_text(&self, text: &str) {
        let new = self.directory.path().join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, self.path()).unwrap();
    }

    pub(crate) fn text(&self) -> String {
        std::fs::read_to_string(self.path()).unwrap()
    }

    pub(crate) fn settings(&self) -> [(&'static str, &'static str); 1] {
        [("API_KEYS_FILE", self.path().to_str().unwrap().to_owned().leak())]
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("keys.json")
    }
}

fn read(set: &[(&str, &str)]) -> (AccessConfig, Vec<String>) {
    let set: HashMap<&str, &str> = set.iter().copied().collect();
    let lookup = |name: &str| set.get(name).map(|value| (*value).to_owned());
    let mut settings = Settings::new(&lookup);
    let config = AccessConfig::read(&mut settings);
    (config, settings.finish().1.iter().map(ToString::to_string).collect())
}

/// The errors of these settings.
pub(crate) fn errors(set: &[(&str, &str)]) -> Vec<String> {
    read(set).1
}

/// A server; it ends with the test's runtime.
pub(crate) struct World {
    address: SocketAddr,
    registry: Registry,
}

/// Answers with the caller's name. The body of a bulk says how many records it has.
struct Routes {
    routes: Vec<Route>,
    access: Option<Access>,
    counter: metrics::Counter,
}

impl Handler for Routes {
    fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn access(&self) -> Option<&Access> {
        self.access.as_ref()
    }

    async fn answer(
        &self,
        route: &Route,
        request: &mut Request<RequestBody>,
        caller: &Caller,
    ) -> Response<Full<Bytes>> {
        self.counter.increment(1);
        let body = request.body_mut().collect().await.unwrap().to_bytes();
        if let ("/sign-in", Some(access)) = (route.path, &self.access) {
            return match access.sign_in(route, request.headers(), caller, "post", &body).await {
                Ok(cookie) => {
                    let mut response = response(StatusCode::OK, "text/plain", "signed in");
                    response.headers_mut().insert("set-cookie", cookie);
                    response
                }
                Err(error) => response(StatusCode::UNAUTHORIZED, "text/plain", format!("{error:?}")),
            };
        }
        if route.path == "/bulk" {
            let records: usize = std::str::from_utf8(&body).unwrap().parse().unwrap();
            if let Err(limited) = caller.take_rest("post", records - 1) {
                return limited.response();
            }
            caller.note(|| Outcome { accepted: records - records / 3, rejected: records / 3, ..Outcome::default() });
        } else if route.path == "/post" {
            caller.note(|| Outcome { accepted: 1, ..Outcome::default() });
        }
        response(StatusCode::OK, "text/plain", caller.name().unwrap_or("nobody").to_owned())
    }
}

impl World {
    /// Starts it with these settings.
    pub(crate) async fn start(set: &[(&str, &str)]) -> Self {
        let (config, errors) = read(set);
        assert_eq!(errors, [""; 0]);
        let sessions = Some(SessionConfig { key: None, is_secure: false });
        let config = AccessConfig { sessions, ..config };
        let (registry, readiness) =
            (Registry::new(&[service::METRICS, access::METRICS, &[COUNTER]]), Readiness::new(&[]));
        let access = Access::start(&config, vec!["post"], &registry, &readiness).unwrap();
        let routes = vec![
            Route::get("/open", "").open(),
            Route::get("/any", ""),
            Route::post("/sign-in", "").open(),
            Route::post("/post", "").of_kind("post"),
            Route::post("/bulk", "").of_kind("post"),
        ];
        let subject = StatusSubject {
            name: "test",
            counter: COUNTER,
            counted: "Requests",
            conditions: &[],
            report: Box::new(Report::default),
        };
        let status = Status::new(subject, &registry, Vec::new());
        let token = set.iter().find(|(name, _)| *name == "ADMIN_TOKEN").map(|(_, token)| Secret::text(token));
        let health = Health::new(status, readiness, registry.clone(), CancellationToken::new()).with_token(token);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counter = registry.counter(&COUNTER, &[]);
        let (kept, of_server) = (access.clone(), registry.clone());
        tokio::spawn(async move { access::upkeep(kept.as_ref()).await });
        tokio::spawn(async move {
            let handler = Routes { routes, access, counter };
            serve(listener, ServerLimits::FOR_OPERATORS, handler, health, &of_server, CancellationToken::new()).await;
        });
        Self { address, registry }
    }

    pub(crate) fn metrics(&self) -> String {
        self.registry.render()
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection { stream: TcpStream::connect(self.address).await.unwrap(), received: Vec::new() }
    }

    /// Sends one request on a connection of its own.
    pub(crate) async fn ask(&self, request: &str) -> Answer {
        let mut connection = self.connect().await;
        connection.send(request).await;
        connection.receive().await
    }

    /// Waits until it has happened.
    pub(crate) async fn eventually(&self, happened: impl AsyncFn() -> bool) {
        let asking = async {
            while !happened().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("it has not happened");
    }
}

pub(crate) fn get(path: &str, header_lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n{header_lines}\r\n")
}

pub(crate) fn post(path: &str, header_lines: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: test\r\n{header_lines}content-length: {}\r\n\r\n{body}", body.len())
}

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

impl Connection {
    pub(crate) async fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// The next answer.
    pub(crate) async fn receive(&mut self) -> Answer {
        tokio::time::timeout(PATIENCE, self.read_answer()).await.expect("there is no answer")
    }

    async fn read_answer(&mut self) -> Answer {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end;
            }
            assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "the connection ended");
        };
        let head = String::from_utf8(self.received.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap())
            .collect();
        let mut answer = Answer { status, headers, body: String::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.received.len() < length {
            assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "the connection ended");
        }
        answer.body = String::from_utf8(self.received.drain(..length).collect()).unwrap();
        answer
    }

    /// Waits until the server has ended the connection.
    pub(crate) async fn closed(&mut self) {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.received)).await;
        assert_eq!(read.expect("the connection stays open").unwrap(), 0);
    }
}
