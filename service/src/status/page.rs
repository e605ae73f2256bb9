//! The page as HTML: a pure function of plain data.

use std::time::Duration;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::html::without_unfit;
use crate::recent_errors::RecentError;
use crate::settings::Variable;
use crate::status::figures::{rate, span};
use crate::status::report::{Cell, Figure, Report, Table};
use crate::status::sparkline;
use crate::status::throughput::{highest, mean, now};

/// The browser reloads the page after this many seconds.
pub(crate) const REFRESH_SECONDS: &str = "5";

/// Allows a browser to show the page with its own style and icon. No script can run, and no other site can frame it.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = include_str!("page.css");

/// All that the page shows.
pub(super) struct Page<'a> {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) uptime: Duration,
    /// The time (UTC, RFC 3339).
    pub(super) at: &'a str,
    /// Whether the browser reloads it by itself.
    pub(super) is_refreshing: bool,
    pub(super) state: PageState,
    /// Each with the reason, if it is not met.
    pub(super) conditions: Vec<(String, Result<(), String>)>,
    pub(super) counted: &'static str,
    /// Events in each of the last seconds.
    pub(super) rates: Vec<f64>,
    pub(super) report: Report,
    pub(super) errors: Vec<RecentError>,
    pub(super) settings: &'a [Variable],
}

/// The service in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageState {
    Ready,
    NotReady,
    Stopping,
}

impl PageState {
    fn word(self) -> &'static str {
        match self {
            PageState::Ready => "Ready",
            PageState::NotReady => "Not ready",
            PageState::Stopping => "Stopping",
        }
    }

    /// Its class in the style sheet.
    fn class(self) -> &'static str {
        match self {
            PageState::Ready => "ready",
            PageState::NotReady => "not-ready",
            PageState::Stopping => "stopping",
        }
    }

    /// A disc, a triangle or a square: among a browser's tabs, the colour alone is not enough.
    fn icon(self) -> &'static str {
        match self {
            PageState::Ready => "%3Ccircle%20cx='8'%20cy='8'%20r='7'%20fill='%23007a5e'/%3E",
            PageState::NotReady => "%3Cpath%20d='M8%201l7.5%2014H.5z'%20fill='%23d55e00'/%3E",
            PageState::Stopping => "%3Cpath%20d='M2%202h12v12H2z'%20fill='%236b7280'/%3E",
        }
    }
}

const MET: &str = "M3 8.5l3.5 3.5L13 4.5";
const UNMET: &str = "M4 4l8 8M12 4l-8 8";

/// The document.
pub(super) fn render(page: &Page<'_>) -> String {
    let icon = format!(
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%2016%2016'%3E{}%3C/svg%3E",
        page.state.icon()
    );
    let document = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.name) ": " (page.state.word().to_lowercase()) }
                link rel="icon" href=(icon);
                style { (PreEscaped(STYLE)) }
            }
            body {
                (state(page))
                main {
                    div.now { (throughput(page.counted, &page.rates)) (figures(&page.report.figures)) }
                    div.tables { @for shown in &page.report.tables { (table(shown)) } }
                    (errors(&page.errors))
                    (settings(page.settings))
                }
                (footer(page.is_refreshing))
            }
        }
    };
    without_unfit(&document.into_string())
}

fn state(page: &Page<'_>) -> Markup {
    html! {
        header class=(page.state.class()) {
            div {
                p.who {
                    strong { (page.name) } " " span { (page.version) } " " span { "up " (span(page.uptime)) } " "
                    (time(page.at))
                }
                h1 { (page.state.word()) }
                ul.conditions {
                    @for (name, met) in &page.conditions {
                        li class=[met.is_err().then_some("unmet")] {
                            (mark(if met.is_ok() { MET } else { UNMET })) " "
                            span { strong { (name) } " " (met.as_ref().err().map_or("OK", String::as_str)) }
                        }
                    }
                }
            }
        }
    }
}

fn mark(path: &str) -> Markup {
    html! { svg.mark viewBox="0 0 16 16" aria-hidden="true" { path d=(path) {} } }
}

fn throughput(counted: &str, rates: &[f64]) -> Markup {
    html! {
        section.throughput {
            h2 { (counted) " per second" }
            p.big {
                (rate(now(rates))) " "
                small { "average " (rate(mean(rates))) br; "highest " (rate(highest(rates))) }
            }
            (sparkline::draw(counted, rates))
            p.axis { span { "a minute ago" } " " span { "now" } }
        }
    }
}

fn figures(figures: &[Figure]) -> Markup {
    html! {
        section {
            h2 { "In numbers" }
            dl.figures {
                @for Figure { name, value, note } in figures {
                    div {
                        dt { (name) }
                        dd { (value) @if !note.is_empty() { " " small { (note) } } }
                    }
                }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let is_number = |column: usize| table.rows.iter().any(|row| matches!(row.get(column), Some(Cell::Number(_))));
    html! {
        section {
            h2 { (table.title) }
            @if table.rows.is_empty() {
                p.none { (table.if_empty) }
            } @else {
                div.wide role="region" tabindex="0" aria-label=(table.title) {
                    table {
                        thead {
                            tr {
                                @for (index, column) in table.columns.iter().enumerate() {
                                    th scope="col" class=[is_number(index).then_some("number")] { (column) }
                                }
                            }
                        }
                        tbody {
                            @for row in &table.rows {
                                tr {
                                    @for (index, shown) in row.iter().enumerate() {
                                        (cell(shown, index == 0, is_number(index)))
                                    }
                                }
                            }
                        }
                    }
                }
                @if !table.note.is_empty() { p.note { (table.note) } }
            }
        }
    }
}

fn cell(cell: &Cell, is_head: bool, is_number: bool) -> Markup {
    let class = match cell {
        Cell::Alarm(_) => Some("alarm"),
        _ => is_number.then_some("number"),
    };
    let content = match cell {
        Cell::Text(text) | Cell::Number(text) => html! { (text) },
        Cell::Alarm(text) => html! { (mark(UNMET)) " " (text) },
        Cell::Unknown => html! { abbr title="unknown" { "–" } },
    };
    html! {
        @if is_head { th scope="row" class=[class] { (content) } } @else { td class=[class] { (content) } }
    }
}

fn errors(errors: &[RecentError]) -> Markup {
    html! {
        section {
            h2 { "Last warnings and errors" }
            @if errors.is_empty() {
                p.none { "None in the log since the start." }
            } @else {
                ul.errors {
                    @for RecentError { level, text, count, at } in errors {
                        li class=[(*level == tracing::Level::ERROR).then_some("error")] {
                            p.when {
                                strong { (level.as_str()) } " " (time(at))
                                @if *count > 1 { " " span { (count) " times" } }
                            }
                            p { (text) }
                        }
                    }
                }
            }
        }
    }
}

fn settings(settings: &[Variable]) -> Markup {
    html! {
        section {
            h2 { "Settings in force" }
            dl.settings {
                @for Variable { name, default, value, .. } in settings {
                    div {
                        dt { (name) }
                        dd {
                            @if value == default {
                                (value)
                            } @else {
                                strong { (value) } " "
                                small { "default " (if default.is_empty() { "none" } else { default }) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Links are relative, so that they also work behind a proxy that serves the page under another path. To read or copy
/// in peace, a person can stop the refreshing.
fn footer(is_refreshing: bool) -> Markup {
    html! {
        footer {
            p {
                @if is_refreshing {
                    span { "Refreshed every 5 s" } " " a href="?still" { "Stop refreshing" }
                } @else {
                    span { "Not refreshed" } " " a href="status" { "Refresh every 5 s" }
                }
                " " a href="metrics" { "Metrics" }
            }
        }
    }
}

/// A time (UTC, RFC 3339), to the second.
fn time(at: &str) -> Markup {
    let seconds = at.get(..19).unwrap_or(at);
    html! { time datetime={ (seconds) "Z" } { (seconds.replace('T', " ")) " UTC" } }
}

#[cfg(test)]
mod tests;
