//! Why a record was not published.

/// Why a record was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishError {
    /// Kafka is known to be away, or was never reached.
    Away,
    /// Too many records await acknowledgement.
    Full,
    /// The client's key stands for another value.
    Conflict,
    /// It was sent on to Kafka, but not acknowledged in time: it may be stored or not.
    Unacknowledged,
}
