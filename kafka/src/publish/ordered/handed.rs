//! A record in librdkafka's hands.

use std::time::Instant;

use crate::publish::submission::WaitingRequest;

/// What comes back with the report on a record. Dropping it unacknowledged ends its request's wait.
pub(super) struct Handed {
    pub(super) request: WaitingRequest,
    /// The record's time, in ms since 1970.
    pub(super) timestamp_ms: i64,
    /// Upper bound of its encoded size.
    pub(super) size_bytes: usize,
    /// When it was handed on.
    pub(super) at: Instant,
}
