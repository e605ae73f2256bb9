//! The metrics of access. No label names a caller: how many there are is for others to say. The audit log has them.

use metrics::{Counter, Gauge};

use crate::Registry;
use crate::audit::{LATE_ANSWERS, LINES, LINES_LOST};
use crate::auth::Denial;
use crate::metrics::Metric;

/// All of them.
pub(super) const ALL: &[Metric] = &[DENIED, KEYS, BROKEN_FILES, TOKEN_KEY_FAILURES, LINES, LINES_LOST, LATE_ANSWERS];

/// Requests that were not served because of who sent them.
const DENIED: Metric = Metric::counter(
    "http_server_denied_requests_total",
    "Requests that no handler saw because of their caller, by reason: no_credential, malformed, unknown_key, \
     token, token_time, kind, session, cross_site, rate",
)
.labelled(&["reason"]);

/// How many keys are in force.
const KEYS: Metric = Metric::gauge("http_server_api_keys", "API keys in force; 0 also where none are needed");

/// How often the file of keys could not be used.
const BROKEN_FILES: Metric = Metric::counter(
    "http_server_api_keys_broken_files_total",
    "Versions of API_KEYS_FILE that could not be used, so that the earlier keys stayed in force",
);

/// How often the keys of tokens could not be read.
const TOKEN_KEY_FAILURES: Metric = Metric::counter(
    "http_server_token_key_failures_total",
    "Times that the keys of tokens (JWT_JWKS) could not be read, so that the earlier keys stayed in force",
);

/// The handles.
pub(super) struct AccessMetrics {
    denied: [(&'static str, Counter); Denial::REASONS.len()],
    pub(super) keys: Gauge,
    pub(super) broken_files: Counter,
    pub(super) token_key_failures: Counter,
}

impl AccessMetrics {
    pub(super) fn new(registry: &Registry) -> Self {
        Self {
            denied: Denial::REASONS.map(|reason| (reason, registry.counter(&DENIED, &[reason]))),
            keys: registry.gauge(&KEYS, &[]),
            broken_files: registry.counter(&BROKEN_FILES, &[]),
            token_key_failures: registry.counter(&TOKEN_KEY_FAILURES, &[]),
        }
    }

    /// A request is not served for this reason.
    pub(super) fn denied(&self, denial: &Denial) {
        for (_, counter) in self.denied.iter().filter(|(reason, _)| *reason == denial.reason()) {
            counter.increment(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_text_names_every_reason() {
        let (_, listed) = DENIED.help.split_once("by reason: ").expect("it lists them");
        assert_eq!(listed.split(", ").collect::<Vec<_>>(), Denial::REASONS);
    }
}
