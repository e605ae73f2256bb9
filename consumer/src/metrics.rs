//! The metrics of storing; those of the groups are the groups' own.

use contract::Kind;
use metrics::{Counter, Histogram};
use service::Registry;
use service::metrics::Metric;

use crate::store_pool;

/// All metrics of storing.
pub(crate) const METRICS: &[Metric] = &[
    STORED,
    DUPLICATES,
    SET_BACK,
    SUPERSEDED,
    EXPIRED,
    ERASED,
    STORE_RETRIES,
    ACCEPT_TO_STORE,
    PAUSED,
    store_pool::CONNECTIONS,
];

/// Documents newly inserted.
pub(crate) const STORED: Metric =
    Metric::counter("ingest_records_stored_total", "Documents newly inserted, without duplicates").labelled(&["kind"]);

/// Records whose document was already stored.
pub(crate) const DUPLICATES: Metric =
    Metric::counter("ingest_records_duplicate_total", "Records whose document was stored already").labelled(&["kind"]);

/// Records that are newer than their document by their time, and earlier by their offset.
pub(crate) const SET_BACK: Metric = Metric::counter(
    "ingest_records_set_back_total",
    "Records counted as stored already although they are a minute or more newer than their document, because its \
     offset is later: the topic was recreated, or its log set back",
)
.labelled(&["kind"]);

/// Records that a later one of their batch stands for.
pub(crate) const SUPERSEDED: Metric = Metric::counter(
    "ingest_records_superseded_total",
    "Records of a kind with one document for each key that a later record of the same batch stands for",
)
.labelled(&["kind"]);

/// Records and documents beyond the retention.
pub(crate) const EXPIRED: Metric = Metric::counter(
    "ingest_records_expired_total",
    "Records not stored because they were beyond the retention, and documents that the consumer removed; what a store \
     removes by its own TTL index is not counted",
)
.labelled(&["kind"]);

/// Records that a tombstone keeps out.
pub(crate) const ERASED: Metric = Metric::counter(
    "ingest_records_erased_total",
    "Records not stored because they were erased; on FerretDB 1 those of kinds that insert count as duplicates",
)
.labelled(&["kind"]);

/// Tries that left something to try again.
pub(crate) const STORE_RETRIES: Metric =
    Metric::counter("ingest_store_retries_total", "Tries of a batch that left something to try again")
        .labelled(&["kind"]);

/// Whether a kind is paused.
pub(crate) const PAUSED: Metric = Metric::gauge(
    "ingest_paused",
    "1 while operators have paused the kind (`consumer pause`): nothing of it is fetched, until `consumer resume`",
)
.labelled(&["kind"]);

/// Time from acceptance to storage.
const ACCEPT_TO_STORE: Metric = Metric::histogram(
    "ingest_accept_to_store_seconds",
    "Time from a record's acceptance by the producer to its storage, in seconds",
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 10.0, 30.0, 60.0, 300.0],
)
.labelled(&["kind"]);

/// Handles of the counters and histograms, for one kind.
pub(crate) struct StoreMetrics {
    pub(crate) stored: Counter,
    pub(crate) duplicates: Counter,
    pub(crate) set_back: Counter,
    pub(crate) superseded: Counter,
    pub(crate) expired: Counter,
    pub(crate) erased: Counter,
    pub(crate) store_retries: Counter,
    pub(crate) accept_to_store: Histogram,
}

impl StoreMetrics {
    pub(crate) fn new(registry: &Registry, kind: Kind) -> Self {
        Self {
            stored: registry.counter(&STORED, &[kind.name()]),
            duplicates: registry.counter(&DUPLICATES, &[kind.name()]),
            set_back: registry.counter(&SET_BACK, &[kind.name()]),
            superseded: registry.counter(&SUPERSEDED, &[kind.name()]),
            expired: registry.counter(&EXPIRED, &[kind.name()]),
            erased: registry.counter(&ERASED, &[kind.name()]),
            store_retries: registry.counter(&STORE_RETRIES, &[kind.name()]),
            accept_to_store: registry.histogram(&ACCEPT_TO_STORE, &[kind.name()]),
        }
    }
}
