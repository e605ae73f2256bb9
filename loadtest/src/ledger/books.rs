//! The ledger of a run: what the client got for each post, and what became of it. It is exact for every single post, at
//! a few bits each: one bitmap for each kind of event, over the posts' numbers. It checks ids too: the id that the
//! client got and the document's id go into sums over blocks of numbers, and only blocks whose sums differ are examined
//! id by id (see [`examination`]).
//!
//! A ledger is filled in two phases: first every answer, then every document and every dead letter of the run. It is
//! pure: it knows neither a clock nor a database.

use contract::PostId;
use serde::Serialize;

pub(crate) mod examination;
mod saved;

use super::bitmap::Bitmap;
use super::block_sums::BlockSums;

/// What the client got for a post that it sent. A post that could not be sent has no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    /// 2xx, with this id.
    Accepted(PostId),
    /// 4xx.
    Rejected,
    /// Anything else after the post was sent: it may be stored or not.
    Unknown,
}

/// The ledger of one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accepted: Bitmap,
    rejected: Bitmap,
    unknown: Bitmap,
    stored: Bitmap,
    stored_again: Bitmap,
    dead_lettered: Bitmap,
    answered_ids: BlockSums,
    stored_ids: BlockSums,
    /// Whether any answer named an id, and whether any document has one.
    answers_have_ids: bool,
    documents_have_ids: bool,
    /// Whether ids are ignored.
    ignores_ids: bool,
    /// Documents and dead letters with a number beyond all posts sent. They get no bits, so that a made-up number
    /// cannot make the bitmaps huge.
    beyond: u64,
}

/// The ledger in numbers of posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Answered 2xx.
    pub(crate) accepted: u64,
    /// Answered 4xx.
    pub(crate) rejected: u64,
    /// Sent, but answered otherwise or not at all.
    pub(crate) unknown: u64,
    /// Those of the unknown posts that are stored, which is fine.
    pub(crate) unknown_stored: u64,
    /// Stored at least once, whatever the client got.
    pub(crate) stored: u64,
    /// Accepted, but neither stored nor dead-lettered.
    pub(crate) missing: u64,
    /// Stored in two or more documents.
    pub(crate) duplicated: u64,
    /// Stored although rejected or never sent, or stored under another id than the client got.
    pub(crate) unexpected: u64,
    /// Dead-lettered at least once.
    pub(crate) dead_lettered: u64,
}

impl Ledger {
    /// Post `n` was sent, and this is its answer. Call it once for each post.
    pub(crate) fn answered(&mut self, n: u64, reply: Reply) {
        match reply {
            Reply::Accepted(id) => {
                self.accepted.insert(n);
                self.answered_ids.add(n, id);
                self.answers_have_ids |= !id.uuid().is_nil();
            }
            Reply::Rejected => self.rejected.insert(n),
            Reply::Unknown => self.unknown.insert(n),
        }
    }

    /// A document of post `n` was found, with this id.
    pub(crate) fn stored(&mut self, n: u64, id: PostId) {
        if self.is_beyond(n) {
            self.beyond += 1;
        } else if self.stored.contains(n) {
            self.stored_again.insert(n);
        } else {
            self.stored.insert(n);
            self.documents_have_ids |= !id.uuid().is_max();
            if self.accepted.contains(n) {
                self.stored_ids.add(n, id);
            }
        }
    }

    /// A dead letter of post `n` was found.
    pub(crate) fn dead_lettered(&mut self, n: u64) {
        if self.is_beyond(n) {
            self.beyond += 1;
        } else {
            self.dead_lettered.insert(n);
        }
    }

    /// Whether some answer and some document have an id, if there are any. The nil id stands for an answer without one,
    /// the largest id for a document without one.
    pub(crate) fn has_ids(&self) -> bool {
        (self.answers_have_ids || self.accepted.count() == 0) && (self.documents_have_ids || self.stored.count() == 0)
    }

    /// From now on only the posts' numbers count.
    pub(crate) fn ignore_ids(&mut self) {
        self.ignores_ids = true;
    }

    /// Whether post `n` was accepted, but is neither stored nor dead-lettered.
    pub(crate) fn is_missing(&self, n: u64) -> bool {
        self.accepted.contains(n) && !self.stored.contains(n) && !self.dead_lettered.contains(n)
    }

    /// Whether every accepted post is stored once, under the id that the client got, and no other post is stored.
    pub(crate) fn balances(&self) -> bool {
        let counts = self.counts(0);
        let faults = counts.missing + counts.duplicated + counts.unexpected;
        faults == 0 && self.differing_blocks().next().is_none()
    }

    /// The counts. `wrong_ids` is the number of posts stored under another id than the client got, which an examination
    /// finds.
    pub(crate) fn counts(&self, wrong_ids: u64) -> Counts {
        let mut counts = Counts {
            accepted: self.accepted.count(),
            rejected: self.rejected.count(),
            unknown: self.unknown.count(),
            stored: self.stored.count(),
            duplicated: self.stored_again.count(),
            dead_lettered: self.dead_lettered.count(),
            unexpected: wrong_ids + self.beyond,
            ..Counts::default()
        };
        for word in 0..self.accepted.words().max(self.stored.words()) {
            let (accepted, unknown, stored) =
                (self.accepted.word(word), self.unknown.word(word), self.stored.word(word));
            let count = |bits: u64| u64::from(bits.count_ones());
            counts.missing += count(accepted & !stored & !self.dead_lettered.word(word));
            counts.unknown_stored += count(unknown & stored);
            counts.unexpected += count(stored & !accepted & !unknown);
        }
        counts
    }

    /// The blocks whose documents have other ids than the clients got.
    fn differing_blocks(&self) -> impl Iterator<Item = u64> {
        self.answered_ids.differing(&self.stored_ids).filter(|_| !self.ignores_ids)
    }

    /// Whether a document of post `n` should not be there, whatever its id.
    fn is_unexpected(&self, n: u64) -> bool {
        self.is_beyond(n) || !(self.accepted.contains(n) || self.unknown.contains(n))
    }

    /// Whether `n` is larger than the number of every post sent.
    fn is_beyond(&self, n: u64) -> bool {
        [&self.accepted, &self.rejected, &self.unknown].iter().all(|sent| sent.is_beyond(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> PostId {
        uuid::Uuid::from_u128(number).into()
    }

    #[test]
    fn a_clean_run_balances() {
        let mut ledger = Ledger::default();
        for n in 0..10_000 {
            ledger.answered(n, Reply::Accepted(id(n.into())));
        }
        for n in (0..10_000).rev() {
            ledger.stored(n, id(n.into()));
        }
        let expected = Counts { accepted: 10_000, stored: 10_000, ..Counts::default() };
        assert_eq!(ledger.counts(0), expected);
    }

    #[test]
    fn without_ids_the_numbers_alone_can_balance() {
        for (answered, stored, has_ids) in
            [(uuid::Uuid::nil().into(), id(7), false), (id(7), uuid::Uuid::max().into(), false), (id(7), id(8), true)]
        {
            let mut ledger = Ledger::default();
            assert!(ledger.has_ids(), "nothing lacks an id");
            ledger.answered(0, Reply::Accepted(answered));
            ledger.stored(0, stored);
            assert_eq!(ledger.has_ids(), has_ids);
            assert!(!ledger.balances());
            ledger.ignore_ids();
            assert!(ledger.balances());
            ledger.answered(1, Reply::Accepted(answered));
            assert!(!ledger.balances() && ledger.is_missing(1));
        }
    }

    #[test]
    fn each_kind_of_finding_is_counted() {
        let mut ledger = Ledger::default();
        ledger.answered(0, Reply::Accepted(id(0))); // missing
        ledger.answered(1, Reply::Accepted(id(1))); // stored twice
        ledger.answered(2, Reply::Accepted(id(2))); // dead-lettered
        ledger.answered(3, Reply::Rejected); // stored nevertheless
        ledger.answered(4, Reply::Rejected);
        ledger.answered(5, Reply::Unknown); // stored
        ledger.answered(6, Reply::Unknown);
        // 7 could not be sent, but is stored
        ledger.answered(8, Reply::Rejected);
        for n in [1, 3, 5, 7, 1, 1_000_000_000_000] {
            ledger.stored(n, id(n.into()));
        }
        ledger.dead_lettered(2);
        let expected = Counts {
            accepted: 3,
            rejected: 3,
            unknown: 2,
            unknown_stored: 1,
            stored: 4,
            missing: 1,
            duplicated: 1,
            unexpected: 3,
            dead_lettered: 1,
        };
        assert_eq!(ledger.counts(0), expected);
        assert!(ledger.is_missing(0) && !ledger.is_missing(2));
    }
}
