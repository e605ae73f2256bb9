//! The measures as a table for people.

use service::status::figures::grouped;

use super::{LimitsReport, MeasureReport};

/// The table: a line for each measure.
pub(crate) fn render(report: &LimitsReport) -> String {
    let LimitsReport { rounds, duration_seconds, vus, cores, .. } = report;
    let ended_early = if report.is_complete { "" } else { ", ended early" };
    let mut text = format!(
        "\n{rounds} rounds of {duration_seconds} s a measure, {vus} virtual users, {cores} cores{ended_early}; \
         medians, and \
         (lowest - highest)\n\n"
    );
    let row = |[name, rate, spread, cpu, shares]: [&str; 5]| {
        format!("  {name:<16}{rate:>9}  {spread:<22}{cpu:<76}{shares}").trim_end().to_owned() + "\n"
    };
    text.push_str(&row(["", "records/s", "", "CPU a record, in µs", "share of"]));
    for measure in &report.measures {
        let number = |rate: f64| grouped(rate.round() as u64);
        let spread = measure.rate_per_second;
        let range = format!("({} - {})", number(spread.min), number(spread.max));
        text.push_str(&row([measure.name, &number(spread.median), &range, &cpu(measure), &shares(measure)]));
    }
    text.push('\n');
    for measure in &report.measures {
        text.push_str(&format!("  {:<16}{}\n", measure.name, measure.what));
    }
    text
}

fn cpu(measure: &MeasureReport) -> String {
    let processes = measure.cpu_microseconds.iter().map(|cpu| format!("{} {:.1}", cpu.process, cpu.spread.median));
    processes.collect::<Vec<_>>().join("  ")
}

fn shares(measure: &MeasureReport) -> String {
    let shares = measure.shares.iter().map(|share| format!("{} {:.2}", share.of, share.spread.median));
    shares.collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::limits::tests::example;

    #[test]
    fn each_measure_has_its_line() {
        let table = render(&example());
        let line =
            |start: &str| table.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{table}"));
        assert!(table.contains("64 virtual users, 2 cores, ended early"), "{table}");
        assert!(line("  insert  ").contains("30,000  (20,000 - 40,000)     store 15.0"), "{table}");
        assert!(line("  consumer  ").ends_with("insert 0.50"), "{table}");
    }
}
