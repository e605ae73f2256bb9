//! A comparison as a table for people.

use service::status::figures::grouped;

use super::judgement::{ChangeVerdict, Comparison};
use super::measure::Unit;
use super::read::{Run, Side};
use crate::load::statistics::ratio::RatioChange;

/// The table.
pub(crate) fn render(base: &Side, with: &Side, comparison: &Comparison) -> String {
    let mut text = format!("\nbase  {}\nwith  {}\n", runs(base), runs(with));
    for (name, side) in [("base", base), ("with", with)] {
        for run in &side.runs {
            remarks(run).iter().for_each(|remark| text.push_str(&format!("      {name}, run {}: {remark}\n", run.run)));
        }
    }
    text.push_str(&settings(comparison));
    let heading = format!("  {:<16}{:>12}{:>12}{:>11}   {:<22}", "", "base", "with", "change", "99 % interval");
    text.push_str(&format!("\n{}\n", heading.trim_end()));
    for compared in &comparison.figures {
        let (name, unit) = (compared.name, compared.unit);
        let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| number(value, unit));
        let (base, with) = (figure(compared.base), figure(compared.with));
        let (estimate, interval) = match (compared.change, compared.base, compared.with) {
            (Some(change), ..) => (percent(change.estimate), interval(change)),
            (None, Some(base), Some(with)) if base > 0.0 => (percent(with / base - 1.0), String::new()),
            _ => (String::new(), String::new()),
        };
        let verdict = words(compared.verdict, comparison.tolerance);
        text.push_str(&format!("  {name:<16}{base:>12}{with:>12}{estimate:>11}   {interval:<22} {verdict}\n"));
    }
    for counted in &comparison.findings {
        let count = |count: Option<u64>| count.map_or("–".to_owned(), grouped);
        let (base, with) = (count(counted.base), count(counted.with));
        let verdict = match counted.verdict {
            ChangeVerdict::Regression => "worse",
            other => words_of(other),
        };
        text.push_str(&format!("  {:<16}{base:>12}{with:>12}{:>11}   {:<22} {verdict}\n", counted.name, "", ""));
    }
    text.push_str(if comparison.is_of_runs {
        "\n  Figures are means over the runs, and changes and intervals are of the runs' figures.\n"
    } else {
        "\n  Figures are of whole runs. Changes and intervals are of stretches of a run, a tenth each \
         without the first, so\n  \
         they ignore the differences between runs: compare several runs, A1 A2 A3 --with B1 B2 B3, to include them.\n"
    });
    let regressions = comparison.regressions();
    let tolerance = tolerance(comparison.tolerance);
    text.push_str(&match regressions.len() {
        0 => format!("\n  ok      no regression beyond {tolerance}\n"),
        _ => format!("\n  FAILED  worse by more than {tolerance}: {}\n", regressions.join(", ")),
    });
    text
}

fn runs(side: &Side) -> String {
    let count = side.runs.len();
    let noun = if count == 1 { "run".to_owned() } else { format!("{count} runs:") };
    format!("{noun} {}", side.names())
}

/// What makes a run's figures doubtful.
fn remarks(run: &Run) -> Vec<&'static str> {
    let is_limit = run.generator.as_ref().is_some_and(|generator| generator.is_limit);
    [
        (run.ended_early, "it ended early"),
        (!run.passed, "it failed"),
        (is_limit, "the generator was the limit, not the target"),
    ]
    .into_iter()
    .filter_map(|(is_so, remark)| is_so.then_some(remark))
    .collect()
}

fn settings(comparison: &Comparison) -> String {
    if comparison.settings.is_empty() {
        return "\n  no setting differs\n".to_owned();
    }
    let mut text = "\n  settings that differ\n".to_owned();
    for difference in &comparison.settings {
        text.push_str(&format!("    {:<36} {}  →  {}\n", difference.name, difference.base, difference.with));
    }
    text
}

fn words(verdict: ChangeVerdict, share: f64) -> String {
    match verdict {
        ChangeVerdict::Regression => format!("worse by more than {}", tolerance(share)),
        ChangeVerdict::SlightlyWorse => format!("worse by less than {}", tolerance(share)),
        other => words_of(other).to_owned(),
    }
}

fn words_of(verdict: ChangeVerdict) -> &'static str {
    match verdict {
        ChangeVerdict::Regression | ChangeVerdict::Worse | ChangeVerdict::SlightlyWorse => "worse",
        ChangeVerdict::NoDifference => "no difference seen",
        ChangeVerdict::Better => "better",
        ChangeVerdict::NotJudged => "not judged: too few values",
    }
}

fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond if value >= 100.0 => format!("{}/s", grouped(value.round() as u64)),
        Unit::PerSecond => format!("{value:.1}/s"),
        Unit::Milliseconds => format!("{value:.1} ms"),
        Unit::Seconds => format!("{value:.1} s"),
        Unit::Microseconds => format!("{value:.1} µs"),
        Unit::Megabytes => format!("{value:.1} MB"),
        Unit::Percent => format!("{value:.3} %"),
    }
}

fn percent(share: f64) -> String {
    if share.is_finite() { format!("{:+.1} %", share * 100.0) } else { "from none".to_owned() }
}

fn interval(change: RatioChange) -> String {
    if change.low.is_finite() && change.high.is_finite() {
        format!("{:+.1} to {:+.1} %", change.low * 100.0, change.high * 100.0)
    } else {
        String::new()
    }
}

fn tolerance(share: f64) -> String {
    // So that the text is not 7.000000000000001.
    let text = format!("{:.3}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::read::tests::run;

    #[test]
    fn the_table_shows_settings_figures_and_verdicts() {
        let base = Side { runs: vec![run()] };
        let mut other = run();
        other.environment["producer_settings"]["PRODUCER_LINGER"] = "5ms".into();
        other.series.iter_mut().for_each(|point| point.p95_ms = Some(10.0));
        (other.latency_ms.p95, other.missing) = (10.0, Some(3));
        let with = Side { runs: vec![other] };
        let comparison = Comparison::of(&base, &with, 0.07);
        let table = render(&base, &with, &comparison);
        for line in [
            "      base, run 00ab12cd: it failed",
            "    producer PRODUCER_LINGER             –  →  5ms",
            "  p95                   5.0 ms     10.0 ms   +100.0 %   +100.0 to +100.0 %     worse by more than 7 %",
            "  p99                   8.2 ms      8.2 ms     +0.0 %   +0.0 to +0.0 %         no difference seen",
            "  drain                  4.9 s       4.9 s     +0.0 %                          not judged: too few values",
            "  missing                    1           3                                     worse",
            "  FAILED  worse by more than 7 %: p95, missing",
        ] {
            assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
        }
    }
}
