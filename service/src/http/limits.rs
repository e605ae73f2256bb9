//! The limits of a server.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The limit of each of a connection's two buffers, in bytes: what is read ahead (so a request's head, too), and what
/// the client has not read yet. With hyper's default of 400 KiB, slow clients could hold gigabytes.
pub(super) const BUFFER_BYTES: usize = 16 * 1024;

/// The most handshakes of clients at the same time, if the limit of open files allows it. To keep others out, one must
/// open this many connections within the time of an honest client's handshake.
pub(super) const CLIENT_HANDSHAKES: usize = 1024;

/// The most handshakes of operators at the same time.
pub(super) const OPERATOR_HANDSHAKES: usize = 64;

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Connections served at the same time; the next ones get 503 and are closed.
    pub max_connections: usize,
    /// Connections from one address at the same time; the next ones get 429 and are closed. `None` is no limit.
    pub max_connections_per_address: Option<NonZeroUsize>,
    /// TLS handshakes under way at the same time; the next one ends the oldest.
    pub max_handshakes: usize,
    /// The longest time to read a request's head from its first byte, and the longest time in which a client reads
    /// nothing of its answer. A TLS handshake may take as long.
    pub header_timeout: Duration,
    /// The longest time between an answer, or the start of a connection, and the next request's first byte.
    pub idle_timeout: Duration,
    /// How long it still accepts connections after it was asked to stop.
    pub stop_delay: Duration,
}

impl ServerLimits {
    /// Those of a process that only health checks and scrapers ask.
    pub const FOR_OPERATORS: Self = Self {
        max_connections: 100,
        max_connections_per_address: None,
        max_handshakes: OPERATOR_HANDSHAKES,
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(75),
        stop_delay: Duration::ZERO,
    };
}
