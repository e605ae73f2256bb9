//! The metrics of a server's connections, and of the requests that hyper rejects by itself.

use metrics::Counter;

use crate::Registry;
use crate::metrics::Metric;

/// How many are open.
pub(crate) const CONNECTIONS: Metric =
    Metric::gauge("http_server_connections", "Connections that are open, those of operators aside");

/// How many may be open.
pub(crate) const CONNECTIONS_LIMIT: Metric =
    Metric::gauge("http_server_connections_limit", "Most connections served at the same time; the next one gets 503");

/// How many got 503 because of the limit.
pub(crate) const CONNECTIONS_REJECTED: Metric = Metric::counter(
    "http_server_connections_rejected_total",
    "Connections beyond http_server_connections_limit, which got 503 and were closed",
);

/// How many requests no handler sees.
pub(crate) const MALFORMED: Metric = Metric::counter(
    "http_server_malformed_requests_total",
    "Requests whose head cannot be read, by the answer: 400 not HTTP/1.1, 431 too large; no other metric counts them",
)
.labelled(&["status"]);

/// The handles of the counters.
pub(super) struct ConnectionCounters {
    pub(super) rejected: Counter,
    not_http: Counter,
    head_too_large: Counter,
}

impl ConnectionCounters {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            rejected: registry.counter(&CONNECTIONS_REJECTED, &[]),
            not_http: registry.counter(&MALFORMED, &["400"]),
            head_too_large: registry.counter(&MALFORMED, &["431"]),
        }
    }

    /// Counters that no metric shows: those of metrics are about clients.
    pub(super) fn unseen() -> Self {
        Self { rejected: Counter::noop(), not_http: Counter::noop(), head_too_large: Counter::noop() }
    }

    /// A connection has ended with this error.
    pub(super) fn ended(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.head_too_large.increment(1);
        } else if error.is_parse() && !error.is_parse_version_h2() {
            self.not_http.increment(1);
        }
    }
}
