//! The next batch: collects records until a flush is due. Pure: the time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::received::Received;

/// When a batch is flushed: whichever comes first.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// `CONSUMER_BATCH_MESSAGES`: this many records.
    pub messages: usize,
    /// `CONSUMER_BATCH_BYTES`: this many bytes in memory, the last record included.
    pub bytes: usize,
    /// `CONSUMER_BATCH_INTERVAL`: this long after the batch's first record.
    pub interval: Duration,
}

/// Why a flush was started; a label of `ingest_flushes_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trigger {
    /// `CONSUMER_BATCH_MESSAGES` is reached.
    Size,
    /// `CONSUMER_BATCH_BYTES` is reached.
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

/// Records received and not yet flushed, oldest first.
#[derive(Debug)]
pub(super) struct Buffer<R> {
    limits: BatchLimits,
    records: VecDeque<Waiting<R>>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting<R> {
    record: Received<R>,
    /// When the record's own time is over. Only the first record's counts; no later one moves it.
    deadline: Instant,
}

impl<R> Buffer<R> {
    pub(super) fn new(limits: BatchLimits) -> Self {
        Self { limits, records: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn push(&mut self, record: Received<R>, now: Instant) {
        self.bytes += record.bytes;
        self.records.push_back(Waiting { record, deadline: now + self.limits.interval });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Whether a flush is due, and why.
    pub(super) fn due(&self, now: Instant) -> Option<Trigger> {
        if self.records.len() >= self.limits.messages {
            Some(Trigger::Size)
        } else if self.bytes >= self.limits.bytes {
            Some(Trigger::Bytes)
        } else if self.deadline().is_some_and(|deadline| deadline <= now) {
            Some(Trigger::Interval)
        } else {
            None
        }
    }

    /// When the interval of the first record is over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.records.front().map(|first| first.deadline)
    }

    /// Takes one batch, oldest records first: at most the records, and the bytes up to the record that reaches the
    /// limit.
    pub(super) fn take(&mut self) -> Vec<Received<R>> {
        let mut taken = Vec::with_capacity(self.limits.messages.min(self.records.len()));
        let mut bytes = 0;
        while taken.len() < self.limits.messages
            && bytes < self.limits.bytes
            && let Some(waiting) = self.records.pop_front()
        {
            bytes += waiting.record.bytes;
            taken.push(waiting.record);
        }
        self.bytes -= bytes;
        taken
    }

    /// Takes some of the records, and leaves the others with their deadlines.
    pub(super) fn take_if(&mut self, is_taken: impl Fn(&Received<R>) -> bool) -> Vec<Received<R>> {
        let mut taken = Vec::new();
        for waiting in std::mem::take(&mut self.records) {
            if is_taken(&waiting.record) {
                self.bytes -= waiting.record.bytes;
                taken.push(waiting.record);
            } else {
                self.records.push_back(waiting);
            }
        }
        taken
    }
}

/// Mistake: counts the interval from the latest record; the simulation shows the effect.
#[cfg(test)]
impl<R> Buffer<R> {
    pub(super) fn move_deadlines(&mut self, now: Instant) {
        self.records.iter_mut().for_each(|waiting| waiting.deadline = now + self.limits.interval);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::group::core::tests::received;

    const LIMITS: BatchLimits = BatchLimits { messages: 3, bytes: 100, interval: Duration::from_secs(5) };

    #[test]
    fn the_first_record_arms_the_timer_and_later_ones_do_not_move_it() {
        let now = Instant::now();
        let mut buffer = Buffer::new(LIMITS);
        assert_eq!(buffer.deadline(), None);
        buffer.push(received(0, 0, 1), now);
        buffer.push(received(0, 1, 1), now + Duration::from_secs(4));
        assert_eq!(buffer.deadline(), Some(now + Duration::from_secs(5)));
        assert_eq!(buffer.due(now + Duration::from_millis(4_999)), None);
        assert_eq!(buffer.due(now + Duration::from_secs(5)), Some(Trigger::Interval));
        assert_eq!(buffer.take().len(), 2);
        assert_eq!(buffer.deadline(), None);
    }

    #[test]
    fn count_and_bytes_make_a_flush_due() {
        let now = Instant::now();
        let mut by_count = Buffer::new(LIMITS);
        (0..3).for_each(|offset| by_count.push(received(0, offset, 1), now));
        assert_eq!(by_count.due(now), Some(Trigger::Size));
        let mut by_bytes = Buffer::new(LIMITS);
        by_bytes.push(received(0, 0, 100), now);
        assert_eq!(by_bytes.due(now), Some(Trigger::Bytes));
    }

    #[test]
    fn only_what_is_asked_for_is_taken() {
        let now = Instant::now();
        let mut buffer = Buffer::new(LIMITS);
        buffer.push(received(0, 0, 10), now);
        buffer.push(received(1, 0, 20), now);
        let offsets = |taken: Vec<Received<()>>| taken.iter().map(|r| r.ticket.partition).collect::<Vec<_>>();
        assert_eq!(offsets(buffer.take_if(|record| record.ticket.partition == 0)), [0]);
        assert!(buffer.deadline().is_some());
        assert_eq!(offsets(buffer.take_if(|record| record.ticket.partition == 1)), [1]);
        assert!(buffer.is_empty() && buffer.deadline().is_none());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_limits_are_kept(sizes in proptest::collection::vec(1_usize..80, 0..200)) {
            let now = Instant::now();
            let mut buffer = Buffer::new(LIMITS);
            let mut flushed = Vec::new();
            for (index, size) in sizes.iter().enumerate() {
                buffer.push(received(0, index as i64, *size), now);
                // Sometimes several batches have gathered before a flush may start.
                while index % 7 == 0 && buffer.due(now).is_some() {
                    let batch = buffer.take();
                    prop_assert!(batch.len() <= 3);
                    prop_assert!(batch[..batch.len() - 1].iter().map(|record| record.bytes).sum::<usize>() < 100);
                    flushed.extend(batch);
                }
            }
            while !buffer.is_empty() {
                flushed.extend(buffer.take());
            }
            let offsets: Vec<i64> = flushed.iter().map(|record| record.ticket.offset).collect();
            prop_assert_eq!(offsets, (0..sizes.len() as i64).collect::<Vec<_>>());
            prop_assert_eq!(buffer.bytes, 0);
        }
    }
}
