//! What it means that Kafka refuses a batch. Pure.

use rskafka::client::error::ProtocolError;

/// What it means that Kafka refuses a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The partition would take a smaller one.
    TooLarge,
    /// The leader is another one, or is not ready: another try may succeed soon.
    Passing,
    /// The partition takes none until somebody changes something: permissions, settings, too few replicas in sync.
    Lasting,
}

impl Refusal {
    pub(super) fn of(error: ProtocolError) -> Self {
        use ProtocolError::{
            ClusterAuthorizationFailed, InvalidRequiredAcks, InvalidTopicException, MessageTooLarge, NotEnoughReplicas,
            NotEnoughReplicasAfterAppend, PolicyViolation, RecordListTooLarge, TopicAuthorizationFailed,
            UnsupportedForMessageFormat, UnsupportedVersion,
        };
        match error {
            MessageTooLarge | RecordListTooLarge => Refusal::TooLarge,
            ClusterAuthorizationFailed
            | InvalidRequiredAcks
            | InvalidTopicException
            | NotEnoughReplicas
            | NotEnoughReplicasAfterAppend
            | PolicyViolation
            | TopicAuthorizationFailed
            | UnsupportedForMessageFormat
            | UnsupportedVersion => Refusal::Lasting,
            // Also what no other list knows: to try again costs little.
            _ => Refusal::Passing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_of_leader_gives_passes() {
        for passing in [
            ProtocolError::NotLeaderOrFollower,
            ProtocolError::LeaderNotAvailable,
            ProtocolError::RequestTimedOut,
            ProtocolError::UnknownTopicOrPartition,
            ProtocolError::KafkaStorageError,
        ] {
            assert_eq!(Refusal::of(passing), Refusal::Passing, "{passing:?}");
        }
        for lasting in [ProtocolError::NotEnoughReplicas, ProtocolError::TopicAuthorizationFailed] {
            assert_eq!(Refusal::of(lasting), Refusal::Lasting, "{lasting:?}");
        }
        assert_eq!(Refusal::of(ProtocolError::MessageTooLarge), Refusal::TooLarge);
    }
}
