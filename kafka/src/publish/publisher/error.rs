//! Why a record was not sent, or is not known to be there.

use std::error::Error;
use std::fmt;

use crate::publish::error::PublishError;

/// Why [`super::Publisher::send`] has no acknowledgement.
#[derive(Debug)]
pub enum SendError {
    /// The value could not be written as JSON. Nothing was sent.
    Json(serde_json::Error),
    /// The publisher was closed. Nothing was sent.
    Closed,
    /// The settings cannot be used. Nothing was sent.
    Unusable(anyhow::Error),
    /// Kafka has not acknowledged the record.
    Publish {
        /// The topic.
        topic: String,
        /// What is known of the record.
        error: PublishError,
        /// What keeps Kafka away, if that is known.
        reason: Option<String>,
    },
}

impl SendError {
    /// Whether the record may be in its topic all the same: it was sent on, and the acknowledgement did not come in
    /// time. After any other error it is not there, and sending it again cannot repeat it.
    pub fn may_be_stored(&self) -> bool {
        matches!(self, SendError::Publish { error: PublishError::Unacknowledged, .. })
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendError::Json(error) => write!(f, "not sent: the value cannot be written as JSON: {error}"),
            SendError::Closed => f.write_str("not sent: the publisher is closed"),
            SendError::Unusable(error) => write!(f, "not sent: {error:#}"),
            SendError::Publish { topic, error, reason: None } => write!(f, "topic {topic}: {error}"),
            SendError::Publish { topic, error, reason: Some(reason) } => write!(f, "topic {topic}: {error} ({reason})"),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            SendError::Json(error) => Some(error),
            SendError::Unusable(error) => Some(error.as_ref()),
            SendError::Publish { error, .. } => Some(error),
            SendError::Closed => None,
        }
    }
}
