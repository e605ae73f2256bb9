//! The closer look at a ledger that does not balance: which posts have findings, and with which ids.
//!
//! It needs what the ledger does not keep: the ids that the clients got, read again from their file, and then, only if
//! some are in doubt, every document once more. First, the answered ids of posts that are not stored are removed from
//! the sums; the blocks that still differ hold a document under another id than the client got. The ids of those blocks
//! are kept and compared one by one. Each round is a pass over the ids and the documents, and examines a limited number
//! of blocks, so that memory stays small. So a run that merely misses posts needs no second pass over the store, and a
//! run with a few wrong ids needs one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use contract::PostId;
use serde::Serialize;

use super::{Counts, Ledger};
use crate::ledger::block_sums::BlockSums;

/// At most this many findings of each kind are named; all are counted.
const NAMED_PER_KIND: usize = 20;

/// At most this many blocks in doubt are examined in a round; 72 KB each.
const BLOCKS_PER_ROUND: usize = 1_024;

/// At most this many posts under other ids are remembered in a round, so that memory does not grow with their number.
/// These are more than are named, because a post may turn out to be stored under the right id as well.
const CANDIDATES: usize = 1_000;

/// A post that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What is wrong.
    #[serde(rename = "fault")]
    pub(crate) kind: FindingKind,
    /// The post's number.
    pub(crate) n: u64,
    /// The id that the client got, if it got one and it matters here.
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
    /// Accepted, but neither stored nor dead-lettered.
    Missing,
    /// One of two or more documents.
    Duplicated,
    /// Stored although rejected or never sent.
    NotAccepted,
    /// Stored, but not under the id that the client got.
    OtherId,
}

/// An examination in progress.
#[derive(Debug)]
pub(crate) struct Examination {
    ledger: Ledger,
    /// Blocks that hold a document under another id than the client got, and that were not examined yet.
    doubtful: VecDeque<u64>,
    blocks_per_round: usize,
    rounds: usize,
    /// The blocks of this round.
    blocks: HashMap<u64, DoubtfulBlock>,
    /// The first posts of this round with a document under another id than the client got.
    other_ids: BTreeMap<u64, PostId>,
    /// Posts under other ids, from earlier rounds.
    wrong_ids: u64,
    findings: Vec<Finding>,
}

/// The posts of a block in doubt.
#[derive(Debug)]
struct DoubtfulBlock {
    /// The id that the client got for each accepted post.
    answered: Vec<PostId>,
    /// Posts with a document under this id; another document of theirs is a duplicate.
    right: Vec<bool>,
    /// Posts with a document under another id.
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
    /// Starts with the ids that the client got: each accepted post once.
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

    /// Ends the previous round, and starts the next one if there is more to examine. In a round, the caller passes
    /// every id to [`Self::recall`] once more, and then every document to [`Self::document`].
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

    /// The counts, with the wrong ids among the unexpected posts, and the first findings of each kind.
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
