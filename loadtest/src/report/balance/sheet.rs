//! The sheet that `verify` prints about a topic of any kind: its counts, findings, and what must hold. Pure.

use std::fmt::Write;

use service::status::figures::grouped;

use crate::ledger::standing::Standing;

/// A sheet that grows at its end.
pub(super) struct Sheet(String);

impl Sheet {
    /// Starts with what it is about.
    pub(super) fn new(topic: &str, group: &str) -> Self {
        Self(format!("records of topic {topic} that group {group} has finished:\n\n"))
    }

    /// A count, with a remark that starts with the space before it.
    pub(super) fn row(&mut self, name: &str, count: u64, remark: &str) {
        self.line(format_args!("  {name:<14}{:>12}{remark}", grouped(count)));
    }

    /// What the group has not finished.
    pub(super) fn unfinished(&mut self, standing: &Standing) {
        self.row("lag", standing.lag(), "   not finished by the group: nothing is known about them");
        for (partition, count) in &standing.uncommitted {
            let count = grouped(*count);
            self.line(format_args!(
                "  the group has no committed offset in partition {partition}, which has {count} records"
            ));
        }
    }

    /// What is wrong with a record, and in detail.
    pub(super) fn finding<'a>(&mut self, what: std::fmt::Arguments<'_>, details: impl Iterator<Item = &'a String>) {
        self.line(format_args!("  {what}"));
        details.for_each(|detail| self.line(format_args!("           {detail}")));
    }

    /// Ends with the number of findings that are not named, the errors of the standing, and whether each condition
    /// holds.
    pub(super) fn end(mut self, unnamed: u64, standing: &Standing, conditions: &[(&str, bool)]) -> String {
        if unnamed > 0 {
            self.line(format_args!("  and {} more (--name N names them)", grouped(unnamed)));
        }
        self.0.push('\n');
        standing.errors.iter().for_each(|error| self.line(format_args!("  FAILED  {error}")));
        for (condition, holds) in conditions {
            let verdict = if *holds { "ok    " } else { "FAILED" };
            self.line(format_args!("  {verdict}  {condition}"));
        }
        self.0
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("writing into memory cannot fail");
    }
}
