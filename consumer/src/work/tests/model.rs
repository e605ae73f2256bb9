//! Kafka, the store and a member, as simple as can be: what a crash leaves and what it forgets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;

use crate::buffer::Buffered;
use crate::config::BatchSettings;
use crate::work::{Batch, Work};

pub(super) const INTERVAL: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// The `_id`; a request that is sent again has the same one.
    pub(super) id: usize,
    /// Can never be stored.
    pub(super) is_bad: bool,
    /// Which of the topics that had this name one after the other.
    pub(super) topic: usize,
}

impl Buffered for Record {
    fn bytes(&self) -> usize {
        1
    }
    fn partition(&self) -> i32 {
        self.partition
    }
}

/// Kafka and the store: what survives a crash of the member.
#[derive(Default)]
pub(super) struct Servers {
    pub(super) log: BTreeMap<i32, Vec<Record>>,
    pub(super) committed: BTreeMap<i32, i64>,
    /// The ids stored; the store takes each once.
    pub(super) documents: BTreeSet<usize>,
    pub(super) dead_letters: BTreeSet<(usize, i32, i64)>,
    pub(super) topics: usize,
    pub(super) ids: usize,
}

impl Servers {
    pub(super) fn append(&mut self, partition: i32, gap: i64, is_repeated: bool, is_bad: bool) {
        self.ids += usize::from(!is_repeated);
        let log = self.log.entry(partition).or_default();
        let offset = log.last().map_or(0, |last: &Record| last.offset + gap);
        log.push(Record { partition, offset, id: self.ids, is_bad, topic: self.topics });
    }

    /// Deletes the topic with what is committed, and creates it anew, with other records at the same offsets.
    pub(super) fn recreate(&mut self) {
        self.topics += 1;
        self.committed.clear();
        for record in self.log.values_mut().flatten() {
            self.ids += 1;
            *record = Record { id: self.ids, topic: self.topics, ..*record };
        }
    }

    pub(super) fn store_or_dead_letter(&mut self, record: Record) {
        if record.is_bad {
            self.dead_letters.insert((record.topic, record.partition, record.offset));
        } else {
            self.documents.insert(record.id);
        }
    }

    pub(super) fn is_finished(&self, record: &Record) -> bool {
        match record.is_bad {
            true => self.dead_letters.contains(&(record.topic, record.partition, record.offset)),
            false => self.documents.contains(&record.id),
        }
    }

    pub(super) fn committed(&self, partition: i32) -> i64 {
        self.committed.get(&partition).copied().unwrap_or(0)
    }

    pub(super) fn commit(&mut self, offsets: &[(i32, i64)]) -> Result<(), TestCaseError> {
        for (partition, next) in offsets {
            for record in self.log[partition].iter().filter(|record| record.offset < *next) {
                prop_assert!(self.is_finished(record), "the commit of {} passes {:?}", next, record);
            }
            self.committed.insert(*partition, *next);
        }
        Ok(())
    }

    /// The first record at or behind this offset.
    pub(super) fn fetch(&self, partition: i32, offset: i64) -> Option<Record> {
        self.log.get(&partition)?.iter().find(|record| record.offset >= offset).copied()
    }
}

/// A member as the pipeline is one: what a crash forgets.
pub(super) struct Member {
    pub(super) work: Work<Record>,
    /// The partitions held, with the offset to fetch next.
    pub(super) positions: BTreeMap<i32, i64>,
    pub(super) flushes: Vec<Batch<Record>>,
    pub(super) committing: Option<Vec<(i32, i64)>>,
    pub(super) revoking: Option<i32>,
    pub(super) now: Instant,
}

impl Member {
    pub(super) fn new() -> Self {
        let settings = BatchSettings { messages: 3, bytes: 1_000, interval: INTERVAL };
        Self {
            work: Work::new(settings, 2),
            positions: BTreeMap::new(),
            flushes: Vec::new(),
            committing: None,
            revoking: None,
            now: Instant::now(),
        }
    }

    pub(super) fn assign(&mut self, partition: i32, servers: &Servers) {
        self.positions.entry(partition).or_insert_with(|| servers.committed(partition));
    }

    pub(super) fn receive(&mut self, partition: i32, servers: &Servers) {
        if self.revoking.is_some() || self.work.is_full() {
            return;
        }
        let Some(position) = self.positions.get_mut(&partition) else { return };
        if let Some(record) = servers.fetch(partition, *position) {
            *position = record.offset + 1;
            self.work.receive(record, record.offset, 0, self.now);
        }
    }

    pub(super) fn end_flush(&mut self, flush: Index, holds_bad: bool, servers: &mut Servers) {
        let batch = self.flushes.swap_remove(flush.index(self.flushes.len()));
        let is_held = |record: &Record| holds_bad && record.is_bad;
        batch.records.iter().filter(|record| !is_held(record)).for_each(|record| servers.store_or_dead_letter(*record));
        let held: Vec<usize> = (0..batch.records.len()).filter(|position| is_held(&batch.records[*position])).collect();
        self.work.finished(batch.number, &held);
    }

    pub(super) fn end_commit(
        &mut self,
        arrives: bool,
        is_answered: bool,
        servers: &mut Servers,
    ) -> Result<(), TestCaseError> {
        let Some(offsets) = self.committing.take() else { return Ok(()) };
        if arrives {
            servers.commit(&offsets)?;
        }
        if !(arrives && is_answered) {
            self.work.forget_taken();
        }
        Ok(())
    }

    /// Gives the partition up, if nothing of it is in flight or its time is over.
    pub(super) fn end_revoke(
        &mut self,
        is_over: bool,
        commits: bool,
        servers: &mut Servers,
    ) -> Result<(), TestCaseError> {
        let Some(partition) = self.revoking else { return Ok(()) };
        let is_in_flight = self.work.is_in_flight(&[partition]) || self.committing.is_some();
        if is_in_flight && !is_over {
            return Ok(());
        }
        let before = servers.committed(partition);
        let offsets = self.work.give_up(&[partition]);
        if commits {
            servers.commit(&offsets)?;
            prop_assert!(servers.committed(partition) >= before, "giving up sets the offset back from {}", before);
        }
        self.positions.remove(&partition);
        self.revoking = None;
        Ok(())
    }

    pub(super) fn lose(&mut self, partition: i32) {
        self.work.lose(&[partition]);
        self.work.give_up(&[partition]);
        self.positions.remove(&partition);
        self.revoking = self.revoking.filter(|revoking| *revoking != partition);
    }
}
