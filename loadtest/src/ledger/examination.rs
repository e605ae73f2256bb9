//! The closer look at a ledger that does not balance: which posts are at fault, and with which ids.
//!
//! It needs what the ledger does not keep: the ids that the client was told, read again from where they were written
//! down, and then, only if some are in doubt, every document once more. First the told ids of posts that are not stored
//! are taken out of the sums; the blocks that still differ hold a document under another id than the client was told.
//! The ids of those blocks are kept and compared one by one. So a run that merely misses posts needs no second pass
//! over the store, and memory grows with the number of differing blocks only.

use std::collections::{BTreeMap, HashMap, HashSet};

use contract::PostId;
use serde::Serialize;

use super::block_sums::BlockSums;
use super::{Counts, Ledger};

/// So many findings of each kind are named; all are counted.
const NAMED_PER_KIND: usize = 20;

/// A post at fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// What is wrong.
    pub(crate) fault: Fault,
    /// The post's number.
    pub(crate) n: u64,
    /// The id that the client was told, if it was told one and that matters here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<String>,
    /// The document's id, if there is a document and ids matter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stored: Option<String>,
}

/// What is wrong with a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// Accepted, neither stored nor dead-lettered.
    Missing,
    /// One of two or more documents.
    Duplicated,
    /// Stored although refused or never sent.
    NotAccepted,
    /// Stored, but not under the id that the client was told.
    OtherId,
}

/// An examination in progress.
#[derive(Debug)]
pub(crate) struct Examination {
    ledger: Ledger,
    doubtful: HashSet<u64>,
    told: HashMap<u64, PostId>,
    /// Posts in doubt of which a document has the right id; another document of theirs is a duplicate.
    right_ids: HashSet<u64>,
    /// Posts in doubt of which a document has this other id.
    other_ids: BTreeMap<u64, PostId>,
    findings: Vec<Finding>,
}

impl Examination {
    /// Begins with the ids that the client was told: each accepted post once.
    ///
    /// # Errors
    /// Those of `told`.
    pub(crate) fn begin<E>(
        mut ledger: Ledger,
        told: impl Iterator<Item = Result<(u64, PostId), E>>,
    ) -> Result<Self, E> {
        let mut missing = Vec::new();
        for entry in told {
            let (n, id) = entry?;
            if !ledger.stored.contains(n) {
                ledger.told_ids.remove(n, id);
            }
            if ledger.is_missing(n) && missing.len() < NAMED_PER_KIND {
                let told = (!ledger.ignores_ids).then(|| id.to_string());
                missing.push(Finding { fault: Fault::Missing, n, told, stored: None });
            }
        }
        let doubtful = ledger.differing_blocks().collect();
        Ok(Self {
            ledger,
            doubtful,
            told: HashMap::new(),
            right_ids: HashSet::new(),
            other_ids: BTreeMap::new(),
            findings: missing,
        })
    }

    /// Whether the documents must be read once more, after [`Self::recall`] has been told every id once more.
    pub(crate) fn needs_documents(&self) -> bool {
        let counts = self.ledger.counts(0);
        !self.doubtful.is_empty() || counts.duplicated > 0 || counts.unexpected > 0
    }

    /// The id that the client was told for post `n`.
    pub(crate) fn recall(&mut self, n: u64, id: PostId) {
        if self.doubtful.contains(&BlockSums::block(n)) {
            self.told.insert(n, id);
        }
    }

    /// A document of post `n`, with this id.
    pub(crate) fn document(&mut self, n: u64, id: PostId) {
        match self.told.get(&n) {
            Some(told) if *told == id => {
                self.right_ids.insert(n);
            }
            Some(_) => {
                self.other_ids.insert(n, id);
            }
            None => {}
        }
        if self.ledger.stored_again.contains(n) {
            self.name(Fault::Duplicated, n, id);
        }
        if self.ledger.is_unexpected(n) {
            self.name(Fault::NotAccepted, n, id);
        }
    }

    /// The counts, with the wrong ids among the unexpected ones, and the first findings of each kind.
    pub(crate) fn finish(mut self) -> (Counts, Vec<Finding>) {
        let mut other_ids = std::mem::take(&mut self.other_ids);
        other_ids.retain(|n, _| !self.right_ids.contains(n));
        for (n, id) in &other_ids {
            self.name(Fault::OtherId, *n, *id);
        }
        (self.ledger.counts(other_ids.len() as u64), self.findings)
    }

    fn name(&mut self, fault: Fault, n: u64, stored: PostId) {
        if self.findings.iter().filter(|finding| finding.fault == fault).count() < NAMED_PER_KIND {
            let told = self.told.get(&n).map(PostId::to_string);
            let stored = (!self.ledger.ignores_ids).then(|| stored.to_string());
            self.findings.push(Finding { fault, n, told, stored });
        }
    }
}

#[cfg(test)]
mod tests;
