//! The report as a page for people: one file without scripts that loads nothing, so it opens anywhere and can be sent
//! by mail. A pure function of the [`RunReport`].

use maud::{Markup, html};
use service::status::figures::grouped;

use crate::ledger::expected::WHOLE;
use crate::report::reported_counts::ReportedCounts;
use crate::report::run::{Latency, RunReport};
use crate::report::table;
use latency::milliseconds;
use layout::{document, list, section};
use marks::{broken, number};

mod latency;
pub(crate) mod layout;
mod marks;
mod plots;
mod surroundings;
pub(crate) mod tables;
mod time_plots;

pub(crate) use time_plots::{figure, values};

/// The whole document.
pub(crate) fn render(report: &RunReport) -> String {
    let main = html! {
        (figures(report))
        (time_plots::sections(report))
        (tables::faults(report))
        div.pair { (plots::percentiles(report)) (plots::stored(report)) }
        div.pair {
            (tables::ledger(report))
            div.stacked { (tables::thresholds(report)) (tables::outcomes(report)) }
        }
        (latency::latencies(report))
        (tables::findings(report))
        div.pair { (time_plots::cpu(report)) (time_plots::memory(report)) }
        (tables::growths(report))
        (surroundings::sections(report))
    };
    let files = "report.json with all results, series.csv with every second, accepted.hgrm and latency.hgrm (and \
                 visible.hgrm) with every latency";
    let title = format!("{}: run {}", word(report), report.run);
    document(report.passed, &title, &verdict(report), &main, files)
}

fn word(report: &RunReport) -> &'static str {
    if report.passed { "Passed" } else { "Failed" }
}

fn verdict(report: &RunReport) -> Markup {
    let started_at = &report.environment.started_at;
    let seconds = started_at.get(..19).unwrap_or(started_at);
    html! {
        p.who {
            strong { "Load test" } " " span { "run " (report.run) } " "
            time datetime={ (seconds) "Z" } { (seconds.replace('T', " ")) " UTC" }
        }
        h1 { (word(report)) }
        @if report.passed {
            p.why {
                (proof(report))
                @if report.drift.as_ref().is_some_and(|drift| !drift.unclear().is_empty()) {
                    " The load was too short to show whether memory or latency grow."
                }
            }
        } @else {
            ul.why {
                @for verdict in report.thresholds.iter().filter(|verdict| !verdict.holds) {
                    li { (broken()) span { strong { (verdict.threshold) } " does not hold: " (number(verdict.value)) } }
                }
                @for fault in &report.faults {
                    li { (broken()) span { (fault.lines().next().unwrap_or_default()) } }
                }
            }
        }
        p.load { (table::load(report)) }
    }
}

/// What a passed run has proven.
fn proof(report: &RunReport) -> String {
    let ReportedCounts { missing, duplicated, changed, unexpected, dead_lettered, .. } = report.counts;
    let accepted = grouped(report.counts.accepted);
    let as_sent = match report.compared.as_deref() {
        None if report.environment.load.share.is_some() => {
            return "Every threshold holds. This is a share of a run; `loadtest merge` reconciles all shares together."
                .to_owned();
        }
        None => return "Every threshold holds. The store could not be reached, so nothing was reconciled.".to_owned(),
        Some(WHOLE) => "as it was sent".to_owned(),
        Some(fields) => format!("as it was sent in {fields}"),
    };
    let at_fault = [missing, duplicated, changed, unexpected];
    if at_fault.into_iter().flatten().any(|count| count > 0) {
        return "Every threshold holds.".to_owned();
    }
    if let Some(states) = report.states {
        let (keys, copies) = (grouped(states.keys), grouped(states.overtaken));
        let order =
            if states.overtaken == 0 { String::new() } else { format!(" ({copies} unknown ones overtook others)") };
        return format!(
            "Each of the {accepted} accepted {}s is in the topic, as it was sent and in order{order}, and each of the \
             {keys} keys is stored as its last record says.",
            report.kind
        );
    }
    let or_kept = if dead_lettered.unwrap_or_default() > 0 { ", or dead-lettered with its reason" } else { "" };
    format!("Each of the {accepted} accepted posts is stored exactly once, {as_sent}{or_kept}.")
}

/// The numbers to see first.
fn figures(report: &RunReport) -> Markup {
    let latency =
        |of: fn(&Latency) -> f64| report.accepted_latency_ms.as_ref().map(of).map_or(String::new(), milliseconds);
    let mut figures = vec![
        ("Accepted", format!("{}/s", number(report.accepted_per_second.round()))),
        ("Latency p50", latency(|latency| latency.p50)),
        ("p95", latency(|latency| latency.p95)),
        ("p99", latency(|latency| latency.p99)),
        ("Longest", latency(|latency| latency.max)),
    ];
    if let Some(p99) = report.accept_to_visible.time_ms.p99 {
        figures.push(("Visible p99", milliseconds(p99)));
    }
    if let Some(seconds) = report.drain_seconds {
        figures.push(("All stored after", format!("{seconds:.1} s")));
    }
    if let Some(chaos) = &report.chaos {
        figures.push(("Faults", chaos.faults.len().to_string()));
        figures.push(("Longest silence", format!("{:.1} s", chaos.longest_silence_seconds)));
        figures.push((
            "Longest recovery",
            chaos.longest_recovery_seconds.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s")),
        ));
        figures.push(("Largest lag", grouped(chaos.largest_lag)));
    }
    section("In numbers", "latencies are those of accepted posts", &list("figures", &figures))
}

#[cfg(test)]
mod tests;
