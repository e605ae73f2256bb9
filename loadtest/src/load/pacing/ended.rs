//! How posts end, for the pace of those that follow.

/// How a post ended, as far as pacing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The target gave its judgement.
    Answered,
    /// The target was away, too busy or too slow.
    InTrouble,
}
