//! The page's tables.

use std::ops::Range;

use maud::{Markup, html};
use service::status::figures::grouped;

use super::layout::section;
use super::marks::{broken, held, number};
use crate::report::drift::GrowthJudgement;
use crate::report::run::RunReport;

/// Every fault with its number in the plots.
pub(crate) fn faults(report: &RunReport) -> Markup {
    let Some(chaos) = &report.chaos else { return html! {} };
    let note = "with their numbers in the plots above";
    if chaos.faults.is_empty() {
        return section("Faults", note, &html! { p.note { "None was injected." } });
    }
    let columns = ["", "fault", "at", "lasted", "accepted again", "lag gone", "recovered", "what was hit"];
    let seconds = |time: Option<f64>| time.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
    let rows = html! {
        @for (index, fault) in chaos.faults.iter().enumerate() {
            tr {
                td.index { (index + 1) }
                th scope="row" { (fault.fault) }
                td.number { (seconds(Some(fault.at_seconds))) }
                td.number { (seconds(Some(fault.lasted_seconds))) }
                td.number { (seconds(fault.accepted_again_seconds)) }
                td.number { (seconds(fault.lag_gone_seconds)) }
                td.number { (seconds(fault.recovered_seconds)) }
                td { (fault.remark) }
            }
        }
    };
    let content = html! {
        (table("Faults", &columns, 2..7, &rows))
        p.note {
            "Accepted again and lag gone count from the fault's start; recovered is when both were so, from its end. "
            "A lag of at most " (grouped(chaos.calm_lag))
            " records counts as none. Seed " (chaos.seed) ", " (chaos.brokers)
            (if chaos.brokers == 1 { " broker." } else { " brokers." })
            @if chaos.poison.sent > 0 {
                " Bad records sent: " (chaos.poison.sent)
                ", missing among the dead letters: " (chaos.poison.missing) "."
            }
            @if chaos.extra_posts.sent > 0 {
                " Posts sent past the producer: " (chaos.extra_posts.sent)
                ", not stored: " (chaos.extra_posts.missing) "."
            }
        }
    };
    section("Faults", note, &content)
}

const UNEXPECTED: &str = "stored although rejected or never sent, under another id, or under no number";

/// The ledger.
pub(crate) fn ledger(report: &RunReport) -> Markup {
    let counts = &report.counts;
    let bad = |count: Option<u64>| if count.unwrap_or(0) > 0 { "number alarm" } else { "number" };
    let (missing, duplicated, unexpected) = (counts.missing, counts.duplicated, counts.unexpected);
    let (changed, dead_lettered) = (counts.changed, counts.dead_lettered);
    let was_looked_for = report.states.is_some_and(|states| states.older_seen.is_some());
    let older_seen = if was_looked_for { "an older state was seen after a newer one" } else { "not looked for" };
    let rows = html! {
        (row("accepted", counts.accepted, "answered 2xx", "number"))
        (row("stored", counts.stored, "at least once, whatever the answer was", "number"))
        @if let Some(states) = report.states {
            (row("in the topic", states.in_topic, "of the run, each number once", "number"))
            (row("keys", states.keys, "whose last record must be their document", "number"))
            (row("superseded", states.superseded, "a later record of their key replaces them", "number"))
            (row("overtaken", states.overtaken, "unknown ones, appended after later ones of their key", "number"))
            (row("copies", states.appended_again, "of records that are in the topic already", "number"))
            (row("stale", states.stale, "documents of an earlier record than the last", bad(Some(states.stale))))
            (row("out of order", states.out_of_order, "accepted, but appended after later ones of their key",
                bad(Some(states.out_of_order))))
            (row("older seen", states.older_seen, older_seen, bad(states.older_seen)))
        }
        (row("dead-lettered", dead_lettered, "valid, but kept aside with a reason, not stored", bad(dead_lettered)))
        (row("replayed", counts.replayed, "dead-lettered, and stored since", "number"))
        (row("missing", missing, "accepted, but neither stored nor dead-lettered", bad(missing)))
        (row("duplicated", duplicated, "stored in two or more documents", bad(duplicated)))
        (row("changed", changed, "stored or dead-lettered, but not as sent", bad(changed)))
        (row("unexpected", unexpected, UNEXPECTED, bad(unexpected)))
        @if let Some(audit) = report.audit {
            (row("audited", audit.lines, "requests with a line in the audit log", "number"))
            (row("not audited", audit.not_audited, "requests that were answered, without a line",
                bad(Some(audit.not_audited))))
            (row("audited only", audit.audited_only, "lines with accepted records of a request that was rejected, or \
                lines of requests that were never sent", bad(Some(audit.audited_only))))
            (row("audited otherwise", audit.audited_otherwise, "lines with other counts than the answer, or second",
                bad(Some(audit.audited_otherwise))))
            (row("unreadable lines", audit.unreadable, "of the audit log", bad(Some(audit.unreadable))))
        }
        (row("rejected", counts.rejected, "answered 4xx", "number"))
        (row("unknown", counts.unknown, "sent, but neither accepted nor rejected", "number"))
        (row("unknown, stored", counts.unknown_stored, "of these, stored, which is fine", "number"))
    };
    let content = html! {
        (table("Ledger", &["", "records", "meaning"], 1..2, &rows))
        @if let Some(compared) = &report.compared { p.note { "Compared with what was sent: " (compared) "." } }
    };
    section("Ledger", &format!("{}s", report.kind), &content)
}

/// Posts by what the client saw.
pub(crate) fn outcomes(report: &RunReport) -> Markup {
    let outcomes = &report.outcomes;
    let rows = html! {
        (row("accepted", outcomes.accepted, "2xx", "number"))
        (row("rejected", outcomes.rejected, "4xx", "number"))
        (row("rejected, invalid", outcomes.invalid_rejected, "4xx for a post that breaks a rule on purpose", "number"))
        (row("unavailable", outcomes.unavailable, "503", "number"))
        (row("other status", outcomes.other_status, "neither 2xx, 4xx nor 503", "number"))
        (row("cut off", outcomes.cut_off, "the connection ended first", "number"))
        (row("timed out", outcomes.timed_out, "no answer in time", "number"))
        (row("not connected", outcomes.not_connected, "could not be sent", "number"))
    };
    section("Answers", "posts", &table("Answers", &["", "posts", "meaning"], 1..2, &rows))
}

/// A row of counts. A count is unknown if the store was not read.
fn row(name: &str, count: impl Into<Option<u64>>, meaning: &str, class: &str) -> Markup {
    let count = count.into().map_or("–".to_owned(), grouped);
    html! { tr { th scope="row" { (name) } td class=(class) { (count) } td { (meaning) } } }
}

/// Each threshold with its verdict.
pub(crate) fn thresholds(report: &RunReport) -> Markup {
    let rows = html! {
        @for verdict in &report.thresholds {
            tr {
                th scope="row" { (verdict.threshold) }
                td.number { (number(verdict.value)) }
                @if verdict.holds { td.held { (held()) "holds" } } @else { td.alarm { (broken()) "does not hold" } }
            }
        }
    };
    section("Thresholds", "", &table("Thresholds", &["threshold", "measured", "verdict"], 1..2, &rows))
}

/// What grew in a soak.
pub(crate) fn growths(report: &RunReport) -> Markup {
    let Some(drift) = &report.drift else { return html! {} };
    let columns = ["measure", "at the start", "growth", "99 % interval", "at most", "judgement"];
    let rows = html! {
        @for growth in &drift.growths {
            tr {
                th scope="row" { (growth.measure) }
                td.number { (growth.at_start.map_or("–".to_owned(), |value| format!("{value:.1} {}", growth.unit))) }
                td.number { (growth.text()) }
                td.number { (growth.interval()) }
                td.number { (growth.limit) " " (growth.growth_unit) }
                @match growth.judgement {
                    GrowthJudgement::Below => { td.held { (held()) (growth.judgement.words()) } }
                    GrowthJudgement::Above => { td.alarm { (broken()) (growth.judgement.words()) } }
                    GrowthJudgement::TooShortToTell => { td { (growth.judgement.words()) } }
                }
            }
        }
    };
    let content = html! {
        (table("Growth", &columns, 1..5, &rows))
        p.note {
            "The first " (format!("{:.0}", drift.warm_up_seconds)) " s are left out; a window has "
            (format!("{:.0}", drift.window_seconds)) " s."
        }
    };
    section("Growth", "after the warm-up, by the hour", &content)
}

/// The first findings, and what else went wrong.
pub(crate) fn findings(report: &RunReport) -> Markup {
    let rows = html! {
        @for finding in &report.findings {
            tr {
                th scope="row" { (format!("{:?}", finding.kind)) }
                td.number { (finding.n.map_or("–".to_owned(), grouped)) }
                td { (finding.differs.as_deref().unwrap_or("–")) }
                @for what in [&finding.answered, &finding.stored, &finding.sent, &finding.there] {
                    td { code { (what.as_deref().unwrap_or("–")) } }
                }
            }
        }
    };
    let columns = ["finding", "number", "differs", "id answered", "id stored", "sent", "there"];
    let table = table("Findings", &columns, 1..2, &rows);
    let faults = html! { @for fault in &report.faults { pre { (fault) } } };
    html! {
        @if !report.findings.is_empty() { (section("Findings", "the first posts of each kind", &table)) }
        @if !report.faults.is_empty() { (section("What else went wrong", "", &faults)) }
    }
}

/// A table, which scrolls sideways if it is too wide. The columns in `numbers` are aligned to the right.
pub(crate) fn table(name: &str, columns: &[&str], numbers: Range<usize>, rows: &Markup) -> Markup {
    html! {
        div.wide role="region" tabindex="0" aria-label=(name) {
            table {
                thead {
                    tr {
                        @for (index, column) in columns.iter().enumerate() {
                            @if column.is_empty() {
                                td {}
                            } @else {
                                th scope="col" class=[numbers.contains(&index).then_some("number")] { (column) }
                            }
                        }
                    }
                }
                tbody { (rows) }
            }
        }
    }
}
