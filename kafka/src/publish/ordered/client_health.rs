//! Whether the clients of an ordered publisher work, by how they end: one that has acknowledged records and then ends
//! with an error is replaced, and that is all. If its successors end before they have acknowledged any, the fault is
//! elsewhere, and replacing them again does not help. Pure.

use std::time::{Duration, Instant};

/// A client that does not end for this long counts as working, though nothing was sent: otherwise a service that gets
/// no records because it is not ready would never be ready again.
pub(super) const PROVEN_AFTER: Duration = Duration::from_secs(10);

/// How the latest clients did.
#[derive(Debug, Default)]
pub(super) struct ClientHealth {
    /// Clients in a row that ended, all but the first of them without an acknowledgement.
    ended: u32,
    /// When the current client counts as working, if its predecessors did not.
    works_at: Option<Instant>,
}

impl ClientHealth {
    /// A client has ended, and another one takes its place at `now`. Returns how many have ended in a row, if that is
    /// more than one.
    pub(super) fn ended(&mut self, has_acknowledged: bool, now: Instant) -> Option<u32> {
        self.ended = if has_acknowledged { 1 } else { self.ended.saturating_add(1) };
        self.works_at = (self.ended > 1).then(|| now + PROVEN_AFTER);
        self.works_at.map(|_| self.ended)
    }

    /// When to look at the current client, if its predecessors did not work.
    pub(super) fn works_at(&self) -> Option<Instant> {
        self.works_at
    }

    /// Whether the current client works, after its predecessors did not. Says so once.
    pub(super) fn works_again(&mut self, has_acknowledged: bool, now: Instant) -> bool {
        let works = self.works_at.is_some_and(|works_at| has_acknowledged || now >= works_at);
        if works {
            self.works_at = None;
        }
        works
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_worked_may_end() {
        let (mut health, now) = (ClientHealth::default(), Instant::now());
        for _ in 0..3 {
            assert_eq!((health.ended(true, now), health.works_at()), (None, None));
        }
    }

    #[test]
    fn clients_that_end_in_a_row_without_an_acknowledgement_do_not_work() {
        let (mut health, now) = (ClientHealth::default(), Instant::now());
        assert_eq!(health.ended(false, now), None, "the first one may have met a fault that is gone");
        assert_eq!(health.ended(false, now), Some(2));
        assert_eq!(health.ended(false, now), Some(3));
        assert!(!health.works_again(false, now));
        assert!(health.works_again(true, now));
        assert!(!health.works_again(true, now), "it was said");
        assert_eq!(health.ended(true, now), None);
    }

    #[test]
    fn a_client_that_lives_on_works_until_it_ends_too() {
        let (mut health, now) = (ClientHealth::default(), Instant::now());
        health.ended(false, now);
        health.ended(false, now);
        let works_at = health.works_at().unwrap();
        assert_eq!(works_at, now + PROVEN_AFTER);
        assert!(health.works_again(false, works_at));
        assert_eq!(health.works_at(), None);
        assert_eq!(health.ended(false, works_at), Some(3), "it has acknowledged nothing");
    }
}
