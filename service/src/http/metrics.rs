//! The metrics of a server's connections.

use crate::metrics::Metric;

/// How many are open.
pub(crate) const CONNECTIONS: Metric = Metric::gauge("http_server_connections", "Connections that are open");

/// How many may be open.
pub(crate) const CONNECTIONS_LIMIT: Metric =
    Metric::gauge("http_server_connections_limit", "Most connections served at the same time; the next one gets 503");
