//! Whose clients do not know what became of their requests.

use super::Ledger;

impl Ledger {
    /// Whether the client of post `n` cannot know what became of it.
    pub(crate) fn is_unknown(&self, n: u64) -> bool {
        self.unknown.contains(n)
    }

    /// Whether the client of post `n` cannot know what became of one of its requests.
    pub(crate) fn was_unknown(&self, n: u64) -> bool {
        self.ever_unknown.contains(n)
    }

    /// Whether a producer may have given up any post with such a request while those around post `n` were under way.
    pub(crate) fn is_near_unknown(&self, n: u64) -> bool {
        self.times.around(n).is_some_and(|(from_ms, until_ms)| self.unknown_times.may_be_given_up(from_ms, until_ms))
    }
}
