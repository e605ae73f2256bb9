//! The report of a run: everything that was measured, as `report.json` for machines. Its names are an interface: they are
//! added to, not changed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::chaos::report::ChaosReport;
use crate::counted::Counted;
use crate::environment::Environment;
use crate::generator::strain::GeneratorReport;
use crate::generator::tally::{Outcomes, Tally};
use crate::ledger::examination::Finding;
use crate::ledger::reported::ReportedCounts;
use crate::observer::Usage;
use crate::threshold::Verdict;

/// The file's name in the report's directory.
const FILE_NAME: &str = "report.json";

/// A run, reported.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    /// The run's id, as in the titles of its posts.
    pub(crate) run: String,
    /// Whether every threshold held and nothing else went wrong.
    pub(crate) passed: bool,
    /// Whether the load was ended before its time, by Ctrl-C or because a service failed.
    pub(crate) ended_early: bool,
    /// The ledger.
    #[serde(flatten)]
    pub(crate) counts: ReportedCounts,
    /// Whether the documents' ids were `compared` with those that the clients were told, or `not compared` because one of
    /// the two has no ids of ours; null if nothing was reconciled.
    pub(crate) ids: Option<&'static str>,
    /// What the services have counted themselves; null if one of them was killed, or is out of sight.
    pub(crate) counted: Option<Counted>,
    /// Posts sent, per second of load.
    pub(crate) requests_per_second: f64,
    /// Posts accepted, per second of load.
    pub(crate) accepted_per_second: f64,
    /// From the first post to the last answer.
    pub(crate) load_seconds: f64,
    /// From the time a post was due to its answer.
    pub(crate) latency_ms: Latency,
    /// The share of posts that were not accepted, without those that were to be refused, 0 to 1.
    pub(crate) failed_share: f64,
    /// Posts by what the client saw.
    pub(crate) outcomes: Outcomes,
    /// Posts that broke a rule on purpose and were answered 2xx all the same.
    pub(crate) invalid_accepted: u64,
    /// What the load was for the generator itself.
    pub(crate) generator: GeneratorReport,
    /// From the last answer until the consumer had no lag, or until the wait for that ended; null if a service failed or nothing tells.
    pub(crate) drain_seconds: Option<f64>,
    /// Records that the consumer had not finished when the wait for it ended; null where Kafka is out of sight.
    pub(crate) lag_left: Option<u64>,
    /// What the producer has used.
    pub(crate) producer: ServiceUsage,
    /// What the consumer has used.
    pub(crate) consumer: ServiceUsage,
    /// The faults that were injected, and what they did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) chaos: Option<ChaosReport>,
    /// Each threshold with its verdict.
    pub(crate) thresholds: Vec<Verdict>,
    /// What else went wrong, in sentences.
    pub(crate) faults: Vec<String>,
    /// The first posts at fault.
    pub(crate) findings: Vec<Finding>,
    /// What it was measured on.
    pub(crate) environment: Environment,
}

/// Latencies in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// What a service has used; null where it does not say.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct ServiceUsage {
    #[serde(flatten)]
    pub(crate) usage: Usage,
    /// CPU time for each accepted post, in microseconds.
    pub(crate) cpu_microseconds_per_post: Option<f64>,
}

impl Latency {
    pub(crate) fn of(tally: &Tally) -> Self {
        let milliseconds = |latency: Duration| latency.as_secs_f64() * 1e3;
        Self {
            p50: milliseconds(tally.latency(0.50)),
            p95: milliseconds(tally.latency(0.95)),
            p99: milliseconds(tally.latency(0.99)),
            max: milliseconds(tally.longest_latency()),
        }
    }
}

impl ServiceUsage {
    pub(crate) fn of(usage: Usage, accepted: u64) -> Self {
        Self { usage, cpu_microseconds_per_post: usage.cpu_microseconds_per_post(accepted) }
    }
}

impl Report {
    /// One more verdict.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.passed &= verdict.holds;
        self.thresholds.push(verdict);
    }

    /// Writes `report.json` into the directory and gives its path.
    pub(crate) fn write(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        let path = directory.join(FILE_NAME);
        let mut text = serde_json::to_string_pretty(self).context("the report cannot be written as JSON")?;
        text.push('\n');
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::environment::LoadSettings;
    use crate::generator::tally::Latencies;
    use crate::ledger::Counts;
    use crate::post::bodies::ContentLength;
    use crate::settings::Variables;
    use crate::threshold::{Measured, defaults, judge};

    pub(crate) fn example() -> Report {
        let counts = Counts { accepted: 8_958, stored: 8_957, missing: 1, ..Counts::default() };
        let outcomes = Outcomes { accepted: 8_958, ..Outcomes::default() };
        let measured = Measured {
            latencies: Latencies { p95: Duration::from_millis(5), ..Latencies::default() },
            failed_share: 0.0,
            accepted: 8_958,
            accepted_per_second: 298.6,
            drained_after: Some(Duration::from_millis(4_900)),
            counts: Some(counts),
        };
        Report {
            run: "00ab12cd".to_owned(),
            passed: false,
            ended_early: false,
            counts: ReportedCounts::of(counts, true),
            ids: Some("compared"),
            counted: None,
            requests_per_second: 298.6,
            accepted_per_second: 298.6,
            load_seconds: 30.0,
            latency_ms: Latency { p50: 3.1, p95: 5.0, p99: 8.25, max: 41.0 },
            failed_share: 0.0,
            outcomes,
            invalid_accepted: 0,
            generator: GeneratorReport::of(&Tally::default(), Duration::from_secs(6), Duration::from_secs(30), 2, 2),
            drain_seconds: Some(4.9),
            lag_left: Some(0),
            producer: ServiceUsage::default(),
            consumer: ServiceUsage::default(),
            chaos: None,
            thresholds: judge(&defaults(), &measured),
            faults: vec![],
            findings: vec![],
            environment: Environment {
                started_at: "2026-01-01T12:00:00Z".to_owned(),
                stack: "Kafka is native".to_owned(),
                version: "0.1.0",
                store: Some("MongoDB 8.0".to_owned()),
                librdkafka: "2.12.1".to_owned(),
                platform: "linux x86_64".to_owned(),
                cores: 2,
                load: LoadSettings {
                    vus: 300,
                    duration_seconds: Some(30.0),
                    think_seconds: Some(1.0),
                    rate: None,
                    stages: None,
                    repeat: 1,
                    content_length: ContentLength::default(),
                    invalid_share: 0.0,
                    retry_share: 0.0,
                    request_timeout_seconds: 30.0,
                    threads: 2,
                    seed: 1,
                },
                producer_settings: [("PORT", "3000".to_owned())].into(),
                consumer_settings: Variables::new(),
            },
        }
    }

    #[test]
    fn the_file_has_every_name_that_readers_rely_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = example().write(directory.path()).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for name in [
            "accepted",
            "rejected",
            "unknown",
            "unknown_stored",
            "stored",
            "missing",
            "duplicated",
            "unexpected",
            "dead_lettered",
            "lag_left",
        ] {
            assert!(report[name].is_u64(), "{name} in {report}");
        }
        for name in ["requests_per_second", "drain_seconds", "failed_share"] {
            assert!(report[name].is_f64(), "{name} in {report}");
        }
        for name in ["p50", "p95", "p99", "max"] {
            assert!(report["latency_ms"][name].is_f64(), "{name} in {report}");
        }
        assert_eq!(report["environment"]["cores"], 2);
        assert_eq!(report["environment"]["producer_settings"]["PORT"], "3000");
        assert_eq!(report["producer"]["peak_memory_bytes"], serde_json::Value::Null);
        assert_eq!(report["thresholds"][2]["threshold"], "missing==0");
        assert_eq!(report["thresholds"][2]["holds"], false);
    }
}
