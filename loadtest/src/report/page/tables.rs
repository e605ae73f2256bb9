//! The page's tables.

use service::html::Html;
use service::status::figures::grouped;

use super::marks::{BROKEN, HELD, number};
use crate::report::drift::GrowthJudgement;
use crate::report::run::RunReport;

/// Every fault with its number in the plots.
pub(crate) fn faults(html: &mut Html, report: &RunReport) {
    let Some(chaos) = &report.chaos else { return };
    html.markup("<section>\n<h2>Faults <small>with their numbers in the plots above</small></h2>\n");
    if chaos.faults.is_empty() {
        html.markup("<p class=\"note\">None was injected.</p>\n</section>\n");
        return;
    }
    begin(html, "Faults", &["", "fault", "at", "lasted", "accepted again", "lag gone", "what was hit"], 2..6);
    let seconds = |time: Option<f64>| time.map_or("never".to_owned(), |seconds| format!("{seconds:.1} s"));
    for (index, fault) in chaos.faults.iter().enumerate() {
        html.markup("<tr><td class=\"index\">").text(index + 1).markup("</td><th scope=\"row\">").text(fault.fault);
        html.markup("</th>");
        for time in
            [Some(fault.at_seconds), Some(fault.lasted_seconds), fault.accepted_again_seconds, fault.lag_gone_seconds]
        {
            html.markup("<td class=\"number\">").text(seconds(time)).markup("</td>");
        }
        html.markup("<td>").text(&fault.remark).markup("</td></tr>\n");
    }
    end(html);
    html.markup("<p class=\"note\">Accepted again and lag gone count from the fault&#39;s start. A lag of at most ");
    html.text(grouped(chaos.calm_lag)).markup(" records counts as none. Seed ").text(chaos.seed).markup(", ");
    html.text(chaos.brokers).markup(if chaos.brokers == 1 { " broker." } else { " brokers." });
    if chaos.poison.sent > 0 {
        html.markup(" Bad records sent: ").text(chaos.poison.sent).markup(", missing among the dead letters: ");
        html.text(chaos.poison.missing).markup(".");
    }
    if chaos.extra_posts.sent > 0 {
        html.markup(" Posts sent past the producer: ").text(chaos.extra_posts.sent).markup(", not stored: ");
        html.text(chaos.extra_posts.missing).markup(".");
    }
    html.markup("</p>\n</section>\n");
}

/// The ledger.
pub(crate) fn ledger(html: &mut Html, report: &RunReport) {
    let counts = &report.counts;
    html.markup("<section>\n<h2>Ledger <small>posts</small></h2>\n");
    begin(html, "Ledger", &["", "posts", "meaning"], 1..2);
    row(html, "accepted", counts.accepted, "answered 2xx", "number");
    row(html, "stored", counts.stored, "at least once, whatever the answer was", "number");
    row(html, "dead-lettered", counts.dead_lettered, "kept aside with the reason", "number");
    for (name, count, meaning) in [
        ("missing", counts.missing, "accepted, but neither stored nor dead-lettered"),
        ("duplicated", counts.duplicated, "stored in two or more documents"),
        ("unexpected", counts.unexpected, "stored although rejected or never sent, or under another id"),
    ] {
        row(html, name, count, meaning, if count.unwrap_or(0) > 0 { "number alarm" } else { "number" });
    }
    row(html, "rejected", counts.rejected, "answered 4xx", "number");
    row(html, "unknown", counts.unknown, "sent, but neither accepted nor rejected", "number");
    row(html, "unknown, stored", counts.unknown_stored, "of these, stored, which is fine", "number");
    end(html);
    html.markup("</section>\n");
}

/// Posts by what the client saw.
pub(crate) fn outcomes(html: &mut Html, report: &RunReport) {
    let outcomes = &report.outcomes;
    html.markup("<section>\n<h2>Answers <small>posts</small></h2>\n");
    begin(html, "Answers", &["", "posts", "meaning"], 1..2);
    for (name, count, meaning) in [
        ("accepted", outcomes.accepted, "2xx"),
        ("rejected", outcomes.rejected, "4xx"),
        ("rejected, invalid", outcomes.invalid_rejected, "4xx for a post that breaks a rule on purpose"),
        ("unavailable", outcomes.unavailable, "503"),
        ("other status", outcomes.other_status, "neither 2xx, 4xx nor 503"),
        ("cut off", outcomes.cut_off, "the connection ended first"),
        ("timed out", outcomes.timed_out, "no answer in time"),
        ("not connected", outcomes.not_connected, "could not be sent"),
    ] {
        row(html, name, count, meaning, "number");
    }
    end(html);
    html.markup("</section>\n");
}

/// A row of counts. A count is unknown if the store was not read.
fn row(html: &mut Html, name: &'static str, count: impl Into<Option<u64>>, meaning: &'static str, class: &'static str) {
    let count = count.into().map_or("–".to_owned(), grouped);
    html.markup("<tr><th scope=\"row\">").text(name).markup("</th><td class=\"").text(class).markup("\">");
    html.text(count).markup("</td><td>").text(meaning).markup("</td></tr>\n");
}

/// Each threshold with its verdict.
pub(crate) fn thresholds(html: &mut Html, report: &RunReport) {
    html.markup("<section>\n<h2>Thresholds</h2>\n");
    begin(html, "Thresholds", &["threshold", "measured", "verdict"], 1..2);
    for verdict in &report.thresholds {
        html.markup("<tr><th scope=\"row\">").text(&verdict.threshold).markup("</th><td class=\"number\">");
        html.text(number(verdict.value)).markup("</td>");
        html.markup(if verdict.holds { "<td class=\"held\">" } else { "<td class=\"alarm\">" });
        html.markup(if verdict.holds { HELD } else { BROKEN });
        html.text(if verdict.holds { "holds" } else { "does not hold" }).markup("</td></tr>\n");
    }
    end(html);
    html.markup("</section>\n");
}

/// What grew in a soak.
pub(crate) fn growths(html: &mut Html, report: &RunReport) {
    let Some(drift) = &report.drift else { return };
    html.markup("<section>\n<h2>Growth <small>after the warm-up, by the hour</small></h2>\n");
    begin(html, "Growth", &["measure", "at the start", "growth", "99 % interval", "at most", "judgement"], 1..5);
    for growth in &drift.growths {
        html.markup("<tr><th scope=\"row\">").text(growth.measure).markup("</th>");
        let at_start = growth.at_start.map_or("–".to_owned(), |value| format!("{value:.1} {}", growth.unit));
        let limit = format!("{} {}", growth.limit, growth.growth_unit);
        for text in [at_start, growth.text(), growth.interval(), limit] {
            html.markup("<td class=\"number\">").text(text).markup("</td>");
        }
        let (class, mark) = match growth.judgement {
            GrowthJudgement::Below => ("<td class=\"held\">", HELD),
            GrowthJudgement::Above => ("<td class=\"alarm\">", BROKEN),
            GrowthJudgement::TooShortToTell => ("<td>", ""),
        };
        html.markup(class).markup(mark).text(growth.judgement.words()).markup("</td></tr>\n");
    }
    end(html);
    html.markup("<p class=\"note\">The first ").text(format_args!("{:.0}", drift.warm_up_seconds));
    html.markup(" s are left out; a window has ").text(format_args!("{:.0}", drift.window_seconds));
    html.markup(" s.</p>\n</section>\n");
}

/// The first findings, and what else went wrong.
pub(crate) fn findings(html: &mut Html, report: &RunReport) {
    if !report.findings.is_empty() {
        html.markup("<section>\n<h2>Findings <small>the first posts of each kind</small></h2>\n");
        begin(html, "Findings", &["finding", "number", "id answered", "id stored"], 1..2);
        for finding in &report.findings {
            html.markup("<tr><th scope=\"row\">").text(format_args!("{:?}", finding.kind));
            html.markup("</th><td class=\"number\">").text(grouped(finding.n)).markup("</td>");
            for id in [&finding.answered, &finding.stored] {
                html.markup("<td><code>").text(id.as_deref().unwrap_or("–")).markup("</code></td>");
            }
            html.markup("</tr>\n");
        }
        end(html);
        html.markup("</section>\n");
    }
    if !report.faults.is_empty() {
        html.markup("<section>\n<h2>What else went wrong</h2>\n");
        for fault in &report.faults {
            html.markup("<pre>").text(fault).markup("</pre>\n");
        }
        html.markup("</section>\n");
    }
}

/// Starts a table, which scrolls sideways if it is too wide. The columns in `numbers` are aligned to the right.
pub(crate) fn begin(html: &mut Html, name: &'static str, columns: &[&'static str], numbers: std::ops::Range<usize>) {
    html.markup("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"").text(name);
    html.markup("\">\n<table>\n<thead><tr>");
    for (index, column) in columns.iter().enumerate() {
        if column.is_empty() {
            html.markup("<td></td>");
            continue;
        }
        html.markup(if numbers.contains(&index) {
            "<th scope=\"col\" class=\"number\">"
        } else {
            "<th scope=\"col\">"
        });
        html.text(column).markup("</th>");
    }
    html.markup("</tr></thead>\n<tbody>\n");
}

/// Ends a table.
pub(crate) fn end(html: &mut Html) {
    html.markup("</tbody>\n</table>\n</div>\n");
}
