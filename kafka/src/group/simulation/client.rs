//! What librdkafka does for a member: positions, pauses, records fetched ahead.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use simulation::Random;

use super::broker::{Broker, Log};

#[derive(Debug, Default)]
pub(super) struct Client {
    positions: BTreeMap<i32, Position>,
    /// By name: a pause outlives the assignment, until the partition is resumed.
    paused: BTreeSet<i32>,
}

#[derive(Debug)]
struct Position {
    next: i64,
    incarnation: u32,
    first_incarnation: u32,
    /// Fetched and not yet polled.
    ahead: VecDeque<(i64, usize)>,
    has_polled: bool,
}

/// The position lay before the low watermark, so it went there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Jump {
    pub(super) partition: i32,
    pub(super) incarnation: u32,
    pub(super) from: i64,
    pub(super) to: i64,
    /// No record was polled before it.
    pub(super) is_first: bool,
}

impl Client {
    pub(super) fn assign(&mut self, partition: i32, log: &Log) {
        let next = log.committed.unwrap_or(log.low);
        let incarnation = log.incarnation;
        let position =
            Position { next, incarnation, first_incarnation: incarnation, ahead: VecDeque::new(), has_polled: false };
        self.positions.insert(partition, position);
    }

    pub(super) fn give_up(&mut self, partition: i32) {
        self.positions.remove(&partition);
    }

    /// The partition's incarnation when it was assigned.
    pub(super) fn first_incarnation(&self, partition: i32) -> u32 {
        self.positions.get(&partition).map_or(0, |position| position.first_incarnation)
    }

    pub(super) fn assigned(&self) -> Vec<i32> {
        self.positions.keys().copied().collect()
    }

    /// What was fetched ahead is thrown away.
    pub(super) fn pause(&mut self, partition: i32) {
        self.paused.insert(partition);
        if let Some(position) = self.positions.get_mut(&partition) {
            position.ahead.clear();
        }
    }

    pub(super) fn resume(&mut self, partition: i32) {
        self.paused.remove(&partition);
    }

    /// A partition that is held and paused.
    pub(super) fn paused(&self) -> Option<i32> {
        self.positions.keys().copied().find(|partition| self.paused.contains(partition))
    }

    pub(super) fn has_record(&self, broker: &Broker) -> bool {
        self.positions.iter().any(|(partition, position)| self.is_ready(*partition, position, broker))
    }

    /// One record, of any partition that has one.
    pub(super) fn poll(&mut self, broker: &Broker, random: &mut Random) -> Option<(usize, Option<Jump>)> {
        let ready = self.positions.iter().filter(|(id, position)| self.is_ready(**id, position, broker));
        let ready: Vec<i32> = ready.map(|(id, _)| *id).collect();
        let partition = *ready.get(random.below(ready.len()))?;
        let position = self.positions.get_mut(&partition)?;
        let jump = if position.ahead.is_empty() { position.fetch(partition, broker, random) } else { None };
        let (offset, record) = position.ahead.pop_front()?;
        position.next = offset + 1;
        position.has_polled = true;
        Some((record, jump))
    }

    fn is_ready(&self, partition: i32, position: &Position, broker: &Broker) -> bool {
        let log = &broker.logs[partition as usize];
        let is_there = position.incarnation != log.incarnation || log.high > position.next;
        !self.paused.contains(&partition) && (!position.ahead.is_empty() || is_there && log.lies_beyond(position))
    }
}

impl Log {
    /// Whether there is a record to be read from this position.
    fn lies_beyond(&self, position: &Position) -> bool {
        let is_older = position.incarnation != self.incarnation;
        self.records.back().is_some_and(|(last, _)| is_older || *last >= position.next)
    }
}

impl Position {
    fn fetch(&mut self, partition: i32, broker: &Broker, random: &mut Random) -> Option<Jump> {
        let log = &broker.logs[partition as usize];
        let mut jump = None;
        if self.incarnation != log.incarnation {
            (self.incarnation, self.next) = (log.incarnation, log.low);
        } else if self.next < log.low {
            let (incarnation, from, to) = (log.incarnation, self.next, log.low);
            jump = Some(Jump { partition, incarnation, from, to, is_first: !self.has_polled });
            self.next = log.low;
        }
        self.ahead.extend(log.records.range(log.index(self.next)..).take(random.between(1, 8)));
        jump
    }
}
