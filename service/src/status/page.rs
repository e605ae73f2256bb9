//! The page as HTML: a pure function of plain data.

use std::time::Duration;

use crate::html::Html;
use crate::recent_errors::RecentError;
use crate::settings::Variable;
use crate::status::figures::{rate, span};
use crate::status::sparkline;
use crate::status::throughput::{highest, mean, now};
use crate::status::{Cell, Figure, Report, Table};

/// The browser asks again after this many seconds.
pub(crate) const REFRESH_SECONDS: &str = "5";

/// What a browser may do with the page: show it, with the style and the icon that stand in it. No script can run, and no
/// other site can frame it.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("page.css");

/// All that is on it.
pub(super) struct Page<'a> {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) uptime: Duration,
    /// The time (UTC, RFC 3339).
    pub(super) at: &'a str,
    /// Whether the browser is to ask again by itself.
    pub(super) is_refreshing: bool,
    pub(super) state: State,
    /// Each with the reason if it is not met.
    pub(super) conditions: Vec<(&'static str, Result<(), String>)>,
    pub(super) counted: &'static str,
    /// Events in each of the last seconds.
    pub(super) rates: Vec<f64>,
    pub(super) report: Report,
    pub(super) errors: Vec<RecentError>,
    pub(super) settings: &'a [Variable],
}

/// The service in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    NotReady,
    Stopping,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Ready => "Ready",
            State::NotReady => "Not ready",
            State::Stopping => "Stopping",
        }
    }

    /// The class that the style knows.
    fn class(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::NotReady => "not-ready",
            State::Stopping => "stopping",
        }
    }

    /// A disc, a triangle or a square: in the browser's row of tabs the colour alone would not do.
    fn icon(self) -> &'static str {
        match self {
            State::Ready => "%3Ccircle%20cx='8'%20cy='8'%20r='7'%20fill='%23007a5e'/%3E",
            State::NotReady => "%3Cpath%20d='M8%201l7.5%2014H.5z'%20fill='%23d55e00'/%3E",
            State::Stopping => "%3Cpath%20d='M2%202h12v12H2z'%20fill='%236b7280'/%3E",
        }
    }
}

const MET: &str = r#"<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 8.5l3.5 3.5L13 4.5"/></svg>"#;
const UNMET: &str = r#"<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="M4 4l8 8M12 4l-8 8"/></svg>"#;

/// The document.
pub(super) fn render(page: &Page<'_>) -> String {
    let mut html = Html::default();
    html.markup("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    html.markup("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    html.markup("<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html.text(page.name).markup(": ").text(page.state.word().to_lowercase()).markup("</title>\n");
    html.markup(
        "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E",
    );
    html.markup(page.state.icon())
        .markup("%3C/svg%3E\">\n<style>\n")
        .markup(STYLE)
        .markup("</style>\n</head>\n<body>\n");
    state(&mut html, page);
    html.markup("<main>\n<div class=\"now\">\n");
    throughput(&mut html, page.counted, &page.rates);
    figures(&mut html, &page.report.figures);
    html.markup("</div>\n");
    html.markup("<div class=\"tables\">\n");
    page.report.tables.iter().for_each(|shown| table(&mut html, shown));
    html.markup("</div>\n");
    errors(&mut html, &page.errors);
    settings(&mut html, page.settings);
    html.markup("</main>\n");
    footer(&mut html, page.is_refreshing);
    html.markup("</body>\n</html>\n");
    html.into_string()
}

fn state(html: &mut Html, page: &Page<'_>) {
    html.markup("<header class=\"").markup(page.state.class()).markup("\">\n<div>\n<p class=\"who\"><strong>");
    html.text(page.name).markup("</strong> <span>").text(page.version).markup("</span> <span>up ");
    html.text(span(page.uptime)).markup("</span> ");
    time(html, page.at);
    html.markup("</p>\n<h1>").markup(page.state.word()).markup("</h1>\n<ul class=\"conditions\">\n");
    for (name, met) in &page.conditions {
        html.markup(if met.is_ok() { "<li>" } else { "<li class=\"unmet\">" });
        html.markup(if met.is_ok() { MET } else { UNMET });
        html.markup(" <span><strong>").text(name).markup("</strong> ");
        html.text(met.as_ref().err().map_or("OK", String::as_str)).markup("</span></li>\n");
    }
    html.markup("</ul>\n</div>\n</header>\n");
}

fn throughput(html: &mut Html, counted: &str, rates: &[f64]) {
    html.markup("<section class=\"throughput\">\n<h2>").text(counted).markup(" per second</h2>\n<p class=\"big\">");
    html.text(rate(now(rates))).markup(" <small>average ").text(rate(mean(rates))).markup("<br>highest ");
    html.text(rate(highest(rates))).markup("</small></p>\n");
    sparkline::draw(html, counted, rates);
    html.markup("\n<p class=\"axis\"><span>a minute ago</span> <span>now</span></p>\n</section>\n");
}

fn figures(html: &mut Html, figures: &[Figure]) {
    html.markup("<section>\n<h2>In numbers</h2>\n<dl class=\"figures\">\n");
    for Figure { name, value, note } in figures {
        html.markup("<div><dt>").text(name).markup("</dt><dd>").text(value);
        if !note.is_empty() {
            html.markup(" <small>").text(note).markup("</small>");
        }
        html.markup("</dd></div>\n");
    }
    html.markup("</dl>\n</section>\n");
}

fn table(html: &mut Html, table: &Table) {
    html.markup("<section>\n<h2>").text(table.title).markup("</h2>\n");
    if table.rows.is_empty() {
        html.markup("<p class=\"none\">").text(table.if_empty).markup("</p>\n</section>\n");
        return;
    }
    let is_number = |column: usize| table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
    html.markup("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"").text(table.title);
    html.markup("\">\n<table>\n<thead><tr>");
    for (index, column) in table.columns.iter().enumerate() {
        html.markup(if is_number(index) { "<th scope=\"col\" class=\"number\">" } else { "<th scope=\"col\">" });
        html.text(column).markup("</th>");
    }
    html.markup("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        html.markup("<tr>");
        for (index, shown) in row.iter().enumerate() {
            cell(html, shown, index == 0, is_number(index));
        }
        html.markup("</tr>\n");
    }
    html.markup("</tbody>\n</table>\n</div>\n");
    if !table.note.is_empty() {
        html.markup("<p class=\"note\">").text(table.note).markup("</p>\n");
    }
    html.markup("</section>\n");
}

fn cell(html: &mut Html, cell: &Cell, is_head: bool, is_number: bool) {
    html.markup(if is_head { "<th scope=\"row\"" } else { "<td" });
    html.markup(match cell {
        Cell::Alarm(_) => " class=\"alarm\">",
        _ if is_number => " class=\"number\">",
        _ => ">",
    });
    match cell {
        Cell::Text(text) | Cell::Number(text) => html.text(text),
        Cell::Alarm(text) => html.markup(UNMET).markup(" ").text(text),
        Cell::Unknown => html.markup("<abbr title=\"unknown\">–</abbr>"),
    };
    html.markup(if is_head { "</th>" } else { "</td>" });
}

fn errors(html: &mut Html, errors: &[RecentError]) {
    html.markup("<section>\n<h2>Last warnings and errors</h2>\n");
    if errors.is_empty() {
        html.markup("<p class=\"none\">None in the log since the start.</p>\n</section>\n");
        return;
    }
    html.markup("<ul class=\"errors\">\n");
    for RecentError { level, text, count, at } in errors {
        html.markup(if *level == tracing::Level::ERROR { "<li class=\"error\">" } else { "<li>" });
        html.markup("<p class=\"when\"><strong>").text(level).markup("</strong> ");
        time(html, at);
        if *count > 1 {
            html.markup(" <span>").text(count).markup(" times</span>");
        }
        html.markup("</p>\n<p>").text(text).markup("</p></li>\n");
    }
    html.markup("</ul>\n</section>\n");
}

fn settings(html: &mut Html, settings: &[Variable]) {
    html.markup("<section>\n<h2>Settings in force</h2>\n<dl class=\"settings\">\n");
    for Variable { name, default, value, .. } in settings {
        html.markup("<div><dt>").text(name).markup("</dt><dd>");
        if value == default {
            html.text(value);
        } else {
            html.markup("<strong>").text(value).markup("</strong> <small>default ");
            html.text(if default.is_empty() { "none" } else { default }).markup("</small>");
        }
        html.markup("</dd></div>\n");
    }
    html.markup("</dl>\n</section>\n");
}

/// Links are relative, so that they also work behind a proxy that serves the page under another path. Whoever reads or
/// copies something can stop the refreshing.
fn footer(html: &mut Html, is_refreshing: bool) {
    html.markup("<footer>\n<p>").markup(if is_refreshing {
        "<span>Refreshed every 5 s</span> <a href=\"?still\">Stop refreshing</a>"
    } else {
        "<span>Not refreshed</span> <a href=\"status\">Refresh every 5 s</a>"
    });
    html.markup(" <a href=\"metrics\">Metrics</a></p>\n</footer>\n");
}

/// A time (UTC, RFC 3339), to the second.
fn time(html: &mut Html, at: &str) {
    let seconds = at.get(..19).unwrap_or(at);
    html.markup("<time datetime=\"").text(seconds).markup("Z\">").text(seconds.replace('T', " ")).markup(" UTC</time>");
}

#[cfg(test)]
mod tests;
