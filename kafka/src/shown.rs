//! What a publisher and a group's member both show.

use service::metrics::Metric;

/// The readiness condition: Kafka answers and the topic exists.
pub const CONDITION: &str = "kafka";

/// The end offsets.
pub(crate) const END_OFFSET: Metric = Metric::gauge(
    "kafka_topic_partition_current_offset",
    "End offset of the partition; on the consumer, of the partitions it holds",
)
.labelled(&["topic", "partition"]);
