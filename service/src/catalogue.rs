//! The metrics of every service.

use crate::metrics::Metric;

/// The metrics of every service.
pub const METRICS: &[Metric] = &[
    crate::http::durations::METRIC,
    crate::http::metrics::CONNECTIONS,
    crate::http::metrics::CONNECTIONS_LIMIT,
    crate::health::BUILD_INFO,
];
