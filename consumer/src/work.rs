//! The records that a member works on, from their receipt until they are finished or given up: which are flushed together,
//! which partitions still have some in flight, and which offsets may be committed. Pure: the time is an argument, and
//! flushing is what the caller does with a [`Batch`].

use std::collections::BTreeMap;
use std::time::Instant;

use crate::buffer::{Buffer, Buffered, Trigger};
use crate::config::BatchSettings;
use crate::offsets::{Offsets, Ticket};

/// Everything received and not finished.
#[derive(Debug)]
pub struct Work<R> {
    offsets: Offsets,
    buffer: Buffer<Tracked<R>>,
    concurrent_flushes: usize,
    /// The batches being flushed, by number, with the tickets of their records.
    in_flight: BTreeMap<u64, Vec<Ticket>>,
    next_number: u64,
}

/// Records to be flushed together; [`Work::finished`] wants to hear of it by its number.
#[derive(Debug)]
pub struct Batch<R> {
    /// Its number.
    pub number: u64,
    /// Why it is flushed now.
    pub trigger: Trigger,
    /// Its records, in the order received.
    pub records: Vec<R>,
}

/// A record in the buffer.
#[derive(Debug)]
struct Tracked<R> {
    record: R,
    ticket: Ticket,
}

impl<R: Buffered> Buffered for Tracked<R> {
    fn bytes(&self) -> usize {
        self.record.bytes()
    }

    fn partition(&self) -> i32 {
        self.ticket.partition
    }
}

impl<R: Buffered> Work<R> {
    /// Nothing received yet.
    pub fn new(settings: BatchSettings, concurrent_flushes: usize) -> Self {
        Self {
            offsets: Offsets::default(),
            buffer: Buffer::new(settings),
            concurrent_flushes,
            in_flight: BTreeMap::new(),
            next_number: 0,
        }
    }

    /// Whether a batch has to be flushed before another record is received.
    pub fn is_full(&self) -> bool {
        self.buffer.is_full()
    }

    /// Whether nothing is left to be flushed.
    pub fn is_flushed(&self) -> bool {
        self.buffer.is_empty() && self.in_flight.is_empty()
    }

    /// Takes a record that was fetched.
    pub fn receive(&mut self, record: R, offset: i64, timestamp_ms: i64, now: Instant) {
        let ticket = self.offsets.received(record.partition(), offset, timestamp_ms);
        self.buffer.push(Tracked { record, ticket }, now);
    }

    /// The batch to flush now, if one is due and a flush may start. When stopping, whatever there is is due.
    pub fn next_batch(&mut self, now: Instant, is_stopping: bool) -> Option<Batch<R>> {
        if self.buffer.is_empty() || !self.may_flush() {
            return None;
        }
        let trigger = self.buffer.due(now).or(is_stopping.then_some(Trigger::Stop))?;
        let records = self.buffer.take();
        Some(self.start(records, trigger))
    }

    /// When to ask for a batch again, if time alone can make it due.
    pub fn deadline(&self) -> Option<Instant> {
        self.buffer.deadline().filter(|_| self.may_flush())
    }

    /// A batch is over: all its records are stored or dead-lettered, but those at the positions `held` (ascending). A
    /// record that is held is never finished here: whoever holds its partition next reads it again.
    pub fn finished(&mut self, number: u64, held: &[usize]) {
        for (position, ticket) in self.in_flight.remove(&number).into_iter().flatten().enumerate() {
            if held.binary_search(&position).is_err() {
                self.offsets.finished(ticket);
            }
        }
    }

    /// These partitions are to be given up soon: returns what is to be flushed before. That goes beyond the usual number of
    /// flushes if need be, because what is finished now is not read again elsewhere.
    pub fn revoke(&mut self, partitions: &[i32]) -> Option<Batch<R>> {
        let records = self.buffer.take_partitions(partitions);
        (!records.is_empty()).then(|| self.start(records, Trigger::Revoke))
    }

    /// These partitions are lost already: returns what is not worth a flush any more.
    pub fn lose(&mut self, partitions: &[i32]) -> Vec<R> {
        self.buffer.take_partitions(partitions).into_iter().map(|tracked| tracked.record).collect()
    }

    /// Whether a flush that is not over has records of these partitions.
    pub fn is_in_flight(&self, partitions: &[i32]) -> bool {
        self.in_flight.values().flatten().any(|ticket| partitions.contains(&ticket.partition))
    }

    /// Gives these partitions up and returns what may be committed for them. A flush of their records that ends later
    /// counts for nothing.
    pub fn give_up(&mut self, partitions: &[i32]) -> Vec<(i32, i64)> {
        self.offsets.give_up(partitions)
    }

    /// The offsets to commit (partition, next offset to read) that have moved since they were taken last.
    pub fn take_committable(&mut self) -> Vec<(i32, i64)> {
        self.offsets.take_committable()
    }

    /// Makes every offset committable again, after a commit that failed.
    pub fn forget_taken(&mut self) {
        self.offsets.forget_taken();
    }

    /// For each partition the timestamp (ms) of its oldest unfinished record, if it has one.
    pub fn oldest_unfinished(&self) -> impl Iterator<Item = (i32, Option<i64>)> {
        self.offsets.oldest_unfinished()
    }

    fn may_flush(&self) -> bool {
        self.in_flight.len() < self.concurrent_flushes
    }

    fn start(&mut self, records: Vec<Tracked<R>>, trigger: Trigger) -> Batch<R> {
        let number = self.next_number;
        self.next_number += 1;
        let (tickets, records) = records.into_iter().map(|tracked| (tracked.ticket, tracked.record)).unzip();
        self.in_flight.insert(number, tickets);
        Batch { number, trigger, records }
    }
}

#[cfg(test)]
mod tests;
