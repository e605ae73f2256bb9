//! Kafka's logs and the group's committed offsets, and the documents that the store holds.

use std::collections::VecDeque;

use crate::group::core::Assignment;

/// What will become of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is stored, unless another record with its id and another body came first.
    Good,
    /// It becomes a dead letter without asking the store.
    Undecodable,
    /// The store refuses it.
    Conflict,
}

/// A record that was accepted. It is known by its index.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) partition: i32,
    pub(super) incarnation: u32,
    pub(super) offset: i64,
    pub(super) bytes: usize,
    /// Bytes of its key and headers, which go into a letter without value.
    pub(super) key_bytes: usize,
    pub(super) kind: Kind,
    pub(super) is_replay: bool,
    /// The id of its document.
    pub(super) document: usize,
    pub(super) body: u32,
    pub(super) is_deleted: bool,
    /// Copies in the dead-letter topic.
    pub(super) letters: u32,
    /// The process and assignment to which it was acknowledged as stored or dead-lettered.
    pub(super) settled: Option<(u64, Assignment)>,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) incarnation: u32,
    pub(super) low: i64,
    pub(super) high: i64,
    /// By offset.
    pub(super) records: VecDeque<(i64, usize)>,
    /// The group's offset.
    pub(super) committed: Option<i64>,
}

impl Log {
    /// Where in `records` this offset is, or would be.
    pub(super) fn index(&self, offset: i64) -> usize {
        self.records.partition_point(|(at, _)| *at < offset)
    }

    /// How many records the group has not committed.
    pub(super) fn lag(&self) -> usize {
        self.records.len() - self.index(self.committed.unwrap_or(self.low))
    }
}

#[derive(Debug, Default)]
pub(super) struct Broker {
    pub(super) logs: Vec<Log>,
    pub(super) records: Vec<Record>,
    /// The body of each, once it is stored.
    pub(super) documents: Vec<Option<u32>>,
    /// Bytes of the largest record.
    pub(super) largest: usize,
}

impl Broker {
    /// Appends the record, after a gap of this many offsets; its place is filled in.
    pub(super) fn append(&mut self, gap: i64, record: Record) {
        let log = &mut self.logs[record.partition as usize];
        let offset = log.high + gap;
        log.high = offset + 1;
        log.records.push_back((offset, self.records.len()));
        self.largest = self.largest.max(record.bytes);
        self.records.push(Record { offset, incarnation: log.incarnation, ..record });
    }

    /// All but the last `keep` records are deleted.
    pub(super) fn retain(&mut self, partition: usize, keep: usize) {
        let log = &mut self.logs[partition];
        while log.records.len() > keep
            && let Some((offset, record)) = log.records.pop_front()
        {
            self.records[record].is_deleted = true;
            log.low = offset + 1;
        }
        if log.records.is_empty() {
            log.low = log.high;
        }
    }

    /// The partition is deleted and recreated, and the group's offset goes with it.
    pub(super) fn recreate(&mut self, partition: usize) {
        self.retain(partition, 0);
        let incarnation = self.logs[partition].incarnation + 1;
        self.logs[partition] = Log { incarnation, ..Log::default() };
    }

    pub(super) fn is_stored(&self, record: usize) -> bool {
        let record = &self.records[record];
        record.kind == Kind::Good && self.documents[record.document] == Some(record.body)
    }

    /// Whether nothing is left to do for the record.
    pub(super) fn is_finished(&self, record: usize) -> bool {
        self.records[record].is_deleted || self.records[record].letters > 0 || self.is_stored(record)
    }

    /// A record that a commit of `next` would pass although it is not finished. What lies before the group's offset was
    /// checked earlier.
    pub(super) fn passed_by(&self, partition: usize, next: i64) -> Option<usize> {
        let log = &self.logs[partition];
        let from = log.index(log.committed.unwrap_or(log.low));
        let between = log.records.range(from..).take_while(|(offset, _)| *offset < next);
        between.map(|(_, record)| *record).find(|record| !self.is_finished(*record))
    }
}
