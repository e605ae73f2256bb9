//! What `verify` prints about a topic whose last record of a key is its document. Pure.

use super::sheet::Sheet;
use crate::ledger::balance::states::{StateBalance, StateFinding, StateFindingKind};
use crate::ledger::standing::Standing;

/// What was found about the topic.
pub(crate) struct VerifiedStates<'a> {
    pub(crate) topic: &'a str,
    pub(crate) group: &'a str,
    pub(crate) standing: &'a Standing,
    pub(crate) balance: &'a StateBalance,
    /// How many of its keys must be erased.
    pub(crate) erased: u64,
}

impl VerifiedStates<'_> {
    /// Whether every key's document is its last finished record.
    pub(crate) fn passed(&self) -> bool {
        self.standing.errors.is_empty() && self.conditions().iter().all(|(_, holds)| *holds)
    }

    fn conditions(&self) -> [(&'static str, bool); 5] {
        let StateBalance { records, missing, stale, changed, erased, .. } = *self.balance;
        [
            ("records>0", records > 0),
            ("missing==0", missing == 0),
            ("stale==0", stale == 0),
            ("changed==0", changed == 0),
            (super::ERASED, erased == self.erased),
        ]
    }

    /// The output.
    pub(crate) fn render(&self) -> String {
        let StateBalance { records, dead_lettered, keys, stored, removed, erased, .. } = self.balance;
        let StateBalance { missing, stale, changed, findings, .. } = self.balance;
        let mut sheet = Sheet::new(self.topic, self.group);
        sheet.row("records", *records, "");
        sheet.row("dead-lettered", *dead_lettered, "");
        sheet.row("keys", *keys, "   with a record that can be stored");
        sheet.row("stored", *stored, "   keys whose document is the last of their records");
        if *removed > 0 {
            sheet.row("removed", *removed, "   keys whose last record is beyond the retention");
        }
        if *erased > 0 || self.erased > 0 {
            sheet.row("erased", *erased, "   keys with a tombstone in the place of their document");
        }
        sheet.row("missing", *missing, "");
        sheet.row("stale", *stale, "   documents of an earlier record");
        sheet.row("changed", *changed, "");
        sheet.unfinished(self.standing);
        for StateFinding { kind, id, place, lines, .. } in findings {
            let kind = match kind {
                StateFindingKind::Missing => "MISSING",
                StateFindingKind::Stale => "STALE",
                StateFindingKind::Changed => "CHANGED",
            };
            let (partition, offset) = (place.partition, place.offset);
            sheet.finding(format_args!("{kind}  partition {partition}, offset {offset}, id {id}"), lines.iter());
        }
        let unnamed = (missing + stale + changed).saturating_sub(findings.len() as u64);
        sheet.end(unnamed, self.standing, &self.conditions())
    }
}
