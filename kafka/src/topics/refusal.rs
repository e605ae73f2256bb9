//! Which right a request needs that Kafka refused. Pure.

use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// What lets the user know of a topic or a group.
pub(super) const TO_KNOW: &str = "Describe or Read";

/// The right whose lack this error is, one of these, in words; `None` if it is another error.
pub(super) fn missing_right(error: &KafkaError, rights: &str, topic: &str, group: &str) -> Option<String> {
    use RDKafkaErrorCode::{GroupAuthorizationFailed, TopicAuthorizationFailed};
    let needed = match error.rdkafka_error_code() {
        Some(TopicAuthorizationFailed) => format!("on the topic {topic}"),
        Some(GroupAuthorizationFailed) => format!("on the group {group}"),
        _ => return None,
    };
    Some(format!("the user needs {rights} {needed}, see docs/security.md"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_that_is_missing_is_named() {
        use RDKafkaErrorCode::{GroupAuthorizationFailed, OperationTimedOut, TopicAuthorizationFailed};
        for (code, named) in [
            (TopicAuthorizationFailed, Some("the topic post")),
            (GroupAuthorizationFailed, Some("the group storing")),
            (OperationTimedOut, None),
        ] {
            let said = missing_right(&KafkaError::OffsetFetch(code), TO_KNOW, "post", "storing");
            let expected =
                named.map(|named| format!("the user needs Describe or Read on {named}, see docs/security.md"));
            assert_eq!(said, expected);
        }
    }
}
