//! The closer look at a ledger that does not balance: which posts are at fault, and with which ids.
//!
//! It needs what the ledger does not keep: the ids that the client got, read again from where they were written down,
//! and then, only if some are in doubt, every document once more. First the answered ids of posts that are not stored
//! are taken out of the sums; the blocks that still differ hold a document under another id than the client got. The
//! ids of those blocks are kept and compared one by one, so many blocks in a round that memory stays small, and every
//! round is a pass over the ids and the documents. So a run that merely misses posts needs no second pass over the
//! store, and one in which ids are wrong here and there needs one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use contract::PostId;
use serde::Serialize;

use super::{Counts, Ledger};
use crate::ledger::block_sums::BlockSums;

/// So many findings of each kind are named; all are counted.
const NAMED_PER_KIND: usize = 20;

/// So many blocks in doubt are looked at in a round; 72 KB each.
const BLOCKS_PER_ROUND: usize = 1_024;

/// So many posts under other ids are remembered in a round, lest memory grows with their number; more than are named,
/// because a post may turn out to be stored under the right id as well.
const CANDIDATES: usize = 1_000;

/// A post at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What is wrong.
    #[serde(rename = "fault")]
    pub(crate) kind: FindingKind,
    /// The post's number.
    pub(crate) n: u64,
    /// The id that the client got, if it got one and that matters here.
    #[serde(rename = "told", skip_serializing_if = "Option::is_none")]
    pub(crate) answered: Option<String>,
    /// The document's id, if there is a document and ids matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<String>,
}

/// What is wrong with a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FindingKind {
    /// Accepted, neither stored nor dead-lettered.
    Missing,
    /// One of two or more documents.
    Duplicated,
    /// Stored although refused or never sent.
    NotAccepted,
    /// Stored, but not under the id that the client got.
    OtherId,
}

/// An examination in progress.
#[derive(Debug)]
pub(crate) struct Examination {
    ledger: Ledger,
    /// Blocks that hold a document under another id than the client got, and that were not looked at yet.
    doubtful: VecDeque<u64>,
    blocks_per_round: usize,
    rounds: usize,
    /// The blocks of this round.
    blocks: HashMap<u64, DoubtfulBlock>,
    /// The first posts of this round of which a document has another id than the client got.
    other_ids: BTreeMap<u64, PostId>,
    /// Posts under other ids, of the rounds before.
    wrong_ids: u64,
    findings: Vec<Finding>,
}

/// The posts of a block in doubt.
#[derive(Debug)]
struct DoubtfulBlock {
    /// The id that the client got, of each accepted post.
    answered: Vec<PostId>,
    /// Posts of which a document has this id; another document of theirs is a duplicate.
    right: Vec<bool>,
    /// Posts of which a document has another one.
    other: Vec<bool>,
}

impl DoubtfulBlock {
    fn empty() -> Self {
        let length = BlockSums::BLOCK_LENGTH as usize;
        Self {
            answered: vec![uuid::Uuid::nil().into(); length],
            right: vec![false; length],
            other: vec![false; length],
        }
    }
}

impl Examination {
    /// Begins with the ids that the client got: each accepted post once.
    ///
    /// # Errors
    /// Those of `answered`.
    pub(crate) fn begin<E>(
        mut ledger: Ledger,
        answered: impl Iterator<Item = Result<(u64, PostId), E>>,
    ) -> Result<Self, E> {
        let mut missing = Vec::new();
        for entry in answered {
            let (n, id) = entry?;
            if !ledger.stored.contains(n) {
                ledger.answered_ids.remove(n, id);
            }
            if ledger.is_missing(n) && missing.len() < NAMED_PER_KIND {
                let answered = (!ledger.ignores_ids).then(|| id.to_string());
                missing.push(Finding { kind: FindingKind::Missing, n, answered, stored: None });
            }
        }
        let doubtful = ledger.differing_blocks().collect();
        Ok(Self {
            ledger,
            doubtful,
            blocks_per_round: BLOCKS_PER_ROUND,
            rounds: 0,
            blocks: HashMap::new(),
            other_ids: BTreeMap::new(),
            wrong_ids: 0,
            findings: missing,
        })
    }

    /// Ends the round before, and begins the next one if there is more to look at. In a round, [`Self::recall`] is
    /// answered every id once more, and then [`Self::document`] of every document.
    pub(crate) fn next_round(&mut self) -> bool {
        self.end_round();
        let counts = self.ledger.counts(0);
        let is_first = self.rounds == 0;
        if self.doubtful.is_empty() && !(is_first && counts.duplicated + counts.unexpected > 0) {
            return false;
        }
        let blocks = self.doubtful.drain(..self.blocks_per_round.min(self.doubtful.len()));
        self.blocks = blocks.map(|block| (block, DoubtfulBlock::empty())).collect();
        self.rounds += 1;
        true
    }

    /// The id that the client got for post `n`.
    pub(crate) fn recall(&mut self, n: u64, id: PostId) {
        if let Some(block) = self.blocks.get_mut(&BlockSums::block(n)) {
            block.answered[BlockSums::place(n)] = id;
        }
    }

    /// A document of post `n`, with this id.
    pub(crate) fn document(&mut self, n: u64, id: PostId) {
        if self.ledger.accepted.contains(n)
            && let Some(block) = self.blocks.get_mut(&BlockSums::block(n))
        {
            let place = BlockSums::place(n);
            if block.answered[place] == id {
                block.right[place] = true;
            } else {
                block.other[place] = true;
                self.other_ids.insert(n, id);
                if self.other_ids.len() > CANDIDATES {
                    self.other_ids.pop_last();
                }
            }
        }
        if self.rounds > 1 {
            return;
        }
        if self.ledger.stored_again.contains(n) {
            self.name(FindingKind::Duplicated, n, id);
        }
        if self.ledger.is_unexpected(n) {
            self.name(FindingKind::NotAccepted, n, id);
        }
    }

    /// The counts, with the wrong ids among the unexpected ones, and the first findings of each kind.
    pub(crate) fn finish(mut self) -> (Counts, Vec<Finding>) {
        self.end_round();
        (self.ledger.counts(self.wrong_ids), self.findings)
    }

    fn end_round(&mut self) {
        let wrong = |block: &DoubtfulBlock, place: usize| block.other[place] && !block.right[place];
        for block in self.blocks.values() {
            self.wrong_ids += (0..block.answered.len()).filter(|place| wrong(block, *place)).count() as u64;
        }
        for (n, id) in std::mem::take(&mut self.other_ids) {
            if self.blocks.get(&BlockSums::block(n)).is_some_and(|block| wrong(block, BlockSums::place(n))) {
                self.name(FindingKind::OtherId, n, id);
            }
        }
        self.blocks.clear();
    }

    fn name(&mut self, kind: FindingKind, n: u64, stored: PostId) {
        if self.findings.iter().filter(|finding| finding.kind == kind).count() < NAMED_PER_KIND {
            let block = self.blocks.get(&BlockSums::block(n)).filter(|_| self.ledger.accepted.contains(n));
            let answered = block.map(|block| block.answered[BlockSums::place(n)].to_string());
            let stored = (!self.ledger.ignores_ids).then(|| stored.to_string());
            self.findings.push(Finding { kind, n, answered, stored });
        }
    }
}

#[cfg(test)]
mod tests;
