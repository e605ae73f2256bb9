//! What `verify` prints about a topic. Pure.

use std::collections::HashMap;

use crate::ledger::balance::{Balance, Place, RecordFinding, RecordFindingKind};
use crate::ledger::standing::Standing;

mod sheet;
pub(crate) mod states;

use sheet::Sheet;

/// What must hold of the records that are erased.
const ERASED: &str = "erased as --erased says";

/// What was found about one topic.
pub(crate) struct VerifiedTopic<'a> {
    pub(crate) topic: &'a str,
    pub(crate) group: &'a str,
    pub(crate) standing: &'a Standing,
    pub(crate) balance: &'a Balance,
    /// How many of its records must be erased.
    pub(crate) erased: u64,
    /// What differs in the changed records, in lines.
    pub(crate) details: &'a HashMap<Place, Vec<String>>,
}

impl VerifiedTopic<'_> {
    /// Whether all that the group has finished is there as it was sent.
    pub(crate) fn passed(&self) -> bool {
        let Balance { records, missing, changed, erased, .. } = *self.balance;
        self.standing.errors.is_empty() && records > 0 && missing == 0 && changed == 0 && erased == self.erased
    }

    /// The topic's part of the output.
    pub(crate) fn render(&self) -> String {
        let Balance { records, repeated, stored, of_older, dead_lettered, both, .. } = self.balance;
        let Balance { removed, erased, missing, changed, findings, .. } = self.balance;
        let mut sheet = Sheet::new(self.topic, self.group);
        sheet.row("records", *records, "");
        sheet.row("stored", *stored, "");
        if *of_older > 0 {
            sheet.row("of older", *of_older, "   stored with the date of a record that retention has removed");
        }
        sheet.row("dead-lettered", *dead_lettered, "");
        sheet.row("both", *both, "   dead-lettered, then sent again");
        sheet.row("repeated", *repeated, "   the id of another record: one document for both");
        if *removed > 0 {
            sheet.row("removed", *removed, "   beyond the retention");
        }
        if *erased > 0 || self.erased > 0 {
            sheet.row("erased", *erased, "   a tombstone stands in the place of their document");
        }
        sheet.row("missing", *missing, "");
        sheet.row("changed", *changed, "");
        sheet.unfinished(self.standing);
        for RecordFinding { place, id, kind } in findings {
            let kind = match kind {
                RecordFindingKind::Missing => "MISSING",
                RecordFindingKind::ChangedDocument | RecordFindingKind::ChangedLetter => "CHANGED",
            };
            let (partition, offset) = (place.partition, place.offset);
            let details = self.details.get(place).into_iter().flatten();
            sheet.finding(format_args!("{kind}  partition {partition}, offset {offset}, id {id}"), details);
        }
        let conditions = [
            ("records>0", *records > 0),
            ("missing==0", *missing == 0),
            ("changed==0", *changed == 0),
            (ERASED, *erased == self.erased),
        ];
        sheet.end(missing + changed - findings.len() as u64, self.standing, &conditions)
    }
}

#[cfg(test)]
mod tests {
    use contract::PostId;

    use super::*;

    fn render(standing: &Standing, balance: &Balance, details: &HashMap<Place, Vec<String>>) -> (bool, String) {
        let topic = VerifiedTopic { topic: "post", group: "post-consumer", standing, balance, erased: 0, details };
        (topic.passed(), topic.render())
    }

    #[test]
    fn findings_are_named_and_the_others_counted() {
        let place = |offset| Place { topic: 0, partition: 0, offset };
        let id = PostId::fresh();
        let finding = |offset, kind| RecordFinding { place: place(offset), id, kind };
        let findings = vec![finding(3, RecordFindingKind::Missing), finding(7, RecordFindingKind::ChangedDocument)];
        let balance =
            Balance { records: 1_005, removed: 3, missing: 4, changed: 1, of_older: 2, findings, ..Balance::default() };
        let details = HashMap::from([(place(7), vec!["content: sent \"a\", not stored".to_owned()])]);
        let (passed, text) = render(&Standing::default(), &balance, &details);
        assert!(!passed);
        for line in [
            "  records              1,005\n",
            "  removed                  3   beyond the retention\n",
            "  missing                  4\n",
            "  of older                 2   stored with",
            "  changed                  1\n",
            &format!("  MISSING  partition 0, offset 3, id {id}\n"),
            &format!("  CHANGED  partition 0, offset 7, id {id}\n           content: sent \"a\", not stored\n"),
            "  and 3 more",
            "  ok      records>0\n  FAILED  missing==0\n  FAILED  changed==0\n",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
    }

    #[test]
    fn what_is_erased_must_be_expected() {
        for (erased, expected) in [(0, 0), (2, 2), (2, 0), (0, 2), (1, 2)] {
            let balance = Balance { records: 5, erased, ..Balance::default() };
            let (standing, details) = (&Standing::default(), &HashMap::new());
            let topic = VerifiedTopic {
                topic: "post",
                group: "post-consumer",
                standing,
                balance: &balance,
                erased: expected,
                details,
            };
            let (passed, text) = (topic.passed(), topic.render());
            assert_eq!(passed, erased == expected, "{text}");
            assert_eq!(text.contains("FAILED  erased as --erased says"), !passed, "{text}");
            assert_eq!(
                text.contains(&format!("  erased                   {erased}   a tombstone")),
                erased + expected > 0
            );
        }
    }

    #[test]
    fn a_standing_that_cannot_be_fails_a_balance_without_findings_and_so_does_nothing() {
        let balance = Balance { records: 1, ..Balance::default() };
        let standing =
            Standing { unfinished: vec![(0, 3..1_010), (1, 0..1)], uncommitted: vec![(1, 1)], ..Standing::default() };
        let (passed, text) = render(&standing, &balance, &HashMap::new());
        assert!(
            passed
                && text
                    .contains("\n\n  ok      records>0\n  ok      missing==0\n  ok      changed==0\n  ok      erased"),
            "{text}"
        );
        assert!(text.contains("  lag                  1,008   not finished"), "{text}");
        assert!(text.contains("no committed offset in partition 1, which has 1 records"), "{text}");
        let (passed, text) = render(&standing, &Balance::default(), &HashMap::new());
        assert!(!passed && text.contains("\n  FAILED  records>0\n"), "{text}");
        let standing = Standing { errors: vec!["the group is unknown".to_owned()], ..standing };
        let (passed, text) = render(&standing, &balance, &HashMap::new());
        assert!(!passed && text.contains("  FAILED  the group is unknown\n"), "{text}");
    }
}
