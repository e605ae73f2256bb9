//! The group's metrics, each handle made once.

use std::time::Duration;

use contract::dead_letter::{Form, Reason};
use metrics::{Counter, Gauge, Histogram};
use service::Registry;
use service::metrics::{HistogramSpec, LATENCY_BUCKETS};

use super::core::Trigger;

/// Records received.
pub const CONSUMED: &str = "ingest_records_consumed_total";

/// Records that went to the dead letters, by reason.
pub const DEAD_LETTERED: &str = "ingest_posts_dead_lettered_total";

/// Records of a flush.
pub const BATCH_RECORDS: HistogramSpec = HistogramSpec {
    name: "ingest_flush_batch_records",
    help: "Records in a flush",
    buckets: &[1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 99.0, 100.0, 250.0, 500.0, 1000.0, 5000.0, 10000.0],
};

/// Time of a flush.
pub const FLUSH_SECONDS: HistogramSpec = HistogramSpec {
    name: "ingest_flush_duration_seconds",
    help: "Time to store a batch, retries included, in seconds",
    buckets: LATENCY_BUCKETS,
};

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
pub(super) struct Metrics {
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

impl Metrics {
    pub(super) fn new(registry: &Registry, concurrent_flushes: usize) -> Self {
        let limit = "Flushes that may be stored at the same time";
        registry.observe("ingest_flushes_in_flight_limit", limit, &[], move || concurrent_flushes as f64);
        let counter = |name, help| registry.counter(name, help, &[]);
        let dead_lettered = Reason::ALL.map(|reason| {
            let help = "Records acknowledged by the dead-letter topic, by reason";
            (reason, registry.counter(DEAD_LETTERED, help, &[("reason", reason.as_str())]))
        });
        let reduced = [Form::WithoutValue, Form::WithoutRecord].map(|form| {
            let help = "Dead letters that went without their value, or without their record, because their topic takes no more";
            (form, registry.counter("ingest_dead_letters_reduced_total", help, &[("form", form.as_str())]))
        });
        let flushes = Trigger::ALL.map(|trigger| {
            let help = "Flushes, by what made them due";
            (trigger, registry.counter("ingest_flushes_total", help, &[("trigger", trigger.as_str())]))
        });
        let rebalances = PartitionChange::ALL.map(|(rebalance, kind)| {
            let help = "Changes of the partitions held, by kind";
            (rebalance, registry.counter("ingest_rebalances_total", help, &[("kind", kind)]))
        });
        Self {
            consumed: counter(CONSUMED, "Records received from Kafka"),
            stale: counter(
                "ingest_stale_records_total",
                "Records dropped because they were fetched under an assignment that has ended",
            ),
            skipped: counter(
                "ingest_offsets_skipped_total",
                "Offsets that retention deleted before the group could read them",
            ),
            commit_failures: counter("ingest_commit_failures_total", "Commits that failed and are tried again"),
            dead_letter_retries: counter("ingest_dead_letter_retries_total", "Dead letters that are sent again"),
            flushes_in_flight: registry.gauge("ingest_flushes_in_flight", "Flushes that are being stored", &[]),
            partitions_ahead: registry.gauge(
                "ingest_partitions_ahead",
                "Partitions that are paused because too much of them is not committed",
                &[],
            ),
            dead_lettered,
            reduced,
            flushes,
            rebalances,
            batch_records: registry.histogram(BATCH_RECORDS.name, &[]),
            flush_seconds: registry.histogram(FLUSH_SECONDS.name, &[]),
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

fn increment<L: PartialEq>(counters: &[(L, Counter)], label: L) {
    counters.iter().filter(|(candidate, _)| *candidate == label).for_each(|(_, counter)| counter.increment(1));
}
