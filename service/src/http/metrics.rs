//! The metrics of a server's connections, and of the requests that hyper rejects by itself.

use std::sync::Arc;

use metrics::Counter;

use crate::Registry;
use crate::http::handshake_failure::Failure;
use crate::metrics::Metric;
use crate::tls::{Audience, Gauges};

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

/// How many got 429 because of the limit of their address.
pub(crate) const ADDRESS_REJECTED: Metric = Metric::counter(
    "http_server_address_connections_rejected_total",
    "Connections beyond MAX_CONNECTIONS_PER_ADDRESS, which were closed, without TLS after a 429",
);

/// How many connections never became encrypted ones.
pub(crate) const HANDSHAKES_FAILED: Metric = Metric::counter(
    "http_server_tls_handshakes_failed_total",
    "TLS handshakes that failed, by the listener and the reason; displaced: newer ones took their place",
)
.labelled(&["listener", "reason"]);

/// When the certificate in force ends.
pub(crate) const CERTIFICATE_EXPIRY: Metric = Metric::gauge(
    "http_server_tls_certificate_expiry_timestamp_seconds",
    "When the first certificate of a listener's chain expires, as a Unix time",
)
.labelled(&["listener"]);

/// Whether another one should be in force.
pub(crate) const CERTIFICATE_OUTDATED: Metric = Metric::gauge(
    "http_server_tls_certificate_outdated",
    "1 while the files of a listener's TLS have changed and cannot be used, so that the earlier ones are in force",
)
.labelled(&["listener"]);

/// How many requests no handler sees.
pub(crate) const MALFORMED: Metric = Metric::counter(
    "http_server_malformed_requests_total",
    "Requests whose head cannot be read, by the answer: 400 not HTTP/1.1, 431 too large; no other metric counts them",
)
.labelled(&["status"]);

/// The handles of the counters.
pub(super) struct ConnectionCounters {
    pub(super) rejected: Counter,
    pub(super) rejected_of_address: Counter,
    not_http: Counter,
    head_too_large: Counter,
}

impl ConnectionCounters {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            rejected: registry.counter(&CONNECTIONS_REJECTED, &[]),
            rejected_of_address: registry.counter(&ADDRESS_REJECTED, &[]),
            not_http: registry.counter(&MALFORMED, &["400"]),
            head_too_large: registry.counter(&MALFORMED, &["431"]),
        }
    }

    /// Counters that no metric shows: those of metrics are about clients.
    pub(super) fn unseen() -> Self {
        let unseen = Counter::noop;
        Self { rejected: unseen(), rejected_of_address: unseen(), not_http: unseen(), head_too_large: unseen() }
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

/// What counts the handshakes of a listener that fail.
#[derive(Clone)]
pub(super) struct HandshakeCounters(Arc<[Counter]>);

impl HandshakeCounters {
    pub(super) fn new(registry: &Registry, audience: Audience) -> Self {
        let counter = |failure: &Failure| registry.counter(&HANDSHAKES_FAILED, &[audience.label(), failure.label()]);
        Self(Failure::ALL.iter().map(counter).collect())
    }

    pub(super) fn failed(&self, failure: Failure) {
        self.0[failure as usize].increment(1);
    }
}

/// What shows the certificate of a listener.
pub(super) fn certificate_gauges(registry: &Registry, audience: Audience) -> Gauges {
    let gauge = |metric: &Metric| registry.gauge(metric, &[audience.label()]);
    Gauges { expiry: gauge(&CERTIFICATE_EXPIRY), is_outdated: gauge(&CERTIFICATE_OUTDATED) }
}
