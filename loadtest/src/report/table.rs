//! The result of a run as a short table for people.

use contract::Kind;
use service::status::figures::grouped;

use crate::base::text::a_second;
use crate::ledger::books::StateCounts;
use crate::ledger::expected::WHOLE;
use crate::ledger::named::Finding;
use crate::load::generator::strain::NoFreeUser;
use crate::load::pacing::stages::RatePoint;
use crate::report::drift::Drift;
use crate::report::run::{Latency, RunReport, ServiceUsage};
use crate::report::visible::{AcceptToVisible, Milliseconds};

/// From this share of all posts on, the table mentions posts that found no free user.
const MENTIONED_SHARE: f64 = 0.01;

/// The findings that the table names, and how many characters of each side it shows.
const FINDINGS_SHOWN: usize = 10;
const SHOWN: usize = 300;

/// What percentiles of the closed model do not show.
pub(crate) const CLOSED_MODEL: &str =
    "a slow answer delays the next post of its user, so these latencies are too good: see --rate";

/// The table, with a line for each threshold and fault.
pub(crate) fn render(report: &RunReport) -> String {
    let counts = &report.counts;
    let kind = if report.kind == Kind::Post.name() { String::new() } else { format!(" of {}s", report.kind) };
    let mut text = format!("\nrun {}{kind}: {}\n\n", report.run, load(report));
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<14}{value}\n"));
    let rate = a_second(report.accepted_per_second);
    row("accepted", format!("{:>10}   {rate}", grouped(counts.accepted)));
    let drained = report.drain_seconds.map(|seconds| format!("   {seconds:.1} s after the last answer"));
    match counts.stored {
        Some(stored) => row("stored", format!("{:>10}{}", grouped(stored), drained.unwrap_or_default())),
        None => {
            let why = match report.environment.load.share {
                Some(_) => "`loadtest merge` reconciles all shares together",
                None => "nothing was reconciled (--no-reconcile)",
            };
            row("stored", format!("{:>10}   {why}", "not known"));
        }
    }
    if let Some(states) = report.states {
        let StateCounts { in_topic, keys, superseded, overtaken, appended_again, .. } = states;
        row("in the topic", format!("{:>10}", grouped(in_topic)));
        row("keys", format!("{:>10}   whose last record is their document", grouped(keys)));
        row("superseded", format!("{:>10}   by a later record of their key", grouped(superseded)));
        let overtaken =
            format!("{:>10}   appended after later records; they were not known to be accepted", grouped(overtaken));
        row("overtaken", overtaken);
        if appended_again > 0 {
            row("copies", format!("{:>10}   of records that are in the topic already", grouped(appended_again)));
        }
        for (name, count) in [("stale", states.stale), ("out of order", states.out_of_order)] {
            row(name, format!("{:>10}", grouped(count)));
        }
        let older_seen = states.older_seen.map_or("not looked for".to_owned(), grouped);
        row("older seen", format!("{older_seen:>10}"));
    }
    for (name, count) in [
        ("missing", counts.missing),
        ("duplicated", counts.duplicated),
        ("changed", counts.changed),
        ("unexpected", counts.unexpected),
        ("dead-lettered", counts.dead_lettered),
    ] {
        if let Some(count) = count {
            row(name, format!("{:>10}", grouped(count)));
        }
    }
    if let Some(audit) = report.audit {
        row("audited", format!("{:>10}   requests, in the audit log", grouped(audit.lines)));
        for (name, count) in [
            ("not audited", audit.not_audited),
            ("audited only", audit.audited_only),
            ("otherwise", audit.audited_otherwise),
        ] {
            row(name, format!("{:>10}", grouped(count)));
        }
        if audit.half_written > 0 {
            row("half lines", format!("{:>10}   of producers that were killed", grouped(audit.half_written)));
        }
    }
    if let Some(replayed) = counts.replayed.filter(|replayed| *replayed > 0) {
        row("replayed", format!("{:>10}   dead-lettered, and stored since", grouped(replayed)));
    }
    let invalid = match report.outcomes.invalid_rejected {
        0 => String::new(),
        invalid => format!("   of which invalid on purpose: {}", grouped(invalid)),
    };
    row("rejected", format!("{:>10}{invalid}", grouped(counts.rejected)));
    let stored = counts.unknown_stored.map(|stored| format!("   of which stored: {}", grouped(stored)));
    row("unknown", format!("{:>10}{}", grouped(counts.unknown), stored.unwrap_or_default()));
    if let Some(compared) = report.compared.as_ref().filter(|compared| *compared != WHOLE && report.states.is_none()) {
        row("compared", format!("only these fields of each document: {compared}"));
    }
    if report.ids == Some("not compared") {
        row("ids", format!("{:>10}   the answers or the documents do not have our ids", "ignored"));
    }
    row("not connected", format!("{:>10}", grouped(report.outcomes.not_connected)));
    row("latency", report.accepted_latency_ms.map_or("no post was accepted".to_owned(), latencies));
    row("all outcomes", latencies(report.latency_ms));
    if report.environment.load.think_seconds.is_some() {
        row("closed model", CLOSED_MODEL.to_owned());
    }
    let visible = &report.accept_to_visible;
    if visible.sampled > 0 {
        let AcceptToVisible { sampled, not_seen, time_ms: Milliseconds { p50, p95, p99, max }, .. } = visible;
        let time = |ms: Option<f64>| ms.map_or("never".to_owned(), |ms| format!("{:.2} s", ms / 1e3));
        let times =
            [("p50", p50), ("p95", p95), ("p99", p99), ("max", max)].map(|(name, ms)| format!("{name} {}", time(*ms)));
        let unseen = if *not_seen > 0 { format!(", {} never seen", grouped(*not_seen)) } else { String::new() };
        row("visible", format!("{}   of {} posts looked for{unseen}", times.join("   "), grouped(*sampled)));
    }
    let NoFreeUser { posts, longest_ms } = report.generator.no_free_user;
    if posts as f64 > report.outcomes.tried() as f64 * MENTIONED_SHARE {
        let waits = format!("{:>10}   posts found no free user, for {longest_ms:.0} ms at most", grouped(posts));
        row("users", waits + ": the target is slower than the load, or --vus too few");
    }
    if let Some(why) = &report.generator.why {
        row("generator", format!("is the limit, not the target: {why}"));
    }
    row("producer", usage(&report.producer));
    row("consumer", usage(&report.consumer));
    if let Some(lag) = report.lag_left.filter(|lag| *lag > 0) {
        row("lag left", format!("{:>10}   the wait for the consumer ended (--drain-timeout)", grouped(lag)));
    }
    if let Some(chaos) = &report.chaos {
        text.push('\n');
        chaos.lines().iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    if let Some(drift) = &report.drift {
        text.push('\n');
        drift.lines().iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    text.push('\n');
    let longest = report.thresholds.iter().map(|verdict| verdict.threshold.len()).max().unwrap_or(0);
    let width = longest.max(14) + 2;
    for verdict in &report.thresholds {
        let mark = if verdict.holds { "ok    " } else { "FAILED" };
        text.push_str(&format!("  {mark}  {:<width$}{:.3}\n", verdict.threshold, verdict.value));
    }
    if let Some(unclear) = report.drift.as_ref().map(Drift::unclear).filter(|unclear| !unclear.is_empty()) {
        text.push_str(&format!("  OPEN    growth of {}: the load is too short to tell\n", unclear.join(", ")));
    }
    for fault in &report.faults {
        // The log lines that may follow are on standard error and in the report.
        text.push_str(&format!("  FAILED  {}\n", fault.lines().next().unwrap_or_default().trim_end_matches(" ends:")));
    }
    if !report.findings.is_empty() {
        text.push_str("\n  the first findings (all that are named are in the report):\n");
        report.findings.iter().take(FINDINGS_SHOWN).for_each(|found| text.push_str(&finding(found)));
    }
    text
}

/// A finding, what was sent, and what is there.
pub(crate) fn finding(finding: &Finding) -> String {
    let Finding { kind, n, differs, sent, there, .. } = finding;
    let number = n.map_or("without a number".to_owned(), |n| format!("number {n}"));
    let differs = differs.as_ref().map_or(String::new(), |differs| format!(": {differs}"));
    let mut text = format!("    {kind:?}, {number}{differs}\n");
    for (name, what) in [("sent ", sent), ("there", there)] {
        if let Some(what) = what {
            let start: String = what.chars().take(SHOWN).map(visible).collect();
            let cut = if what.chars().count() > SHOWN { "…" } else { "" };
            text.push_str(&format!("      {name}  {start}{cut}\n"));
        }
    }
    text
}

fn latencies(latency: Latency) -> String {
    let latencies = [("p50", latency.p50), ("p95", latency.p95), ("p99", latency.p99), ("max", latency.max)];
    latencies.map(|(name, milliseconds)| format!("{name} {milliseconds:.1} ms")).join("   ")
}

/// A character as a terminal shows it, also if it combines with others, turns their direction, or is not seen.
fn visible(character: char) -> String {
    match character {
        '"' | '\'' | '\\' => character.to_string(),
        _ => character.escape_debug().to_string(),
    }
}

/// The load in a line.
pub(crate) fn load(report: &RunReport) -> String {
    let load = &report.environment.load;
    format!(
        "{}{} virtual users{}, {} s of load{}{}{}{}{}",
        load.share.map_or(String::new(), |share| format!("share {share} of ")),
        load.vus,
        if load.bulk > 1 { format!(", bulks of {}", load.bulk) } else { String::new() },
        report.load_seconds.round(),
        if load.warm_up_seconds > 0.0 {
            format!(", the first {} s not measured", load.warm_up_seconds)
        } else {
            String::new()
        },
        load.think_seconds.map_or(String::new(), |think| format!(", think time {think} s")),
        load.rate.map_or(String::new(), |rate| format!(", {rate} posts per second offered")),
        load.stages
            .as_deref()
            .map_or(String::new(), |points| format!(", posts per second offered: {}", stages(points))),
        if report.ended_early { ", ended early" } else { "" }
    )
}

/// The points of a changing rate, as they were given.
pub(crate) fn stages(points: &[RatePoint]) -> String {
    points.iter().map(RatePoint::to_string).collect::<Vec<_>>().join(",")
}

/// What a service used, in words.
pub(crate) fn usage(service: &ServiceUsage) -> String {
    let memory = service.usage.peak_memory_bytes.map(|bytes| format!("{:.0} MB at most", bytes as f64 / 1e6));
    let cpu = service.cpu_microseconds_per_post.map(|cpu| format!("{cpu:.1} µs of CPU a post"));
    let parts: Vec<String> = memory.into_iter().chain(cpu).collect();
    if parts.is_empty() { "does not report what it used".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::books::Counts;
    use crate::ledger::named::FindingKind;
    use crate::load::pacing::stages::Stages;
    use crate::report::reported_counts::ReportedCounts;
    use crate::report::run::tests::example;

    #[test]
    fn a_run_that_was_not_reconciled_says_so() {
        let mut report = example();
        report.counts = ReportedCounts::of(Counts { accepted: 7, ..Counts::default() }, false);
        report.ids = None;
        let table = render(&report);
        let line = "  stored         not known   nothing was reconciled (--no-reconcile)";
        assert!(table.lines().any(|found| found == line), "{table}");
        assert!(!table.contains("duplicated  ") && !table.contains("of which stored"), "{table}");
    }

    #[test]
    fn a_finding_shows_what_was_sent_and_what_is_there() {
        let finding = Finding {
            differs: Some("content from character 2".to_owned()),
            sent: Some("{\"content\":\"e\u{301}\u{202e}\"}".to_owned()),
            there: Some("x".repeat(SHOWN + 1)),
            ..Finding::of(FindingKind::Changed, Some(7))
        };
        let table = render(&RunReport { findings: vec![finding], ..example() });
        assert!(table.contains("    Changed, number 7: content from character 2\n"), "{table}");
        assert!(table.contains("      sent   {\"content\":\"e\\u{301}\\u{202e}\"}\n"), "{table}");
        assert!(table.contains(&format!("      there  {}…\n", "x".repeat(SHOWN))), "{table}");
    }

    #[test]
    fn ids_that_were_not_compared_are_mentioned() {
        assert!(!render(&example()).contains("  ids "));
        let table = render(&RunReport { ids: Some("not compared"), ..example() });
        assert!(
            table.contains("  ids              ignored   the answers or the documents do not have our ids"),
            "{table}"
        );
    }

    #[test]
    fn the_generator_is_mentioned_when_it_is_the_limit() {
        let mut report = example();
        let calm = render(&report);
        assert!(!calm.contains("  generator ") && !calm.contains("  users "), "{calm}");
        report.generator.no_free_user = NoFreeUser { posts: 4_000, longest_ms: 1_234.5 };
        report.generator.why = Some("it used 93 % of it".to_owned());
        let table = render(&report);
        for line in [
            "  generator     is the limit, not the target: it used 93 % of it",
            "  users              4,000   posts found no free user, for 1234 ms at most: \
             the target is slower than the load, \
             or --vus too few",
        ] {
            assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
        }
    }

    #[test]
    fn a_warm_up_is_in_the_first_line() {
        let mut report = example();
        report.environment.load.warm_up_seconds = 2.5;
        let table = render(&report);
        let line = "run 00ab12cd: 300 virtual users, 30 s of load, the first 2.5 s not measured, think time 1 s";
        assert!(table.lines().any(|found| found == line), "{table}");
    }

    #[test]
    fn the_blind_spot_of_the_closed_model_is_beside_its_figures() {
        let mut report = example();
        let table = render(&report);
        assert!(table.contains("  closed model  a slow answer delays the next post of its user"), "{table}");
        report.environment.load.think_seconds = None;
        report.accepted_latency_ms = None;
        let table = render(&report);
        assert!(!table.contains("closed model") && table.contains("  latency       no post was accepted\n"), "{table}");
    }

    #[test]
    fn stages_are_in_the_first_line() {
        let mut report = example();
        report.environment.load.think_seconds = None;
        report.environment.load.stages = Some("0s:500,30s:5000".parse::<Stages>().unwrap().points().to_vec());
        let table = render(&report);
        let line = "run 00ab12cd: 300 virtual users, 30 s of load, posts per second offered: 0s:500,30s:5000";
        assert!(table.lines().any(|found| found == line), "{table}");
    }

    #[test]
    fn the_table_shows_the_ledger_and_every_verdict() {
        let table = render(&example());
        for line in [
            "run 00ab12cd: 300 virtual users, 30 s of load, think time 1 s",
            "  accepted           8,958   299/s",
            "  stored             8,957   4.9 s after the last answer",
            "  missing                1",
            "  latency       p50 3.1 ms   p95 5.0 ms   p99 8.2 ms   max 41.0 ms",
            "  all outcomes  p50 2.9 ms   p95 5.0 ms   p99 8.2 ms   max 30000.0 ms",
            "  ok      p95<2000ms        5.000",
            "  FAILED  missing==0        1.000",
        ] {
            assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
        }
    }
}
