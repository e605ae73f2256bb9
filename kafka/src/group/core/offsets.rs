//! What of one partition may be committed: only the offset before which every record received is finished. Pure.
//!
//! A record is finished once it is stored, or acknowledged as a dead letter. Records finish in any order, because
//! several flushes are in flight; committing past an unfinished one would lose it in the next crash. Offsets may have
//! gaps (compaction, transactions), so the run is unbroken in the order received, not in the numbers.

use std::collections::VecDeque;

/// The records of one partition that are not committed yet.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    /// In the order received, offsets ascending. Records stay until their commit is acknowledged, so the front is what
    /// the group has not committed, and the length is all that a crash would repeat.
    uncommitted: VecDeque<Uncommitted>,
    /// Bytes of these, finished or not.
    bytes: usize,
    /// How many at the front are finished.
    run: usize,
    /// How many are being worked on, wherever they are: neither finished nor held by the brake.
    unfinished: usize,
    last_received: Option<i64>,
    /// The last acknowledged commit, and whether Kafka has shown another one since.
    acknowledged: Option<i64>,
    is_doubted: bool,
}

#[derive(Debug)]
struct Uncommitted {
    offset: i64,
    timestamp_ms: i64,
    /// Small, because there are a hundred thousand of these.
    bytes: u32,
    /// How often the position had been set back when the record was received, see [`Ticket`](super::Ticket).
    epoch: u32,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unfinished,
    /// The brake holds it back: it will not be finished here.
    Braked,
    Finished,
}

impl Offsets {
    /// Whether the position was set back: this offset or a later one was already received.
    pub(super) fn is_set_back(&self, offset: i64) -> bool {
        self.last_received.is_some_and(|last| offset <= last)
    }

    /// Notes a record as received. Its offset is beyond those received before.
    pub(super) fn received(&mut self, offset: i64, epoch: u32, timestamp_ms: i64, bytes: usize) {
        self.last_received = Some(offset);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes += bytes as usize;
        self.unfinished += 1;
        self.uncommitted.push_back(Uncommitted { offset, timestamp_ms, bytes, epoch, state: State::Unfinished });
    }

    /// Notes a record as finished. Returns whether the run became longer.
    pub(super) fn finished(&mut self, offset: i64, epoch: u32) -> bool {
        if !self.change(offset, epoch, State::Unfinished, State::Finished) {
            return false;
        }
        self.unfinished -= 1;
        let before = self.run;
        while self.uncommitted.get(self.run).is_some_and(|record| record.state == State::Finished) {
            self.run += 1;
        }
        self.run > before
    }

    /// The brake holds the record back. Returns whether it is worked on here.
    pub(super) fn braked(&mut self, offset: i64, epoch: u32) -> bool {
        let is_known = self.change(offset, epoch, State::Unfinished, State::Braked);
        self.unfinished -= usize::from(is_known);
        is_known
    }

    /// The brake lets the record go.
    pub(super) fn released(&mut self, offset: i64, epoch: u32) {
        self.unfinished += usize::from(self.change(offset, epoch, State::Braked, State::Unfinished));
    }

    /// The position was set back to this offset: it and those behind it mean other records now. Those before it stay
    /// what they are, finished or not: a log that was cut short does not start from scratch.
    pub(super) fn set_back(&mut self, offset: i64) {
        while self.uncommitted.back().is_some_and(|record| record.offset >= offset) {
            let record = self.uncommitted.pop_back().expect("there is a last one");
            self.bytes -= record.bytes as usize;
            self.unfinished -= usize::from(record.state == State::Unfinished);
        }
        self.run = self.run.min(self.uncommitted.len());
        self.last_received = self.uncommitted.back().map(|record| record.offset);
        self.acknowledged = self.acknowledged.filter(|acknowledged| *acknowledged <= offset);
        self.is_doubted = false;
    }

    /// Whether the record was in the first state, and is now in the second.
    fn change(&mut self, offset: i64, epoch: u32, from: State, to: State) -> bool {
        let Some(index) = self.index(offset) else { return false };
        let record = &mut self.uncommitted[index];
        let changes = record.epoch == epoch && record.state == from;
        if changes {
            record.state = to;
        }
        changes
    }

    /// Where the record is. Offsets rarely have gaps, so the search starts where it would be without any.
    fn index(&self, offset: i64) -> Option<usize> {
        let distance = offset.checked_sub(self.uncommitted.front()?.offset)?;
        let guess = usize::try_from(distance).ok()?;
        if self.uncommitted.get(guess).is_some_and(|record| record.offset == offset) {
            return Some(guess);
        }
        self.uncommitted.binary_search_by_key(&offset, |record| record.offset).ok()
    }

    /// The next offset to read after everything that is finished without a gap, if that is not committed yet.
    pub(super) fn committable(&self) -> Option<i64> {
        let run = self.run.checked_sub(1).map(|last| self.uncommitted[last].offset + 1);
        run.or_else(|| self.acknowledged.filter(|_| self.is_doubted))
    }

    /// The commit of `next` is acknowledged.
    pub(super) fn committed(&mut self, next: i64) {
        self.acknowledged = Some(next);
        self.is_doubted = false;
        while self.run > 0 && self.uncommitted.front().is_some_and(|record| record.offset < next) {
            self.run -= 1;
            self.bytes -= self.uncommitted.pop_front().map_or(0, |record| record.bytes as usize);
        }
    }

    /// Kafka says that the group has committed this, or nothing. If that lies before what was acknowledged, it must be
    /// sent again.
    pub(super) fn seen_committed(&mut self, next: Option<i64>) {
        self.is_doubted = self.acknowledged.is_some_and(|acknowledged| next.is_none_or(|next| next < acknowledged));
    }

    /// Records received that are neither finished nor held by the brake.
    pub(super) fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Records received and not committed, and their bytes.
    pub(super) fn uncommitted(&self) -> (usize, usize) {
        (self.uncommitted.len(), self.bytes)
    }

    /// The timestamp (ms) of the oldest record received and not committed.
    pub(super) fn oldest_uncommitted_ms(&self) -> Option<i64> {
        self.uncommitted.front().map(|record| record.timestamp_ms)
    }
}

/// Mistakes: commits whatever was finished or received last; the simulation shows the effect.
#[cfg(test)]
impl Offsets {
    pub(super) fn last_received(&self) -> Option<i64> {
        self.last_received
    }

    pub(super) fn committable_with_gaps(&self) -> Option<i64> {
        self.uncommitted.iter().rfind(|record| record.state == State::Finished).map(|record| record.offset + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_commit_never_passes_an_unfinished_record() {
        let mut offsets = Offsets::default();
        [3, 4, 9].into_iter().for_each(|offset| offsets.received(offset, 0, offset, 10));
        assert!(!offsets.finished(9, 0) && !offsets.finished(4, 0));
        assert_eq!(offsets.committable(), None);
        assert!(offsets.finished(3, 0));
        assert_eq!((offsets.committable(), offsets.unfinished()), (Some(10), 0));
        assert_eq!(offsets.oldest_uncommitted_ms(), Some(3), "finished is not committed");
        offsets.committed(10);
        assert_eq!((offsets.committable(), offsets.uncommitted()), (None, (0, 0)));
    }

    #[test]
    fn a_commit_of_a_part_leaves_the_rest() {
        let mut offsets = Offsets::default();
        (0..4).for_each(|offset| offsets.received(offset, 0, 0, 1));
        (0..3).for_each(|offset| _ = offsets.finished(offset, 0));
        offsets.committed(2);
        assert_eq!((offsets.committable(), offsets.uncommitted()), (Some(3), (2, 2)));
        assert!(offsets.is_set_back(3) && !offsets.is_set_back(4));
    }

    #[test]
    fn a_position_set_back_into_the_middle_forgets_only_what_follows() {
        let mut offsets = Offsets::default();
        (0..6).for_each(|offset| offsets.received(offset, 0, 0, 1));
        assert!(offsets.finished(0, 0) && !offsets.finished(4, 0) && offsets.braked(2, 0));
        offsets.set_back(3);
        offsets.received(3, 1, 0, 1);
        assert!(!offsets.finished(3, 0), "it is another record's");
        assert!(!offsets.finished(3, 1));
        assert_eq!((offsets.committable(), offsets.unfinished(), offsets.uncommitted()), (Some(1), 1, (4, 4)));
        offsets.released(2, 0);
        assert!(offsets.finished(1, 0) && offsets.finished(2, 0));
        assert_eq!((offsets.committable(), offsets.unfinished()), (Some(4), 0));
    }

    #[test]
    fn a_commit_that_kafka_does_not_show_is_sent_again() {
        let mut offsets = Offsets::default();
        offsets.received(6, 0, 0, 1);
        offsets.finished(6, 0);
        offsets.seen_committed(None);
        offsets.committed(7);
        assert_eq!(offsets.committable(), None);
        offsets.seen_committed(Some(7));
        assert_eq!(offsets.committable(), None);
        offsets.seen_committed(Some(3));
        assert_eq!(offsets.committable(), Some(7));
        offsets.committed(7);
        assert_eq!(offsets.committable(), None);
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_naive_model(
            actions in proptest::collection::vec((0_u8..4, 1_i64..4, any::<proptest::sample::Index>()), 0..200),
        ) {
            let mut offsets = Offsets::default();
            // (offset, finished), without those committed.
            let mut model: Vec<(i64, bool)> = Vec::new();
            let mut last = 0;
            for (action, gap, which) in actions {
                match action {
                    0 | 1 => {
                        last += gap;
                        offsets.received(last, 0, last, 1);
                        model.push((last, false));
                    }
                    2 if !model.is_empty() => {
                        let index = which.index(model.len());
                        offsets.finished(model[index].0, 0);
                        model[index].1 = true;
                    }
                    _ => if let Some(next) = offsets.committable() {
                        offsets.committed(next);
                        model.retain(|(offset, _)| *offset >= next);
                    }
                }
                let run = model.iter().take_while(|(_, finished)| *finished);
                let run: Vec<i64> = run.map(|(offset, _)| *offset).collect();
                prop_assert_eq!(offsets.committable(), run.last().map(|offset| offset + 1));
                prop_assert_eq!(offsets.uncommitted(), (model.len(), model.len()));
                prop_assert_eq!(offsets.unfinished(), model.iter().filter(|(_, finished)| !finished).count());
            }
        }
    }
}
