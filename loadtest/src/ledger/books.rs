//! The ledger of a run: what the client got for each post, and what became of it. It is exact for every single post, at
//! a few bits each: one bitmap for each kind of event, over the posts' numbers. It checks ids too: the id that the
//! client got and the document's id go into sums over blocks of numbers, and only blocks whose sums differ are examined
//! id by id (see [`examination`]).
//!
//! A ledger is filled in two phases: first every answer, then every document and every dead letter of the run. It is
//! pure: it knows neither a clock nor a database.

use contract::PostId;

mod counts;
mod doubt;
pub(crate) mod examination;
pub(crate) mod pass;
mod saved;

pub(crate) use counts::{Counts, StateCounts};

use super::bitmap::Bitmap;
use super::block_sums::BlockSums;
use super::request_times::RequestTimes;
use super::unknown_times::UnknownTimes;

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

/// A post that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SentPost {
    /// Its number.
    pub(crate) n: u64,
    pub(crate) reply: Reply,
    /// Whether it is unknown what became of any of its requests, whatever the others were answered.
    pub(crate) was_unknown: bool,
    /// When it was sent for the first time, and when its last answer came; in ms since 1970.
    pub(crate) sent_ms: i64,
    pub(crate) ended_ms: i64,
}

/// The ledger of one run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accepted: Bitmap,
    rejected: Bitmap,
    unknown: Bitmap,
    /// Those with any unknown request.
    ever_unknown: Bitmap,
    stored: Bitmap,
    stored_again: Bitmap,
    dead_lettered: Bitmap,
    changed: Bitmap,
    answered_ids: BlockSums,
    /// The ids under which accepted posts are stored or, if they are not, dead-lettered.
    found_ids: BlockSums,
    times: RequestTimes,
    unknown_times: UnknownTimes,
    /// Whether any answer named an id, and whether any document has one.
    answers_have_ids: bool,
    documents_have_ids: bool,
    /// Whether ids are ignored.
    ignores_ids: bool,
    /// Documents and dead letters with a number beyond all posts sent, which get no bits, so that a made-up number
    /// cannot make the bitmaps huge, and documents that belong to no post at all.
    foreign: u64,
}

impl Ledger {
    /// A post was sent and answered. Call it once for each post.
    pub(crate) fn answered(&mut self, post: SentPost) {
        let SentPost { n, reply, was_unknown, sent_ms, ended_ms } = post;
        self.times.note(n, sent_ms, matches!(reply, Reply::Accepted(_)).then_some(ended_ms));
        match reply {
            Reply::Accepted(id) => {
                self.accepted.insert(n);
                self.answered_ids.add(n, id);
                self.answers_have_ids |= !id.uuid().is_nil();
            }
            Reply::Rejected => self.rejected.insert(n),
            Reply::Unknown => self.unknown.insert(n),
        }
        if was_unknown || reply == Reply::Unknown {
            self.ever_unknown.insert(n);
            self.unknown_times.note(sent_ms, ended_ms);
        }
    }

    /// A document of post `n` was found, with this id; `is_changed` if it does not say what the post said.
    pub(crate) fn stored(&mut self, n: u64, id: PostId, is_changed: bool) {
        if self.is_beyond(n) {
            self.foreign += 1;
            return;
        }
        if self.stored.contains(n) {
            self.stored_again.insert(n);
        } else {
            self.stored.insert(n);
            self.documents_have_ids |= !id.uuid().is_max();
            self.found(n, id);
        }
        self.note_changed(n, is_changed);
    }

    /// A dead letter of post `n` was found, with this id, after all documents. A consumer that was killed may have
    /// written it twice.
    pub(crate) fn dead_lettered(&mut self, n: u64, id: PostId, is_changed: bool) {
        if self.is_beyond(n) {
            self.foreign += 1;
            return;
        }
        if !self.dead_lettered.contains(n) {
            self.dead_lettered.insert(n);
            if !self.stored.contains(n) {
                self.found(n, id);
            }
        }
        self.note_changed(n, is_changed);
    }

    /// A document was found that belongs to no post.
    pub(crate) fn foreign(&mut self) {
        self.foreign += 1;
    }

    /// How far a document's date is from the requests for post `n`, in ms; see [`RequestTimes::distance_ms`].
    pub(crate) fn date_distance_ms(&self, n: u64, date_ms: i64) -> i64 {
        if self.is_expected(n) { self.times.distance_ms(n, date_ms, self.accepted.contains(n)) } else { 0 }
    }

    fn found(&mut self, n: u64, id: PostId) {
        if self.accepted.contains(n) {
            self.found_ids.add(n, id);
        }
    }

    fn note_changed(&mut self, n: u64, is_changed: bool) {
        if is_changed && self.is_expected(n) {
            self.changed.insert(n);
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

    /// Whether every accepted post is stored once, or dead-lettered, under the id that the client got, and no other is.
    /// Whether they are as they were sent is another question.
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
            changed: self.changed.count(),
            unexpected: wrong_ids + self.foreign,
            ..Counts::default()
        };
        let words = [&self.accepted, &self.stored, &self.dead_lettered].map(Bitmap::words);
        for word in 0..words.into_iter().max().unwrap_or_default() {
            let (accepted, unknown) = (self.accepted.word(word), self.unknown.word(word));
            let (stored, dead_lettered) = (self.stored.word(word), self.dead_lettered.word(word));
            let count = |bits: u64| u64::from(bits.count_ones());
            counts.missing += count(accepted & !stored & !dead_lettered);
            counts.unknown_stored += count(unknown & stored);
            counts.unexpected += count((stored | dead_lettered) & !accepted & !unknown);
            counts.dead_lettered += count(dead_lettered & !stored);
            counts.replayed += count(dead_lettered & stored);
        }
        counts
    }

    /// The blocks whose documents have other ids than the clients got.
    fn differing_blocks(&self) -> impl Iterator<Item = u64> {
        self.answered_ids.differing(&self.found_ids).filter(|_| !self.ignores_ids)
    }

    /// Whether post `n` is dead-lettered but not stored, once everything was entered.
    pub(crate) fn is_dead_lettered(&self, n: u64) -> bool {
        self.dead_lettered.contains(n) && !self.stored.contains(n)
    }

    /// Whether post `n` may be stored or dead-lettered: it was accepted, or its client cannot know.
    pub(crate) fn is_expected(&self, n: u64) -> bool {
        self.accepted.contains(n) || self.unknown.contains(n)
    }

    /// Whether post `n` was found already.
    pub(crate) fn is_stored(&self, n: u64) -> bool {
        self.stored.contains(n)
    }

    /// Whether `n` is larger than the number of every post sent.
    pub(crate) fn is_beyond(&self, n: u64) -> bool {
        [&self.accepted, &self.rejected, &self.unknown].iter().all(|sent| sent.is_beyond(n))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> PostId {
        uuid::Uuid::from_u128(number).into()
    }

    /// Sent at one second past noon for each number, and answered 20 ms later.
    fn sent(n: u64, reply: Reply) -> SentPost {
        let sent_ms = 1_790_000_000_000 + 1_000 * i64::try_from(n).unwrap();
        SentPost { n, reply, was_unknown: false, sent_ms, ended_ms: sent_ms + 20 }
    }

    #[test]
    fn a_clean_run_balances() {
        let mut ledger = Ledger::default();
        for n in 0..10_000 {
            ledger.answered(sent(n, Reply::Accepted(id(n.into()))));
        }
        for n in (0..10_000).rev() {
            ledger.stored(n, id(n.into()), false);
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
            ledger.answered(sent(0, Reply::Accepted(answered)));
            ledger.stored(0, stored, false);
            assert_eq!(ledger.has_ids(), has_ids);
            assert!(!ledger.balances());
            ledger.ignore_ids();
            assert!(ledger.balances());
            ledger.answered(sent(1, Reply::Accepted(answered)));
            assert!(!ledger.balances() && ledger.is_missing(1));
        }
    }

    #[test]
    fn each_kind_of_finding_is_counted() {
        let mut ledger = Ledger::default();
        ledger.answered(sent(0, Reply::Accepted(id(0)))); // missing
        ledger.answered(sent(1, Reply::Accepted(id(1)))); // stored twice
        ledger.answered(sent(2, Reply::Accepted(id(2)))); // dead-lettered
        ledger.answered(sent(3, Reply::Rejected)); // stored nevertheless
        ledger.answered(sent(4, Reply::Rejected));
        ledger.answered(sent(5, Reply::Unknown)); // stored
        ledger.answered(sent(6, Reply::Unknown));
        // 7 could not be sent, but is stored
        ledger.answered(sent(8, Reply::Rejected));
        for n in [1, 3, 5, 7, 1, 1_000_000_000_000] {
            ledger.stored(n, id(n.into()), false);
        }
        ledger.dead_lettered(2, id(2), false);
        let expected = Counts {
            accepted: 3,
            rejected: 3,
            unknown: 2,
            unknown_stored: 1,
            stored: 4,
            missing: 1,
            duplicated: 1,
            unexpected: 3,
            changed: 0,
            dead_lettered: 1,
            replayed: 0,
            states: None,
        };
        assert_eq!(ledger.counts(0), expected);
        assert!(ledger.is_missing(0) && !ledger.is_missing(2));
        assert!(ledger.is_dead_lettered(2));

        ledger.foreign();
        ledger.stored(2, id(2), true); // replayed, but changed
        ledger.dead_lettered(3, id(3), true); // rejected, so it is not known what it must be
        ledger.dead_lettered(4, id(4), true); // rejected, but dead-lettered
        let expected = Counts { stored: 5, unexpected: 5, changed: 1, dead_lettered: 1, replayed: 2, ..expected };
        assert_eq!(ledger.counts(0), expected);
    }

    #[test]
    fn a_dead_letter_stands_for_its_document_under_the_same_id() {
        let mut ledger = Ledger::default();
        (0..2).for_each(|n| ledger.answered(sent(n, Reply::Accepted(id(n.into())))));
        (0..2).for_each(|n| ledger.dead_lettered(n, id(n.into()), false));
        ledger.dead_lettered(1, id(9), false);
        assert!(ledger.balances(), "a second letter is a copy of the first");
        let mut ledger = Ledger::default();
        ledger.answered(sent(0, Reply::Accepted(id(0))));
        ledger.dead_lettered(0, id(7), false);
        assert!(!ledger.balances());
    }

    #[test]
    fn a_date_is_judged_only_where_a_document_may_be() {
        let mut ledger = Ledger::default();
        ledger.answered(sent(0, Reply::Accepted(id(0))));
        ledger.answered(sent(100, Reply::Unknown));
        ledger.answered(sent(200, Reply::Rejected));
        let SentPost { sent_ms, ended_ms, .. } = sent(0, Reply::Unknown);
        assert_eq!(
            [sent_ms - 5, sent_ms, ended_ms, ended_ms + 7].map(|at| ledger.date_distance_ms(0, at)),
            [-5, 0, 0, 7]
        );
        let later = sent(100, Reply::Unknown).ended_ms + 60_000;
        assert_eq!((ledger.date_distance_ms(100, later), ledger.date_distance_ms(100, sent_ms)), (0, -100_000));
        assert_eq!(ledger.date_distance_ms(200, sent_ms), 0);
    }
}
