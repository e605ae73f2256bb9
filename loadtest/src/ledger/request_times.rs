//! When posts were under way, by the generator's clock: for every thirty-two numbers, when the first of them was sent
//! and when the last of their answers came, eight bytes in all. A document's date must lie in between.

/// The times of all posts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestTimes {
    /// Where the blocks' times count from, in ms since 1970; well before the first post.
    epoch_ms: i64,
    blocks: Vec<Block>,
}

/// Of thirty-two posts: when the first was sent, and when the last one that was accepted was answered, in ms since the
/// epoch. A post without an answer may be stored at any time after it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    first_sent: u32,
    last_accepted: u32,
}

impl Block {
    const EMPTY: Block = Block { first_sent: u32::MAX, last_accepted: 0 };

    fn merge(&mut self, other: Block) {
        self.first_sent = self.first_sent.min(other.first_sent);
        self.last_accepted = self.last_accepted.max(other.last_accepted);
    }
}

/// Numbers in a block.
const BLOCK_LENGTH: u64 = 32;

/// How long before the first time that is noted another one may lie: threads hand over their notes in any order.
const MARGIN_MS: i64 = 60 * 60 * 1_000;

impl RequestTimes {
    /// Post `n` was sent at this time and, if it was accepted, answered at that time; both in ms since 1970.
    pub(crate) fn note(&mut self, n: u64, sent_ms: i64, accepted_ms: Option<i64>) {
        if self.blocks.is_empty() {
            self.epoch_ms = sent_ms - MARGIN_MS;
        }
        let first_sent = self.since_epoch(sent_ms);
        let last_accepted = accepted_ms.map_or(0, |at| self.since_epoch(at));
        self.block_mut(block(n)).merge(Block { first_sent, last_accepted });
    }

    /// How far a date (ms since 1970) is from the time in which the requests around post `n` were under way: negative
    /// if it is earlier than all of them, zero if it is not. A post that was not accepted has no end.
    pub(crate) fn distance_ms(&self, n: u64, date_ms: i64, is_accepted: bool) -> i64 {
        let Some(Block { first_sent, last_accepted }) = self.blocks.get(block(n)) else { return 0 };
        let (earliest, latest) = (self.epoch_ms + i64::from(*first_sent), self.epoch_ms + i64::from(*last_accepted));
        if date_ms < earliest {
            date_ms.saturating_sub(earliest)
        } else if is_accepted && date_ms > latest {
            date_ms.saturating_sub(latest)
        } else {
            0
        }
    }

    /// When the first of the requests around post `n` was sent, and when the last one that was accepted was answered;
    /// in ms since 1970.
    pub(crate) fn around(&self, n: u64) -> Option<(i64, i64)> {
        let Block { first_sent, last_accepted } = *self.blocks.get(block(n)).filter(|block| **block != Block::EMPTY)?;
        Some((self.epoch_ms + i64::from(first_sent), self.epoch_ms + i64::from(last_accepted)))
    }

    /// Adds the times of other posts.
    pub(crate) fn merge(&mut self, other: &RequestTimes) {
        if other.blocks.is_empty() {
            return;
        }
        if self.blocks.is_empty() {
            self.epoch_ms = other.epoch_ms;
        }
        // The earlier epoch holds for both.
        let shift = |times: &mut RequestTimes, epoch_ms: i64| {
            let by = u32::try_from(times.epoch_ms - epoch_ms).unwrap_or(u32::MAX);
            for block in times.blocks.iter_mut().filter(|block| **block != Block::EMPTY) {
                block.first_sent = block.first_sent.saturating_add(by);
                if block.last_accepted > 0 {
                    block.last_accepted = block.last_accepted.saturating_add(by);
                }
            }
            times.epoch_ms = epoch_ms;
        };
        let epoch_ms = self.epoch_ms.min(other.epoch_ms);
        shift(self, epoch_ms);
        let mut other = RequestTimes { epoch_ms: other.epoch_ms, blocks: other.blocks.clone() };
        shift(&mut other, epoch_ms);
        for (index, times) in other.blocks.into_iter().enumerate() {
            self.block_mut(index).merge(times);
        }
    }

    /// The epoch, and a word for each block.
    pub(crate) fn as_words(&self) -> Vec<u64> {
        let block = |block: &Block| u64::from(block.first_sent) << 32 | u64::from(block.last_accepted);
        std::iter::once(self.epoch_ms.cast_unsigned()).chain(self.blocks.iter().map(block)).collect()
    }

    /// What [`Self::as_words`] wrote.
    pub(crate) fn from_words(words: &[u64]) -> Self {
        let block = |word: &u64| Block { first_sent: (word >> 32) as u32, last_accepted: *word as u32 };
        match words {
            [] => Self::default(),
            [epoch_ms, blocks @ ..] => {
                Self { epoch_ms: epoch_ms.cast_signed(), blocks: blocks.iter().map(block).collect() }
            }
        }
    }

    fn since_epoch(&self, at_ms: i64) -> u32 {
        // The last value is that of an empty block.
        u32::try_from((at_ms - self.epoch_ms).max(0)).unwrap_or(u32::MAX).min(u32::MAX - 1)
    }

    fn block_mut(&mut self, index: usize) -> &mut Block {
        if index >= self.blocks.len() {
            self.blocks.resize(index + 1, Block::EMPTY);
        }
        &mut self.blocks[index]
    }
}

fn block(n: u64) -> usize {
    usize::try_from(n / BLOCK_LENGTH).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Some day in 2026.
    const DAY_MS: i64 = 1_790_000_000_000;

    #[test]
    fn a_thread_may_hand_over_its_notes_half_an_hour_late() {
        let (mut times, minute_ms) = (RequestTimes::default(), 60_000);
        times.note(0, DAY_MS, Some(DAY_MS));
        times.note(BLOCK_LENGTH, DAY_MS - 30 * minute_ms, Some(DAY_MS - 29 * minute_ms));
        let distance = |minutes: i64| times.distance_ms(BLOCK_LENGTH, DAY_MS - minutes * minute_ms, true) / minute_ms;
        assert_eq!([31, 30, 29, 28].map(distance), [-1, 0, 0, 1]);
    }

    #[test]
    fn generators_that_began_hours_apart_share_a_block() {
        let (mut times, mut later, hour_ms) = (RequestTimes::default(), RequestTimes::default(), 3_600_000);
        times.note(0, DAY_MS, Some(DAY_MS));
        later.note(1, DAY_MS + 3 * hour_ms, None);
        later.merge(&times);
        assert_eq!(later.distance_ms(0, DAY_MS + 3 * hour_ms, true), 3 * hour_ms, "that one was not accepted");
    }

    proptest! {
        #[test]
        fn a_date_is_judged_by_the_requests_of_its_block(
            notes in proptest::collection::vec((0_u64..64, 0_i64..5_000, proptest::option::of(0_i64..500)), 1..60),
            shares in 1_usize..4,
            n in 0_u64..64,
            date in -1_000_i64..7_000,
            is_accepted: bool,
        ) {
            let mut parts: Vec<RequestTimes> = (0..shares).map(|_| RequestTimes::default()).collect();
            let mut model: BTreeMap<u64, (i64, Option<i64>)> = BTreeMap::new();
            for (index, (n, sent, took)) in notes.iter().enumerate() {
                let answered = took.map(|took| sent + took);
                parts[index % shares].note(*n, DAY_MS + sent, answered.map(|at| DAY_MS + at));
                let (first, last) = model.entry(n / BLOCK_LENGTH).or_insert((*sent, None));
                (*first, *last) = ((*first).min(*sent), (*last).max(answered));
            }
            let mut times = RequestTimes::default();
            for part in &parts {
                times.merge(&RequestTimes::from_words(&part.as_words()));
            }
            let distance = times.distance_ms(n, DAY_MS + date, is_accepted);
            match model.get(&(n / BLOCK_LENGTH)) {
                None => prop_assert!(distance == 0 || !times.blocks.is_empty()),
                Some((first, _)) if date < *first => prop_assert_eq!(distance, date - first),
                Some((_, Some(last))) if is_accepted && date > *last => prop_assert_eq!(distance, date - last),
                Some((_, None)) if is_accepted => prop_assert!(distance > 0, "nothing of the block was accepted"),
                Some(_) => prop_assert_eq!(distance, 0),
            }
        }
    }
}
