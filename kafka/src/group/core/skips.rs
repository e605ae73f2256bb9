//! Finds offsets that the group never gets to see, because retention deleted them before. Pure.
//!
//! A gap between two records received says nothing by itself (compaction and transactions leave gaps too). The low
//! watermark, asked for after the gap was seen, distinguishes them: what lies below it is deleted.

/// At most this many gaps are remembered for some looks at the low watermark; a compacted topic can have one per
/// record.
const MAX_GAPS: usize = 1_000;

/// A gap is forgotten after this many looks: the answer to the first may have been on its way when the gap appeared.
/// Only after this many is a topic considered emptied: records read before may still be on their way here.
const LOOKS: u8 = 3;

/// What is known of one partition's way through its offsets, under one assignment.
#[derive(Debug, Default)]
pub(super) struct Skips {
    /// The offset that the group should see next.
    position: Option<i64>,
    first_received: Option<i64>,
    /// The group has been asked what it had committed; only the first answer counts.
    is_committed_known: bool,
    /// In ascending order.
    gaps: Vec<Gap>,
    /// The number of looks in a row at which everything from `position` on was deleted, and nothing was left to read.
    emptied_looks: u8,
    /// Everything up to here was reported as skipped. If some of it comes after all, no offset is reported twice.
    reported: i64,
}

/// Offsets passed over, half-open.
#[derive(Debug)]
struct Gap {
    from: i64,
    to: i64,
    /// How often the low watermark was looked at since.
    looks: u8,
}

impl Skips {
    /// The group has committed this. An answer after the first record says nothing new, unless it lies before that
    /// record.
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
        self.emptied_looks = 0;
    }

    /// The position was set back: what follows are other records.
    pub(super) fn set_back(&mut self) {
        *self = Self { is_committed_known: true, ..Self::default() };
    }

    /// Kafka's watermarks are these. Gives the offsets that were skipped, half-open, each once.
    pub(super) fn watermarks(&mut self, low: i64, high: i64) -> Vec<(i64, i64)> {
        let mut skipped = Vec::new();
        self.gaps.retain_mut(|gap| {
            if gap.from < low {
                skipped.push((gap.from, gap.to.min(low)));
                gap.from = low;
            }
            gap.looks += 1;
            gap.from < gap.to && gap.looks < LOOKS
        });
        let position = self.position.map(|position| position.max(self.reported));
        let Some(position) = position.filter(|position| low == high && *position < low) else {
            self.emptied_looks = 0;
            return skipped;
        };
        self.emptied_looks += 1;
        if self.emptied_looks >= LOOKS {
            skipped.push((position, low));
            (self.position, self.reported) = (Some(low), low);
        }
        skipped
    }

    fn note_gap(&mut self, from: i64, to: i64) {
        let from = from.max(self.reported);
        if from < to && self.gaps.len() < MAX_GAPS {
            self.gaps.push(Gap { from, to, looks: 0 });
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
    fn a_gap_that_compaction_left_is_not_a_skip() {
        let mut skips = Skips::default();
        skips.committed(Some(0));
        [0, 1, 5].into_iter().for_each(|offset| skips.received(offset));
        assert_eq!(skips.watermarks(0, 20), []);
    }

    #[test]
    fn a_watermark_from_before_the_gap_does_not_hide_it() {
        let mut skips = Skips::default();
        [0, 5].into_iter().for_each(|offset| skips.received(offset));
        assert_eq!(skips.watermarks(0, 9), [], "it was asked for before");
        assert_eq!(skips.watermarks(3, 9), [(1, 3)]);
        assert_eq!(skips.watermarks(5, 9), [(3, 5)]);
        assert_eq!(skips.watermarks(7, 9), [], "each once");
    }

    #[test]
    fn a_topic_that_was_emptied_is_noticed_without_a_record() {
        let mut skips = Skips::default();
        skips.committed(Some(3));
        for _ in 1..LOOKS {
            assert_eq!(skips.watermarks(8, 8), [], "records may be on their way");
        }
        assert_eq!(skips.watermarks(8, 8), [(3, 8)]);
        assert_eq!(skips.watermarks(8, 8), []);
        skips.received(7);
        assert!((0..9).all(|_| skips.watermarks(8, 8).is_empty()), "each once");
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
