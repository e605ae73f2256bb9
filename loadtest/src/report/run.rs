//! The report of a run: everything that was measured, as `report.json` for machines. Its names are an interface: names
//! are added, never changed.

use std::time::Duration;

use serde::Serialize;

use crate::ledger::audit_book::{AuditCounts, Audited};
use crate::ledger::books::StateCounts;
use crate::ledger::named::Finding;
use crate::load::generator::latencies::{Latencies, LatencyHistograms};
use crate::load::generator::strain::GeneratorReport;
use crate::load::generator::tally::Outcomes;
use crate::pipeline::counted::Counted;
use crate::pipeline::observer::Usage;
use crate::pipeline::scrape::Bucket;
use crate::report::chaos::ChaosReport;
use crate::report::drift::Drift;
use crate::report::environment::Environment;
use crate::report::reported_counts::ReportedCounts;
use crate::report::series::Point;
use crate::report::threshold::ThresholdVerdict;
use crate::report::visible::AcceptToVisible;

/// The report of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RunReport {
    /// The run's id, as in the titles of its posts.
    pub(crate) run: String,
    /// The kind of the records that were sent.
    pub(crate) kind: &'static str,
    /// Whether every threshold held and nothing else went wrong.
    pub(crate) passed: bool,
    /// Whether the load ended early, by Ctrl-C or because a service failed.
    pub(crate) ended_early: bool,
    /// The ledger.
    #[serde(flatten)]
    pub(crate) counts: ReportedCounts,
    /// More of the ledger for a kind whose last record of a key is its document; null for other kinds, or if nothing
    /// was reconciled.
    pub(crate) states: Option<StateCounts>,
    /// The audit log of the producers compared with the answers, in requests and lines; null if it was not.
    pub(crate) audit: Option<AuditCounts>,
    /// Whether the documents' ids were `compared` with those that the clients got, or `not compared` because one side
    /// does not have our ids; null if nothing was reconciled.
    pub(crate) ids: Option<&'static str>,
    /// What of each document was compared with its post; null if nothing was reconciled.
    pub(crate) compared: Option<String>,
    /// What the services themselves counted; null if one of them was killed or cannot be reached.
    pub(crate) counted: Option<Counted>,
    /// Posts sent that were due after the warm-up, per second of the load after it.
    pub(crate) requests_per_second: f64,
    /// The same for the posts that were accepted.
    pub(crate) accepted_per_second: f64,
    /// From the first post to the last answer.
    pub(crate) load_seconds: f64,
    /// From the time a post was due to its answer, for the accepted posts that were due after the warm-up; null if
    /// there is none.
    pub(crate) accepted_latency_ms: Option<Latency>,
    /// The same for all posts that were sent, whatever the answer.
    pub(crate) latency_ms: Latency,
    /// The share of posts that were not accepted, 0 to 1, except those that should be rejected.
    pub(crate) failed_share: f64,
    /// Posts by what the client saw.
    pub(crate) outcomes: Outcomes,
    /// Posts that broke a rule on purpose and were answered 2xx nevertheless.
    pub(crate) invalid_accepted: u64,
    /// How hard the load was for the generator itself.
    pub(crate) generator: GeneratorReport,
    /// From the last answer until the consumer had no lag, or until the wait for that ended; null if a service failed
    /// or nothing shows it.
    pub(crate) drain_seconds: Option<f64>,
    /// Records that the consumer had not finished when the wait for it ended; null if Kafka cannot be reached.
    pub(crate) lag_left: Option<u64>,
    /// What the producer used.
    pub(crate) producer: ServiceUsage,
    /// What the consumer used.
    pub(crate) consumer: ServiceUsage,
    /// From acceptance to storage, as the consumer itself counted since its start; empty if it does not report it.
    pub(crate) accept_to_store_seconds: Vec<Bucket>,
    /// From acceptance until posts were visible in the store, measured by looking for a share of them.
    pub(crate) accept_to_visible: AcceptToVisible,
    /// The faults that were injected, and their effects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chaos: Option<ChaosReport>,
    /// What grew in a soak.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) drift: Option<Drift>,
    /// Each threshold with its verdict.
    pub(crate) thresholds: Vec<ThresholdVerdict>,
    /// What else went wrong, in sentences.
    pub(crate) faults: Vec<String>,
    /// The first findings.
    pub(crate) findings: Vec<Finding>,
    /// What it was measured on.
    pub(crate) environment: Environment,
    /// The run second by second.
    pub(crate) series: Vec<Point>,
    /// Every latency; they have files of their own.
    #[serde(skip)]
    pub(crate) latencies: LatencyHistograms,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

/// What a service used; null where it does not report it.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct ServiceUsage {
    #[serde(flatten)]
    pub(crate) usage: Usage,
    /// CPU time for each accepted post, in microseconds.
    pub(crate) cpu_microseconds_per_post: Option<f64>,
}

impl Latency {
    pub(crate) fn of(latencies: Latencies) -> Self {
        let milliseconds = |latency: Duration| latency.as_secs_f64() * 1e3;
        Self {
            p50: milliseconds(latencies.p50),
            p95: milliseconds(latencies.p95),
            p99: milliseconds(latencies.p99),
            p999: milliseconds(latencies.p999),
            max: milliseconds(latencies.max),
        }
    }
}

impl ServiceUsage {
    pub(crate) fn of(usage: Usage, accepted: u64) -> Self {
        Self { usage, cpu_microseconds_per_post: usage.cpu_microseconds_per_post(accepted) }
    }
}

impl RunReport {
    /// The same with what the audit log shows, and the verdicts on it.
    pub(crate) fn audited(mut self, audited: Audited) -> Self {
        let Audited { counts, findings } = audited;
        for (name, count) in counts.faults() {
            self.add(ThresholdVerdict::none(&format!("{name}==0"), count));
        }
        self.findings.extend(findings);
        Self { audit: Some(counts), ..self }
    }

    /// Adds a verdict.
    pub(crate) fn add(&mut self, verdict: ThresholdVerdict) {
        self.passed &= verdict.holds;
        self.thresholds.push(verdict);
    }
}

#[cfg(test)]
pub(crate) mod tests;
