//! The limits of a server.

use std::time::Duration;

/// The limit of each of a connection's two buffers, in bytes: what is read ahead (so a request's head, too), and what
/// the client has not read yet. With hyper's default of 400 KiB, slow clients could hold gigabytes.
pub(super) const BUFFER_BYTES: usize = 16 * 1024;

/// The limits of a server.
#[derive(Debug, Clone, Copy)]
pub struct ServerLimits {
    /// Connections served at the same time; the next ones get 503 and are closed.
    pub max_connections: usize,
    /// The longest time to read a request's head, the longest idle time of a connection, and the longest time in which
    /// a client reads nothing of its answer.
    pub header_timeout: Duration,
}
