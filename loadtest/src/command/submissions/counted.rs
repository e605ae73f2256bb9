//! Whether what the processes counted fits what the database holds. Pure.

use crate::ledger::submissions::audit::Found;
use crate::pipeline::submissions::counters::{ANNOUNCED, Counts};
use crate::pipeline::submissions::queue::QueueKind;

/// A sentence for each count that does not fit. Of what is accepted all is counted only if no process was hit and no
/// answer is unknown. `retries` is the most that were made.
pub(super) fn misfits(
    counted: &Counts,
    found: &Found,
    is_all_counted: bool,
    retries: u64,
    queue: QueueKind,
) -> Vec<String> {
    let count = |name: &str| counted.get(name).copied().unwrap_or(0);
    let mut misfits = Vec::new();
    let accepted = count("submissions_accepted_total");
    if is_all_counted && accepted != found.rows {
        misfits.push(format!("the service counted {accepted} accepted submissions, and {} are there", found.rows));
    }
    // Nothing leaves PASSED, and only a retry leaves another final status: nothing else comes there twice. So these
    // counts show what a late finish overwrites with the same verdict.
    let of_status =
        [("PASSED", found.passed, 0), ("FAILED", found.failed, retries), ("CANCELLED", found.cancelled, retries)];
    for (status, are, left) in of_status {
        let became = count(&format!("submissions_total{{{status}}}"));
        if became > are + left && found.older == 0 {
            misfits.push(format!(
                "submissions became {status} {became} times; {are} are, and at most {left} were retried"
            ));
        }
    }
    if queue == QueueKind::Kafka && found.rows > 0 && count(ANNOUNCED) == 0 {
        misfits.push("nothing was announced by Kafka, so Kafka was not the queue".to_owned());
    }
    misfits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_said() {
        let found = Found { rows: 10, passed: 6, failed: 3, cancelled: 1, ..Found::default() };
        let of = |counts: &[(&str, u64)], is_all_counted, queue| {
            let counted = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
            misfits(&counted, &found, is_all_counted, 2, queue)
        };
        let (accepted, passed) = (("submissions_accepted_total", 10), ("submissions_total{PASSED}", 6));
        let none = [""; 0];
        assert_eq!(of(&[accepted, passed], true, QueueKind::Database), none);
        assert_eq!(of(&[accepted, passed, (ANNOUNCED, 1)], true, QueueKind::Kafka), none);
        let others = [("submissions_total{FAILED}", 5), ("submissions_total{CANCELLED}", 3)];
        assert_eq!(of(&others, false, QueueKind::Database), none, "they may have been retried");
        assert_eq!(of(&[], false, QueueKind::Database), none, "what was counted before a kill is not seen");
        for (counts, is_all_counted, queue, why) in [
            (&[passed][..], true, QueueKind::Database, "counted 0 accepted submissions, and 10 are there"),
            (
                &[("submissions_total{PASSED}", 7)],
                false,
                QueueKind::Database,
                "became PASSED 7 times; 6 are, and at most 0",
            ),
            (
                &[("submissions_total{FAILED}", 6)],
                false,
                QueueKind::Database,
                "became FAILED 6 times; 3 are, and at most 2",
            ),
            (&[("submissions_total{CANCELLED}", 4)], false, QueueKind::Database, "became CANCELLED 4 times"),
            (&[accepted, passed], true, QueueKind::Kafka, "Kafka was not the queue"),
        ] {
            let misfits = of(counts, is_all_counted, queue);
            assert!(misfits.len() == 1 && misfits[0].contains(why), "{misfits:?}");
        }
    }
}
