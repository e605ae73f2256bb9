//! What Kafka's errors say to people. Pure.

use rskafka::client::error::ProtocolError;

/// Kafka's answer as a reason.
pub(crate) fn kafka_says(error: ProtocolError) -> String {
    match missing_right(error) {
        Some(right) => format!("Kafka says {error:?}: the user may not {right}"),
        None => format!("Kafka says {error:?}"),
    }
}

/// Why a topic cannot be used at all.
pub(crate) fn cannot_use(topic: &str, error: ProtocolError) -> String {
    let right = match error {
        ProtocolError::TopicAuthorizationFailed => ": the user needs a right to it, see docs/security.md",
        _ => "",
    };
    format!("the topic {topic} cannot be used: Kafka says {error:?}{right}")
}

/// What the user lacks where Kafka refuses a batch, or a topic to create.
fn missing_right(error: ProtocolError) -> Option<&'static str> {
    match error {
        ProtocolError::TopicAuthorizationFailed => Some("Write to this topic, or Create it, see docs/security.md"),
        ProtocolError::ClusterAuthorizationFailed => Some("Create topics, see docs/security.md"),
        _ => None,
    }
}
