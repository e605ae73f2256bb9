//! Submissions that were announced to this worker, until it has asked the store for them. Pure.
//!
//! They come in batches, and who brought one learns when the worker is done with it: each of its submissions was in
//! a claim that the store has answered, or else the worker stops and says which were not. A submission that the store
//! did not lease is done, too: another worker has it, or it is final.

use std::collections::VecDeque;

use uuid::Uuid;

/// What was announced.
#[derive(Debug, Default)]
pub(super) struct Announced {
    waiting: VecDeque<Batch>,
    /// What the claim on its way asks for.
    asked: Option<Batch>,
    over: Vec<Over>,
}

/// Submissions that were announced together, or those of them that are left.
#[derive(Debug)]
struct Batch {
    number: u64,
    ids: Vec<Uuid>,
}

/// A batch with which the worker is done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Over {
    /// The batch's number.
    pub(crate) number: u64,
    /// Its submissions that no answered claim has asked for, because the worker stops.
    pub(crate) unclaimed: Vec<Uuid>,
}

impl Announced {
    /// These submissions are announced, in the batch with this number.
    pub(super) fn push(&mut self, number: u64, ids: Vec<Uuid>) {
        if ids.is_empty() {
            self.over.push(Over { number, unclaimed: ids });
        } else {
            self.waiting.push_back(Batch { number, ids });
        }
    }

    /// Whether there is nothing to ask for.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// At most this many submissions of one batch, which are asked for now. No other claim may be on its way.
    pub(super) fn ask(&mut self, limit: u32) -> Vec<Uuid> {
        let Some(first) = self.waiting.front_mut() else { return Vec::new() };
        let count = first.ids.len().min(limit as usize);
        let ids: Vec<Uuid> = first.ids.drain(..count).collect();
        self.asked = Some(Batch { number: first.number, ids: ids.clone() });
        if first.ids.is_empty() {
            self.waiting.pop_front();
        }
        ids
    }

    /// The store has answered the claim.
    pub(super) fn answered(&mut self) {
        let Some(Batch { number, .. }) = self.asked.take() else { return };
        if self.waiting.front().is_none_or(|first| first.number != number) {
            self.over.push(Over { number, unclaimed: Vec::new() });
        }
    }

    /// The claim got an error: its submissions are asked for again.
    pub(super) fn failed(&mut self) {
        let Some(Batch { number, mut ids }) = self.asked.take() else { return };
        match self.waiting.front_mut().filter(|first| first.number == number) {
            Some(rest) => {
                ids.append(&mut rest.ids);
                rest.ids = ids;
            }
            None => self.waiting.push_front(Batch { number, ids }),
        }
    }

    /// The worker asks for nothing more. The claim on its way is still answered.
    pub(super) fn give_up(&mut self) {
        for Batch { number, ids } in std::mem::take(&mut self.waiting) {
            match &self.asked {
                // Over once the claim is answered, with what is left.
                Some(asked) if asked.number == number => self.waiting.push_back(Batch { number, ids }),
                _ => self.over.push(Over { number, unclaimed: ids }),
            }
        }
    }

    /// The batches that are over since this was last called.
    pub(super) fn take_over(&mut self) -> Vec<Over> {
        std::mem::take(&mut self.over)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    fn ids(numbers: std::ops::Range<u128>) -> Vec<Uuid> {
        numbers.map(Uuid::from_u128).collect()
    }

    #[test]
    fn a_batch_is_over_with_the_answer_to_its_last_claim() {
        let mut announced = Announced::default();
        announced.push(1, ids(0..3));
        announced.push(2, ids(3..4));
        assert_eq!(announced.ask(2), ids(0..2));
        announced.answered();
        assert_eq!(announced.take_over(), []);
        assert_eq!(announced.ask(9), ids(2..3), "of one batch only");
        announced.failed();
        assert_eq!(announced.ask(9), ids(2..3), "again after an error");
        announced.answered();
        assert_eq!(announced.take_over(), [Over { number: 1, unclaimed: vec![] }]);
        assert!(!announced.is_empty());
        announced.give_up();
        assert_eq!(announced.take_over(), [Over { number: 2, unclaimed: ids(3..4) }]);
        assert!(announced.is_empty());
    }

    #[derive(Debug, Clone)]
    enum Move {
        Push(u128),
        Ask(u32),
        Answer,
        Fail,
    }

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let one = prop_oneof![
            (0_u128..6).prop_map(Move::Push),
            (1_u32..5).prop_map(Move::Ask),
            Just(Move::Answer),
            Just(Move::Fail),
        ];
        prop::collection::vec(one, 0..60)
    }

    proptest! {
        /// Otherwise a record would be committed whose submission nobody has asked for, or never.
        #[test]
        fn each_batch_is_over_once_and_each_submission_asked_for_or_unclaimed(moves in moves()) {
            let (mut announced, mut next, mut pushed) = (Announced::default(), 0, BTreeMap::new());
            let (mut asked, mut claimed) = (None, BTreeSet::new());
            for one in moves {
                match one {
                    Move::Push(count) => {
                        let batch = ids(next..next + count);
                        next += count;
                        let number = pushed.len() as u64;
                        announced.push(number, batch.clone());
                        pushed.insert(number, batch);
                    }
                    Move::Ask(limit) if asked.is_none() && !announced.is_empty() => {
                        let ids = announced.ask(limit);
                        prop_assert!(!ids.is_empty() && ids.len() <= limit as usize);
                        asked = Some(ids);
                    }
                    Move::Answer => {
                        announced.answered();
                        claimed.extend(asked.take().into_iter().flatten());
                    }
                    Move::Fail => {
                        announced.failed();
                        asked = None;
                    }
                    Move::Ask(_) => {}
                }
            }
            announced.give_up();
            announced.answered();
            claimed.extend(asked.into_iter().flatten());
            // As the worker does after the last answer.
            announced.give_up();
            let over = announced.take_over();
            prop_assert!(announced.is_empty());
            let numbers: BTreeSet<u64> = over.iter().map(|over| over.number).collect();
            prop_assert_eq!((over.len(), numbers.len()), (pushed.len(), pushed.len()));
            for Over { number, unclaimed } in over {
                for id in &pushed[&number] {
                    prop_assert!(claimed.contains(id) != unclaimed.contains(id), "{} of batch {}", id, number);
                }
            }
        }
    }
}
