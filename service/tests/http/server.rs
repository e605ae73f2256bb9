//! A server with a few routes, which runs within the test.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode};
use service::Access;
use service::auth::Caller;
use service::http::{Entrance, Handler, RequestBody, Route, ServerLimits, response, serve};
use service::metrics::Metric;
use service::status::{Report, Status, StatusSubject};
use service::tls::{Audience, TlsFiles};
use service::{Health, Readiness, Registry};
use stack::certificates::{Authority, Certificate};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::within_patience;

const COUNTED: Metric = Metric::counter("counted_total", "Nothing");

/// The length of the answer of `/long`.
pub(crate) const LONG: usize = 1_000_000;

/// Limits that no test reaches unless it means to.
pub(crate) const LIMITS: ServerLimits = ServerLimits {
    max_connections: 1_000,
    max_connections_per_address: None,
    max_handshakes: 100,
    header_timeout: Duration::from_secs(600),
    idle_timeout: Duration::from_secs(600),
    stop_delay: Duration::ZERO,
};

/// No address may have more than this.
pub(crate) fn per_address(most: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(most)
}

/// An authority with a directory for what it signs, and the certificate of a server there.
pub(crate) struct Certified {
    pub(crate) authority: Authority,
    pub(crate) directory: TempDir,
    pub(crate) files: TlsFiles,
}

impl Certified {
    pub(crate) fn new() -> Self {
        let (authority, directory) = (Authority::new("tests").unwrap(), tempfile::tempdir().unwrap());
        let files = write(&authority.server(&["localhost"]).unwrap(), directory.path());
        Self { authority, directory, files }
    }

    /// The same where clients must show certificates by this authority.
    pub(crate) fn mutual() -> Self {
        let mut certified = Self::new();
        let ca = certified.authority.write(certified.directory.path(), "clients.pem").unwrap();
        certified.files.client_ca = Some(ca);
        certified
    }

    /// Replaces the server's certificate and key.
    pub(crate) fn replace(&self, certificate: &Certificate) {
        write(certificate, self.directory.path());
    }
}

fn write(certificate: &Certificate, directory: &Path) -> TlsFiles {
    let files = certificate.write(directory, "server").unwrap();
    TlsFiles { audience: Audience::Clients, certificate: files.certificate, key: files.key, client_ca: None }
}

/// A running server; it ends with the test's runtime, if not before.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) registry: Registry,
    /// A permit lets one request of `/held` be answered.
    pub(crate) held: Arc<Semaphore>,
    arrived: Arc<AtomicUsize>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(tls: Option<&TlsFiles>, limits: ServerLimits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let registry = Registry::new(&[service::METRICS, &[COUNTED]]);
        let subject = StatusSubject {
            name: "test",
            counter: COUNTED,
            counted: "Nothing",
            conditions: &[],
            report: Box::new(Report::default),
        };
        let status = Status::new(subject, &registry, Vec::new());
        let health = Health::new(status, Readiness::new(&[]), registry.clone(), stop.clone());
        let held = Arc::new(Semaphore::new(0));
        let arrived = Arc::new(AtomicUsize::new(0));
        let handler = Routes { held: Arc::clone(&held), arrived: Arc::clone(&arrived) };
        let entrance = Entrance::new(listener, tls).unwrap();
        let running = {
            let (registry, stop) = (registry.clone(), stop.clone());
            tokio::spawn(async move { serve(entrance, limits, handler, health, &registry, stop).await })
        };
        Self { address, registry, held, arrived, stop, running }
    }

    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    pub(crate) async fn stopped(self) {
        self.stop();
        within_patience("the server's end", self.running).await.unwrap();
    }

    /// The value of this series.
    pub(crate) fn metric(&self, series: &str) -> f64 {
        self.find_metric(series).unwrap_or_else(|| panic!("there is no {series}"))
    }

    fn find_metric(&self, series: &str) -> Option<f64> {
        let text = self.registry.render();
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until the series has this value.
    pub(crate) async fn becomes(&self, series: &str, value: f64) {
        let becoming = async {
            while self.find_metric(series) != Some(value) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within_patience(series, becoming).await;
    }

    /// Waits until this many requests have come to the handler.
    pub(crate) async fn has_taken(&self, count: usize) {
        let taking = async {
            while self.arrived.load(Ordering::Relaxed) < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within_patience("requests", taking).await;
    }

    /// Waits until this many handshakes have failed for this reason.
    pub(crate) async fn failed(&self, reason: &str, count: usize) {
        let name = "http_server_tls_handshakes_failed_total";
        self.becomes(&format!(r#"{name}{{listener="clients",reason="{reason}"}}"#), count as f64).await;
    }
}

struct Routes {
    held: Arc<Semaphore>,
    /// The number of requests that have come so far.
    arrived: Arc<AtomicUsize>,
}

impl Handler for Routes {
    fn routes(&self) -> &[Route] {
        const ROUTES: &[Route] = &[
            Route::post("/length", "the length of the body"),
            Route::post("/early", "an answer before the body is read"),
            Route::get("/long", "a long answer"),
            Route::get("/held", "an answer once the test lets it go"),
        ];
        ROUTES
    }

    fn access(&self) -> Option<&Access> {
        None
    }

    async fn answer(&self, route: &Route, request: &mut Request<RequestBody>, _: &Caller) -> Response<Full<Bytes>> {
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let text = |text: String| response(StatusCode::OK, "text/plain", text);
        match route.path {
            "/length" => {
                let read = request.body_mut().collect().await.map(|body| body.to_bytes().len());
                read.map_or(text("cut off".to_owned()), |length| text(length.to_string()))
            }
            "/early" => text("early".to_owned()),
            "/long" => text("x".repeat(LONG)),
            _ => {
                self.held.acquire().await.unwrap().forget();
                text("held".to_owned())
            }
        }
    }
}
