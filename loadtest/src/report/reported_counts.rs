//! The ledger's numbers for the report: what only the store knows is null if it was not read.

use serde::Serialize;

use crate::ledger::books::Counts;

/// [`Counts`], as far as they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct ReportedCounts {
    pub(crate) accepted: u64,
    pub(crate) rejected: u64,
    pub(crate) unknown: u64,
    pub(crate) unknown_stored: Option<u64>,
    pub(crate) stored: Option<u64>,
    pub(crate) missing: Option<u64>,
    pub(crate) duplicated: Option<u64>,
    pub(crate) changed: Option<u64>,
    pub(crate) unexpected: Option<u64>,
    pub(crate) dead_lettered: Option<u64>,
    pub(crate) replayed: Option<u64>,
}

impl ReportedCounts {
    /// The counts of a ledger that was compared with the store, or else only what the answers show.
    pub(crate) fn of(counts: Counts, is_reconciled: bool) -> Self {
        let of_store = |count| is_reconciled.then_some(count);
        Self {
            accepted: counts.accepted,
            rejected: counts.rejected,
            unknown: counts.unknown,
            unknown_stored: of_store(counts.unknown_stored),
            stored: of_store(counts.stored),
            missing: of_store(counts.missing),
            duplicated: of_store(counts.duplicated),
            unexpected: of_store(counts.unexpected),
            changed: of_store(counts.changed),
            dead_lettered: of_store(counts.dead_lettered),
            replayed: of_store(counts.replayed),
        }
    }
}
