//! The options of `verify`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

pub(super) const VERIFY_EXPLANATION: &str = "\
Each record is compared whole: its document with every field, its dead letter with key, value and headers. That takes \
48 bytes of memory a record, and about 100 a dead letter. It fails if a record is missing or changed, if the group has \
no committed offsets or they lie beyond the end of a partition or before its start, and if a topic has no record to \
compare. The lag, which is what the group has not finished, is shown and not judged.

Dead letters are looked for in DLQ_TOPIC (post.dlq), and those of a --topic also in TOPIC.dlq.

Exit codes: 0 all is well, 64 arguments or settings that cannot be used, 1 Kafka or the store could not be read, 99 \
the proof failed.";

#[derive(Debug, Args)]
pub(crate) struct VerifyOptions {
    /// Where Kafka is [default: KAFKA_BROKER, else localhost:9092]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka_broker: Option<String>,
    /// Where the documents are [default: MONGO_URI, else mongodb://localhost:27017/scalable-api]
    #[arg(long, value_name = "URI")]
    pub(crate) mongo_uri: Option<String>,
    /// The consumer group [default: KAFKA_GROUP, else post-consumer]
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) group: Option<String>,
    /// A topic of posts that the group reads, may be repeated [default: KAFKA_TOPIC, else post]
    #[arg(long = "topic", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) topics: Vec<String>,
    /// The most missing and changed records that are named for each topic; all are counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) name: usize,
}
