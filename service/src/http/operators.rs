//! Serving those who run a service, on a listener and with connections of their own.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::http::entrance::Entrance;
use crate::http::limits::{OPERATOR_HANDSHAKES, ServerLimits};
use crate::http::metrics::ConnectionCounters;
use crate::http::route::Handler;
use crate::http::server::{Door, accept};
use crate::{Health, Registry};

/// The most connections of operators at the same time: health checks, scrapers, and a few people.
pub const OPERATOR_CONNECTIONS: usize = 64;

/// Serves for as long as it is polled, also while the service stops, so that an orchestrator sees it stopping. The time
/// limits are those of the clients.
pub async fn serve_operators<H: Handler>(
    entrance: impl Into<Entrance>,
    clients: ServerLimits,
    handler: H,
    health: Health,
    registry: &Registry,
) {
    let limits = ServerLimits {
        max_connections: OPERATOR_CONNECTIONS,
        max_connections_per_address: None,
        max_handshakes: OPERATOR_HANDSHAKES,
        stop_delay: Duration::ZERO,
        ..clients
    };
    let connections = Arc::new(Semaphore::new(limits.max_connections));
    let door = Door { connections, counters: ConnectionCounters::unseen() };
    accept(entrance.into(), limits, door, handler, health, registry, CancellationToken::new().into()).await;
}
