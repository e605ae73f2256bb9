//! The API's own metrics.

use metrics::Counter;
use service::Registry;
use service::metrics::Metric;

/// All of them.
pub(crate) const METRICS: &[Metric] = &[ACCEPTED, REJECTED, WAITING, WAITING_LIMIT];

/// Submissions that were accepted.
pub(crate) const ACCEPTED: Metric = Metric::counter(
    "submissions_accepted_total",
    "Submissions accepted, that is durable in the database; each one of a bulk counts, and none that was there before",
);

/// Submissions that were rejected.
pub(crate) const REJECTED: Metric = Metric::counter(
    "submissions_rejected_total",
    "Submissions not accepted (1 for a bulk whose submissions were not counted), by reason: content_type, too_large, \
     slow_body, broken_body, content_encoding, idempotency_key, idempotency_conflict, invalid, cross_site, full, \
     unconfirmed, rate_limited",
)
.labelled(&["reason"]);

/// How many wait for the database.
pub(crate) const WAITING: Metric =
    Metric::gauge("submissions_waiting", "Submissions that wait for the database to confirm them");

/// How many may wait.
pub(crate) const WAITING_LIMIT: Metric = Metric::gauge(
    "submissions_waiting_limit",
    "Limit of submissions_waiting (SUBMIT_MAX_WAITING); beyond it a request gets 503",
);

/// The reasons that the metric distinguishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RejectionReason {
    ContentType,
    TooLarge,
    SlowBody,
    BrokenBody,
    ContentEncoding,
    IdempotencyKey,
    IdempotencyConflict,
    Invalid,
    CrossSite,
    Full,
    Unconfirmed,
    RateLimited,
}

impl RejectionReason {
    const ALL: [Self; 12] = [
        Self::ContentType,
        Self::TooLarge,
        Self::SlowBody,
        Self::BrokenBody,
        Self::ContentEncoding,
        Self::IdempotencyKey,
        Self::IdempotencyConflict,
        Self::Invalid,
        Self::CrossSite,
        Self::Full,
        Self::Unconfirmed,
        Self::RateLimited,
    ];

    /// Its name as a label value.
    fn as_str(self) -> &'static str {
        match self {
            Self::ContentType => "content_type",
            Self::TooLarge => "too_large",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::ContentEncoding => "content_encoding",
            Self::IdempotencyKey => "idempotency_key",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::Invalid => "invalid",
            Self::CrossSite => "cross_site",
            Self::Full => "full",
            Self::Unconfirmed => "unconfirmed",
            Self::RateLimited => "rate_limited",
        }
    }
}

/// Handles of the counters.
pub(crate) struct ApiCounters {
    pub(crate) accepted: Counter,
    rejected: [Counter; RejectionReason::ALL.len()],
}

impl ApiCounters {
    pub(crate) fn new(registry: &Registry) -> Self {
        Self {
            accepted: registry.counter(&ACCEPTED, &[]),
            rejected: RejectionReason::ALL.map(|reason| registry.counter(&REJECTED, &[reason.as_str()])),
        }
    }

    /// This many submissions are rejected for the same reason.
    pub(crate) fn rejected(&self, reason: RejectionReason, submissions: u64) {
        self.rejected[reason as usize].increment(submissions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_text_names_every_reason_and_each_has_a_cell_of_its_own() {
        let (_, listed) = REJECTED.help.split_once("by reason: ").expect("it lists them");
        let mut listed: Vec<&str> = listed.split(", ").collect();
        let registry = Registry::new(&[METRICS]);
        let counters = ApiCounters::new(&registry);
        for (count, reason) in (1..).zip(RejectionReason::ALL) {
            counters.rejected(reason, count);
        }
        let mut counted = registry.totals(&REJECTED);
        for (count, reason) in (1..).zip(RejectionReason::ALL) {
            assert!(counted.contains(&(reason.as_str().to_owned(), count)), "{counted:?}");
        }
        listed.sort_unstable();
        counted.sort();
        assert!(counted.iter().map(|(reason, _)| reason.as_str()).eq(listed));
    }
}
