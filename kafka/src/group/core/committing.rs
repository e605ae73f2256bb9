//! What to commit.
//!
//! The first commit under an assignment waits until the group has been asked what it had committed before: nothing else
//! shows which offsets were deleted before the group could read them ([`skips`](super::skips)).

use std::time::Instant;

use super::assignments::Held;
use super::commits::{Committable, FIRST_COMMIT_WAIT};
use super::mistake::Mistake;
use super::state::Core;
use super::trouble::TroubleSubject;

impl<R> Core<R> {
    /// The commit to send now.
    pub(super) fn next_commit(&mut self, now: Instant) -> Option<Vec<(i32, i64)>> {
        if self.commits.deadline()? > now {
            return None;
        }
        let (offsets, too_early): (Vec<_>, Vec<_>) = self
            .committable()
            .into_iter()
            .partition(|offset| self.earliest(offset).is_none_or(|earliest| earliest <= now));
        let earliest = too_early.iter().filter_map(|offset| self.earliest(offset)).min();
        let committed: Vec<_> = offsets.iter().map(|offset| (offset.partition, offset.next)).collect();
        self.commits.sent(offsets, earliest, now);
        if committed.is_empty() {
            // What failed before is no longer held.
            self.troubles.over(TroubleSubject::Commit);
            return None;
        }
        Some(committed)
    }

    /// The earliest time to commit this, if it must wait: the commit overwrites what the group had committed before.
    fn earliest(&self, offset: &Committable) -> Option<Instant> {
        let held = self.assignments.get(offset.partition).filter(|held| !held.is_group_asked)?;
        let is_waited_for =
            self.is_stopping || self.revoking.as_ref().is_some_and(|revoking| revoking.concerns(offset));
        (!is_waited_for && !self.mistakes.make(Mistake::FirstCommitIsBlind)).then_some(held.since + FIRST_COMMIT_WAIT)
    }

    /// What may be committed and is not.
    pub(super) fn committable(&self) -> Vec<Committable> {
        let next = |held: &Held| {
            #[cfg(test)]
            if self.mistakes.make(Mistake::CommitPastUnfinished) {
                return held.offsets.committable_with_gaps();
            }
            #[cfg(test)]
            if self.mistakes.make(Mistake::RevokeForgetsUnfinished) && self.revoking.is_some() {
                return held.offsets.last_received().map(|last| last + 1);
            }
            held.offsets.committable()
        };
        let committable = |(partition, held): (i32, &Held)| {
            let next = next(held)?;
            Some(Committable { partition, assignment: held.assignment, epoch: held.epoch, next })
        };
        self.assignments.iter().filter_map(committable).collect()
    }
}
