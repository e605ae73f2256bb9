//! The producer's metrics, each handle made once.

use metrics::{Counter, Histogram};
use service::Registry;
use service::metrics::{LATENCY_BUCKETS, Metric};

use crate::refusal::Refusal;
use crate::{body_budget, kafka, publisher};

/// All metrics of the producer's own.
pub(crate) const METRICS: &[Metric] = &[
    ACCEPTED,
    REJECTED,
    body_budget::BYTES,
    body_budget::BYTES_LIMIT,
    publisher::IN_FLIGHT,
    publisher::IN_FLIGHT_LIMIT,
    BATCH_RECORDS,
    PRODUCE_SECONDS,
    kafka::END_OFFSET,
];

/// Posts that were accepted.
pub(crate) const ACCEPTED: Metric = Metric::counter(
    "ingest_posts_accepted_total",
    "Posts accepted, that is acknowledged by Kafka; each post of a bulk counts",
);

/// Posts that were not.
pub(crate) const REJECTED: Metric = Metric::counter(
    "ingest_posts_rejected_total",
    "Posts not accepted (1 for a bulk whose posts were not counted), by reason: content_type, too_large, slow_body, \
     broken_body, idempotency_key, idempotency_conflict, invalid, full, kafka_away, unacknowledged",
)
.labelled(&["reason"]);

/// Records of a batch.
pub(crate) const BATCH_RECORDS: Metric = Metric::histogram(
    "ingest_produce_batch_records",
    "Records in a batch sent to Kafka",
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
);

/// Time of a produce request.
pub(crate) const PRODUCE_SECONDS: Metric = Metric::histogram(
    "ingest_produce_duration_seconds",
    "Time from sending a batch to its acknowledgement by Kafka, in seconds",
    LATENCY_BUCKETS,
);

/// Handles of the counters and histograms.
pub(crate) struct Metrics {
    pub(crate) accepted: Counter,
    rejected: [Counter; Refusal::REASONS.len()],
    pub(crate) batch_records: Histogram,
    pub(crate) produce_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        let rejected = Refusal::REASONS.map(|reason| registry.counter(&REJECTED, &[reason]));
        Self {
            accepted: registry.counter(&ACCEPTED, &[]),
            rejected,
            batch_records: registry.histogram(&BATCH_RECORDS, &[]),
            produce_seconds: registry.histogram(&PRODUCE_SECONDS, &[]),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_text_names_every_reason() {
        let (_, listed) = REJECTED.help.split_once("by reason: ").expect("it lists them");
        let mut listed: Vec<&str> = listed.split(", ").collect();
        let mut reasons = Refusal::REASONS.to_vec();
        listed.sort_unstable();
        reasons.sort_unstable();
        assert_eq!(listed, reasons);
    }
}
