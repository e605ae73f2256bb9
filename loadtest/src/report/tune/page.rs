//! The result of `tune` as a page for people, in the style of a run's report: one file without scripts. A pure function
//! of the [`TuneReport`].

use service::html::Html;

use super::front::SettingReport;
use super::trial::{latency, whole};
use super::{Knobbed, RatioReport, TuneReport};
use crate::report::page::{self, figure, tables, values};
use crate::report::plot::chart::{Axis, Chart, PlotLine};
use crate::report::plot::scale::Scale;
use crate::report::plot::ticks;

const TICKS: u32 = 5;

/// The whole document.
pub(crate) fn render(report: &TuneReport) -> String {
    let mut html = Html::default();
    let surroundings = &report.surroundings;
    page::begin(&mut html, report.passed, format_args!("Tuned: run {}", surroundings.run));
    html.markup(if report.passed {
        "<header class=\"passed\">\n<div>\n"
    } else {
        "<header class=\"failed\">\n<div>\n"
    });
    html.markup("<p class=\"who\"><strong>Load test</strong> <span>tune ").text(&surroundings.run);
    html.markup("</span></p>\n<h1>").text(headline(report)).markup("</h1>\n<p class=\"why\">").text(report.verdict());
    html.markup("</p>\n<p class=\"load\">").text(report.ledger()).markup("</p>\n</div>\n</header>\n<main>\n");
    recommended(&mut html, report);
    throughput_against_latency(&mut html, report);
    front(&mut html, report);
    worth(&mut html, report);
    trials(&mut html, report);
    measured_on(&mut html, report);
    html.markup("</main>\n<footer><p>Beside this file: tuned.env with the settings, tune.json with all results.</p></footer>\n</body>\n</html>\n");
    html.into_string()
}

/// The gain in a few characters.
fn headline(report: &TuneReport) -> String {
    match &report.gain {
        _ if !report.passed => "Posts are missing".to_owned(),
        Some(gain) if report.recommended != report.start => format!("{:.2} times", gain.ratio),
        _ => "No better".to_owned(),
    }
}

fn recommended(html: &mut Html, report: &TuneReport) {
    html.markup("<section>\n<h2>Settings <small>tuned.env</small></h2>\n");
    tables::begin(html, "Settings", &["variable", "start", "tuned"], 0..0);
    for Knobbed { variable, value } in report.knobs() {
        let start = &report.start[variable];
        html.markup("<tr><th scope=\"row\"><code>").text(variable).markup("</code></th><td>").text(start);
        html.markup(if start == value { "</td><td>" } else { "</td><td class=\"held\">" }).text(value);
        html.markup("</td></tr>\n");
    }
    tables::end(html);
    html.markup("</section>\n");
}

/// Every setting as a dot, and the front as a line.
fn throughput_against_latency(html: &mut Html, report: &TuneReport) {
    let at = |setting: &SettingReport| (setting.p99_ms, Some(setting.stored_per_second));
    // A single value between two gaps is drawn as a dot.
    let dots = |settings: &mut dyn Iterator<Item = &SettingReport>| {
        settings.flat_map(|setting| [at(setting), (setting.p99_ms, None)]).collect::<Vec<_>>()
    };
    let known = || report.settings.iter().map(|setting| setting.p99_ms);
    let (lowest, highest) = (known().fold(f64::INFINITY, f64::min), known().fold(0.0, f64::max));
    let most = report.settings.iter().map(|setting| setting.stored_per_second).fold(0.0, f64::max);
    if report.settings.is_empty() {
        return;
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
        html,
        "Throughput against latency",
        "posts stored per second, over the p99 in milliseconds; each dot is a setting",
        &chart,
    );
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

fn front(html: &mut Html, report: &TuneReport) {
    html.markup(
        "<section>\n<h2>Not exceeded in both <small>the settings on the line above, compared with the start</small></h2>\n",
    );
    tables::begin(html, "Not exceeded in both", &["stored/s", "p99", "trials", "settings"], 0..3);
    for SettingReport { differs, stored_per_second, p99_ms, trials } in &report.front {
        html.markup("<tr><td class=\"number\">").text(whole(*stored_per_second)).markup("</td><td class=\"number\">");
        html.text(latency(*p99_ms)).markup("</td><td class=\"number\">").text(trials).markup("</td><td>");
        html.text(or_start(differs)).markup("</td></tr>\n");
    }
    tables::end(html);
    html.markup("</section>\n");
}

fn worth(html: &mut Html, report: &TuneReport) {
    html.markup("<section>\n<h2>What each knob is worth <small>turned alone: stored per second, relative to the trials before and after</small></h2>\n");
    tables::begin(
        html,
        "What each knob is worth",
        &["variable", "from", "to", "ratio", "95 % interval", "trials", "beside"],
        3..6,
    );
    for worth in &report.worth {
        let RatioReport { ratio, low, high, trials } = worth.ratio;
        html.markup("<tr><th scope=\"row\"><code>").text(worth.variable).markup("</code></th><td>").text(&worth.from);
        html.markup("</td><td>").text(&worth.to).markup("</td><td class=\"number\">").text(format_args!("{ratio:.2}"));
        html.markup("</td><td class=\"number\">");
        html.text(low.zip(high).map_or("–".to_owned(), |(low, high)| format!("{low:.2} to {high:.2}")));
        html.markup("</td><td class=\"number\">").text(trials).markup("</td><td>").text(or_start(&worth.beside));
        html.markup("</td></tr>\n");
    }
    tables::end(html);
    if let Some(noise) = report.noise {
        html.markup("<p class=\"note\">Between trials, the same settings differ by ");
        html.text(format_args!("{:.1}", noise * 100.0)).markup(" % (one standard deviation).</p>\n");
    }
    html.markup("</section>\n");
}

fn trials(html: &mut Html, report: &TuneReport) {
    html.markup("<section>\n<h2>Trials <small>in order</small></h2>\n");
    tables::begin(html, "Trials", &["", "stage", "stored/s", "p99", "settings"], 2..4);
    for trial in &report.trials {
        let optional = |value: Option<f64>, text: fn(f64) -> String| value.map_or("–".to_owned(), text);
        html.markup("<tr><td class=\"number\">").text(trial.number).markup("</td><td>").text(trial.stage.name());
        html.markup("</td><td class=\"number\">").text(optional(trial.stored_per_second, whole));
        html.markup("</td><td class=\"number\">").text(optional(trial.p99_ms, latency)).markup("</td><td>");
        html.text(or_start(&trial.differs));
        if let Some(fault) = &trial.fault {
            html.markup(" <span class=\"alarm\">").text(fault).markup("</span>");
        }
        html.markup("</td></tr>\n");
    }
    tables::end(html);
    html.markup("</section>\n");
}

fn measured_on(html: &mut Html, report: &TuneReport) {
    let surroundings = &report.surroundings;
    html.markup("<section>\n<h2>Environment</h2>\n<dl class=\"settings\">\n");
    for (name, value) in [
        ("Servers", surroundings.stack.clone()),
        ("Store", surroundings.store.clone()),
        ("Version", surroundings.version.to_owned()),
        ("Processor cores", surroundings.cores.to_string()),
        ("Virtual users", surroundings.virtual_users.to_string()),
        ("Warm-up, seconds", surroundings.warm_up_seconds.to_string()),
        ("Measured, seconds", surroundings.measure_seconds.to_string()),
        ("Search, seconds", format!("{:.0}", surroundings.seconds)),
    ] {
        html.markup("<div><dt>").text(name).markup("</dt><dd>").text(value).markup("</dd></div>\n");
    }
    html.markup("</dl>\n</section>\n");
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
