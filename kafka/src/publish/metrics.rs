//! The metrics of publishing, each handle made once.

use metrics::Histogram;
use service::Registry;
use service::metrics::{LATENCY_BUCKETS, Metric};

use crate::shown::END_OFFSET;

/// All metrics of publishing.
pub const METRICS: &[Metric] =
    &[IN_FLIGHT, IN_FLIGHT_LIMIT, BATCH_RECORDS, PRODUCE_SECONDS, CLIENTS_REPLACED, END_OFFSET];

pub(super) const IN_FLIGHT: Metric = Metric::gauge("ingest_in_flight_posts", "Posts awaiting acknowledgement by Kafka");

pub(super) const IN_FLIGHT_LIMIT: Metric = Metric::gauge(
    "ingest_in_flight_posts_limit",
    "Limit of ingest_in_flight_posts (PRODUCER_MAX_IN_FLIGHT); beyond it a post gets 503",
);

const BATCH_RECORDS: Metric = Metric::histogram(
    "ingest_produce_batch_records",
    "Records in a batch sent to Kafka",
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
);

const PRODUCE_SECONDS: Metric = Metric::histogram(
    "ingest_produce_duration_seconds",
    "Time from sending a batch to its acknowledgement by Kafka, in seconds; where the order counts, from handing over \
     each record",
    LATENCY_BUCKETS,
);

pub(super) const CLIENTS_REPLACED: Metric = Metric::counter(
    "ingest_produce_clients_replaced_total",
    "Kafka clients of ordered records that ended with an error and were replaced",
);

/// Handles of the histograms.
pub(super) struct PublishMetrics {
    pub(super) batch_records: Histogram,
    pub(super) produce_seconds: Histogram,
}

impl PublishMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self { batch_records: registry.histogram(&BATCH_RECORDS, &[]), produce_seconds: produce_seconds(registry) }
    }
}

/// The handle of the time until an acknowledgement. Nobody sees librdkafka's batches, so an ordered publisher has only
/// this one.
pub(super) fn produce_seconds(registry: &Registry) -> Histogram {
    registry.histogram(&PRODUCE_SECONDS, &[])
}
