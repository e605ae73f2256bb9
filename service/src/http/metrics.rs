//! What a server counts of its connections.

use crate::metrics::Metric;

/// Connections that are open.
pub(crate) const CONNECTIONS: Metric = Metric::gauge("http_server_connections", "Connections that are open");

/// Most of them.
pub(crate) const CONNECTIONS_LIMIT: Metric =
    Metric::gauge("http_server_connections_limit", "Most connections served at the same time; the next one gets 503");
