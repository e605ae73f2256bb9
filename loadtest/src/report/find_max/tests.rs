use super::*;
use crate::ledger::books::Counts;
use crate::ledger::named::{Finding, FindingKind};
use crate::report::proof::tests::reconciled;
use crate::report::run::tests::example;
use crate::report::schema;

fn probe(rate: f64, why: Option<&str>) -> ProbeReport {
    ProbeReport {
        offered_per_second: rate,
        accepted_per_second: rate * 0.999,
        p50_ms: Some(4.25),
        p95_ms: Some(9.0),
        p99_ms: Some(612.0),
        unsent: 0,
        lag_growth_per_second: Some(-12.4),
        lag: Some(900),
        failed: 0,
        sustained: why.is_none(),
        why: why.map(str::to_owned),
        generator: why.map(|_| "it was late".to_owned()),
    }
}

fn counts() -> Counts {
    Counts { accepted: 1_234, stored: 1_234, ..Counts::default() }
}

fn confirmation(rate: f64, why: Option<&str>, report: &str) -> ConfirmationReport {
    ConfirmationReport {
        offered_per_second: rate,
        accepted_per_second: rate * 0.999,
        p99_ms: Some(412.0),
        lag_growth_per_second: Some(3.0),
        failed: 0,
        sustained: why.is_none(),
        why: why.map(str::to_owned),
        report: report.to_owned(),
    }
}

fn report() -> FindMaxReport {
    let probes = vec![probe(7_000.0, None), probe(14_000.0, Some("p99 612 ms is above 500 ms"))];
    FindMaxReport {
        run: "00ab12cd".to_owned(),
        passed: true,
        ended_early: false,
        confirmed_rate: Some(8_500.0),
        confirm_seconds: 120.0,
        confirmations: vec![
            confirmation(10_000.0, Some("12 posts failed"), "confirm-1"),
            confirmation(8_500.0, None, "confirm-2"),
        ],
        max_rate: MaxRate { estimate: Some(10_000.0), low: Some(8_000.0), high: Some(12_500.0), probes_around: 0 },
        half_rate: HalfRate { estimate: Some(12_000.0), low: Some(11_000.0), high: Some(13_500.0) },
        slo_ms: 500.0,
        warm_up_seconds: 2.0,
        measure_seconds: 8.0,
        closed_loop_per_second: Some(10_000.0),
        probes,
        generator_limited: 1,
        proof: Some(Proof::of(&counts(), Some(reconciled(counts())), Some(0))),
        faults: vec![],
        environment: example().environment,
    }
}

#[test]
fn the_table_shows_every_probe_and_the_result() {
    let table = report().table();
    for line in [
        "find-max 00ab12cd: p99 within 500 ms, no failures, no growing lag; 8 s measured after 2 s of warm-up",
        "  probe  offered/s   accepted       p50       p95       p99    lag +/s",
        "      1      7,000      6,993    4.2 ms    9.0 ms    612 ms        -12   sustained",
        "      2     14,000     13,986    4.2 ms    9.0 ms    612 ms        -12   not: p99 612 ms is above 500 ms",
        "  closed loop 10,000/s accepted before the first probe",
        "  generator   was the limit in 1 of the 1 probes that failed, so the target may sustain more: it was late",
        "  half        of probes sustain 12,000/s   with 95 % between 11,000/s and 13,500/s",
        "  95 %        of probes sustain 10,000/s   with 95 % between 8,000/s and 12,500/s, from 0 probes around it",
        "    a run at  10,000/s   9,990/s accepted, p99 412 ms, not: 12 posts failed   (confirm-1/report.html)",
        "    a run at  8,500/s   8,492/s accepted, p99 412 ms, sustained   (confirm-2/report.html)",
        "  sustained   8,500/s   confirmed by a run of 120 s",
        "  ledger      1,234 accepted, 1,234 stored as they were sent (looked for one by one)",
    ] {
        assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
    }
}

#[test]
fn a_rate_that_was_not_confirmed_is_not_called_sustained() {
    let mut report = FindMaxReport { confirmed_rate: None, ..report() };
    assert!(report.table().contains("  sustained   not confirmed: no run of 120 s sustained its rate\n"));
    report.confirmations.clear();
    assert!(report.table().contains("  sustained   not confirmed: there was no run to confirm a rate\n"));
    report.confirm_seconds = 0.0;
    assert!(report.table().contains("  sustained   not confirmed (--confirm 0s)\n"), "{}", report.table());
}

#[test]
fn a_limit_that_was_not_found_says_so() {
    let rate = |low, high| MaxRate { low, high, ..MaxRate::default() };
    assert_eq!(rate(Some(50.0), None).line(), "at least 50.0/s: every offered rate was sustained");
    assert_eq!(rate(None, Some(50.0)).line(), "less than 50.0/s: no offered rate was sustained");
    assert_eq!(rate(None, None).line(), "not known: no probe finished");
}

#[test]
fn the_schema_describes_every_field() {
    let faults = |report: &FindMaxReport| {
        let json = serde_json::to_value(report).unwrap();
        schema::faults_by(include_str!("../../../find-max.schema.json"), &json)
    };
    let mut report = report();
    assert_eq!(faults(&report), [""; 0]);
    (report.max_rate, report.half_rate) = (MaxRate::default(), HalfRate::default());
    report.closed_loop_per_second = None;
    (report.probes[0].lag_growth_per_second, report.probes[0].lag) = (None, None);
    (report.probes[0].p95_ms, report.probes[0].p99_ms, report.probes[0].unsent) = (None, None, 400);
    report.faults = vec!["the consumer exited".to_owned()];
    assert_eq!(faults(&report), [""; 0], "a given pipeline that failed");
    report.confirmations[0].p99_ms = None;
    report.confirmations[0].lag_growth_per_second = None;
    (report.confirmed_rate, report.proof) = (None, Some(Proof::of(&counts(), None, None)));
    assert_eq!(faults(&report), [""; 0], "and whose store cannot be reached");
}

#[test]
fn a_finding_is_named() {
    let mut report = report();
    let missing = Counts { missing: 1, stored: 1_233, ..counts() };
    let mut reconciled = reconciled(missing);
    reconciled.findings.push(Finding::of(FindingKind::Missing, Some(7)));
    report.proof = Some(Proof::of(&missing, Some(reconciled), Some(0)));
    let table = report.table();
    assert!(table.contains("1,233 stored, NOT missing==0 (1)\n") && table.contains("Missing, number 7"), "{table}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(schema::faults_by(include_str!("../../../find-max.schema.json"), &json), [""; 0]);
}
