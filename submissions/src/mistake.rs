//! Mistakes that the simulation plants, each of which disables one safeguard: a proof that finds nothing is worth
//! something only if it finds these. Outside tests there are none.

/// A disabled safeguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "no mistake is planted outside tests"))]
pub(crate) enum Mistake {
    /// The store settles whatever is in PROCESSING, without looking at the fence.
    NoFence,
    /// The store compares the number of the attempt instead of the fence.
    FenceIsAttempt,
    /// A worker that is gone settles what it had done before.
    SettlesAfterGone,
    /// A settlement that got an error is forgotten.
    FailedSettlementForgotten,
    /// A settlement that got an error and is refused later counts as late, although it was done.
    DoubtIgnored,
    /// A worker keeps its id after a claim that may have been done without its knowledge.
    DoubtfulClaimKept,
    /// A beat waits for a claim.
    BeatWaitsForClaim,
    /// A worker that stops keeps its leases.
    StopKeepsLeases,
    /// A worker claims although the store has not heard of it for long enough to count it as gone.
    ClaimsUnheard,
    /// A worker claims for as long as there is something to claim.
    ClaimsWithoutRoom,
    /// After an outage, or a freeze, workers count as gone before they could beat.
    SilenceIsTrusted,
}

/// Which mistake is made, if any.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mistakes {
    #[cfg(test)]
    pub(crate) made: Option<Mistake>,
}

impl Mistakes {
    /// Whether to make this one.
    #[cfg(test)]
    pub(crate) fn make(self, mistake: Mistake) -> bool {
        self.made == Some(mistake)
    }

    /// None is ever made.
    #[cfg(not(test))]
    #[inline(always)]
    pub(crate) fn make(self, _: Mistake) -> bool {
        false
    }
}
