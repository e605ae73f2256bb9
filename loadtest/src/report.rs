//! The report of a run: everything that was measured, as `report.json` for machines. Its names are an interface: they are
//! added to, not changed.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::chaos::report::ChaosReport;
use crate::counted::Counted;
use crate::environment::Environment;
use crate::generator::strain::GeneratorReport;
use crate::generator::tally::{Outcomes, Tally};
use crate::ledger::examination::Finding;
use crate::ledger::reported::ReportedCounts;
use crate::observer::Usage;
use crate::scrape::Bucket;
use crate::series::Point;
use crate::threshold::Verdict;

#[cfg(test)]
mod schema;

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
    /// From acceptance to storage, as the consumer itself has counted since its start; empty if it does not say.
    pub(crate) accept_to_store_seconds: Vec<Bucket>,
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
    /// The run second by second.
    pub(crate) series: Vec<Point>,
    /// Every latency, in microseconds; it has a file of its own.
    #[serde(skip)]
    pub(crate) latencies_us: Histogram<u64>,
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
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::chaos::poison::PoisonReport;
    use crate::chaos::report::FaultReport;
    use crate::environment::LoadSettings;
    use crate::generator::tally::Latencies;
    use crate::ledger::Counts;
    use crate::ledger::examination::Fault;
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
            accept_to_store_seconds: vec![],
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
            series: vec![],
            latencies_us: Tally::default().latencies_us,
        }
    }

    /// Fills in what a run can leave out.
    pub(crate) fn fill(report: &mut Report) {
        let points = (1..=30_u32).map(|second| Point {
            seconds: f64::from(second),
            length_seconds: 1.0,
            sent_per_second: 300.0,
            accepted_per_second: 299.0,
            unavailable: 1,
            p50_ms: Some(3.0),
            p95_ms: Some(5.0),
            p99_ms: Some(8.0),
            max_ms: Some(f64::from(second)),
            lag_records: Some(100),
            stored_posts: Some(u64::from(second) * 290),
            producer_cpu_cores: Some(0.1),
            producer_memory_bytes: Some(16_000_000),
            consumer_cpu_cores: Some(0.2),
            consumer_memory_bytes: Some(17_000_000),
            ..Point::default()
        });
        report.series = points.collect();
        (1..=1_000).for_each(|latency| report.latencies_us.saturating_record(latency * 40));
        report.accept_to_store_seconds =
            vec![Bucket { at_most: Some(0.5), count: 90 }, Bucket { at_most: None, count: 10 }];
        report.counts.dead_lettered = Some(1);
        report.counted = Some(Counted::default());
        report.faults = vec!["the consumer has ended by itself".to_owned()];
        report.findings = vec![
            Finding { fault: Fault::Missing, n: 7, told: Some("0190".to_owned()), stored: None },
            Finding { fault: Fault::NotAccepted, n: 8, told: None, stored: Some("0191".to_owned()) },
        ];
        report.chaos = Some(ChaosReport {
            seed: 1,
            one_by_one: false,
            brokers: 1,
            longest_silence_seconds: 0.5,
            largest_lag: 900,
            calm_lag: 400,
            faults: vec![FaultReport {
                fault: "consumer-kill",
                remark: "the consumer".to_owned(),
                at_seconds: 10.0,
                lasted_seconds: 2.0,
                accepted_again_seconds: Some(0.0),
                lag_gone_seconds: None,
            }],
            poison: PoisonReport { sent: 7, dead_lettered: [("invalid", 7)].into(), missing: 0 },
        });
    }

    #[test]
    fn the_schema_describes_every_field() {
        let mut report = example();
        assert_eq!(schema::faults(&serde_json::to_value(&report).unwrap()), [""; 0]);
        fill(&mut report);
        let mut report = serde_json::to_value(&report).unwrap();
        assert_eq!(schema::faults(&report), [""; 0]);
        report["news"] = 1.into();
        report["run"] = 1.into();
        report["series"][0].as_object_mut().unwrap().remove("seconds");
        let faults = schema::faults(&report);
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn the_file_has_every_name_that_readers_rely_on() {
        let report = serde_json::to_value(example()).unwrap();
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
