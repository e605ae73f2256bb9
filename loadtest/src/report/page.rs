//! The report as a page for people: one file without scripts that loads nothing, so it opens anywhere and can be sent
//! by mail. A pure function of the [`RunReport`].

use std::fmt::Display;

use service::html::Html;
use service::status::figures::grouped;

use crate::report::reported_counts::ReportedCounts;
use crate::report::run::RunReport;
use crate::report::table;
use marks::{BROKEN, number};

mod marks;
mod plots;
mod surroundings;
pub(crate) mod tables;
mod time_plots;

pub(crate) use time_plots::{figure, values};

const STYLE: &str = include_str!("page/report.css");

/// The whole document.
pub(crate) fn render(report: &RunReport) -> String {
    let mut html = Html::default();
    head(&mut html, report);
    verdict(&mut html, report);
    html.markup("<main>\n");
    figures(&mut html, report);
    time_plots::sections(&mut html, report);
    tables::faults(&mut html, report);
    html.markup("<div class=\"pair\">\n");
    plots::percentiles(&mut html, report);
    plots::stored(&mut html, report);
    html.markup("</div>\n<div class=\"pair\">\n");
    tables::ledger(&mut html, report);
    html.markup("<div class=\"stacked\">\n");
    tables::thresholds(&mut html, report);
    tables::outcomes(&mut html, report);
    html.markup("</div>\n</div>\n");
    tables::findings(&mut html, report);
    html.markup("<div class=\"pair\">\n");
    time_plots::cpu(&mut html, report);
    time_plots::memory(&mut html, report);
    html.markup("</div>\n");
    tables::growths(&mut html, report);
    surroundings::sections(&mut html, report);
    html.markup("</main>\n<footer><p>Beside this file: report.json with all results, series.csv with every second, latency.hgrm (and visible.hgrm) with every latency.</p></footer>\n");
    html.markup("</body>\n</html>\n");
    html.into_string()
}

fn head(html: &mut Html, report: &RunReport) {
    begin(html, report.passed, format_args!("{}: run {}", word(report), report.run));
}

/// Starts a document, up to the start of its body. The policy lets a browser use the style and the icon in the page
/// itself, and nothing else.
pub(crate) fn begin(html: &mut Html, is_good: bool, title: impl Display) {
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
         img-src data:\">\n",
    );
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html.text(title).markup("</title>\n");
    html.markup(
        "<link rel=\"icon\" \
         href=\"data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E",
    );
    html.markup(if is_good {
        "%3Ccircle%20cx='8'%20cy='8'%20r='7'%20fill='%23007a5e'/%3E"
    } else {
        "%3Cpath%20d='M8%201l7.5%2014H.5z'%20fill='%23d55e00'/%3E"
    });
    html.markup("%3C/svg%3E\">\n<style>\n").markup(STYLE).markup("</style>\n</head>\n<body>\n");
}

fn word(report: &RunReport) -> &'static str {
    if report.passed { "Passed" } else { "Failed" }
}

fn verdict(html: &mut Html, report: &RunReport) {
    html.markup(if report.passed {
        "<header class=\"passed\">\n<div>\n"
    } else {
        "<header class=\"failed\">\n<div>\n"
    });
    html.markup("<p class=\"who\"><strong>Load test</strong> <span>run ").text(&report.run).markup("</span> ");
    let started_at = &report.environment.started_at;
    let seconds = started_at.get(..19).unwrap_or(started_at);
    html.markup("<time datetime=\"").text(seconds).markup("Z\">").text(seconds.replace('T', " ")).markup(" UTC</time>");
    html.markup("</p>\n<h1>").text(word(report)).markup("</h1>\n");
    let broken: Vec<_> = report.thresholds.iter().filter(|verdict| !verdict.holds).collect();
    if report.passed {
        html.markup("<p class=\"why\">").text(proof(report)).markup("</p>\n");
    } else {
        html.markup("<ul class=\"why\">\n");
        for verdict in broken {
            html.markup("<li>").markup(BROKEN).markup("<span><strong>").text(&verdict.threshold);
            html.markup("</strong> does not hold: ").text(number(verdict.value)).markup("</span></li>\n");
        }
        for fault in &report.faults {
            html.markup("<li>").markup(BROKEN).markup("<span>").text(fault.lines().next().unwrap_or_default());
            html.markup("</span></li>\n");
        }
        html.markup("</ul>\n");
    }
    html.markup("<p class=\"load\">").text(table::load(report)).markup("</p>\n</div>\n</header>\n");
}

/// What a passed run has proven.
fn proof(report: &RunReport) -> String {
    let ReportedCounts { accepted, missing, duplicated, unexpected, dead_lettered, .. } = report.counts;
    let (accepted, at_fault) = (grouped(accepted), [missing, duplicated, unexpected]);
    match dead_lettered {
        None if report.environment.load.share.is_some() => {
            "Every threshold holds. This is a share of a run; `loadtest merge` reconciles all shares together."
                .to_owned()
        }
        None => "Every threshold holds. The store could not be reached, so nothing was reconciled.".to_owned(),
        _ if at_fault.into_iter().flatten().any(|count| count > 0) => "Every threshold holds.".to_owned(),
        Some(0) => format!("All {accepted} accepted posts are stored exactly once."),
        Some(_) => {
            format!("All {accepted} accepted posts are stored exactly once, or dead-lettered with their reason.")
        }
    }
}

/// The numbers to see first.
fn figures(html: &mut Html, report: &RunReport) {
    let latency = report.latency_ms;
    let milliseconds =
        |value: f64| if value < 1_000.0 { format!("{value:.1} ms") } else { format!("{:.2} s", value / 1e3) };
    let mut figures = vec![
        ("Accepted", format!("{}/s", number(report.accepted_per_second.round()))),
        ("Latency p50", milliseconds(latency.p50)),
        ("p95", milliseconds(latency.p95)),
        ("p99", milliseconds(latency.p99)),
        ("Longest", milliseconds(latency.max)),
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
        figures.push(("Largest lag", grouped(chaos.largest_lag)));
    }
    html.markup("<section>\n<h2>In numbers</h2>\n<dl class=\"figures\">\n");
    for (name, value) in figures {
        html.markup("<div><dt>").text(name).markup("</dt><dd>").text(value).markup("</dd></div>\n");
    }
    html.markup("</dl>\n</section>\n");
}

#[cfg(test)]
mod tests;
