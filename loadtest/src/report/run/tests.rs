use super::*;
use crate::ledger::books::Counts;
use crate::ledger::named::FindingKind;
use crate::ledger::post::bodies::ContentLength;
use crate::load::generator::tally::Tally;
use crate::load::visible::seen::{SeenPosts, Times};
use crate::pipeline::chaos::extra::ExtraReport;
use crate::pipeline::chaos::poison::PoisonReport;
use crate::pipeline::settings::Variables;
use crate::report::chaos::FaultReport;
use crate::report::drift::GrowthLimits;
use crate::report::environment::LoadSettings;
use crate::report::schema;
use crate::report::threshold::{Measured, defaults, judge};

pub(crate) fn example() -> RunReport {
    let counts = Counts { accepted: 8_958, stored: 8_957, missing: 1, ..Counts::default() };
    let outcomes = Outcomes { accepted: 8_958, ..Outcomes::default() };
    let measured = Measured {
        latencies: Some(Latencies { p95: Duration::from_millis(5), ..Latencies::default() }),
        all_latencies: None,
        failed_share: 0.0,
        accepted: 8_958,
        accepted_per_second: 298.6,
        drained_after: Some(Duration::from_millis(4_900)),
        lag_left: Some(0),
        counts: Some(counts),
        visible: Times::default(),
    };
    RunReport {
        run: "00ab12cd".to_owned(),
        kind: "post",
        passed: false,
        ended_early: false,
        counts: ReportedCounts::of(counts, true),
        states: None,
        audit: None,
        ids: Some("compared"),
        compared: Some("whole documents".to_owned()),
        counted: None,
        requests_per_second: 298.6,
        accepted_per_second: 298.6,
        load_seconds: 30.0,
        accepted_latency_ms: Some(Latency { p50: 3.1, p95: 5.0, p99: 8.25, p999: 20.0, max: 41.0 }),
        latency_ms: Latency { p50: 2.9, p95: 5.0, p99: 8.25, p999: 20.0, max: 30_000.0 },
        failed_share: 0.0,
        outcomes,
        invalid_accepted: 0,
        generator: GeneratorReport::of(&Tally::default(), Duration::from_secs(6), Duration::from_secs(30), 2, 2),
        drain_seconds: Some(4.9),
        lag_left: Some(0),
        producer: ServiceUsage::default(),
        consumer: ServiceUsage::default(),
        accept_to_store_seconds: vec![],
        accept_to_visible: AcceptToVisible::off("the store cannot be reached".to_owned()),
        chaos: None,
        drift: None,
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
                share: None,
                vus: 300,
                keys: None,
                bulk: 1,
                marker: None,
                given_bodies: None,
                duration_seconds: Some(30.0),
                warm_up_seconds: 0.0,
                think_seconds: Some(1.0),
                rate: None,
                stages: None,
                fixed_users: None,
                repeat: 1,
                content_length: ContentLength::default(),
                hostile_share: 0.02,
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
        latencies: LatencyHistograms::default(),
    }
}

/// Fills in what a run can leave out.
pub(crate) fn fill(report: &mut RunReport) {
    let points = (1..=30_u32).map(|second| Point {
        seconds: f64::from(second),
        length_seconds: 1.0,
        sent_per_second: 300.0,
        accepted_per_second: 299.0,
        unavailable: 1,
        accepted_p50_ms: Some(3.0),
        accepted_p95_ms: Some(5.0),
        accepted_p99_ms: Some(8.0),
        accepted_max_ms: Some(f64::from(second)),
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
    (1..=1_000).for_each(|n| report.latencies.record(Duration::from_micros(n * 40), n % 100 > 0));
    report.accept_to_store_seconds =
        vec![Bucket { at_most: Some(0.5), count: 90 }, Bucket { at_most: None, count: 10 }];
    let mut seen = SeenPosts { not_seen: 1, ..SeenPosts::default() };
    (1..=150).for_each(|time| seen.times_us.saturating_record(time * 30_000));
    report.accept_to_visible = AcceptToVisible::of(0.01, seen, 0);
    report.counts.dead_lettered = Some(1);
    report.states =
        Some(StateCounts { in_topic: 100, keys: 9, superseded: 91, overtaken: 2, ..StateCounts::default() });
    report.audit = Some(AuditCounts { lines: 100, not_audited: 1, ..AuditCounts::default() });
    report.environment.load.keys = Some(10);
    report.counted = Some(Counted::default());
    report.faults = vec!["the consumer exited".to_owned()];
    report.drift = Some(Drift::of(&report.series, 30.0, LIMITS));
    report.findings = vec![
        Finding { answered: Some("0190".to_owned()), ..Finding::of(FindingKind::Missing, Some(7)) },
        Finding {
            stored: Some("0191".to_owned()),
            differs: Some("content".to_owned()),
            sent: Some("{}".to_owned()),
            there: Some("{}".to_owned()),
            ..Finding::of(FindingKind::Changed, Some(8))
        },
        Finding { there: Some("{}".to_owned()), ..Finding::of(FindingKind::NoNumber, None) },
        Finding::of(FindingKind::Stale, Some(9)),
        Finding::of(FindingKind::OutOfOrder, Some(9)),
        Finding::of(FindingKind::OlderSeen, Some(9)),
        Finding::of(FindingKind::NotAudited, Some(9)),
        Finding::of(FindingKind::AuditedOnly, Some(9)),
        Finding::of(FindingKind::AuditedOtherwise, Some(9)),
        Finding::of(FindingKind::AuditUnreadable, None),
    ];
    report.chaos = Some(ChaosReport {
        seed: 1,
        one_by_one: false,
        brokers: 1,
        longest_silence_seconds: 0.5,
        longest_recovery_seconds: None,
        largest_lag: 900,
        calm_lag: 400,
        faults: vec![FaultReport {
            fault: "consumer-kill",
            remark: "the consumer".to_owned(),
            at_seconds: 10.0,
            lasted_seconds: 2.0,
            accepted_again_seconds: Some(0.0),
            lag_gone_seconds: None,
            recovered_seconds: None,
        }],
        poison: PoisonReport { sent: 7, dead_lettered: [("invalid", 7)].into(), missing: 0, changed: 0, stored: 0 },
        extra_posts: ExtraReport { sent: 5, missing: 0 },
    });
}

/// The limits that a soak has by default.
const LIMITS: GrowthLimits =
    GrowthLimits { megabytes_per_hour: 5.0, percent_per_hour: 10.0, warm_up_share: 0.2, warm_up_seconds: 0.0 };

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
fn a_word_that_the_schema_does_not_list_is_an_error() {
    let mut report = serde_json::to_value(example()).unwrap();
    for listed in [Some("compared"), Some("not compared"), None] {
        report["ids"] = listed.into();
        assert_eq!(schema::faults(&report), [""; 0]);
    }
    report["ids"] = "perhaps".into();
    assert_eq!(schema::faults(&report), [r#"report.ids is none of ["compared","not compared",null]: "perhaps""#]);
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
        "changed",
        "unexpected",
        "dead_lettered",
        "replayed",
        "lag_left",
    ] {
        assert!(report[name].is_u64(), "{name} in {report}");
    }
    for name in ["requests_per_second", "drain_seconds", "failed_share"] {
        assert!(report[name].is_f64(), "{name} in {report}");
    }
    for name in ["p50", "p95", "p99", "max"] {
        assert!(report["latency_ms"][name].is_f64(), "{name} in {report}");
        assert!(report["accepted_latency_ms"][name].is_f64(), "{name} in {report}");
    }
    assert_eq!(report["environment"]["cores"], 2);
    assert_eq!(report["environment"]["producer_settings"]["PORT"], "3000");
    assert_eq!(report["producer"]["peak_memory_bytes"], serde_json::Value::Null);
    assert_eq!(report["thresholds"][5]["threshold"], "missing==0");
    assert_eq!(report["thresholds"][5]["holds"], false);
}
