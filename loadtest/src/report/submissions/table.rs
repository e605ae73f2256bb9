//! A run of submissions as a table for people.

use service::status::figures::grouped;

use super::{FaultReport, Percentiles, SubmissionsReport};
use crate::base::text::a_second;
use crate::pipeline::submissions::queue::QueueKind;

/// How many findings it shows.
const FINDINGS_SHOWN: usize = 10;

/// Stands for a value that there is not.
const UNMEASURED: &str = "nothing was measured";

/// The table, with a line for each fault and each threshold.
pub(crate) fn render(report: &SubmissionsReport) -> String {
    let (sent, found, setting) = (&report.sent, &report.found, &report.setting);
    let rate = setting.rate.map_or(String::new(), |rate| format!(", {rate} submissions per second offered"));
    let mut text = format!(
        "\nrun {} of submissions: {}{}, {} virtual users, {:.0} s of load{rate}{}\n\n",
        report.run,
        setting.database,
        if setting.queue == QueueKind::Kafka { ", with Kafka as the queue" } else { "" },
        setting.vus,
        report.load_seconds,
        if report.ended_early { ", ended early" } else { "" }
    );
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<16}{value}\n"));
    let mut count = |name: &str, count: u64, note: &str| {
        let note = if note.is_empty() { String::new() } else { format!("   {note}") };
        row(name, format!("{:>10}{note}", grouped(count)));
    };
    count("accepted", sent.accepted, &a_second(sent.accepted_per_second));
    count("rejected", sent.rejected, "");
    count("unknown", sent.unknown, &format!("of which in the database: {}", grouped(found.unknown_there)));
    count("not sent", sent.not_sent, "nobody listened");
    count("sent again", sent.sent_again, "requests, under their Idempotency-Key");
    count("in the database", found.rows, "");
    count("PASSED", found.passed, "");
    count("FAILED", found.failed, "");
    count("CANCELLED", found.cancelled, "");
    count("from the cache", found.cached, "");
    count("tried again", found.retried, "because somebody asked for it");
    let causes = format!(
        "{} lost workers, {} given back, {} failures",
        grouped(found.losses),
        grouped(found.given_back),
        grouped(found.failures)
    );
    count("begun again", found.begun_again, &causes);
    let late = report.counted.get("submissions_late_finishes_total").copied().unwrap_or(0);
    count("late finishes", late, "refused");
    if report.unexplained_losses > 0 {
        count("unexplained", report.unexplained_losses, "lost workers, although nothing was done to one");
    }
    if let Some(reruns) = report.reruns {
        count("reruns", reruns, "begun again after their worker was killed or frozen");
    }
    for (name, wrong) in report.wrong.iter().filter(|(_, wrong)| *wrong > 0) {
        count(name, *wrong, "WRONG");
    }
    row("submit", percentiles(report.times.submit));
    let looks = format!("   {} submissions were watched", grouped(report.watched));
    row("status", percentiles(report.times.status) + &looks);
    row("accept to final", percentiles(report.times.accept_to_final));
    let drained = report.drain_seconds.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
    row("all final", format!("{drained} after the load"));
    if !report.faults.is_empty() {
        text.push_str(&format!("\n  {:<18}{:<14}{:>8}{:>9}   its work ran again\n", "fault", "hit", "at", "lasted"));
        report.faults.iter().for_each(|fault| text.push_str(&line(fault)));
    }
    text.push('\n');
    let width = report.thresholds.iter().map(|verdict| verdict.threshold.len()).max().unwrap_or(0) + 2;
    for verdict in &report.thresholds {
        let mark = if verdict.holds { "ok    " } else { "FAILED" };
        let value = if verdict.value.is_finite() { format!("{:.3}", verdict.value) } else { UNMEASURED.to_owned() };
        text.push_str(&format!("  {mark}  {:<width$}{value}\n", verdict.threshold));
    }
    for trouble in &report.troubles {
        text.push_str(&format!("  FAILED  {}\n", trouble.lines().next().unwrap_or_default()));
    }
    if let Some(wrong) = &sent.first_wrong_answer {
        text.push_str(&format!("  FAILED  the first wrong answer: {wrong}\n"));
    }
    if !report.findings.is_empty() {
        text.push_str("\n  the first findings (all that are named are in the report):\n");
    }
    for finding in report.findings.iter().take(FINDINGS_SHOWN) {
        let number = finding.n.map_or("without a number".to_owned(), |n| format!("number {n}"));
        text.push_str(&format!("    {}, {number}: {}\n", finding.kind.name(), finding.what.escape_debug()));
    }
    text
}

fn percentiles(times: Option<Percentiles>) -> String {
    let Some(Percentiles { p50, p95, p99, max, .. }) = times else { return UNMEASURED.to_owned() };
    format!("p50 {p50:.1} ms   p95 {p95:.1} ms   p99 {p99:.1} ms   max {max:.1} ms")
}

fn line(fault: &FaultReport) -> String {
    let rerun = match fault.rerun {
        Some(rerun) if rerun.submissions > 0 => {
            format!("{} within {:.1} s", grouped(rerun.submissions), rerun.longest_ms as f64 / 1e3)
        }
        Some(_) => "it held none".to_owned(),
        None => String::new(),
    };
    let FaultReport { fault, hit, at_seconds, lasted_seconds, .. } = fault;
    let line = format!("  {fault:<18}{hit:<14}{at_seconds:>6.1} s{lasted_seconds:>7.1} s   {rerun}");
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::submissions::findings::{FindingKind, Findings};
    use crate::ledger::submissions::reruns::Rerun;
    use crate::report::submissions::wrong;

    #[test]
    fn the_table_shows_what_was_found() {
        let mut findings = Findings::default();
        findings.add(FindingKind::Missing, Some(7), "accepted as\n7");
        let mut report = crate::report::submissions::tests::example();
        report.wrong = wrong(&findings);
        report.findings = findings.named().to_vec();
        report.troubles.push("the API ended; its log ends:\nabc".to_owned());
        report.thresholds = super::super::verdicts::judge(&[], &report);
        let table = render(&report);
        for line in [
            "run 00ab12cd of submissions: SQLite, 50 virtual users, 10 s of load, 500 submissions per second offered",
            "  accepted             4,000   400/s",
            "  begun again              7   7 lost workers, 0 given back, 0 failures",
            "  late finishes            5   refused",
            "  unexplained              8   lost workers, although nothing was done to one",
            "  reruns                   7   begun again after their worker was killed or frozen",
            "  missing                  1   WRONG",
            "  process-kill      submissions      3.0 s    1.5 s   7 within 1.9 s",
            "  FAILED  missing==0           1.000",
            "  ok      rerun<5s             1.900",
            "  FAILED  the API ended; its log ends:",
            "    missing, number 7: accepted as\\n7",
        ] {
            assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
        }
        assert!(!table.contains("duplicated  "), "{table}");

        report.setting.queue = QueueKind::Kafka;
        (report.faults[0].rerun, report.reruns) = (Some(Rerun::default()), Some(0));
        report.thresholds = super::super::verdicts::judge(&[], &report);
        let table = render(&report);
        for part in ["SQLite, with Kafka as the queue, 50 virtual users", "it held none"] {
            assert!(table.contains(part), "`{part}` in\n{table}");
        }
        assert!(table.contains("  FAILED  rerun<11s            nothing was measured\n"), "{table}");
    }
}
