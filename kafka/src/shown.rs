//! What a publisher and a group's member both show.

use contract::Kind;
use service::Readiness;
use service::metrics::Metric;

/// The readiness condition: Kafka answers and the topic exists.
pub const CONDITION: &str = "kafka";

/// The readiness condition: the user may do what the service needs of Kafka.
pub const RIGHTS: &str = "kafka_rights";

/// The conditions of what serves this kind. Those of posts have no prefix: they are as old as the service.
pub fn readiness_of(kind: Kind, readiness: &Readiness) -> Readiness {
    match kind {
        Kind::Post => readiness.clone(),
        Kind::Order | Kind::Schema(_) => readiness.of(kind.name()),
    }
}

/// The end offsets.
pub(crate) const END_OFFSET: Metric = Metric::gauge(
    "kafka_topic_partition_current_offset",
    "End offset of the partition; on the consumer, of the partitions it holds",
)
.labelled(&["topic", "partition"]);
