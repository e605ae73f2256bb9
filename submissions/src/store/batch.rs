//! What both stores do with a batch before it goes to the database.

use std::collections::HashSet;

use super::{Counted, Outcome, Settlement};
use crate::lease::Lease;
use crate::status::Status;

/// A settlement as changes of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ending<'a> {
    /// The lease that ends.
    pub(super) lease: Lease,
    /// The status that follows.
    pub(super) status: Status,
    pub(super) reason: Option<&'a str>,
    pub(super) is_cached: bool,
    /// Where the attempt is counted, if it had no verdict.
    pub(super) counted: Option<Counted>,
    /// The wait until the next attempt, in milliseconds.
    pub(super) after: i64,
    /// Whether a dead letter is kept.
    pub(super) is_given_up: bool,
}

/// The endings of a batch in the order of their ids, so that two batches lock rows in the same order. Of two
/// settlements of one lease the first one counts.
pub(super) fn endings(settlements: &[Settlement]) -> Vec<Ending<'_>> {
    let mut endings: Vec<Ending<'_>> = settlements.iter().map(ending).collect();
    // Stable, so that the first of two stays the first.
    endings.sort_by_key(|ending| (ending.lease.id, ending.lease.fence));
    endings.dedup_by_key(|ending| ending.lease);
    endings
}

fn ending(settlement: &Settlement) -> Ending<'_> {
    let verdict = |status, reason, is_cached| Ending {
        lease: settlement.lease,
        status,
        reason,
        is_cached,
        counted: None,
        after: 0,
        is_given_up: false,
    };
    match &settlement.outcome {
        Outcome::Passed { is_cached } => verdict(Status::Passed, None, *is_cached),
        Outcome::Failed { reason, is_cached } => verdict(Status::Failed, Some(reason), *is_cached),
        Outcome::Again { counted, reason, after } => Ending {
            counted: Some(*counted),
            after: super::time::millis(*after),
            ..verdict(Status::Pending, Some(reason), false)
        },
        Outcome::GivenUp { counted, reason } => {
            Ending { counted: Some(*counted), is_given_up: true, ..verdict(Status::Failed, Some(reason), false) }
        }
    }
}

/// For each settlement whether it ended its lease, when these were ended. A lease ends once, even if a batch settles it
/// twice.
pub(super) fn were_in_force(settlements: &[Settlement], mut ended: HashSet<Lease>) -> Vec<bool> {
    settlements.iter().map(|settlement| ended.remove(&settlement.lease)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;

    fn settlement(id: u128, fence: i64, outcome: Outcome) -> Settlement {
        Settlement { lease: Lease { id: Uuid::from_u128(id), fence }, outcome }
    }

    #[test]
    fn the_first_settlement_of_a_lease_counts_and_ids_are_in_order() {
        let passed = Outcome::Passed { is_cached: false };
        let failed = Outcome::Failed { reason: "no digit".to_owned(), is_cached: true };
        let batch = [settlement(2, 7, failed), settlement(1, 7, passed.clone()), settlement(2, 7, passed)];
        let ends = endings(&batch);
        assert_eq!(ends.iter().map(|end| end.status).collect::<Vec<_>>(), [Status::Passed, Status::Failed]);
        assert_eq!((ends[1].reason, ends[1].is_cached), (Some("no digit"), true));
        let ended = HashSet::from([batch[0].lease, batch[1].lease]);
        assert_eq!(were_in_force(&batch, ended), [true, true, false]);
        assert_eq!(were_in_force(&batch, HashSet::new()), [false; 3]);
    }

    #[test]
    fn only_a_setback_is_counted_and_only_what_is_given_up_leaves_a_dead_letter() {
        let reason = "disk full".to_owned();
        let after = Duration::from_millis(1_500);
        let batch = [
            settlement(1, 1, Outcome::Again { counted: Counted::Loss, reason: reason.clone(), after }),
            settlement(2, 1, Outcome::GivenUp { counted: Counted::Failure, reason }),
        ];
        let [again, given_up] = endings(&batch)[..] else { panic!("there are two") };
        assert_eq!((again.status, again.counted, again.after), (Status::Pending, Some(Counted::Loss), 1_500));
        assert_eq!((given_up.status, given_up.counted), (Status::Failed, Some(Counted::Failure)));
        assert_eq!((again.is_given_up, given_up.is_given_up), (false, true));
    }
}
