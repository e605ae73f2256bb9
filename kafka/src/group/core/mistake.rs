//! Mistakes that the simulation plants, each of which disables one safeguard: a proof that finds nothing is worth
//! something only if it finds these. Outside tests there are none.

/// A disabled safeguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "no mistake is planted outside tests"))]
pub(in crate::group) enum Mistake {
    /// A pause outlives its assignment: a new assignment is assumed to be fetched, even if it was paused before.
    PauseOutlivesAssignment,
    /// A record is polled without room for it, held back, and handed on under the assignment then in force.
    RecordHeldBack,
    /// A dead letter that its topic does not take is sent again as it is.
    LetterNeverChanges,
    /// Nothing bounds what is received and not committed.
    UnboundedRunAhead,
    /// A commit passes records that are not finished.
    CommitPastUnfinished,
    /// A late finish counts for an assignment that it does not belong to.
    LateFinishCounts,
    /// A record of an earlier assignment is taken in.
    StaleRecordAdmitted,
    /// A revoke is answered while records are unfinished, and everything received is committed.
    RevokeForgetsUnfinished,
    /// A record counts as finished before its dead letter is acknowledged.
    LetterFinishedTooEarly,
    /// What must be stored later counts as stored.
    LaterIsForgotten,
    /// A commit that failed counts as done.
    FailedCommitForgotten,
    /// The interval counts from the record that came last.
    TimerMoves,
    /// What is dropped keeps its share of the budget.
    BudgetLeaks,
    /// A dead letter that failed is dropped.
    FailedLetterForgotten,
    /// A commit of offsets as they were before the position was set back counts for those after it.
    LateCommitCounts,
    /// A pause or a resume that failed counts as done.
    FailedPauseForgotten,
    /// Fetching continues while the brake is engaged.
    BrakeDoesNotPause,
    /// A record that the brake holds back counts as finished.
    BrakedCountsAsFinished,
    /// The first commit of an assignment is sent before the group has been asked what it had committed.
    FirstCommitIsBlind,
    /// What the group has committed according to Kafka is not compared with what was acknowledged.
    DoubtIgnored,
    /// An offset that comes again counts as the same record.
    SetBackIgnored,
    /// A revoke waits for as long as it takes.
    RevokeHasNoDeadline,
    /// Fetching continues although operators have paused it.
    PauseIgnored,
    /// Fetching stays paused although operators have resumed it.
    ResumeForgotten,
    /// Where the order counts, a batch is written before what is left of an earlier one of its partitions.
    OrderIgnored,
    /// Fetching starts before it is known whether operators have paused it.
    StartsUnasked,
}

#[derive(Debug, Default)]
pub(super) struct Mistakes {
    #[cfg(test)]
    made: Option<Mistake>,
}

impl Mistakes {
    /// Whether to make this one.
    #[cfg(test)]
    pub(super) fn make(&self, mistake: Mistake) -> bool {
        self.made == Some(mistake)
    }

    /// None is ever made.
    #[cfg(not(test))]
    #[inline(always)]
    pub(super) fn make(&self, _: Mistake) -> bool {
        false
    }
}

#[cfg(test)]
impl<R> super::Core<R> {
    /// Makes this mistake from now on.
    pub(in crate::group) fn with_mistake(mut self, mistake: Option<Mistake>) -> Self {
        self.mistakes.made = mistake;
        self
    }
}

/// What only the simulation looks at.
#[cfg(test)]
impl<R> super::Core<R> {
    /// Whether a batch may start.
    pub(in crate::group) fn has_slot(&self) -> bool {
        self.flushes.has_slot()
    }

    /// Records and bytes of the partition that are received and not committed.
    pub(in crate::group) fn uncommitted(&self, partition: i32) -> (usize, usize) {
        self.assignments.get(partition).map_or((0, 0), |held| held.offsets.uncommitted())
    }
}
