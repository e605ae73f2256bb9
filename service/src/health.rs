//! The endpoints that every service has besides its own: `/`, `/livez`, `/readyz` (also as `/health`), and for those
//! who run it `/metrics` and `/status`.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue, REFERRER_POLICY, REFRESH, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::auth::{Denial, check_admin};
use crate::http::{Route, json, response};
use crate::metrics::Metric;
use crate::secrets::Secret;
use crate::status::{self, Status};
use crate::{Readiness, Registry, problem};

/// The routes served here. They accept HEAD, too. Those of [`CLIENT_ROUTES`] come first.
pub const ROUTES: &[Route] = &[
    Route::get("/", "200 with name and version, where a service has no page of its own; on `ADMIN_PORT` also links"),
    Route::get("/livez", "200 while the process lives"),
    Route::get("/readyz", "200, with a `note` if less than all is available; or 503 with one line that says why"),
    Route::get("/health", "the same as `/readyz`"),
    Route::get(
        "/metrics",
        "metrics as Prometheus text; on `ADMIN_PORT`, of the consumer also on `PORT` without `ADMIN_TLS_CLIENT_CA`",
    ),
    Route::get("/status", "the status page, on the same ports; `/status?still` does not refresh itself"),
];

/// Those that clients have, too. The others are only for those who run the service.
pub const CLIENT_ROUTES: &[Route] = ROUTES.split_at(4).0;

/// Which build runs.
pub(crate) const BUILD_INFO: Metric =
    Metric::gauge("ingest_build_info", "1 for the build that runs").labelled(&["service", "version"]);

/// What the health endpoints report.
#[derive(Clone)]
pub struct Health {
    is_for_clients: bool,
    status: Status,
    readiness: Readiness,
    registry: Registry,
    stop: CancellationToken,
    admin_token: Option<Secret>,
}

impl Health {
    /// The endpoints of a service, which is no longer ready once `stop` is cancelled. The metrics show its version.
    pub fn new(status: Status, readiness: Readiness, registry: Registry, stop: CancellationToken) -> Self {
        registry.gauge(&BUILD_INFO, &[status.name(), env!("CARGO_PKG_VERSION")]).set(1.0);
        Self { is_for_clients: false, status, readiness, registry, stop, admin_token: None }
    }

    /// The same for those who have this token, if there is one: without it, only what says how the service is.
    #[must_use]
    pub fn with_token(self, admin_token: Option<Secret>) -> Self {
        Self { admin_token, ..self }
    }

    /// Whether a request for this route of those who run the service has their token, if that needs one.
    ///
    /// # Errors
    /// Why it has not.
    pub(crate) fn check_token(&self, route: &str, request: &HeaderMap) -> Result<(), Denial> {
        let is_open = self.is_for_clients || CLIENT_ROUTES.iter().any(|open| open.path == route);
        match &self.admin_token {
            Some(token) if !is_open => check_admin(token, request),
            _ => Ok(()),
        }
    }

    /// The same without what only those who run the service may see.
    #[must_use]
    pub fn for_clients(&self) -> Self {
        Self { is_for_clients: true, ..self.clone() }
    }

    /// What is served.
    pub(crate) fn routes(&self) -> &'static [Route] {
        if self.is_for_clients { CLIENT_ROUTES } else { ROUTES }
    }

    /// Why nothing is served at this path.
    pub(crate) fn missing(&self, path: &str) -> &'static str {
        if ROUTES.iter().any(|route| route.path == path) {
            "this path is only for those who run the service, on their own port (ADMIN_PORT)"
        } else {
            "there is no such path"
        }
    }

    /// Answers a GET or HEAD request for one of [`Self::routes`]; `query` is what follows the path's question mark.
    pub async fn answer(&self, route: &str, query: Option<&str>) -> Response<Full<Bytes>> {
        match route {
            "/" => json(StatusCode::OK, self.about()),
            "/livez" => json(StatusCode::OK, r#"{"status":"ok"}"#),
            "/metrics" => self.metrics().await,
            "/status" => self.status(!is_still(query)).await,
            _ => self.ready(),
        }
    }

    /// Whether the service is ready; if not, one line that says why.
    ///
    /// # Errors
    /// That line.
    pub fn check(&self) -> Result<(), String> {
        if self.stop.is_cancelled() { Err("stopping".to_owned()) } else { self.readiness.check() }
    }

    /// Name and version; for those who run the service also where to look further.
    fn about(&self) -> String {
        let (name, version) = (self.status.name(), env!("CARGO_PKG_VERSION"));
        let links = if self.is_for_clients {
            String::new()
        } else {
            let paths: Vec<String> = ROUTES[1..].iter().map(|route| format!(r#""{}""#, route.path)).collect();
            format!(r#","links":[{}]"#, paths.join(","))
        };
        format!(r#"{{"status":"ok","service":"{name}","version":"{version}"{links}}}"#)
    }

    fn ready(&self) -> Response<Full<Bytes>> {
        match self.check() {
            Ok(()) => json(StatusCode::OK, ready(self.readiness.note())),
            Err(why) => problem::response(StatusCode::SERVICE_UNAVAILABLE, &why),
        }
    }

    /// Rendering takes milliseconds when there are many series, so it must not hold up a thread that serves requests.
    async fn metrics(&self) -> Response<Full<Bytes>> {
        let registry = self.registry.clone();
        match tokio::task::spawn_blocking(move || registry.render()).await {
            Ok(text) => response(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text),
            Err(_) => problem::response(StatusCode::INTERNAL_SERVER_ERROR, "rendering the metrics failed"),
        }
    }

    /// Rendering waits for locks, so it must not hold up a thread that serves requests either.
    async fn status(&self, is_refreshing: bool) -> Response<Full<Bytes>> {
        let (status, readiness, is_stopping) = (self.status.clone(), self.readiness.clone(), self.stop.is_cancelled());
        let rendering = tokio::task::spawn_blocking(move || status.render(&readiness, is_stopping, is_refreshing));
        let Ok(page) = rendering.await else {
            return problem::response(StatusCode::INTERNAL_SERVER_ERROR, "rendering the status failed");
        };
        let mut response = response(StatusCode::OK, "text/html; charset=utf-8", page);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(status::CONTENT_SECURITY_POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if is_refreshing {
            headers.insert(REFRESH, HeaderValue::from_static(status::REFRESH_SECONDS));
        }
        response
    }
}

/// The answer of a service that is ready, though this may be missing.
fn ready(note: Option<String>) -> String {
    match note {
        None => r#"{"status":"ready"}"#.to_owned(),
        Some(note) => serde_json::json!({"status": "ready", "note": note}).to_string(),
    }
}

/// Whether the query has a parameter `still`, with or without a value.
fn is_still(query: Option<&str>) -> bool {
    let parameters = query.unwrap_or_default().split('&');
    parameters.map(|parameter| parameter.split('=').next()).any(|name| name == Some("still"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_have_all_but_what_is_for_operators() {
        let of_operators = &ROUTES[CLIENT_ROUTES.len()..];
        assert_eq!(of_operators.iter().map(|route| route.path).collect::<Vec<_>>(), ["/metrics", "/status"]);
        assert_eq!(ROUTES[0].path, "/");
    }

    #[test]
    fn the_page_stands_still_whatever_the_value() {
        for (query, expected) in [
            (None, false),
            (Some(""), false),
            (Some("still"), true),
            (Some("still=1"), true),
            (Some("a=b&still="), true),
            (Some("a=still"), false),
            (Some("stills"), false),
        ] {
            assert_eq!(is_still(query), expected, "{query:?}");
        }
    }
}
