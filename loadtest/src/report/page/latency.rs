//! The latencies of the whole run: those of the accepted posts, and beside them those of all outcomes.

use maud::{Markup, html};

use super::layout::section;
use super::tables::table;
use crate::report::run::{Latency, RunReport};
use crate::report::table::CLOSED_MODEL;

/// Both rows, and what they cannot show.
pub(crate) fn latencies(report: &RunReport) -> Markup {
    let load = &report.environment.load;
    let columns = ["", "p50", "p95", "p99", "p99.9", "longest"];
    let rows = html! {
        (row("accepted", report.accepted_latency_ms))
        (row("all outcomes", Some(report.latency_ms)))
    };
    let content = html! {
        (table("Latency", &columns, 1..6, &rows))
        p.note {
            "From when a post was due to its answer. All outcomes are those of every post that was sent: a 503 may be "
            "faster than an accepted post, and a timeout slower."
        }
        @if load.warm_up_seconds > 0.0 {
            p.note {
                "Posts that were due in the first " (load.warm_up_seconds)
                " s are proven like all others, but are in no latency and no rate."
            }
        }
        @if load.think_seconds.is_some() {
            p.note { "The closed model has a blind spot: " (CLOSED_MODEL) "." }
        }
    };
    section("Latency", "of accepted posts, and of all", &content)
}

fn row(name: &str, latency: Option<Latency>) -> Markup {
    let figures = |Latency { p50, p95, p99, p999, max }| [p50, p95, p99, p999, max];
    html! {
        tr {
            th scope="row" { (name) }
            @for figure in latency.map_or([None; 5], |latency| figures(latency).map(Some)) {
                td.number { (figure.map_or("–".to_owned(), milliseconds)) }
            }
        }
    }
}

/// A latency, in seconds if it is long.
pub(crate) fn milliseconds(value: f64) -> String {
    if value < 1_000.0 { format!("{value:.1} ms") } else { format!("{:.2} s", value / 1e3) }
}
