//! Finds offsets that the group never gets to see, because retention deleted them before. Pure.
//!
//! A gap between two records received says nothing by itself (compaction and transactions leave gaps too). It is told apart by
//! the low watermark, asked for after the gap was seen: what lies below it is deleted.

/// Gaps that are remembered until the next look at the low watermark; a compacted topic can have one at each record.
const MAX_GAPS: usize = 1_000;

/// What is known of one partition's way through its offsets, under one assignment.
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// The offset that the group is to see next.
    position: Option<i64>,
    first_received: Option<i64>,
    /// The group was asked what it had committed; only the first answer counts.
    is_committed_known: bool,
    /// Offsets passed over, half-open, in ascending order.
    gaps: Vec<(i64, i64)>,
    /// At the last look everything from `position` on was deleted, and nothing was left to read.
    was_emptied: bool,
}

impl Skips {
    /// The group has committed this. What it says after the first record is known already, unless it lies before that.
    pub(super) fn committed(&mut self, next: Option<i64>) {
        let Some(next) = next.filter(|_| !std::mem::replace(&mut self.is_committed_known, true)) else { return };
        match self.first_received {
            None => _ = self.position.get_or_insert(next),
            Some(first) if first > next => self.note_gap(next, first),
            Some(_) => {}
        }
    }

    /// A record is received.
    pub(super) fn received(&mut self, offset: i64) {
        self.first_received.get_or_insert(offset);
        if let Some(position) = self.position
            && position < offset
        {
            self.note_gap(position, offset);
        }
        self.position = Some(offset + 1);
        self.was_emptied = false;
    }

    /// The position was set back: what follows are other records.
    pub(super) fn set_back(&mut self) {
        *self = Self { is_committed_known: true, ..Self::default() };
    }

    /// Kafka's watermarks are these. Gives the offsets that were skipped, half-open, each once.
    pub(super) fn watermarks(&mut self, low: i64, high: i64) -> Vec<(i64, i64)> {
        let deleted = self.gaps.drain(..).filter(|(from, _)| *from < low).map(|(from, to)| (from, to.min(low)));
        let mut skipped: Vec<(i64, i64)> = deleted.collect();
        let is_emptied = low == high && self.position.is_some_and(|position| position < low);
        // Once more: what was read before may still be on its way here.
        if let Some(position) = self.position.filter(|_| is_emptied && self.was_emptied) {
            skipped.push((position, low));
            self.position = Some(low);
        }
        self.was_emptied = is_emptied;
        skipped
    }

    fn note_gap(&mut self, from: i64, to: i64) {
        if self.gaps.len() < MAX_GAPS {
            self.gaps.push((from, to));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_retention_took_before_the_first_record_is_skipped() {
        for committed_is_known_first in [true, false] {
            let mut skips = Skips::default();
            if committed_is_known_first {
                skips.committed(Some(5));
            }
            skips.received(9);
            if !committed_is_known_first {
                skips.committed(Some(5));
            }
            assert_eq!(skips.watermarks(9, 20), [(5, 9)]);
            assert_eq!(skips.watermarks(9, 20), [], "each once");
        }
    }

    #[test]
    fn a_gap_that_compaction_left_is_none() {
        let mut skips = Skips::default();
        skips.committed(Some(0));
        [0, 1, 5].into_iter().for_each(|offset| skips.received(offset));
        assert_eq!(skips.watermarks(0, 20), []);
    }

    #[test]
    fn a_topic_that_was_emptied_is_noticed_without_a_record() {
        let mut skips = Skips::default();
        skips.committed(Some(3));
        assert_eq!(skips.watermarks(8, 8), [], "records may be on their way");
        assert_eq!(skips.watermarks(8, 8), [(3, 8)]);
        assert_eq!(skips.watermarks(8, 8), []);
        skips.received(8);
        assert_eq!(skips.watermarks(9, 9), []);
    }

    #[test]
    fn a_group_that_never_committed_skips_nothing() {
        let mut skips = Skips::default();
        skips.received(7);
        assert_eq!(skips.watermarks(7, 9), []);
    }
}
