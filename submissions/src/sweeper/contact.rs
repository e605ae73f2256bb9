//! For how long the store has answered this process without a gap. Pure.
//!
//! A worker counts as gone when it is silent. But after an outage of the store every worker was silent, and after a
//! freeze of a process its own worker was. So silence is judged only by somebody who could have heard: whose questions
//! followed each other, and were answered, faster than a beat may be late.

use std::time::{Duration, Instant};

/// The store's answers to one process.
#[derive(Debug)]
pub(super) struct Contact {
    /// The longest time from a question to its answer, and from there to the next question. After a longer one this
    /// process was not running, or the store was too slow for beats, too.
    gap: Duration,
    since: Option<Instant>,
    /// When the last question was asked, or answered.
    last: Instant,
}

impl Contact {
    pub(super) fn new(gap: Duration, now: Instant) -> Self {
        Self { gap, since: None, last: now }
    }

    /// A question is asked.
    pub(super) fn asked(&mut self, now: Instant) {
        self.follow(now);
    }

    /// It was answered.
    pub(super) fn answered(&mut self, now: Instant) {
        self.follow(now);
        self.since.get_or_insert(now);
    }

    /// It was not answered.
    pub(super) fn failed(&mut self, now: Instant) {
        self.since = None;
        self.last = now;
    }

    /// How long the store has answered without a gap.
    pub(super) fn lasts(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    fn follow(&mut self, now: Instant) {
        if now.saturating_duration_since(self.last) > self.gap {
            self.since = None;
        }
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_or_a_gap_begins_again() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut contact = Contact::new(second, start);
        assert_eq!(contact.lasts(start + second), Duration::ZERO, "nothing was answered");
        for tick in 1..=3 {
            contact.asked(start + tick * second);
            contact.answered(start + tick * second);
        }
        assert_eq!(contact.lasts(start + 3 * second), 2 * second);
        contact.asked(start + 5 * second);
        assert_eq!(contact.lasts(start + 5 * second), Duration::ZERO);
        contact.answered(start + 6 * second);
        assert_eq!(contact.lasts(start + 7 * second), second);
        contact.asked(start + 7 * second);
        contact.answered(start + 9 * second);
        assert_eq!(contact.lasts(start + 9 * second), Duration::ZERO, "nobody knows when it was answered");
        contact.asked(start + 10 * second);
        contact.failed(start + 10 * second);
        assert_eq!(contact.lasts(start + 10 * second), Duration::ZERO);
    }
}
