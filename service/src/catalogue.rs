//! The metrics of every service.

use crate::metrics::Metric;

/// The metrics of every service.
pub const METRICS: &[Metric] = &[
    crate::http::durations::METRIC,
    crate::http::metrics::CONNECTIONS,
    crate::http::metrics::CONNECTIONS_LIMIT,
    crate::http::metrics::CONNECTIONS_REJECTED,
    crate::http::metrics::ADDRESS_REJECTED,
    crate::http::metrics::HANDSHAKES_FAILED,
    crate::http::metrics::CERTIFICATE_EXPIRY,
    crate::http::metrics::CERTIFICATE_OUTDATED,
    crate::http::metrics::MALFORMED,
    crate::health::BUILD_INFO,
];
