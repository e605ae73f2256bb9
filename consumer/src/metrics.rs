//! The consumer's metrics, each handle made once.

use std::time::Duration;

use contract::dead_letter::Reason;
use metrics::{Counter, Gauge, Histogram};
use service::Registry;
use service::metrics::{HistogramSpec, LATENCY_BUCKETS};

use crate::buffer::Trigger;

/// Records received.
pub(crate) const CONSUMED: &str = "ingest_records_consumed_total";

/// Documents newly inserted.
pub(crate) const STORED: &str = "ingest_posts_stored_total";

/// Records whose document was stored already.
pub(crate) const DUPLICATES: &str = "ingest_posts_duplicate_total";

/// Records that went to the dead letters, by reason.
pub(crate) const DEAD_LETTERED: &str = "ingest_posts_dead_lettered_total";

/// Inserts that are tried again.
pub(crate) const STORE_RETRIES: &str = "ingest_store_retries_total";

/// Records of a flush.
pub(crate) const BATCH_RECORDS: HistogramSpec = HistogramSpec {
    name: "ingest_flush_batch_records",
    help: "Records in a flush",
    buckets: &[1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 99.0, 100.0, 250.0, 500.0, 1000.0, 5000.0, 10000.0],
};

/// Time of a flush.
pub(crate) const FLUSH_SECONDS: HistogramSpec = HistogramSpec {
    name: "ingest_flush_duration_seconds",
    help: "Time to store a batch, retries included, in seconds",
    buckets: LATENCY_BUCKETS,
};

/// Time from acceptance to storage.
pub(crate) const ACCEPT_TO_STORE: HistogramSpec = HistogramSpec {
    name: "ingest_accept_to_store_seconds",
    help: "Time from a post's acceptance by the producer to its storage, in seconds",
    buckets: &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 30.0, 60.0, 300.0],
};

/// How this member's partitions have changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartitionChange {
    /// It got more.
    Assigned,
    /// It gave some up.
    Revoked,
    /// It was taken for dead, and others have them.
    Lost,
}

impl PartitionChange {
    const ALL: [(PartitionChange, &'static str); 3] = [
        (PartitionChange::Assigned, "assigned"),
        (PartitionChange::Revoked, "revoked"),
        (PartitionChange::Lost, "lost"),
    ];
}

/// Handles of the counters and histograms.
pub(crate) struct Metrics {
    pub(crate) consumed: Counter,
    pub(crate) stored: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) store_retries: Counter,
    pub(crate) accept_to_store: Histogram,
    pub(crate) flushes_in_flight: Gauge,
    dead_lettered: [(Reason, Counter); Reason::ALL.len()],
    flushes: [(Trigger, Counter); Trigger::ALL.len()],
    rebalances: [(PartitionChange, Counter); PartitionChange::ALL.len()],
    batch_records: Histogram,
    flush_seconds: Histogram,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry, concurrent_flushes: usize) -> Self {
        let limit = "Flushes that may be stored at the same time";
        registry.observe("ingest_flushes_in_flight_limit", limit, &[], move || concurrent_flushes as f64);
        let dead_lettered = Reason::ALL.map(|reason| {
            let help = "Records acknowledged by the dead-letter topic, by reason";
            (reason, registry.counter(DEAD_LETTERED, help, &[("reason", reason.as_str())]))
        });
        let flushes = Trigger::ALL.map(|trigger| {
            (
                trigger,
                registry.counter(
                    "ingest_flushes_total",
                    "Flushes, by what made them due",
                    &[("trigger", trigger.as_str())],
                ),
            )
        });
        let rebalances = PartitionChange::ALL.map(|(rebalance, kind)| {
            let help = "Changes of the partitions held, by kind";
            (rebalance, registry.counter("ingest_rebalances_total", help, &[("kind", kind)]))
        });
        Self {
            consumed: registry.counter(CONSUMED, "Records received from Kafka", &[]),
            stored: registry.counter(STORED, "Documents newly inserted, without duplicates", &[]),
            duplicates: registry.counter(DUPLICATES, "Records whose document was stored already", &[]),
            store_retries: registry.counter(STORE_RETRIES, "Inserts that are tried again", &[]),
            accept_to_store: registry.histogram(ACCEPT_TO_STORE.name, &[]),
            flushes_in_flight: registry.gauge("ingest_flushes_in_flight", "Flushes that are being stored", &[]),
            dead_lettered,
            flushes,
            rebalances,
            batch_records: registry.histogram(BATCH_RECORDS.name, &[]),
            flush_seconds: registry.histogram(FLUSH_SECONDS.name, &[]),
        }
    }

    pub(crate) fn flushed(&self, trigger: Trigger, records: usize, duration: Duration) {
        self.batch_records.record(records as f64);
        self.flush_seconds.record(duration);
        increment(&self.flushes, trigger);
    }

    pub(crate) fn rebalanced(&self, rebalance: PartitionChange) {
        increment(&self.rebalances, rebalance);
    }

    pub(crate) fn dead_lettered(&self, reason: Reason) {
        increment(&self.dead_lettered, reason);
    }
}

fn increment<L: PartialEq>(counters: &[(L, Counter)], label: L) {
    counters.iter().filter(|(candidate, _)| *candidate == label).for_each(|(_, counter)| counter.increment(1));
}
