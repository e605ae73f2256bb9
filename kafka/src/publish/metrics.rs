//! The metrics of publishing, each handle made once.

use metrics::{Counter, Gauge, Histogram};
use service::Registry;
use service::metrics::{LATENCY_BUCKETS, Metric};

use super::routes::Cause;
use crate::shown::END_OFFSET;

/// All metrics of publishing.
pub const METRICS: &[Metric] = &[
    IN_FLIGHT,
    IN_FLIGHT_LIMIT,
    IN_FLIGHT_BYTES,
    IN_FLIGHT_BYTES_LIMIT,
    BATCH_RECORDS,
    PRODUCE_SECONDS,
    BATCHES_RESENT,
    BATCHES_SPLIT,
    PARTITIONS,
    PARTITIONS_AVAILABLE,
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

const BATCHES_RESENT: Metric = Metric::counter(
    "ingest_produce_batches_resent_total",
    "Batches sent again, because Kafka refused them, their connection broke, or their partition was silent while \
     others were not",
)
.labelled(&["kind", "reason"]);

const BATCHES_SPLIT: Metric = Metric::counter(
    "ingest_produce_batches_split_total",
    "Batches sent again as two, because they were larger than the topic's max.message.bytes",
)
.labelled(&["kind"]);

const PARTITIONS: Metric = Metric::gauge("ingest_produce_partitions", "Partitions of the topic").labelled(&["kind"]);

const PARTITIONS_AVAILABLE: Metric = Metric::gauge(
    "ingest_produce_partitions_available",
    "Partitions of the topic that take records: with 0 of them, records get 503",
)
.labelled(&["kind"]);

pub(super) const CLIENTS_REPLACED: Metric = Metric::counter(
    "ingest_produce_clients_replaced_total",
    "Kafka clients of ordered records that ended with an error and were replaced",
)
.labelled(&["kind"]);

/// The handles of a batched publisher.
pub(super) struct PublishMetrics {
    pub(super) batch_records: Histogram,
    pub(super) produce_seconds: Histogram,
    refused: Counter,
    broken: Counter,
    silent: Counter,
    split: Counter,
    pub(super) partitions: Partitions,
}

impl PublishMetrics {
    /// Those of publishing records of this kind.
    pub(super) fn new(registry: &Registry, kind: &str) -> Self {
        Self {
            batch_records: registry.histogram(&BATCH_RECORDS, &[kind]),
            produce_seconds: produce_seconds(registry, kind),
            refused: registry.counter(&BATCHES_RESENT, &[kind, "refused"]),
            broken: registry.counter(&BATCHES_RESENT, &[kind, "broken"]),
            silent: registry.counter(&BATCHES_RESENT, &[kind, "silent"]),
            split: registry.counter(&BATCHES_SPLIT, &[kind]),
            partitions: Partitions::new(registry, kind),
        }
    }

    /// A batch is sent again.
    pub(super) fn resent(&self, cause: Cause) {
        match cause {
            Cause::Refused => self.refused.increment(1),
            Cause::Broken | Cause::Lost => self.broken.increment(1),
            Cause::Silent => self.silent.increment(1),
        }
    }

    /// A batch is sent again as two.
    pub(super) fn split(&self) {
        self.split.increment(1);
    }
}

/// The handles of the topic's partitions.
#[derive(Clone)]
pub(super) struct Partitions {
    all: Gauge,
    available: Gauge,
}

impl Partitions {
    /// Those of the topic of this kind, of which no partition is known.
    pub(super) fn new(registry: &Registry, kind: &str) -> Self {
        Self { all: registry.gauge(&PARTITIONS, &[kind]), available: registry.gauge(&PARTITIONS_AVAILABLE, &[kind]) }
    }

    /// This many partitions there are, and this many take records.
    pub(super) fn set(&self, all: usize, available: usize) {
        self.all.set(all as f64);
        self.available.set(available as f64);
    }
}

/// The handle of the time until an acknowledgement. Nobody sees librdkafka's batches, so an ordered publisher has none
/// for those.
pub(super) fn produce_seconds(registry: &Registry, kind: &str) -> Histogram {
    registry.histogram(&PRODUCE_SECONDS, &[kind])
}
