//! The options of `verify`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use contract::Kind;

use super::values::kind;

pub(super) const VERIFY_EXPLANATION: &str = "\
Each record is compared whole: its document with every field, its dead letter with key, value and headers. That takes \
48 bytes of memory a record, and about 100 a dead letter. It fails if a record is missing or changed, if the group has \
no committed offsets or they lie beyond the end of a partition or before its start, and if a topic has no record to \
compare. A record that is older than the retention, and whose document is gone, counts as removed. One whose document \
was erased has a tombstone there: it fails unless --erased says how many there are. \
The lag, which is what the group has not finished, is shown and not judged.

Of orders, the document of each key must be its last finished record that is not a dead letter, with its place: it is \
stale if it is an earlier one. That takes about 150 bytes of memory a key.

Dead letters are looked for in DLQ_TOPIC (post.dlq), and those of a --topic also in TOPIC.dlq.

Exit codes: 0 all is well, 64 arguments or settings that cannot be used, 1 Kafka or the store could not be read, 99 \
the proof failed.";

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// What the topic has: post, or order, whose last record of a key is its document, or a kind of KINDS_DIR
    #[arg(long, value_name = "KIND", default_value = "post", value_parser = kind)]
    pub(crate) kind: Kind,
    /// Where Kafka is [default: KAFKA_BROKER, else localhost:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka_broker: Option<String>,
    /// Where the documents are [default: MONGO_URI, else mongodb://localhost:27017/scalable-api]
    #[arg(long, value_name = "URI")]
    pub(crate) mongo_uri: Option<String>,
    /// The consumer group [default: KAFKA_GROUP, else post-consumer; for orders ORDER_KAFKA_GROUP, else
    /// order-processing-group]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) group: Option<String>,
    /// A topic that the group reads, may be repeated for posts [default: KAFKA_TOPIC, else post; for orders
    /// ORDER_KAFKA_TOPIC, else orders]
    #[arg(long = "topic", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) topics: Vec<String>,
    /// How long the consumer keeps documents, such as 30d: older ones may be gone [default: that of the
    /// settings, such as POST_RETENTION, else no limit]
    #[arg(long, value_name = "TIME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) retention: Option<String>,
    /// How many finished records (or keys) of each topic must have been erased by `consumer erase`
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) erased: u64,
    /// The most missing and changed records that are named for each topic; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) name: usize,
}
