//! The metrics of publishing, each handle made once.

use metrics::Histogram;
use service::Registry;
use service::metrics::{LATENCY_BUCKETS, Metric};

use crate::shown::END_OFFSET;

/// All metrics of publishing.
pub const METRICS: &[Metric] = &[
    IN_FLIGHT,
    IN_FLIGHT_LIMIT,
    IN_FLIGHT_BYTES,
    IN_FLIGHT_BYTES_LIMIT,
    BATCH_RECORDS,
    PRODUCE_SECONDS,
    CLIENTS_REPLACED,
    END_OFFSET,
];

pub(super) const IN_FLIGHT: Metric =
    Metric::gauge("ingest_in_flight_records", "Records awaiting acknowledgement by Kafka").labelled(&["kind"]);

pub(super) const IN_FLIGHT_LIMIT: Metric = Metric::gauge(
    "ingest_in_flight_records_limit",
    "Limit of ingest_in_flight_records (PRODUCER_MAX_IN_FLIGHT); beyond it a record gets 503",
)
.labelled(&["kind"]);

pub(super) const IN_FLIGHT_BYTES: Metric =
    Metric::gauge("ingest_in_flight_bytes", "Bytes of the records awaiting acknowledgement by Kafka")
        .labelled(&["kind"]);

pub(super) const IN_FLIGHT_BYTES_LIMIT: Metric = Metric::gauge(
    "ingest_in_flight_bytes_limit",
    "Limit of ingest_in_flight_bytes (8 KiB for each of PRODUCER_MAX_IN_FLIGHT, at least 32 MiB); beyond it a record \
     gets 503",
)
.labelled(&["kind"]);

const BATCH_RECORDS: Metric = Metric::histogram(
    "ingest_produce_batch_records",
    "Records in a batch sent to Kafka",
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0],
)
.labelled(&["kind"]);

const PRODUCE_SECONDS: Metric = Metric::histogram(
    "ingest_produce_duration_seconds",
    "Time from sending a batch to its acknowledgement by Kafka, in seconds; where the order counts, from handing over \
     each record",
    LATENCY_BUCKETS,
)
.labelled(&["kind"]);

pub(super) const CLIENTS_REPLACED: Metric = Metric::counter(
    "ingest_produce_clients_replaced_total",
    "Kafka clients of ordered records that ended with an error and were replaced",
)
.labelled(&["kind"]);

/// Handles of the histograms.
pub(super) struct PublishMetrics {
    pub(super) batch_records: Histogram,
    pub(super) produce_seconds: Histogram,
}

impl PublishMetrics {
    /// Those of publishing records of this kind.
    pub(super) fn new(registry: &Registry, kind: &str) -> Self {
        Self {
            batch_records: registry.histogram(&BATCH_RECORDS, &[kind]),
            produce_seconds: produce_seconds(registry, kind),
        }
    }
}

/// The handle of the time until an acknowledgement. Nobody sees librdkafka's batches, so an ordered publisher has only
/// this one.
pub(super) fn produce_seconds(registry: &Registry, kind: &str) -> Histogram {
    registry.histogram(&PRODUCE_SECONDS, &[kind])
}
