//! Mistakes that must be found, each with its effect: a simulation that misses one is too weak.

use super::Processes;
use super::checks::Violation;
use crate::mistake::Mistake;

simulation::mistakes! {
    Processes;
    a_store_without_a_fence: NoFence => IllegalChange;
    a_fence_that_is_the_attempt: FenceIsAttempt => IllegalChange;
    a_worker_that_is_gone_and_settles: SettlesAfterGone => SettledAfterGone;
    a_settlement_that_got_an_error_and_is_forgotten: FailedSettlementForgotten => NeverSettles;
    a_doubt_that_is_ignored: DoubtIgnored => CountedWrong;
    a_claim_in_doubt_whose_worker_keeps_its_id: DoubtfulClaimKept => NeverSettles;
    a_beat_that_waits_for_a_claim: BeatWaitsForClaim => TakenFromLiving;
    a_stop_that_keeps_leases: StopKeepsLeases => LeftWithLeases;
    a_claim_of_a_worker_that_is_not_heard: ClaimsUnheard => ClaimedUnheard;
    a_claim_without_room: ClaimsWithoutRoom => HoldsTooMuch;
    a_silence_that_is_trusted_after_an_outage: SilenceIsTrusted => TakenAfterOutage;
}
