//! What it means for its partition that a batch is not acknowledged. Pure.

use rskafka::client::error::ProtocolError;

use super::produce::ProduceError;
use super::routes::Cause;
use crate::broker::said::kafka_says;

/// The partition's trouble, and the reason in words; `None` if it would take a smaller batch.
pub(super) fn trouble(error: ProduceError) -> Option<(Cause, String)> {
    match error {
        ProduceError::Broken(error) => Some((Cause::Broken, format!("{error:#}"))),
        ProduceError::Refused(error) => match Refusal::of(error) {
            Refusal::TooLarge => None,
            Refusal::Passing => Some((Cause::Broken, kafka_says(error))),
            Refusal::Lasting => Some((Cause::Refused, kafka_says(error))),
        },
    }
}

/// What it means that Kafka refuses a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// The partition would take a smaller one.
    TooLarge,
    /// The leader is another one, or is not ready: another try may succeed soon.
    Passing,
    /// The partition takes none until somebody changes something: permissions, settings, too few replicas in sync.
    Lasting,
}

impl Refusal {
    fn of(error: ProtocolError) -> Self {
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
