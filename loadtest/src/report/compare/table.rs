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
    let interval_name = format!("{:.1} % interval", comparison.coverage * 100.0);
    let heading = format!("  {:<16}{:>12}{:>12}{:>11}   {interval_name:<22}", "", "base", "with", "change");
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
        let verdict =
            if comparison.is_of_runs || !compared.verdict.is_change() { verdict } else { format!("hint: {verdict}") };
        text.push_str(&format!("  {name:<16}{base:>12}{with:>12}{estimate:>11}   {interval:<22} {verdict}\n"));
    }
    for counted in &comparison.findings {
        let count = |count: Option<u64>| count.map_or("–".to_owned(), grouped);
        let (base, with) = (count(counted.base), count(counted.with));
        let verdict = match counted.verdict {
            ChangeVerdict::Regression => "worse",
            ChangeVerdict::NotJudged => "not known",
            other => words_of(other),
        };
        text.push_str(&format!("  {:<16}{base:>12}{with:>12}{:>11}   {:<22} {verdict}\n", counted.name, "", ""));
    }
    text.push('\n');
    remarks_on(comparison).iter().for_each(|remark| text.push_str(&format!("  {remark}\n")));
    text.push('\n');
    let tolerance = tolerance(comparison.tolerance);
    let (worse, more) = (comparison.regressions(), comparison.more_findings());
    if !worse.is_empty() {
        text.push_str(&format!("  FAILED  worse by more than {tolerance}: {}\n", worse.join(", ")));
    }
    if !more.is_empty() {
        text.push_str(&format!("  FAILED  more posts than before are {}\n", more.join(", ")));
    }
    if worse.is_empty() && more.is_empty() {
        text.push_str(&if comparison.is_of_runs {
            format!("  ok      no regression beyond {tolerance}\n")
        } else {
            "  ok      no more findings; single runs judge nothing else\n".to_owned()
        });
    }
    text
}

/// What the figures, their changes and the intervals are worth.
fn remarks_on(comparison: &Comparison) -> Vec<&'static str> {
    let mut remarks = if comparison.is_of_runs {
        vec![
            "Figures are means over the runs. The intervals are so wide that in at most one of twenty comparisons of",
            "an unchanged build any figure looks worse.",
        ]
    } else {
        vec![
            "Figures are of whole runs, changes and intervals of stretches of a run, a tenth each without the first.",
            "They ignore what differs from run to run and are hints. Several runs judge: A1 A2 A3 --with B1 B2 B3.",
        ]
    };
    if comparison.is_of_runs && !comparison.is_in_turns {
        remarks.extend([
            "One side's runs all came before the other's, so a machine that changed meanwhile looks like a change of",
            "the build: take the runs in turns, A B A B A B.",
        ]);
    }
    if comparison.is_of_all_posts {
        remarks.push("Latencies are of all posts, whatever the answer: a report of an earlier version has no others.");
    }
    remarks
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
        other.series.iter_mut().for_each(|point| point.accepted_p95_ms = Some(10.0));
        other.accepted_latency_ms.as_mut().unwrap().p95 = 10.0;
        other.missing = Some(3);
        let with = Side { runs: vec![other] };
        let comparison = Comparison::of(&base, &with, 0.07);
        let table = render(&base, &with, &comparison);
        for line in [
            "      base, run 00ab12cd: it failed",
            "    producer PRODUCER_LINGER             –  →  5ms",
            "  p95                   5.0 ms     10.0 ms   +100.0 %   +100.0 to +100.0 %     \
             hint: worse by more than 7 %",
            "  p99                   8.2 ms      8.2 ms     +0.0 %   +0.0 to +0.0 %         no difference seen",
            "  drain                  4.9 s       4.9 s     +0.0 %                          not judged: too few values",
            "  missing                    1           3                                     worse",
            "                          base        with     change   99.0 % interval",
            "  FAILED  more posts than before are missing",
        ] {
            assert!(table.lines().any(|found| found == line), "`{line}` in\n{table}");
        }
    }

    #[test]
    fn several_runs_judge_and_say_what_that_is_worth() {
        let side = |hour: u32, p95: f64| {
            let runs = [0.0, 0.1, 0.2].map(|more| {
                let mut run = run();
                run.environment["started_at"] = format!("2026-01-01T{hour}:00:00Z").into();
                run.accepted_latency_ms.as_mut().unwrap().p95 = p95 + more;
                run
            });
            Side { runs: runs.into() }
        };
        let (base, with) = (side(10, 5.0), side(11, 10.0));
        let comparison = Comparison::of(&base, &with, 0.05);
        let table = render(&base, &with, &comparison);
        assert!(table.contains(" worse by more than 5 %\n") && !table.contains("hint"), "{table}");
        assert!(table.contains("\n  FAILED  worse by more than 5 %: p95\n"), "{table}");
        assert!(table.contains("all came before the other's") && !table.contains("earlier version"), "{table}");
        let table = render(&base, &base, &Comparison::of(&base, &base, 0.05));
        assert!(table.ends_with("  ok      no regression beyond 5 %\n"), "{table}");
    }
}
