//! The producer's metrics, each handle made once.

use metrics::{Counter, Histogram};
use service::Registry;
use service::metrics::{HistogramSpec, LATENCY_BUCKETS};

use crate::refusal::Refusal;

/// Posts that were accepted.
pub(crate) const ACCEPTED: &str = "ingest_posts_accepted_total";

/// Posts that were not, by reason.
pub(crate) const REJECTED: &str = "ingest_posts_rejected_total";

/// Records of a batch.
pub(crate) const BATCH_RECORDS: HistogramSpec = HistogramSpec {
    name: "ingest_produce_batch_records",
    help: "Records in a batch sent to Kafka",
    buckets: &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
};

/// Time of a produce request.
pub(crate) const PRODUCE_SECONDS: HistogramSpec = HistogramSpec {
    name: "ingest_produce_duration_seconds",
    help: "Time from sending a batch to its acknowledgement by Kafka, in seconds",
    buckets: LATENCY_BUCKETS,
};

/// Handles of the counters and histograms.
pub(crate) struct Metrics {
    pub(crate) accepted: Counter,
    rejected: [Counter; Refusal::REASONS.len()],
    pub(crate) batch_records: Histogram,
    pub(crate) produce_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let rejected = Refusal::REASONS
            .map(|reason| registry.counter(REJECTED, "Posts not accepted, by reason", &[("reason", reason)]));
        Self {
            accepted: registry.counter(ACCEPTED, "Posts accepted: acknowledged by Kafka", &[]),
            rejected,
            batch_records: registry.histogram(BATCH_RECORDS.name, &[]),
            produce_seconds: registry.histogram(PRODUCE_SECONDS.name, &[]),
        }
    }

    /// So many posts are refused for the same reason.
    pub(crate) fn rejected(&self, refusal: &Refusal, posts: usize) {
        self.rejected[refusal.index()].increment(posts as u64);
    }

    /// Posts of a bulk that break the rules.
    pub(crate) fn invalid_posts(&self, posts: usize) {
        self.rejected[Refusal::INVALID].increment(posts as u64);
    }
}
