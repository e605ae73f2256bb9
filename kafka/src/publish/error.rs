//! Why a record was not published.

use std::error::Error;
use std::fmt;

/// Why a record was not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishError {
    /// Kafka is known to be away, or was never reached, or is known to take no records.
    Away,
    /// Too many records await acknowledgement.
    Full,
    /// The client's key stands for another value.
    Conflict,
    /// The topic takes no record of this size.
    TooLarge,
    /// It was sent on to Kafka, but not acknowledged in time: it may be stored or not.
    Unacknowledged,
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PublishError::Away => "not sent: Kafka is away",
            PublishError::Full => "not sent: too many records await acknowledgement",
            PublishError::Conflict => "not sent: the client's key stands for another value",
            PublishError::TooLarge => "not stored: larger than the topic's max.message.bytes",
            PublishError::Unacknowledged => "not acknowledged in time: it may be stored or not",
        })
    }
}

impl Error for PublishError {}
