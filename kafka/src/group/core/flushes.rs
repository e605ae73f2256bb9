//! Which batches are being written, and which are written again later. Pure.
//!
//! A batch takes one of a fixed number of slots. If nothing of it could be written, it keeps its slot while it waits,
//! so that not every batch asks a store that is away. If only some records could not be written, it gives its slot
//! back: their trouble does not concern the others. Where the order counts there is one slot, and such a batch keeps
//! it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use service::Backoff;

use super::buffer::Trigger;
use super::jitter::jitter;
use super::received::Received;

/// Records to write together; the answer names the batch's number.
#[derive(Debug)]
pub struct Flush<R> {
    /// Its number.
    pub number: u64,
    /// Why it is flushed.
    pub trigger: Trigger,
    /// When it was first started.
    pub started: Instant,
    /// How often it was written before: 0 the first time.
    pub attempt: u32,
    /// Its records, in the order received.
    pub records: Vec<Received<R>>,
}

/// The batches that are not over.
#[derive(Debug)]
pub(super) struct Flushes<R> {
    slots: usize,
    /// No batch is written before what is left of an earlier one of its partitions.
    is_ordered: bool,
    next_number: u64,
    in_flight: BTreeMap<u64, State>,
    waiting: BTreeMap<u64, Waiting<R>>,
    /// Records of partitions that are being taken away; they have the same number of slots to themselves, because what
    /// is written now is not read again elsewhere.
    urgent: VecDeque<Vec<Received<R>>>,
}

#[derive(Debug)]
struct State {
    trigger: Trigger,
    started: Instant,
    attempt: u32,
    backoff: Backoff,
    /// The partitions of its records, where the order counts.
    partitions: BTreeSet<i32>,
}

#[derive(Debug)]
struct Waiting<R> {
    state: State,
    records: Vec<Received<R>>,
    due: Instant,
    keeps_slot: bool,
}

impl State {
    fn is_urgent(&self) -> bool {
        self.trigger == Trigger::Revoke
    }
}

impl<R> Waiting<R> {
    /// Whether it may start once it is due; `has_slot` says whether a slot is free.
    fn may_start(&self, has_slot: bool) -> bool {
        self.keeps_slot || has_slot || self.state.is_urgent()
    }
}

impl<R> Flushes<R> {
    pub(super) fn new(slots: usize) -> Self {
        let (in_flight, waiting, urgent) = (BTreeMap::new(), BTreeMap::new(), VecDeque::new());
        Self { slots, is_ordered: false, next_number: 0, in_flight, waiting, urgent }
    }

    /// With one slot, and each partition's records in their order.
    pub(super) fn in_order() -> Self {
        Self { is_ordered: true, ..Self::new(1) }
    }

    /// Whether a new batch may start.
    pub(super) fn has_slot(&self) -> bool {
        self.slots_taken() < self.slots
    }

    /// Starts a new batch.
    pub(super) fn start(&mut self, records: Vec<Received<R>>, trigger: Trigger, now: Instant) -> Flush<R> {
        let number = self.next_number;
        self.next_number += 1;
        let (backoff, partitions) = (Backoff::for_servers(), BTreeSet::new());
        let state = State { trigger, started: now, attempt: 0, backoff, partitions };
        self.launch(number, state, records)
    }

    /// Puts these before all others.
    pub(super) fn urge(&mut self, records: Vec<Received<R>>) {
        self.urgent.push_back(records);
    }

    /// The batch to write before any new one, if there is one.
    pub(super) fn next(&mut self, now: Instant) -> Option<Flush<R>> {
        if self.in_flight.values().filter(|state| state.is_urgent()).count() < self.slots
            && self.urgent.front().is_some_and(|records| !self.must_wait(records))
            && let Some(records) = self.urgent.pop_front()
        {
            return Some(self.start(records, Trigger::Revoke, now));
        }
        let has_slot = self.has_slot();
        let mut due = self.waiting.iter().filter(|(_, waiting)| waiting.due <= now);
        let number = *due.find(|(_, waiting)| waiting.may_start(has_slot))?.0;
        let Waiting { state, records, .. } = self.waiting.remove(&number)?;
        Some(self.launch(number, state, records))
    }

    /// When [`Self::next`] will have one, if time alone brings it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let has_slot = self.has_slot();
        let startable = self.waiting.values().filter(|waiting| waiting.may_start(has_slot));
        startable.map(|waiting| waiting.due).min()
    }

    /// A batch is answered; `later` are the records to write again, `is_whole` says whether these are all of it.
    pub(super) fn ended(&mut self, number: u64, later: Vec<Received<R>>, is_whole: bool, now: Instant) {
        let Some(mut state) = self.in_flight.remove(&number) else { return };
        if later.is_empty() {
            return;
        }
        let wait = state.backoff.next(jitter(number, state.attempt));
        state.attempt += 1;
        let keeps_slot = is_whole || self.is_ordered;
        self.waiting.insert(number, Waiting { state, records: later, due: now + wait, keeps_slot });
    }

    /// Drops what waits of these partitions, and returns it; a batch with nothing left is over.
    pub(super) fn drop_waiting(&mut self, is_dropped: impl Fn(&Received<R>) -> bool) -> (Vec<Received<R>>, Vec<u64>) {
        let mut dropped = Vec::new();
        for waiting in self.waiting.values_mut() {
            dropped.extend(waiting.records.extract_if(.., |record| is_dropped(record)));
        }
        for records in &mut self.urgent {
            dropped.extend(records.extract_if(.., |record| is_dropped(record)));
        }
        self.urgent.retain(|records| !records.is_empty());
        let over: Vec<u64> =
            self.waiting.iter().filter(|(_, waiting)| waiting.records.is_empty()).map(|(number, _)| *number).collect();
        for number in &over {
            self.waiting.remove(number);
        }
        (dropped, over)
    }

    /// Whether no batch is left.
    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty() && self.urgent.is_empty()
    }

    /// How many are being written.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How long the batch has been on its way.
    pub(super) fn age(&self, number: u64, now: Instant) -> Option<Duration> {
        self.in_flight.get(&number).map(|state| now.saturating_duration_since(state.started))
    }

    fn slots_taken(&self) -> usize {
        let in_flight = self.in_flight.values().filter(|state| !state.is_urgent()).count();
        let kept = self.waiting.values().filter(|waiting| waiting.keeps_slot && !waiting.state.is_urgent()).count();
        in_flight + kept
    }

    /// Whether an earlier batch has something left of the partitions of these, which are urgent.
    fn must_wait(&self, records: &[Received<R>]) -> bool {
        if !self.is_ordered {
            return false;
        }
        let partitions = partitions_of(records);
        let is_shared = |others: &BTreeSet<i32>| !others.is_disjoint(&partitions);
        self.in_flight.values().any(|state| is_shared(&state.partitions))
            || self.waiting.values().any(|waiting| is_shared(&partitions_of(&waiting.records)))
    }

    fn launch(&mut self, number: u64, mut state: State, records: Vec<Received<R>>) -> Flush<R> {
        if self.is_ordered {
            state.partitions = partitions_of(&records);
        }
        let batch = Flush { number, trigger: state.trigger, started: state.started, attempt: state.attempt, records };
        self.in_flight.insert(number, state);
        batch
    }
}

fn partitions_of<R>(records: &[Received<R>]) -> BTreeSet<i32> {
    records.iter().map(|record| record.ticket.partition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::core::tests::received;

    #[test]
    fn a_batch_that_fails_as_a_whole_keeps_its_slot() {
        let now = Instant::now();
        let mut flushes = Flushes::new(1);
        let batch = flushes.start(vec![received(0, 0, 1)], Trigger::Size, now);
        assert!(!flushes.has_slot());
        flushes.ended(batch.number, batch.records, true, now);
        assert!(!flushes.has_slot() && flushes.next(now).is_none());
        let due = flushes.deadline().unwrap();
        let again = flushes.next(due).unwrap();
        assert_eq!((again.number, again.attempt, again.records.len()), (batch.number, 1, 1));
        flushes.ended(again.number, Vec::new(), false, due);
        assert!(flushes.has_slot() && flushes.is_empty());
    }

    #[test]
    fn a_batch_that_fails_in_part_frees_its_slot_and_comes_first_when_there_is_one() {
        let now = Instant::now();
        let mut flushes = Flushes::new(1);
        let batch = flushes.start(vec![received(0, 0, 1), received(0, 1, 1)], Trigger::Size, now);
        flushes.ended(batch.number, vec![received(0, 1, 1)], false, now);
        let other = flushes.start(vec![received(1, 0, 1)], Trigger::Size, now);
        let later = now + Duration::from_secs(9);
        assert!(flushes.next(later).is_none(), "the other one has the slot");
        flushes.ended(other.number, Vec::new(), false, later);
        assert_eq!(flushes.next(later).unwrap().number, batch.number);
    }

    #[test]
    fn what_is_urgent_has_slots_of_its_own() {
        let now = Instant::now();
        let mut flushes = Flushes::new(1);
        let _stuck = flushes.start(vec![received(0, 0, 1)], Trigger::Size, now);
        flushes.urge(vec![received(1, 0, 1)]);
        flushes.urge(vec![received(1, 1, 1)]);
        let first = flushes.next(now).unwrap();
        assert_eq!(first.trigger, Trigger::Revoke);
        assert!(flushes.next(now).is_none());
        flushes.ended(first.number, Vec::new(), false, now);
        assert!(flushes.next(now).is_some());
    }

    #[test]
    fn what_is_urgent_and_failed_in_part_starts_again_without_a_slot() {
        let now = Instant::now();
        let mut flushes = Flushes::new(1);
        let _stuck = flushes.start(vec![received(0, 0, 1)], Trigger::Size, now);
        flushes.urge(vec![received(1, 0, 1), received(1, 1, 1)]);
        let urgent = flushes.next(now).unwrap();
        flushes.ended(urgent.number, vec![received(1, 1, 1)], false, now);
        let due = flushes.deadline().expect("it wakes for it");
        assert_eq!(flushes.next(due).unwrap().number, urgent.number);
    }

    #[test]
    fn where_the_order_counts_a_batch_that_fails_in_part_comes_again_before_any_other() {
        let now = Instant::now();
        let mut flushes = Flushes::in_order();
        let batch = flushes.start(vec![received(0, 0, 1), received(1, 0, 1)], Trigger::Size, now);
        flushes.ended(batch.number, vec![received(0, 0, 1)], false, now);
        assert!(!flushes.has_slot());
        let due = flushes.deadline().unwrap();
        assert_eq!(flushes.next(due).unwrap().number, batch.number);
    }

    #[test]
    fn where_the_order_counts_what_is_urgent_waits_for_what_is_left_of_its_partition() {
        let now = Instant::now();
        let mut flushes = Flushes::in_order();
        let batch = flushes.start(vec![received(0, 0, 1), received(1, 0, 1)], Trigger::Size, now);
        flushes.urge(vec![received(1, 1, 1)]);
        assert!(flushes.next(now).is_none(), "an earlier record is being written");
        flushes.ended(batch.number, vec![received(1, 0, 1)], false, now);
        assert!(flushes.next(now).is_none(), "it must be written again");
        let due = flushes.deadline().unwrap();
        let again = flushes.next(due).unwrap();
        assert_eq!((again.number, flushes.next(due).is_none()), (batch.number, true));
        flushes.ended(again.number, Vec::new(), false, due);
        let urgent = flushes.next(due).unwrap();
        assert_eq!((urgent.trigger, urgent.records.len()), (Trigger::Revoke, 1));

        let _other = flushes.start(vec![received(0, 1, 1)], Trigger::Size, due);
        flushes.ended(urgent.number, Vec::new(), false, due);
        flushes.urge(vec![received(1, 2, 1)]);
        assert!(flushes.next(due).is_some(), "a batch of another partition does not hold it up");
    }

    #[test]
    fn what_is_dropped_ends_its_batch() {
        let now = Instant::now();
        let mut flushes = Flushes::new(2);
        let batch = flushes.start(vec![received(0, 0, 1), received(1, 0, 1)], Trigger::Size, now);
        flushes.ended(batch.number, batch.records, true, now);
        let (dropped, over) = flushes.drop_waiting(|record| record.ticket.partition == 0);
        assert_eq!((dropped.len(), over), (1, vec![]));
        let (dropped, over) = flushes.drop_waiting(|record| record.ticket.partition == 1);
        assert_eq!((dropped.len(), over), (1, vec![batch.number]));
        assert!(flushes.is_empty());
    }
}
