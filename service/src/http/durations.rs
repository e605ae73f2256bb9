//! `http_server_request_duration_seconds{method,route,status}`, with a cached handle for each combination of labels.

use std::sync::OnceLock;
use std::time::Duration;

use hyper::{Method, StatusCode};
use metrics::Histogram;

use crate::Registry;
use crate::metrics::{LATENCY_BUCKETS, Metric};

/// The histogram.
pub const METRIC: Metric = Metric::histogram(
    "http_server_request_duration_seconds",
    "Time from a request's head to its response, in seconds",
    LATENCY_BUCKETS,
)
.labelled(&["method", "route", "status"]);

const OTHER: &str = "other";
const METHODS: [&str; 8] = ["POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", OTHER];
const STATUSES: [&str; 23] = [
    "200", "201", "202", "204", "207", "303", "304", "400", "401", "403", "404", "405", "408", "409", "413", "415",
    "422", "429", "500", "501", "503", "505", OTHER,
];

/// The handles, each made when its combination first occurs.
pub struct Durations {
    registry: Registry,
    routes: Vec<&'static str>,
    handles: Vec<OnceLock<Histogram>>,
}

impl Durations {
    /// Handles for these routes, and for all other paths together.
    pub fn new(registry: &Registry, routes: impl Iterator<Item = &'static str>) -> Self {
        let routes: Vec<&'static str> = routes.chain([OTHER]).collect();
        let handles = (0..METHODS.len() * routes.len() * STATUSES.len()).map(|_| OnceLock::new()).collect();
        Self { registry: registry.clone(), routes, handles }
    }

    /// Records one request. Values outside the tables count as `other`, so a client cannot make up labels.
    pub fn record(&self, method: &Method, route: Option<&'static str>, status: StatusCode, duration: Duration) {
        let method = index(&METHODS, method.as_str());
        let route = index(&self.routes, route.unwrap_or(OTHER));
        let status = index(&STATUSES, status.as_str());
        let handle = &self.handles[(method * self.routes.len() + route) * STATUSES.len() + status];
        let handle = handle
            .get_or_init(|| self.registry.histogram(&METRIC, &[METHODS[method], self.routes[route], STATUSES[status]]));
        handle.record(duration);
    }
}

fn index(table: &[&str], text: &str) -> usize {
    table.iter().position(|entry| *entry == text).unwrap_or(table.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_make_up_labels() {
        let registry = Registry::new(&[&[METRIC]]);
        let durations = Durations::new(&registry, ["/create-post"].into_iter());
        let breve = Method::from_bytes(b"BREVE").unwrap();
        durations.record(&breve, None, StatusCode::IM_A_TEAPOT, Duration::from_millis(1));
        durations.record(&Method::POST, Some("/create-post"), StatusCode::CREATED, Duration::from_millis(1));
        let text = registry.render();
        for labels in
            [r#"method="other",route="other",status="other""#, r#"method="POST",route="/create-post",status="201""#]
        {
            assert!(text.contains(&format!("http_server_request_duration_seconds_count{{{labels}}} 1")), "{text}");
        }
    }
}
