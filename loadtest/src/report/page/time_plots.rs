//! What was seen second by second, as charts over the same time.

use maud::{Markup, html};
use service::status::figures::grouped;

use super::layout::section;
use crate::report::plot::chart::{Axis, Chart, Mark, PlotLine};
use crate::report::plot::scale::Scale;
use crate::report::plot::ticks;
use crate::report::run::RunReport;
use crate::report::series::Point;
use crate::report::series::thin::thin;

/// More points than this cannot be distinguished on paper.
const MOST_POINTS: usize = 400;

const TIME_TICKS: u32 = 10;
const VALUE_TICKS: u32 = 5;

/// Throughput, lag and latency below each other, so that simultaneous events line up.
pub(crate) fn sections(report: &RunReport) -> Markup {
    if report.series.is_empty() {
        return html! {};
    }
    let series = thin(&report.series, MOST_POINTS);
    let over_time = OverTime::of(report, &series);
    html! { (over_time.throughput()) (over_time.lag()) (over_time.latency()) }
}

/// CPU of both services.
pub(crate) fn cpu(report: &RunReport) -> Markup {
    let series = thin(&report.series, MOST_POINTS);
    let over_time = OverTime::of(report, &series);
    let lines = vec![
        over_time.line("producer", "one", |point| point.producer_cpu_cores),
        over_time.line("consumer", "two", |point| point.consumer_cpu_cores),
    ];
    over_time.usage("CPU", "cores in use", lines)
}

/// Memory of both services.
pub(crate) fn memory(report: &RunReport) -> Markup {
    let series = thin(&report.series, MOST_POINTS);
    let over_time = OverTime::of(report, &series);
    let megabytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64 / 1e6);
    let lines = vec![
        over_time.line("producer", "one", |point| megabytes(point.producer_memory_bytes)),
        over_time.line("consumer", "two", |point| megabytes(point.consumer_memory_bytes)),
    ];
    over_time.usage("Memory", "resident, in MB", lines)
}

struct OverTime<'a> {
    series: &'a [Point],
    end: f64,
    load_end: f64,
    marks: Vec<Mark>,
}

impl<'a> OverTime<'a> {
    fn of(report: &RunReport, series: &'a [Point]) -> Self {
        let faults = report.chaos.iter().flat_map(|chaos| &chaos.faults);
        let mark = |(index, fault): (usize, &crate::report::chaos::FaultReport)| Mark {
            from: fault.at_seconds,
            to: fault.at_seconds + fault.lasted_seconds,
            label: (index + 1).to_string(),
        };
        let end = series.last().map_or(1.0, |point| point.seconds);
        Self { series, end, load_end: report.load_seconds, marks: faults.enumerate().map(mark).collect() }
    }

    fn throughput(&self) -> Markup {
        let stored = stored_per_second(self.series);
        let mut lines = vec![
            self.line("sent", "beneath", |point| Some(point.sent_per_second)),
            self.line("accepted", "one", |point| Some(point.accepted_per_second)),
            PlotLine { name: "stored", class: "two", points: stored },
        ];
        if self.series.iter().any(|point| point.failed() > 0) {
            lines.push(self.line("not accepted", "bad", |point| Some(failed_per_second(point))));
        }
        let highest = highest(&lines);
        let description = format!("Posts per second over time; at most {}", grouped(highest.round() as u64));
        let hint = |point: &Point| {
            let rate = |rate: f64| grouped(rate.round() as u64);
            let (sent, accepted) = (rate(point.sent_per_second), rate(point.accepted_per_second));
            let failed = rate(failed_per_second(point));
            format!("sent {sent}/s, accepted {accepted}/s, not accepted {failed}/s")
        };
        let chart = self.chart(description, values(ticks::linear(highest, VALUE_TICKS)), lines, hint);
        figure("Throughput", "posts per second", &chart)
    }

    fn lag(&self) -> Markup {
        let lines = vec![self.line("lag", "lone", |point| point.lag_records.map(|lag| lag as f64))];
        if lines[0].points.iter().all(|(_, lag)| lag.is_none()) {
            return html! {};
        }
        let highest = highest(&lines);
        let description = format!("Lag over time; at most {} records", grouped(highest as u64));
        let hint =
            |point: &Point| point.lag_records.map_or("lag not known".to_owned(), |lag| format!("lag {}", grouped(lag)));
        let chart = self.chart(description, values(ticks::whole(highest, VALUE_TICKS)), lines, hint);
        figure("Lag", "records that the consumer group has not finished", &chart)
    }

    fn latency(&self) -> Markup {
        let mut lines = vec![
            self.line("max", "quiet", |point| point.accepted_max_ms),
            self.line("p99", "three", |point| point.accepted_p99_ms),
            self.line("p95", "two", |point| point.accepted_p95_ms),
            self.line("p50", "one", |point| point.accepted_p50_ms),
        ];
        if self.series.iter().any(|point| point.p99_ms != point.accepted_p99_ms) {
            lines.push(self.line("p99 of all outcomes", "bad", |point| point.p99_ms));
        }
        let known = lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value));
        let lowest = known.fold(f64::INFINITY, f64::min);
        let highest = highest(&lines);
        let hint = |point: &Point| {
            let Point { accepted_p50_ms, accepted_p95_ms, accepted_p99_ms, accepted_max_ms, .. } = *point;
            match (accepted_p50_ms, accepted_p95_ms, accepted_p99_ms, accepted_max_ms) {
                (Some(p50), Some(p95), Some(p99), Some(max)) => {
                    let percentiles = [("p50", p50), ("p95", p95), ("p99", p99), ("max", max)];
                    percentiles.map(|(name, value)| format!("{name} {value:.1} ms")).join(", ")
                }
                _ => "no post was accepted".to_owned(),
            }
        };
        let description = format!("Latency percentiles over time, on a logarithmic scale; at most {highest:.1} ms");
        let chart = self.chart(description, latencies(lowest, highest), lines, hint);
        figure("Latency over time", "of accepted posts, from when each was due to its answer; logarithmic", &chart)
    }

    fn usage(&self, title: &str, unit: &str, lines: Vec<PlotLine>) -> Markup {
        if lines.iter().all(|line| line.points.iter().all(|(_, value)| value.is_none())) {
            return html! {};
        }
        let highest = highest(&lines);
        let description = format!("{title} of producer and consumer over time, {unit}; at most {highest:.2}");
        let mut chart = self.chart(description, values(ticks::linear(highest, VALUE_TICKS)), lines, |_| String::new());
        chart.hints.clear();
        chart.marks.clear();
        figure(title, unit, &chart)
    }

    fn line(&self, name: &'static str, class: &'static str, value: impl Fn(&Point) -> Option<f64>) -> PlotLine {
        PlotLine { name, class, points: self.series.iter().map(|point| (point.seconds, value(point))).collect() }
    }

    fn chart(&self, description: String, y: Axis, lines: Vec<PlotLine>, hint: impl Fn(&Point) -> String) -> Chart {
        let ticks = ticks::seconds(self.end, TIME_TICKS);
        let largest = ticks.last().copied().unwrap_or_default();
        let labelled = ticks.into_iter().map(|tick| (tick, ticks::time(tick, largest))).collect();
        let hints = self.series.iter().map(|point| {
            let from = point.seconds - point.length_seconds;
            (from, point.seconds, format!("{from:.0} to {:.0} s: {}", point.seconds, hint(point)))
        });
        Chart {
            description,
            x: Axis { scale: Scale::Linear { low: 0.0, high: self.end }, ticks: labelled },
            y,
            lines,
            marks: self.marks.clone(),
            // Accepted posts are still being stored.
            shade: (self.load_end < self.end).then_some((self.load_end, self.end, "after the load")),
            hints: hints.collect(),
        }
    }
}

/// A chart with its heading and the unit of its numbers.
pub(crate) fn figure(title: &str, unit: &str, chart: &Chart) -> Markup {
    section(title, unit, &chart.draw())
}

/// An axis from zero with these ticks.
pub(crate) fn values(ticks: Vec<f64>) -> Axis {
    let high = ticks.last().copied().unwrap_or(1.0);
    let labelled = ticks.into_iter().map(|tick| (tick, ticks::short(tick))).collect();
    Axis { scale: Scale::Linear { low: 0.0, high }, ticks: labelled }
}

/// A logarithmic axis around these latencies, in milliseconds.
pub(crate) fn latencies(lowest: f64, highest: f64) -> Axis {
    let ticks = ticks::powers_of_ten(lowest, highest);
    let scale = Scale::Log { low: ticks[0], high: ticks[ticks.len() - 1] };
    let label = |ms: f64| match ms {
        ..1_000.0 => format!("{} ms", ticks::short(ms)),
        _ => format!("{} s", ticks::short(ms / 1e3)),
    };
    Axis { scale, ticks: ticks.into_iter().map(|tick| (tick, label(tick))).collect() }
}

fn highest(lines: &[PlotLine]) -> f64 {
    lines.iter().flat_map(|line| line.points.iter().filter_map(|(_, value)| *value)).fold(0.0, f64::max)
}

fn failed_per_second(point: &Point) -> f64 {
    if point.length_seconds > 0.0 { point.failed() as f64 / point.length_seconds } else { 0.0 }
}

/// The growth of what is stored, between the moments at which it was known.
fn stored_per_second(series: &[Point]) -> Vec<(f64, Option<f64>)> {
    let mut before = Some((0.0, 0));
    let mut rate = |point: &Point| {
        let stored = point.stored_posts?;
        let (then, stored_then) = before.replace((point.seconds, stored))?;
        let elapsed = point.seconds - then;
        (elapsed > 0.0).then(|| stored.saturating_sub(stored_then) as f64 / elapsed)
    };
    series.iter().map(|point| (point.seconds, rate(point))).collect()
}
