//! The closer look at a ledger that does not balance: which posts have findings, and with which ids.
//!
//! It needs what the ledger does not keep: the ids that the clients got, read again from their file, and then, only if
//! some are in doubt, every document once more. First, the answered ids of posts that are not stored are removed from
//! the sums; the blocks that still differ hold a document under another id than the client got. The ids of those blocks
//! are kept and compared one by one. Each round is a pass over the ids and the documents, and examines a limited number
//! of blocks, so that memory stays small. So a run that merely misses posts needs no second pass over the store, and a
//! run with a few wrong ids needs one.

use std::collections::{BTreeMap, VecDeque};

use contract::PostId;

use super::{Counts, Ledger};
use crate::ledger::bitmap::Bitmap;
use crate::ledger::block_sums::BlockSums;
use crate::ledger::named::{Finding, FindingKind, NamedFindings};

/// At most this many blocks in doubt are examined in a round; 66 KB each.
const BLOCKS_PER_ROUND: usize = 512;

/// At most this many posts under other ids are remembered in a round, so that memory does not grow with their number.
/// These are more than are named, because a post may turn out to be stored under the right id as well.
const CANDIDATES: usize = 1_000;

/// An examination in progress.
#[derive(Debug)]
pub(crate) struct Examination {
    ledger: Ledger,
    /// Blocks that hold a document under another id than the client got, and that were not examined yet.
    doubtful: VecDeque<u64>,
    blocks_per_round: usize,
    rounds: usize,
    /// The blocks of this round, each at its place among all blocks.
    blocks: Vec<Option<Box<DoubtfulBlock>>>,
    /// The first posts of this round with a document under another id than the client got.
    other_ids: BTreeMap<u64, (PostId, String)>,
    /// Posts under other ids, from earlier rounds.
    wrong_ids: u64,
    named: NamedFindings,
}

/// The posts of a block in doubt.
#[derive(Debug)]
struct DoubtfulBlock {
    /// The id that the client got for each accepted post.
    answered: Vec<PostId>,
    /// The places of posts with a document under this id; another document of theirs is a duplicate.
    right: Bitmap,
    /// The places of posts with a document under another id.
    other: Bitmap,
}

impl DoubtfulBlock {
    fn empty() -> Self {
        let answered = vec![uuid::Uuid::nil().into(); BlockSums::BLOCK_LENGTH as usize];
        Self { answered, right: Bitmap::default(), other: Bitmap::default() }
    }
}

impl Examination {
    /// Starts with the ids that the client got: each accepted post once.
    ///
    /// # Errors
    /// Those of `answered`.
    pub(crate) fn begin<E>(
        mut ledger: Ledger,
        answered: impl Iterator<Item = Result<(u64, PostId), E>>,
    ) -> Result<Self, E> {
        let mut named = NamedFindings::default();
        for entry in answered {
            let (n, id) = entry?;
            if ledger.is_missing(n) {
                ledger.answered_ids.remove(n, id);
                let answered = (!ledger.ignores_ids).then(|| id.to_string());
                named.add(FindingKind::Missing, Some(n), || Finding {
                    answered,
                    ..Finding::of(FindingKind::Missing, Some(n))
                });
            }
        }
        let doubtful = ledger.differing_blocks().collect();
        Ok(Self {
            ledger,
            doubtful,
            blocks_per_round: BLOCKS_PER_ROUND,
            rounds: 0,
            blocks: Vec::new(),
            other_ids: BTreeMap::new(),
            wrong_ids: 0,
            named,
        })
    }

    /// Ends the previous round, and starts the next one if there is more to examine. In a round, the caller passes
    /// every id to [`Self::recall`] once more, and then all that was found to [`Self::document`] and
    /// [`Self::dead_letter`].
    pub(crate) fn next_round(&mut self) -> bool {
        self.end_round();
        let counts = self.ledger.counts(0);
        let is_first = self.rounds == 0;
        if self.doubtful.is_empty() && !(is_first && counts.duplicated + counts.unexpected > 0) {
            return false;
        }
        for block in self.doubtful.drain(..self.blocks_per_round.min(self.doubtful.len())) {
            let index = usize::try_from(block).expect("its sum is in memory");
            if index >= self.blocks.len() {
                self.blocks.resize_with(index + 1, || None);
            }
            self.blocks[index] = Some(Box::new(DoubtfulBlock::empty()));
        }
        self.rounds += 1;
        true
    }

    /// The id that the client got for post `n`.
    pub(crate) fn recall(&mut self, n: u64, id: PostId) {
        if let Some(block) = block_mut(&mut self.blocks, n) {
            block.answered[BlockSums::place(n)] = id;
        }
    }

    /// A document of post `n`, with this id; `there` shows it.
    pub(crate) fn document(&mut self, n: u64, id: PostId, there: impl Fn() -> String) {
        self.compare_id(n, id, &there);
        if self.rounds > 1 {
            return;
        }
        if self.ledger.stored_again.contains(n) {
            self.name(FindingKind::Duplicated, n, id, &there);
        }
        if !self.ledger.is_expected(n) {
            self.name(FindingKind::NotAccepted, n, id, &there);
        }
    }

    /// A dead letter of post `n`, with this id; `there` shows it.
    pub(crate) fn dead_letter(&mut self, n: u64, id: PostId, there: impl Fn() -> String) {
        if self.ledger.is_dead_lettered(n) {
            self.compare_id(n, id, &there);
        }
        if self.rounds == 1 && !self.ledger.is_expected(n) {
            self.name(FindingKind::NotAccepted, n, id, &there);
        }
    }

    fn compare_id(&mut self, n: u64, id: PostId, there: &dyn Fn() -> String) {
        let Some(block) = block_mut(&mut self.blocks, n).filter(|_| self.ledger.accepted.contains(n)) else { return };
        let place = BlockSums::place(n);
        if block.answered[place] == id {
            block.right.insert(place as u64);
            return;
        }
        block.other.insert(place as u64);
        if self.other_ids.len() < CANDIDATES || self.other_ids.last_key_value().is_some_and(|(last, _)| n < *last) {
            self.other_ids.insert(n, (id, there()));
            if self.other_ids.len() > CANDIDATES {
                self.other_ids.pop_last();
            }
        }
    }

    /// The counts, with the wrong ids among the unexpected posts, and the first findings of each kind.
    pub(crate) fn finish(mut self) -> (Counts, NamedFindings) {
        self.end_round();
        (self.ledger.counts(self.wrong_ids), self.named)
    }

    fn end_round(&mut self) {
        self.wrong_ids += self.blocks.iter().flatten().map(|block| block.other.divided_by(&block.right).0).sum::<u64>();
        for (n, (id, there)) in std::mem::take(&mut self.other_ids) {
            let place = BlockSums::place(n) as u64;
            let is_wrong = |block: &DoubtfulBlock| block.other.contains(place) && !block.right.contains(place);
            if block(&self.blocks, n).is_some_and(is_wrong) {
                self.name(FindingKind::OtherId, n, id, &|| there.clone());
            }
        }
        self.blocks.clear();
    }

    fn name(&mut self, kind: FindingKind, n: u64, stored: PostId, there: &dyn Fn() -> String) {
        let block = block(&self.blocks, n).filter(|_| self.ledger.accepted.contains(n));
        let ignores_ids = self.ledger.ignores_ids;
        self.named.add(kind, Some(n), || Finding {
            answered: block.map(|block| block.answered[BlockSums::place(n)].to_string()),
            stored: (!ignores_ids).then(|| stored.to_string()),
            there: Some(there()),
            ..Finding::of(kind, Some(n))
        });
    }
}

/// The block of post `n`, if this round examines it.
fn block(blocks: &[Option<Box<DoubtfulBlock>>], n: u64) -> Option<&DoubtfulBlock> {
    blocks.get(usize::try_from(BlockSums::block(n)).ok()?)?.as_deref()
}

fn block_mut(blocks: &mut [Option<Box<DoubtfulBlock>>], n: u64) -> Option<&mut DoubtfulBlock> {
    blocks.get_mut(usize::try_from(BlockSums::block(n)).ok()?)?.as_deref_mut()
}

#[cfg(test)]
mod tests;
