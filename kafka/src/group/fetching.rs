//! The fetcher's half of a member: gives out assignments, says under which one a record was fetched, and decides what
//! to fetch. Pure: the thread that polls librdkafka asks it before every poll, and reports librdkafka's callbacks to
//! it.
//!
//! A record is handed on as soon as it is fetched, because there was room for it before the fetch. So none is ever held
//! back while partitions come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::budget::Budget;
use super::core::Assignment;

/// Longest wait for room before fetching is paused. Pausing throws away what librdkafka has fetched ahead, so a store
/// that is merely slower than Kafka must not cause it.
pub const WAIT_BEFORE_PAUSE: Duration = Duration::from_secs(1);

/// What the other half wants fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Nothing: there are too many dead letters, operators have paused it, or the member stops.
    pub is_nothing: bool,
    /// Not these partitions: too much of them is not committed.
    pub ahead: BTreeSet<i32>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Poll, and hand on what comes.
    Poll,
    /// Wait for room.
    Wait,
    /// Poll while everything is paused: for the group's sake.
    PollPaused,
}

/// Partitions to pause and resume, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// To pause.
    pub pause: Vec<i32>,
    /// To resume.
    pub resume: Vec<i32>,
}

/// The fetcher's half.
#[derive(Debug, Default)]
pub struct Fetching {
    assignments: u64,
    held: BTreeMap<i32, Held>,
    full_since: Option<Instant>,
    /// Everything is paused until the budget has recovered.
    is_full: bool,
}

#[derive(Debug)]
struct Held {
    assignment: Assignment,
    /// What librdkafka was last asked under this assignment. It keeps a pause over a revoke and a new assignment, so
    /// nothing is certain before the first request.
    is_paused: Option<bool>,
}

impl Fetching {
    /// Adds these partitions, and returns the number of their assignment.
    pub fn assign(&mut self, partitions: &[i32]) -> Assignment {
        self.assignments += 1;
        let assignment = Assignment(self.assignments);
        self.held.extend(partitions.iter().map(|partition| (*partition, Held { assignment, is_paused: None })));
        assignment
    }

    /// Removes these partitions.
    pub fn give_up(&mut self, partitions: &[i32]) {
        self.held.retain(|partition, _| !partitions.contains(partition));
    }

    /// The assignment under which the partition is held. A record that was fetched is handed on under it at once.
    pub fn assignment(&self, partition: i32) -> Option<Assignment> {
        self.held.get(&partition).map(|held| held.assignment)
    }

    /// The partitions held, each with its assignment.
    pub fn held(&self) -> Vec<(i32, Assignment)> {
        self.held.iter().map(|(partition, held)| (*partition, held.assignment)).collect()
    }

    /// What to do next.
    pub fn turn(&mut self, budget: &Budget, wish: &Wish, now: Instant) -> Turn {
        if self.is_full && budget.has_recovered() {
            self.is_full = false;
        }
        if self.is_full || wish.is_nothing {
            self.full_since = None;
            return Turn::PollPaused;
        }
        if budget.has_room() {
            self.full_since = None;
            return Turn::Poll;
        }
        if now < *self.full_since.get_or_insert(now) + WAIT_BEFORE_PAUSE {
            return Turn::Wait;
        }
        self.full_since = None;
        self.is_full = true;
        Turn::PollPaused
    }

    /// Whether everything is paused because the budget is full.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// What must be paused or resumed now: whatever is not known to be in the state wanted.
    pub fn changes(&self, wish: &Wish) -> Changes {
        let mut changes = Changes::default();
        for (partition, held) in &self.held {
            let is_paused = self.is_full || wish.is_nothing || wish.ahead.contains(partition);
            if held.is_paused != Some(is_paused) {
                if is_paused { &mut changes.pause } else { &mut changes.resume }.push(*partition);
            }
        }
        changes
    }

    /// librdkafka has taken a pause or a resume of these partitions.
    pub fn applied(&mut self, partitions: &[i32], is_paused: bool) {
        for partition in partitions {
            if let Some(held) = self.held.get_mut(partition) {
                held.is_paused = Some(is_paused);
            }
        }
    }
}

/// Mistake: assumes that a new assignment is fetched; the simulation shows the effect.
#[cfg(test)]
impl Fetching {
    pub(super) fn take_fetched_for_granted(&mut self, partitions: &[i32]) {
        self.applied(partitions, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_assignment_is_set_to_what_it_should_be_whatever_it_was_before() {
        let (mut fetching, wish) = (Fetching::default(), Wish::default());
        let first = fetching.assign(&[0]);
        assert_eq!(fetching.changes(&wish).resume, [0]);
        fetching.applied(&[0], false);
        assert_eq!(fetching.changes(&wish), Changes::default());
        let braked = Wish { is_nothing: true, ..Wish::default() };
        assert_eq!(fetching.changes(&braked).pause, [0]);
        fetching.applied(&[0], true);
        fetching.give_up(&[0]);
        assert_eq!(fetching.assignment(0), None);
        let second = fetching.assign(&[0, 1]);
        assert!(second > first && fetching.assignment(0) == Some(second));
        assert_eq!(fetching.changes(&wish).resume, [0, 1]);
    }

    #[test]
    fn one_partition_that_is_ahead_pauses_no_other() {
        let mut fetching = Fetching::default();
        fetching.assign(&[0, 1]);
        fetching.applied(&[0, 1], false);
        let wish = Wish { ahead: [1].into(), ..Wish::default() };
        assert_eq!(fetching.changes(&wish), Changes { pause: vec![1], resume: vec![] });
    }

    #[test]
    fn a_full_budget_waits_first_and_pauses_later() {
        let (mut fetching, wish, budget, start) =
            (Fetching::default(), Wish::default(), Budget::new(100), Instant::now());
        assert_eq!(fetching.turn(&budget, &wish, start), Turn::Poll);
        budget.take(150);
        assert_eq!(fetching.turn(&budget, &wish, start), Turn::Wait);
        assert_eq!(fetching.turn(&budget, &wish, start + Duration::from_millis(999)), Turn::Wait);
        assert_eq!(fetching.turn(&budget, &wish, start + WAIT_BEFORE_PAUSE), Turn::PollPaused);
        budget.give_back(60);
        assert_eq!(fetching.turn(&budget, &wish, start + WAIT_BEFORE_PAUSE), Turn::PollPaused, "not worth it yet");
        budget.give_back(60);
        assert_eq!(fetching.turn(&budget, &wish, start + WAIT_BEFORE_PAUSE), Turn::Poll);
    }
}
