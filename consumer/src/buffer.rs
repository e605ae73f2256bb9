//! The batch in the making: collects records until it is worth a flush. Pure: the time is an argument.

use std::time::Instant;

use crate::config::BatchSettings;

/// Why a flush was started; a label of `ingest_flushes_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// As many records as `CONSUMER_BATCH_MESSAGES`.
    Size,
    /// As many bytes as `CONSUMER_BATCH_BYTES`.
    Bytes,
    /// `CONSUMER_BATCH_INTERVAL` has passed since the batch's first record.
    Interval,
    /// Partitions are being taken away.
    Revoke,
    /// The service stops.
    Stop,
}

impl Trigger {
    /// Every trigger.
    pub const ALL: [Trigger; 5] = [Trigger::Size, Trigger::Bytes, Trigger::Interval, Trigger::Revoke, Trigger::Stop];

    /// The trigger's name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Trigger::Size => "size",
            Trigger::Bytes => "bytes",
            Trigger::Interval => "interval",
            Trigger::Revoke => "revoke",
            Trigger::Stop => "stop",
        }
    }
}

/// Something with a size in bytes and a partition.
pub trait Buffered {
    /// Size in memory, in bytes.
    fn bytes(&self) -> usize;
    /// The partition it came from.
    fn partition(&self) -> i32;
}

/// Records not yet flushed.
#[derive(Debug)]
pub struct Buffer<R> {
    settings: BatchSettings,
    records: Vec<R>,
    bytes: usize,
    /// Set by the batch's first record and never moved, so that no record waits longer than the interval.
    deadline: Option<Instant>,
}

impl<R: Buffered> Buffer<R> {
    /// An empty buffer.
    pub fn new(settings: BatchSettings) -> Self {
        Self { settings, records: Vec::new(), bytes: 0, deadline: None }
    }

    /// Adds a record. Ask [`Self::is_full`] first: a full buffer is to be flushed before it takes more.
    pub fn push(&mut self, record: R, now: Instant) {
        self.deadline.get_or_insert(now + self.settings.interval);
        self.bytes += record.bytes();
        self.records.push(record);
    }

    /// True when the next record belongs to the next batch.
    pub fn is_full(&self) -> bool {
        self.records.len() >= self.settings.messages || self.bytes >= self.settings.bytes
    }

    /// True when there is nothing to flush.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a flush is due, and why.
    pub fn due(&self, now: Instant) -> Option<Trigger> {
        if self.records.len() >= self.settings.messages {
            Some(Trigger::Size)
        } else if self.bytes >= self.settings.bytes {
            Some(Trigger::Bytes)
        } else if self.deadline.is_some_and(|deadline| deadline <= now) {
            Some(Trigger::Interval)
        } else {
            None
        }
    }

    /// When the interval is over, if the buffer holds anything.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Takes the whole batch.
    pub fn take(&mut self) -> Vec<R> {
        self.bytes = 0;
        self.deadline = None;
        std::mem::take(&mut self.records)
    }

    /// Takes the records of these partitions, and leaves the others with their deadline.
    pub fn take_partitions(&mut self, partitions: &[i32]) -> Vec<R> {
        let (taken, kept) =
            std::mem::take(&mut self.records).into_iter().partition(|record| partitions.contains(&record.partition()));
        self.records = kept;
        self.bytes = self.records.iter().map(R::bytes).sum();
        if self.records.is_empty() {
            self.deadline = None;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Sized(i32, usize);

    impl Buffered for Sized {
        fn bytes(&self) -> usize {
            self.1
        }
        fn partition(&self) -> i32 {
            self.0
        }
    }

    fn buffer() -> Buffer<Sized> {
        Buffer::new(BatchSettings { messages: 3, bytes: 100, interval: Duration::from_secs(5) })
    }

    #[test]
    fn the_first_record_arms_the_timer_and_later_ones_do_not_move_it() {
        let now = Instant::now();
        let mut buffer = buffer();
        assert_eq!(buffer.deadline(), None);
        buffer.push(Sized(0, 1), now);
        buffer.push(Sized(0, 1), now + Duration::from_secs(4));
        assert_eq!(buffer.deadline(), Some(now + Duration::from_secs(5)));
        assert_eq!(buffer.due(now + Duration::from_millis(4_999)), None);
        assert_eq!(buffer.due(now + Duration::from_secs(5)), Some(Trigger::Interval));
        assert_eq!(buffer.take().len(), 2);
        assert_eq!(buffer.deadline(), None);
    }

    #[test]
    fn count_and_bytes_make_a_flush_due() {
        let now = Instant::now();
        let mut by_count = buffer();
        (0..3).for_each(|_| by_count.push(Sized(0, 1), now));
        assert_eq!((by_count.is_full(), by_count.due(now)), (true, Some(Trigger::Size)));
        let mut by_bytes = buffer();
        by_bytes.push(Sized(0, 100), now);
        assert_eq!((by_bytes.is_full(), by_bytes.due(now)), (true, Some(Trigger::Bytes)));
    }

    #[test]
    fn only_the_partitions_named_are_taken() {
        let now = Instant::now();
        let mut buffer = buffer();
        buffer.push(Sized(0, 10), now);
        buffer.push(Sized(1, 20), now);
        assert_eq!(buffer.take_partitions(&[0, 7]), [Sized(0, 10)]);
        assert!(buffer.deadline().is_some());
        assert_eq!(buffer.take_partitions(&[1]), [Sized(1, 20)]);
        assert!(buffer.is_empty() && buffer.deadline().is_none());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_bounds_are_kept(sizes in proptest::collection::vec(1_usize..80, 0..200)) {
            let now = Instant::now();
            let mut buffer = buffer();
            let mut flushed = Vec::new();
            for (index, size) in sizes.iter().enumerate() {
                buffer.push(Sized(index as i32, *size), now);
                if buffer.is_full() {
                    prop_assert!(buffer.due(now).is_some());
                    let batch = buffer.take();
                    prop_assert!(batch.len() <= 3);
                    prop_assert!(batch[..batch.len() - 1].iter().map(Buffered::bytes).sum::<usize>() < 100);
                    flushed.extend(batch);
                }
            }
            flushed.extend(buffer.take());
            prop_assert_eq!(flushed.iter().map(|r| r.0).collect::<Vec<_>>(), (0..sizes.len() as i32).collect::<Vec<_>>());
        }
    }
}
