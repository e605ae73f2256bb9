//! The group's metrics, each handle made once.

use std::time::Duration;

use contract::dead_letter::{Form, Reason};
use metrics::{Counter, Gauge, Histogram};
use service::Registry;
use service::metrics::{LATENCY_BUCKETS, Metric};

use super::core::Trigger;
use super::lag;
use crate::shown::END_OFFSET;

/// All metrics of a group's member.
pub const METRICS: &[Metric] = &[
    END_OFFSET,
    lag::LAG,
    lag::LAG_SECONDS,
    KIND_INFO,
    CONSUMED,
    STALE,
    SKIPPED,
    PARTITIONS_AHEAD,
    COMMIT_FAILURES,
    DEAD_LETTERED,
    DEAD_LETTERS_REDUCED,
    DEAD_LETTER_RETRIES,
    BATCH_RECORDS,
    FLUSH_SECONDS,
    FLUSHES,
    FLUSHES_IN_FLIGHT,
    FLUSHES_IN_FLIGHT_LIMIT,
    BUFFERED_BYTES,
    BUFFERED_BYTES_LIMIT,
    REBALANCES,
];

/// Which kind of record the group and the topic of a lag belong to.
pub(super) const KIND_INFO: Metric = Metric::gauge(
    "ingest_kind_info",
    "1 for each kind that the consumer serves, with its topic and its group: relates kafka_consumergroup_lag to kinds",
)
.labelled(&["kind", "topic", "consumergroup"]);

/// Records received.
pub const CONSUMED: Metric =
    Metric::counter("ingest_records_consumed_total", "Records received from Kafka").labelled(&["kind"]);

/// Records that went to the dead letters.
pub const DEAD_LETTERED: Metric = Metric::counter(
    "ingest_records_dead_lettered_total",
    "Records acknowledged by the dead-letter topic, by reason: undecodable, invalid, refused (by the store), conflict \
     (with another document in a unique index, _id included)",
)
.labelled(&["kind", "reason"]);

const STALE: Metric = Metric::counter(
    "ingest_stale_records_total",
    "Records dropped because their partition was taken away after they were fetched; the member that holds it reads \
     them again",
)
.labelled(&["kind"]);

const SKIPPED: Metric = Metric::counter(
    "ingest_offsets_skipped_total",
    "Offsets that retention deleted before the group could read them: their records are lost",
)
.labelled(&["kind"]);

const PARTITIONS_AHEAD: Metric = Metric::gauge(
    "ingest_partitions_ahead",
    "Partitions that are paused beyond CONSUMER_RUN_AHEAD_RECORDS or CONSUMER_RUN_AHEAD_BYTES, because too much of \
     them is not committed",
)
.labelled(&["kind"]);

const COMMIT_FAILURES: Metric =
    Metric::counter("ingest_commit_failures_total", "Commits that failed and were tried again").labelled(&["kind"]);

const DEAD_LETTERS_REDUCED: Metric = Metric::counter(
    "ingest_dead_letters_reduced_total",
    "Dead letters for which DLQ_TOPIC has too little room, by form: without_value, without_record (without key and \
     value)",
)
.labelled(&["kind", "form"]);

const DEAD_LETTER_RETRIES: Metric = Metric::counter(
    "ingest_dead_letter_retries_total",
    "Dead letters that Kafka did not take and that were sent again",
)
.labelled(&["kind"]);

const BATCH_RECORDS: Metric = Metric::histogram(
    "ingest_flush_batch_records",
    "Records in a flush",
    &[1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 99.0, 100.0, 250.0, 500.0, 1000.0, 5000.0, 10000.0],
)
.labelled(&["kind"]);

const FLUSH_SECONDS: Metric = Metric::histogram(
    "ingest_flush_duration_seconds",
    "Time to store a batch, retries included, in seconds",
    LATENCY_BUCKETS,
)
.labelled(&["kind"]);

const FLUSHES: Metric =
    Metric::counter("ingest_flushes_total", "Flushes, by what made them due: size, bytes, interval, revoke, stop")
        .labelled(&["kind", "trigger"]);

const FLUSHES_IN_FLIGHT: Metric =
    Metric::gauge("ingest_flushes_in_flight", "Batches that are being stored").labelled(&["kind"]);

const FLUSHES_IN_FLIGHT_LIMIT: Metric = Metric::gauge(
    "ingest_flushes_in_flight_limit",
    "Most batches stored at the same time (CONSUMER_CONCURRENT_FLUSHES)",
)
.labelled(&["kind"]);

pub(super) const BUFFERED_BYTES: Metric =
    Metric::gauge("ingest_buffered_bytes", "Bytes of the kind's records held in memory").labelled(&["kind"]);

pub(super) const BUFFERED_BYTES_LIMIT: Metric = Metric::gauge(
    "ingest_buffered_bytes_limit",
    "Most of ingest_buffered_bytes, while the other kinds hold little (CONSUMER_BUFFER_BYTES); beyond it fetching \
     pauses",
)
.labelled(&["kind"]);

const REBALANCES: Metric =
    Metric::counter("ingest_rebalances_total", "Changes of the partitions held, by change: assigned, revoked, lost")
        .labelled(&["kind", "change"]);

/// How this member's partitions have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PartitionChange {
    /// It got more.
    Assigned,
    /// It gave some up.
    Revoked,
    /// It was considered dead, and others have them.
    Lost,
}

impl PartitionChange {
    const ALL: [(PartitionChange, &'static str); 3] = [
        (PartitionChange::Assigned, "assigned"),
        (PartitionChange::Revoked, "revoked"),
        (PartitionChange::Lost, "lost"),
    ];
}

/// Handles of the counters, gauges and histograms.
pub(super) struct GroupMetrics {
    pub(super) consumed: Counter,
    pub(super) stale: Counter,
    pub(super) skipped: Counter,
    pub(super) commit_failures: Counter,
    pub(super) dead_letter_retries: Counter,
    pub(super) flushes_in_flight: Gauge,
    pub(super) partitions_ahead: Gauge,
    dead_lettered: [(Reason, Counter); Reason::ALL.len()],
    reduced: [(Form, Counter); 2],
    flushes: [(Trigger, Counter); Trigger::ALL.len()],
    rebalances: [(PartitionChange, Counter); PartitionChange::ALL.len()],
    batch_records: Histogram,
    flush_seconds: Histogram,
}

impl GroupMetrics {
    /// Those of a member that reads records of this kind.
    pub(super) fn new(registry: &Registry, kind: &str, concurrent_flushes: usize) -> Self {
        registry.gauge(&FLUSHES_IN_FLIGHT_LIMIT, &[kind]).set(concurrent_flushes as f64);
        let counter = |metric| registry.counter(metric, &[kind]);
        Self {
            consumed: counter(&CONSUMED),
            stale: counter(&STALE),
            skipped: counter(&SKIPPED),
            commit_failures: counter(&COMMIT_FAILURES),
            dead_letter_retries: counter(&DEAD_LETTER_RETRIES),
            flushes_in_flight: registry.gauge(&FLUSHES_IN_FLIGHT, &[kind]),
            partitions_ahead: registry.gauge(&PARTITIONS_AHEAD, &[kind]),
            dead_lettered: Reason::ALL
                .map(|reason| (reason, registry.counter(&DEAD_LETTERED, &[kind, reason.as_str()]))),
            reduced: [Form::WithoutValue, Form::WithoutRecord]
                .map(|form| (form, registry.counter(&DEAD_LETTERS_REDUCED, &[kind, form.as_str()]))),
            flushes: Trigger::ALL.map(|trigger| (trigger, registry.counter(&FLUSHES, &[kind, trigger.as_str()]))),
            rebalances: PartitionChange::ALL
                .map(|(change, name)| (change, registry.counter(&REBALANCES, &[kind, name]))),
            batch_records: registry.histogram(&BATCH_RECORDS, &[kind]),
            flush_seconds: registry.histogram(&FLUSH_SECONDS, &[kind]),
        }
    }

    pub(super) fn flush_started(&self, trigger: Trigger, records: usize) {
        self.batch_records.record(records as f64);
        increment(&self.flushes, trigger);
    }

    pub(super) fn flush_over(&self, duration: Duration) {
        self.flush_seconds.record(duration);
    }

    pub(super) fn rebalanced(&self, rebalance: PartitionChange) {
        increment(&self.rebalances, rebalance);
    }

    pub(super) fn dead_lettered(&self, reason: Reason, form: Form) {
        increment(&self.dead_lettered, reason);
        increment(&self.reduced, form);
    }
}

/// What one member has counted, from nothing on. The counter of the process continues with the next member.
#[derive(Debug, Default)]
pub(super) struct OwnCount {
    shown: u64,
}

impl OwnCount {
    /// Adds to the counter what is new.
    pub(super) fn show(&mut self, count: u64, counter: &Counter) {
        counter.increment(count - self.shown);
        self.shown = count;
    }
}

fn increment<L: PartialEq>(counters: &[(L, Counter)], label: L) {
    counters.iter().filter(|(candidate, _)| *candidate == label).for_each(|(_, counter)| counter.increment(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_of_one_member_after_the_other_add_up() {
        let registry = Registry::new(&[METRICS]);
        for (counted, shown) in [([1, 3, 3], 3), ([0, 2, 2], 5)] {
            let (metrics, mut own) = (GroupMetrics::new(&registry, "post", 1), OwnCount::default());
            counted.into_iter().for_each(|count| own.show(count, &metrics.stale));
            let line = format!("ingest_stale_records_total{{kind=\"post\"}} {shown}");
            assert!(registry.render().lines().any(|found| found == line), "{line}");
        }
    }
}
