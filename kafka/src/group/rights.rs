//! What Kafka does not let the member do, as a readiness condition. librdkafka says it once and then tries again in
//! silence, so the condition stays unmet until something shows that the right is there: a new assignment, or an answer
//! to a fetch.

use std::sync::{Mutex, PoisonError};

use rdkafka::error::RDKafkaErrorCode;
use service::Readiness;

use crate::shown::RIGHTS;

/// Keeps the condition up to date.
pub(super) struct Rights {
    topic: String,
    group: String,
    readiness: Readiness,
    missing: Mutex<Missing>,
}

/// Which rights are missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Missing {
    topic: bool,
    group: bool,
}

impl Rights {
    pub(super) fn new(topic: &str, group: &str, readiness: Readiness) -> Self {
        readiness.met(RIGHTS);
        Self { topic: topic.to_owned(), group: group.to_owned(), readiness, missing: Mutex::default() }
    }

    /// Kafka has refused something. Returns whether it is about a right.
    pub(super) fn refused(&self, code: RDKafkaErrorCode) -> bool {
        match code {
            RDKafkaErrorCode::TopicAuthorizationFailed => self.change(|missing| missing.topic = true),
            RDKafkaErrorCode::GroupAuthorizationFailed => self.change(|missing| missing.group = true),
            _ => return false,
        }
        true
    }

    /// The group has given the member its partitions.
    pub(super) fn joined(&self) {
        self.change(|missing| missing.group = false);
    }

    /// A fetch was answered.
    pub(super) fn reads(&self) {
        self.change(|missing| missing.topic = false);
    }

    /// Whether the topic could not be read the last time.
    pub(super) fn lacks_topic(&self) -> bool {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner).topic
    }

    fn change(&self, change: impl FnOnce(&mut Missing)) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *missing;
        change(&mut missing);
        if *missing == before {
            return;
        }
        match self.reason(*missing) {
            None => {
                self.readiness.met(RIGHTS);
                tracing::info!(topic = self.topic, "Kafka lets the user read again");
            }
            Some(reason) => {
                tracing::warn!(topic = self.topic, reason, "Kafka does not let the user read, trying again");
                self.readiness.unmet(RIGHTS, reason);
            }
        }
    }

    fn reason(&self, missing: Missing) -> Option<String> {
        let (topic, group) = (&self.topic, &self.group);
        let what = match (missing.topic, missing.group) {
            (false, false) => return None,
            (true, false) => format!("the topic {topic}"),
            (false, true) => format!("the group {group}"),
            (true, true) => format!("the topic {topic} and on the group {group}"),
        };
        Some(format!("the user needs Read on {what}, see docs/security.md"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_shown_until_something_shows_that_it_is_there() {
        use RDKafkaErrorCode::{GroupAuthorizationFailed, OperationTimedOut, TopicAuthorizationFailed};
        let readiness = Readiness::new(&[]);
        let rights = Rights::new("post", "post-consumer", readiness.clone());
        let said = || readiness.check().err().unwrap_or_default();
        assert!(!rights.refused(OperationTimedOut));
        assert_eq!(readiness.check(), Ok(()));
        assert!(rights.refused(GroupAuthorizationFailed));
        assert_eq!(said(), "kafka_rights: the user needs Read on the group post-consumer, see docs/security.md");
        assert!(rights.refused(TopicAuthorizationFailed) && rights.lacks_topic());
        assert!(said().contains("Read on the topic post and on the group post-consumer"));
        rights.joined();
        assert_eq!(said(), "kafka_rights: the user needs Read on the topic post, see docs/security.md");
        rights.reads();
        assert_eq!(readiness.check(), Ok(()));
    }
}
