//! The producer's own metrics, each handle made once; those of publishing are `kafka`'s.

use metrics::Counter;
use service::Registry;
use service::metrics::Metric;

use crate::body::budget;
use crate::rejection::RejectionReason;

/// All metrics of the producer's own.
pub(crate) const METRICS: &[Metric] = &[ACCEPTED, REJECTED, budget::BYTES, budget::BYTES_LIMIT];

/// Posts that were accepted.
pub(crate) const ACCEPTED: Metric = Metric::counter(
    "ingest_posts_accepted_total",
    "Posts accepted, that is acknowledged by Kafka; each post of a bulk counts",
);

/// Posts that were rejected.
pub(crate) const REJECTED: Metric = Metric::counter(
    "ingest_posts_rejected_total",
    "Posts not accepted (1 for a bulk whose posts were not counted), by reason: content_type, too_large, slow_body, \
     broken_body, idempotency_key, idempotency_conflict, invalid, full, kafka_away, unacknowledged",
)
.labelled(&["reason"]);

/// Handles of the counters, for the records of one kind.
pub(crate) struct RecordCounters {
    pub(crate) accepted: Counter,
    rejected: [(RejectionReason, Counter); RejectionReason::ALL.len()],
}

impl RecordCounters {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            accepted: registry.counter(&ACCEPTED, &[]),
            rejected: RejectionReason::ALL.map(|reason| (reason, registry.counter(&REJECTED, &[reason.as_str()]))),
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
