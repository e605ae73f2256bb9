//! How posts end, for the pace of the next ones.

/// How a post ended, as far as pacing cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The target accepted or rejected it.
    Answered,
    /// The target was away, too busy or too slow.
    InTrouble,
}
