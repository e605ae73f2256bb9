//! The ids under which a process is known as a worker, what it holds under each, and when each must beat. Pure.
//!
//! A process has one id under which it claims. It takes a new one when the store has removed the old one, and when a
//! claim got an error: such a claim may have been done, and then the store has leases for a worker that does not know
//! them. An id that is *retired* claims no more, beats for as long as work under it is held, and then falls silent, so
//! that a sweep finds what else was leased to it.

use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::lease::Terms;
use crate::store::Beat;

/// The ids of a process.
#[derive(Debug)]
pub(super) struct Identities {
    heartbeat: Duration,
    silence: Duration,
    all: Vec<Identity>,
}

#[derive(Debug)]
struct Identity {
    id: Uuid,
    is_retired: bool,
    /// Submissions claimed under it whose end is not written.
    held: u32,
    /// When it must beat again; `None` while a beat waits for its answer.
    beat_at: Option<Instant>,
    /// When the last beat was sent.
    beaten_at: Instant,
    /// When the last one was sent that was answered: at that time, at the earliest, the store has noted that it lives.
    heard_at: Instant,
}

impl Identities {
    pub(super) fn new(terms: &Terms) -> Self {
        Self { heartbeat: terms.heartbeat, silence: terms.silence(), all: Vec::new() }
    }

    /// The id under which to claim.
    pub(super) fn current(&self) -> Option<Uuid> {
        self.all.iter().find(|identity| !identity.is_retired).map(|identity| identity.id)
    }

    /// Whether the store has heard of the current id lately. Otherwise it may count as gone already, and what it claims
    /// would be taken from it at once, again and again until its losses are used up.
    pub(super) fn is_heard(&self, now: Instant) -> bool {
        let current = self.all.iter().find(|identity| !identity.is_retired);
        current.is_some_and(|identity| now.saturating_duration_since(identity.heard_at) < self.silence)
    }

    /// Whether this id is known.
    pub(super) fn has(&self, id: Uuid) -> bool {
        self.all.iter().any(|identity| identity.id == id)
    }

    /// Whether there is none at all.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Submissions held under all of them.
    pub(super) fn held(&self) -> u32 {
        self.all.iter().map(|identity| identity.held).sum()
    }

    /// This id has joined, by a request that was sent then.
    pub(super) fn joined(&mut self, id: Uuid, asked_at: Instant) {
        let beat_at = Some(asked_at + self.heartbeat);
        let (beaten_at, heard_at) = (asked_at, asked_at);
        self.all.push(Identity { id, is_retired: false, held: 0, beat_at, beaten_at, heard_at });
    }

    /// No more claims under the current id.
    pub(super) fn retire(&mut self) {
        self.all.iter_mut().for_each(|identity| identity.is_retired = true);
        self.forget_idle();
    }

    /// The id has left, or was removed.
    pub(super) fn remove(&mut self, id: Uuid) {
        self.all.retain(|identity| identity.id != id);
    }

    /// A submission is claimed under this id.
    pub(super) fn hold(&mut self, id: Uuid) {
        self.all.iter_mut().filter(|identity| identity.id == id).for_each(|identity| identity.held += 1);
    }

    /// The end of a submission that was claimed under this id is written.
    pub(super) fn release(&mut self, id: Uuid) {
        self.all.iter_mut().filter(|identity| identity.id == id).for_each(|identity| identity.held -= 1);
        self.forget_idle();
    }

    /// When the next beat is due.
    pub(super) fn beat_at(&self) -> Option<Instant> {
        self.all.iter().filter_map(|identity| identity.beat_at).min()
    }

    /// An id whose beat is due, with what is held under it; the beat is sent now.
    pub(super) fn start_beat(&mut self, now: Instant) -> Option<(Uuid, u32)> {
        let is_due = |identity: &&mut Identity| identity.beat_at.is_some_and(|at| at <= now);
        let identity = self.all.iter_mut().find(is_due)?;
        (identity.beat_at, identity.beaten_at) = (None, now);
        Some((identity.id, identity.held))
    }

    /// A beat was answered; `None` if it was not. Returns whether the store has removed an id that was known here.
    pub(super) fn beaten(&mut self, id: Uuid, answer: Option<Beat>, now: Instant) -> bool {
        let Some(identity) = self.all.iter_mut().find(|identity| identity.id == id) else { return false };
        identity.beat_at = Some(match answer {
            Some(_) => {
                identity.heard_at = identity.beaten_at;
                identity.beaten_at + self.heartbeat
            }
            // Soon: a worker may be silent for less than two heartbeats.
            None => now + self.heartbeat / 4,
        });
        answer == Some(Beat::Gone)
    }

    /// Retired ids under which nothing is held fall silent.
    fn forget_idle(&mut self) {
        self.all.retain(|identity| !identity.is_retired || identity.held > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEARTBEAT: Duration = Duration::from_secs(1);
    const TERMS: Terms = Terms {
        heartbeat: HEARTBEAT,
        work_timeout: Duration::from_secs(300),
        max_attempts: 3,
        retry_backoff: Duration::from_secs(60),
    };

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    #[test]
    fn a_retired_id_beats_until_nothing_is_held_under_it() {
        let start = Instant::now();
        let mut identities = Identities::new(&TERMS);
        identities.joined(id(1), start);
        identities.hold(id(1));
        identities.retire();
        assert_eq!((identities.current(), identities.held()), (None, 1));
        identities.joined(id(2), start);
        assert_eq!(identities.current(), Some(id(2)));
        let due = start + HEARTBEAT;
        assert_eq!(identities.beat_at(), Some(due));
        assert_eq!(identities.start_beat(due), Some((id(1), 1)));
        assert_eq!(identities.start_beat(due), Some((id(2), 0)));
        assert_eq!((identities.start_beat(due), identities.beat_at()), (None, None));
        identities.release(id(1));
        assert!(!identities.has(id(1)) && identities.has(id(2)));
        assert!(!identities.beaten(id(1), Some(Beat::Gone), due), "it was forgotten before");
    }

    #[test]
    fn beats_keep_their_time_and_come_sooner_after_an_error() {
        let start = Instant::now();
        let mut identities = Identities::new(&TERMS);
        identities.joined(id(1), start);
        let due = start + HEARTBEAT;
        identities.start_beat(due);
        assert!(!identities.beaten(id(1), Some(Beat::Known), due + HEARTBEAT / 2));
        assert_eq!(identities.beat_at(), Some(due + HEARTBEAT), "counted from when it was sent");
        identities.start_beat(due + HEARTBEAT);
        assert!(!identities.beaten(id(1), None, due + HEARTBEAT));
        assert_eq!(identities.beat_at(), Some(due + HEARTBEAT + HEARTBEAT / 4));
        identities.start_beat(due + 2 * HEARTBEAT);
        assert!(identities.beaten(id(1), Some(Beat::Gone), due + 2 * HEARTBEAT));
    }

    #[test]
    fn an_id_is_heard_from_the_sending_of_a_beat_that_is_answered() {
        let start = Instant::now();
        let mut identities = Identities::new(&TERMS);
        assert!(!identities.is_heard(start), "there is none");
        identities.joined(id(1), start);
        assert!(identities.is_heard(start + HEARTBEAT * 3 / 2) && !identities.is_heard(start + 2 * HEARTBEAT));
        identities.start_beat(start + HEARTBEAT);
        identities.beaten(id(1), None, start + HEARTBEAT);
        assert!(!identities.is_heard(start + 2 * HEARTBEAT), "nobody knows");
        identities.start_beat(start + 2 * HEARTBEAT);
        identities.beaten(id(1), Some(Beat::Known), start + 3 * HEARTBEAT);
        assert!(identities.is_heard(start + 3 * HEARTBEAT) && !identities.is_heard(start + 4 * HEARTBEAT));
    }
}
