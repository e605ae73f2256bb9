//! Mistakes that must be found, each with its effect: a simulation that misses one is too weak.

use super::Members;
use super::checks::Violation;
use crate::group::core::Mistake;

simulation::mistakes! {
    Members;
    a_pause_that_outlives_its_assignment: PauseOutlivesAssignment => NeverSettles;
    a_record_that_is_held_back: RecordHeldBack => CommitPassesUnfinished;
    a_letter_that_never_changes: LetterNeverChanges => NeverSettles;
    a_run_ahead_without_bound: UnboundedRunAhead => RanAhead;
    a_commit_past_what_is_unfinished: CommitPastUnfinished => CommitPassesUnfinished;
    a_late_finish_that_counts: LateFinishCounts => CommitPassesUnfinished;
    a_stale_record_that_is_admitted: StaleRecordAdmitted => DoneAgain;
    a_revoke_that_forgets_what_is_unfinished: RevokeForgetsUnfinished => CommitPassesUnfinished;
    a_letter_that_is_finished_too_early: LetterFinishedTooEarly => CommitPassesUnfinished;
    a_record_for_later_that_is_forgotten: LaterIsForgotten => CommitPassesUnfinished;
    a_commit_that_failed_and_is_forgotten: FailedCommitForgotten => GivenUpTooEarly;
    a_timer_that_moves: TimerMoves => BatchLate;
    a_budget_that_leaks: BudgetLeaks => NeverSettles;
    a_letter_that_failed_and_is_forgotten: FailedLetterForgotten => CommitPassesUnfinished;
    a_late_commit_that_counts: LateCommitCounts => CommitPassesUnfinished;
    a_pause_that_failed_and_is_forgotten: FailedPauseForgotten => NeverSettles;
    a_brake_that_does_not_pause: BrakeDoesNotPause => FetchedWhileBraked;
    a_braked_record_that_counts_as_finished: BrakedCountsAsFinished => CommitPassesUnfinished;
    a_first_commit_that_is_blind: FirstCommitIsBlind => NeverSettles;
    a_doubt_that_is_ignored: DoubtIgnored => NeverSettles;
    a_position_set_back_that_is_ignored: SetBackIgnored => CommitPassesUnfinished;
    a_revoke_without_deadline: RevokeHasNoDeadline => Spins;
    a_pause_that_is_ignored: PauseIgnored => FetchedWhilePaused;
    a_resume_that_is_forgotten: ResumeForgotten => NeverSettles;
    an_order_that_is_ignored: OrderIgnored => OutOfOrder;
    a_start_without_asking: StartsUnasked => FetchedWhilePaused;
}
