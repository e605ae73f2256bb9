//! The result of `tune` as a page for people, in the style of a run's report: one file without scripts. A pure function
//! of the [`TuneReport`].

use maud::{Markup, html};

use super::front::SettingReport;
use super::trial::{latency, whole};
use super::{Knobbed, RatioReport, TuneReport};
use crate::report::page::layout::{document, list, section};
use crate::report::page::tables::table;
use crate::report::page::{figure, values};
use crate::report::plot::chart::{Axis, Chart, PlotLine};
use crate::report::plot::scale::Scale;
use crate::report::plot::ticks;
use crate::report::proof::Proof;

const TICKS: u32 = 5;

/// The whole document.
pub(crate) fn render(report: &TuneReport) -> String {
    let run = &report.surroundings.run;
    let header = html! {
        p.who { strong { "Load test" } " " span { "tune " (run) } }
        h1 { (headline(report)) }
        p.why { (report.verdict()) }
        p.load { (report.ledger()) }
    };
    let main = html! {
        (recommended(report))
        (throughput_against_latency(report))
        (front(report))
        (worth(report))
        (trials(report))
        (measured_on(report))
    };
    let files = "tuned.env with the settings, tune.json with all results";
    document(report.passed, &format!("Tuned: run {run}"), &header, &main, files)
}

/// The gain in a few characters.
fn headline(report: &TuneReport) -> String {
    match &report.gain {
        _ if !report.passed => "A trial failed".to_owned(),
        Some(gain) if report.recommended != report.start => format!("{:.2} times", gain.ratio),
        _ => "No better".to_owned(),
    }
}

fn recommended(report: &TuneReport) -> Markup {
    let rows = html! {
        @for Knobbed { variable, value } in report.knobs() {
            @let start = &report.start[variable];
            tr {
                th scope="row" { code { (variable) } }
                td { (start) }
                td class=[(start != value).then_some("held")] { (value) }
            }
        }
    };
    section("Settings", "tuned.env", &table("Settings", &["variable", "start", "tuned"], 0..0, &rows))
}

/// Every setting as a dot, and the front as a line.
fn throughput_against_latency(report: &TuneReport) -> Markup {
    let at = |setting: &SettingReport| (setting.p99_ms, Some(setting.stored_per_second));
    // A single value between two gaps is drawn as a dot.
    let dots = |settings: &mut dyn Iterator<Item = &SettingReport>| {
        settings.flat_map(|setting| [at(setting), (setting.p99_ms, None)]).collect::<Vec<_>>()
    };
    let known = || report.settings.iter().map(|setting| setting.p99_ms);
    let (lowest, highest) = (known().fold(f64::INFINITY, f64::min), known().fold(0.0, f64::max));
    let most = report.settings.iter().map(|setting| setting.stored_per_second).fold(0.0, f64::max);
    if report.settings.is_empty() {
        return html! {};
    }
    let chart = Chart {
        description: format!("Posts stored per second against p99 latency, for {} settings", report.settings.len()),
        x: latencies(lowest, highest),
        y: values(ticks::linear(most, TICKS)),
        lines: vec![
            PlotLine { name: "tried", class: "dots", points: dots(&mut report.settings.iter()) },
            PlotLine { name: "the start", class: "dots second", points: dots(&mut start(report)) },
            PlotLine {
                name: "no other is better in both",
                class: "one",
                points: report.front.iter().map(at).collect(),
            },
        ],
        marks: vec![],
        shade: None,
        hints: vec![],
    };
    figure(
        "Throughput against latency",
        &format!(
            "posts stored per second, over the p99 in milliseconds; each dot is a setting; beyond {} none is better \
             than one within it",
            latency(report.surroundings.slo_ms)
        ),
        &chart,
    )
}

/// A logarithmic axis around these latencies, in milliseconds. They mostly lie within one power of ten, so 2 and 5 are
/// ticks, too.
fn latencies(lowest: f64, highest: f64) -> Axis {
    let powers = ticks::powers_of_ten(lowest, highest);
    let round: Vec<f64> = powers.iter().flat_map(|power| [1.0, 2.0, 5.0].map(|times| times * power)).collect();
    let low = round.iter().copied().rfind(|tick| *tick <= lowest).unwrap_or(lowest);
    let high = round.iter().copied().find(|tick| *tick >= highest && *tick > low).unwrap_or(highest);
    let within = round.into_iter().filter(|tick| (low..=high).contains(tick));
    Axis { scale: Scale::Log { low, high }, ticks: within.map(|tick| (tick, ticks::short(tick))).collect() }
}

fn start(report: &TuneReport) -> impl Iterator<Item = &SettingReport> {
    report.settings.iter().filter(|setting| setting.differs.is_empty())
}

fn front(report: &TuneReport) -> Markup {
    let rows = html! {
        @for SettingReport { differs, stored_per_second, p99_ms, within_slo, trials } in &report.front {
            tr {
                td.number { (whole(*stored_per_second)) }
                td.number { @if *within_slo { (latency(*p99_ms)) } @else { span.alarm { (latency(*p99_ms)) } } }
                td.number { (trials) }
                td { (or_start(differs)) }
            }
        }
    };
    let (title, note) = ("Not exceeded in both", "the settings on the line above, compared with the start");
    section(title, note, &table(title, &["stored/s", "p99", "trials", "settings"], 0..3, &rows))
}

fn worth(report: &TuneReport) -> Markup {
    let columns = ["variable", "from", "to", "ratio", "95 % interval", "trials", "beside"];
    let interval = |ratio: &RatioReport| ratio.low.zip(ratio.high).map(|(low, high)| format!("{low:.2} to {high:.2}"));
    let rows = html! {
        @for worth in &report.worth {
            tr {
                th scope="row" { code { (worth.variable) } }
                td { (worth.from) }
                td { (worth.to) }
                td.number { (format!("{:.2}", worth.ratio.ratio)) }
                td.number { (interval(&worth.ratio).unwrap_or("–".to_owned())) }
                td.number { (worth.ratio.trials) }
                td { (or_start(&worth.beside)) }
            }
        }
    };
    let title = "What each knob is worth";
    let content = html! {
        (table(title, &columns, 3..6, &rows))
        @if let Some(noise) = report.noise {
            p.note {
                "Between trials, the same settings differ by " (format!("{:.1}", noise * 100.0))
                " % (one standard deviation)."
            }
        }
    };
    section(title, "turned alone: stored per second, relative to the trials before and after", &content)
}

fn trials(report: &TuneReport) -> Markup {
    let optional = |value: Option<f64>, text: fn(f64) -> String| value.map_or("–".to_owned(), text);
    let rows = html! {
        @for trial in &report.trials {
            tr {
                td.number { (trial.number) }
                td { (trial.stage.name()) }
                td.number { (optional(trial.stored_per_second, whole)) }
                td.number { (optional(trial.p99_ms, latency)) }
                td {
                    (or_start(&trial.differs))
                    @if let Some(fault) = &trial.fault { " " span.alarm { (fault) } }
                    @if let Some(wrong) = trial.proof.as_ref().and_then(Proof::wrong) { " " span.alarm { (wrong) } }
                }
            }
        }
    };
    section("Trials", "in order", &table("Trials", &["", "stage", "stored/s", "p99", "settings"], 2..4, &rows))
}

fn measured_on(report: &TuneReport) -> Markup {
    let surroundings = &report.surroundings;
    let rows = [
        ("Servers", surroundings.stack.clone()),
        ("Store", surroundings.store.clone()),
        ("Version", surroundings.version.to_owned()),
        ("Processor cores", surroundings.cores.to_string()),
        ("Longest p99 (--slo), milliseconds", surroundings.slo_ms.to_string()),
        ("Virtual users", surroundings.virtual_users.to_string()),
        ("Warm-up, seconds", surroundings.warm_up_seconds.to_string()),
        ("Measured, seconds", surroundings.measure_seconds.to_string()),
        ("Search, seconds", format!("{:.0}", surroundings.seconds)),
    ];
    section("Environment", "", &list("settings", &rows))
}

fn or_start(differs: &str) -> &str {
    if differs.is_empty() { "the start" } else { differs }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tune::tests::example;

    #[test]
    fn the_page_has_every_part_and_loads_nothing() {
        let page = render(&example());
        for part in [
            "<title>Tuned: run 00ab12cd</title>",
            "<h1>1.33 times</h1>",
            "<td>2ms</td><td class=\"held\">5ms</td>",
            "Throughput against latency",
            "Not exceeded in both",
            "What each knob is worth",
            "native &lt;Kafka&gt;",
            "class=\"line dots\"",
        ] {
            assert!(page.contains(part), "{part} in {page}");
        }
        for forbidden in ["<script", "src=", "@import", "url(", "https://", "NaN", "inf"] {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn the_axis_of_latencies_reaches_around_them() {
        let ends = |lowest, highest| {
            let axis = latencies(lowest, highest);
            (axis.ticks.first().unwrap().1.clone(), axis.ticks.last().unwrap().1.clone())
        };
        assert_eq!(ends(8.9, 28.8), ("5".to_owned(), "50".to_owned()));
        assert_eq!(ends(10.0, 10.0), ("10".to_owned(), "20".to_owned()));
        assert_eq!(ends(0.3, 245.0), ("0.2".to_owned(), "500".to_owned()));
    }

    #[test]
    fn without_a_trial_the_page_says_so() {
        let report =
            TuneReport { trials: vec![], settings: vec![], front: vec![], worth: vec![], gain: None, ..example() };
        let page = render(&report);
        assert!(page.contains("<h1>No better</h1>") && !page.contains("Throughput against latency"), "{page}");
    }
}
