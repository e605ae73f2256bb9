//! The bounds of a server.

use std::time::Duration;

/// Bound of a connection's two buffers, in bytes: of what is read ahead, so of a request's head, and of what is not yet
/// taken by the client. hyper's own of 400 KiB would let slow clients hold gigabytes.
pub(super) const BUFFER_BYTES: usize = 16 * 1024;

/// Bounds of a server.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections served at the same time; the next ones get 503 and are closed.
    pub max_connections: usize,
    /// Longest time to read a request's head, longest idle time of a connection, and longest time in which a client
    /// takes nothing of its answer.
    pub header_timeout: Duration,
}
