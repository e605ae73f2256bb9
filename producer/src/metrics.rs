//! The producer's own metrics, each handle made once; those of publishing are `kafka`'s.

use metrics::Counter;
use service::Registry;
use service::metrics::Metric;

use crate::rejection::RejectionReason;

/// All metrics of the producer's own.
pub(crate) const METRICS: &[Metric] = &[ACCEPTED, REJECTED];

/// Records that were accepted.
pub(crate) const ACCEPTED: Metric = Metric::counter(
    "ingest_records_accepted_total",
    "Records accepted, that is acknowledged by Kafka; each record of a bulk counts",
)
.labelled(&["kind"]);

/// Records that were rejected.
pub(crate) const REJECTED: Metric = Metric::counter(
    "ingest_records_rejected_total",
    "Records not accepted (1 for a bulk whose records were not counted), by reason: content_type, too_large, \
     slow_body, broken_body, content_encoding, idempotency_key, idempotency_conflict, invalid, full, kafka_away, \
     unacknowledged, rate_limited",
)
.labelled(&["kind", "reason"]);

/// Handles of the counters.
pub(crate) struct RecordCounters {
    pub(crate) accepted: Counter,
    rejected: [(RejectionReason, Counter); RejectionReason::ALL.len()],
}

impl RecordCounters {
    /// Those of records of this kind.
    pub(crate) fn new(registry: &Registry, kind: &str) -> Self {
        Self {
            accepted: registry.counter(&ACCEPTED, &[kind]),
            rejected: RejectionReason::ALL
                .map(|reason| (reason, registry.counter(&REJECTED, &[kind, reason.as_str()]))),
        }
    }

    /// This many records are rejected for the same reason.
    pub(crate) fn rejected(&self, reason: RejectionReason, records: usize) {
        for (_, counter) in self.rejected.iter().filter(|(counted, _)| *counted == reason) {
            counter.increment(records as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_text_names_every_reason() {
        let (_, listed) = REJECTED.help.split_once("by reason: ").expect("it lists them");
        let mut listed: Vec<&str> = listed.split(", ").collect();
        let mut reasons = RejectionReason::ALL.map(RejectionReason::as_str);
        listed.sort_unstable();
        reasons.sort_unstable();
        assert_eq!(listed, reasons);
    }
}
