//! What `verify` prints about a topic whose last record of a key is its document. Pure.

use std::fmt::Write;

use service::status::figures::grouped;

use crate::ledger::balance::states::{StateBalance, StateFinding, StateFindingKind};
use crate::ledger::standing::Standing;

/// What was found about the topic.
pub(crate) struct VerifiedStates<'a> {
    pub(crate) topic: &'a str,
    pub(crate) group: &'a str,
    pub(crate) standing: &'a Standing,
    pub(crate) balance: &'a StateBalance,
}

impl VerifiedStates<'_> {
    /// Whether every key's document is its last finished record.
    pub(crate) fn passed(&self) -> bool {
        self.standing.errors.is_empty() && self.conditions().iter().all(|(_, holds)| *holds)
    }

    fn conditions(&self) -> [(&'static str, bool); 4] {
        let StateBalance { records, missing, stale, changed, .. } = *self.balance;
        [
            ("records>0", records > 0),
            ("missing==0", missing == 0),
            ("stale==0", stale == 0),
            ("changed==0", changed == 0),
        ]
    }

    /// The output.
    pub(crate) fn render(&self) -> String {
        let StateBalance { records, dead_lettered, keys, stored, removed, missing, stale, changed, findings } =
            self.balance;
        let mut text = format!("records of topic {} that group {} has finished:\n\n", self.topic, self.group);
        let mut row = |name: &str, count: u64, remark: &str| {
            writeln!(text, "  {name:<14}{:>12}{remark}", grouped(count)).expect("writing into memory cannot fail");
        };
        row("records", *records, "");
        row("dead-lettered", *dead_lettered, "");
        row("keys", *keys, "   with a record that can be stored");
        row("stored", *stored, "   keys whose document is the last of their records");
        if *removed > 0 {
            row("removed", *removed, "   keys whose last record is beyond the retention");
        }
        row("missing", *missing, "");
        row("stale", *stale, "   documents of an earlier record");
        row("changed", *changed, "");
        row("lag", self.standing.lag(), "   not finished by the group: nothing is known about them");
        for (partition, count) in &self.standing.uncommitted {
            let count = grouped(*count);
            writeln!(text, "  the group has no committed offset in partition {partition}, which has {count} records")
                .expect("writing into memory cannot fail");
        }
        findings.iter().for_each(|finding| text.push_str(&shown(finding)));
        let unnamed = (missing + stale + changed).saturating_sub(findings.len() as u64);
        if unnamed > 0 {
            writeln!(text, "  and {} more (--name N names them)", grouped(unnamed))
                .expect("writing into memory cannot fail");
        }
        text.push('\n');
        for error in &self.standing.errors {
            writeln!(text, "  FAILED  {error}").expect("writing into memory cannot fail");
        }
        for (condition, holds) in self.conditions() {
            let verdict = if holds { "ok    " } else { "FAILED" };
            writeln!(text, "  {verdict}  {condition}").expect("writing into memory cannot fail");
        }
        text
    }
}

fn shown(finding: &StateFinding) -> String {
    let StateFinding { kind, id, place, lines, .. } = finding;
    let kind = match kind {
        StateFindingKind::Missing => "MISSING",
        StateFindingKind::Stale => "STALE",
        StateFindingKind::Changed => "CHANGED",
    };
    let mut text = format!("  {kind}  partition {}, offset {}, id {id}\n", place.partition, place.offset);
    for line in lines {
        writeln!(text, "           {line}").expect("writing into memory cannot fail");
    }
    text
}
