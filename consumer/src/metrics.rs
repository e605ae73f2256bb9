//! The metrics of storing; those of the group are the group's own.

use metrics::{Counter, Histogram};
use service::Registry;
use service::metrics::HistogramSpec;

/// Documents newly inserted.
pub(crate) const STORED: &str = "ingest_posts_stored_total";

/// Records whose document was stored already.
pub(crate) const DUPLICATES: &str = "ingest_posts_duplicate_total";

/// Inserts that are tried again.
pub(crate) const STORE_RETRIES: &str = "ingest_store_retries_total";

/// Time from acceptance to storage.
pub(crate) const ACCEPT_TO_STORE: HistogramSpec = HistogramSpec {
    name: "ingest_accept_to_store_seconds",
    help: "Time from a post's acceptance by the producer to its storage, in seconds",
    buckets: &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 30.0, 60.0, 300.0],
};

/// Handles of the counters and histograms.
pub(crate) struct Metrics {
    pub(crate) stored: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) store_retries: Counter,
    pub(crate) accept_to_store: Histogram,
}

impl Metrics {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            stored: registry.counter(STORED, "Documents newly inserted, without duplicates", &[]),
            duplicates: registry.counter(DUPLICATES, "Records whose document was stored already", &[]),
            store_retries: registry.counter(STORE_RETRIES, "Inserts that are tried again", &[]),
            accept_to_store: registry.histogram(ACCEPT_TO_STORE.name, &[]),
        }
    }
}
