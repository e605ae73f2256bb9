//! The distributions of the whole run.

use hdrhistogram::Histogram;
use maud::{Markup, html};
use service::status::figures::grouped;

use super::layout::section;
use super::time_plots::{figure, latencies, values};
use crate::load::generator::latencies::LatencyHistograms;
use crate::load::percentiles::by_nines;
use crate::pipeline::scrape::Bucket;
use crate::report::plot::bars::{Bar, Bars};
use crate::report::plot::chart::{Axis, Chart, PlotLine};
use crate::report::plot::scale::Scale;
use crate::report::plot::ticks;
use crate::report::run::RunReport;

/// Latency by percentile: of the accepted posts, and of all outcomes where there are others.
pub(crate) fn percentiles(report: &RunReport) -> Markup {
    let LatencyHistograms { accepted_us, all_us } = &report.latencies;
    let mut distributions = vec![Distribution { name: "accepted", class: "one", values_us: accepted_us }];
    if all_us.len() > accepted_us.len() {
        distributions.push(Distribution { name: "all outcomes", class: "two", values_us: all_us });
    }
    let chart = by_percentile("Latency", &distributions);
    let note = "the share of posts that were not slower";
    chart.map_or_else(|| html! {}, |chart| figure("Latency by percentile", note, &chart))
}

/// From acceptance to storage: as the sampled posts showed, or else as the consumer reports.
pub(crate) fn stored(report: &RunReport) -> Markup {
    let visible = &report.accept_to_visible;
    let distribution =
        visible.times_us().map(|times_us| Distribution { name: "time", class: "one", values_us: times_us });
    let Some(chart) = by_percentile("Time until a post was visible", distribution.as_slice()) else {
        return accept_to_store(report);
    };
    let content = html! {
        (chart.draw())
        p.note {
            "Measured by looking for " (grouped(visible.sampled))
            " of the accepted posts in the store. Never seen: " (grouped(visible.not_seen)) "."
        }
    };
    section("From acceptance to visibility", "the share of posts that were visible by then", &content)
}

/// A line of a plot by percentile.
struct Distribution<'a> {
    name: &'static str,
    class: &'static str,
    values_us: &'a Histogram<u64>,
}

/// Values by percentile, in milliseconds: each further nine has the same width, so the slowest few are as visible as
/// the many. `None` without values.
fn by_percentile(what: &str, distributions: &[Distribution<'_>]) -> Option<Chart> {
    let lines: Vec<_> = distributions.iter().map(|one| (one, by_nines(one.values_us))).collect();
    let ends = || lines.iter().filter_map(|(_, points)| Some((points.first()?, points.last()?)));
    let lowest = ends().map(|((_, lowest), _)| *lowest).reduce(f64::min)?;
    let highest = ends().map(|(_, (_, highest))| *highest).reduce(f64::max)?;
    let nines = ends().map(|(_, (nines, _))| *nines).reduce(f64::max)?;
    let label =
        |nines: i32| format!("{:.*} %", usize::try_from(nines - 2).unwrap_or(0), 100.0 - 100.0 / 10_f64.powi(nines));
    let half = (2_f64.log10(), "50 %".to_owned());
    let more = (1..=9).map(|n| (f64::from(n), label(n))).take_while(|(at, _)| *at <= nines);
    Some(Chart {
        description: format!("{what} by percentile, from {lowest:.1} ms to {highest:.1} ms"),
        x: Axis { scale: Scale::Linear { low: 0.0, high: nines }, ticks: [half].into_iter().chain(more).collect() },
        y: latencies(lowest, highest),
        lines: lines
            .into_iter()
            .map(|(Distribution { name, class, .. }, points)| PlotLine {
                name,
                class,
                points: points.into_iter().map(|(at, value)| (at, Some(value))).collect(),
            })
            .collect(),
        marks: vec![],
        shade: None,
        hints: vec![],
    })
}

/// From acceptance to storage, in the consumer's own buckets.
fn accept_to_store(report: &RunReport) -> Markup {
    let buckets = &report.accept_to_store_seconds;
    let filled = |bucket: &Bucket| bucket.count > 0;
    let (Some(first), Some(last)) = (buckets.iter().position(filled), buckets.iter().rposition(filled)) else {
        return html! {};
    };
    let all: u64 = buckets.iter().map(|bucket| bucket.count).sum();
    let bars: Vec<Bar> = buckets[first..=last]
        .iter()
        .map(|bucket| {
            let share = 100.0 * bucket.count as f64 / all as f64;
            let label = bucket.at_most.map_or("more".to_owned(), duration);
            Bar { hint: format!("up to {label}: {share:.2} %"), label, value: share }
        })
        .collect();
    let highest = bars.iter().map(|bar| bar.value).fold(0.0, f64::max);
    let description =
        format!("Share of posts by the time from acceptance to storage, as the consumer counted {all} of them");
    let content = html! {
        (Bars { description, y: values(ticks::linear(highest, 4)), bars }.draw())
        p.note {
            "As the consumer itself counted" (if report.chaos.is_some() { " since its last start." } else { "." })
            @if let Some(why) = &report.accept_to_visible.off { " No post was looked for: " (why) "." }
        }
    };
    section("From acceptance to storage", "% of posts, by time", &content)
}

/// A bucket's bound.
fn duration(seconds: f64) -> String {
    if seconds < 1.0 { format!("{} ms", ticks::short(seconds * 1e3)) } else { format!("{} s", ticks::short(seconds)) }
}
