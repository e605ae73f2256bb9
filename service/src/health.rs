//! The endpoints that every service has beside its own: `/`, `/livez`, `/readyz` (also as `/health`) and `/metrics`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::{Readiness, Registry, problem};

/// The paths served here, as labels of metrics and for routing.
pub const ROUTES: [&str; 5] = ["/", "/livez", "/readyz", "/health", "/metrics"];

/// What the health endpoints tell of.
#[derive(Clone)]
pub struct Health {
    name: &'static str,
    readiness: Readiness,
    registry: Registry,
    stop: CancellationToken,
}

impl Health {
    /// The endpoints of the service `name`; it is not ready once `stop` is cancelled. The metrics tell its version.
    pub fn new(name: &'static str, readiness: Readiness, registry: Registry, stop: CancellationToken) -> Self {
        let build = [("service", name), ("version", env!("CARGO_PKG_VERSION"))];
        registry.observe("ingest_build_info", "1 for the build that runs", &build, || 1.0);
        Self { name, readiness, registry, stop }
    }

    /// Answers a GET (or HEAD) of one of [`ROUTES`].
    pub async fn answer(&self, route: &str) -> Response<Full<Bytes>> {
        match route {
            "/" => json(format!(
                r#"{{"status":"ok","service":"{}","version":"{}"}}"#,
                self.name,
                env!("CARGO_PKG_VERSION")
            )),
            "/livez" => json(r#"{"status":"ok"}"#.to_owned()),
            "/metrics" => self.metrics().await,
            _ => self.ready(),
        }
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        let state = if self.stop.is_cancelled() { Err("stopping".to_owned()) } else { self.readiness.check() };
        match state {
            Ok(()) => json(r#"{"status":"ready"}"#.to_owned()),
            Err(why) => problem::response(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }

    /// Rendering takes milliseconds when there are many series, so it must not hold up a thread that serves requests.
    async fn metrics(&self) -> Response<Full<Bytes>> {
        let registry = self.registry.clone();
        match tokio::task::spawn_blocking(move || registry.render()).await {
            Ok(text) => with_type(text, "text/plain; version=0.0.4; charset=utf-8"),
            Err(_) => problem::response(StatusCode::INTERNAL_SERVER_ERROR, "rendering the metrics failed"),
        }
    }
}

fn json(body: String) -> Response<Full<Bytes>> {
    with_type(body, "application/json")
}

fn with_type(body: String, content_type: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
