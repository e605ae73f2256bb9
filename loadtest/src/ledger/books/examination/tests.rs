//! The whole ledger, examination included, against a naive model that keeps every id.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::ledger::books::{Reply, SentPost};

/// Few numbers and few ids, so that everything happens; the numbers span several words and blocks.
fn number() -> impl Strategy<Value = u64> {
    (0_u64..40).prop_map(|small| small * 331)
}

fn id() -> impl Strategy<Value = PostId> {
    (0_u128..3).prop_map(|small| uuid::Uuid::from_u128(small).into())
}

fn reply() -> impl Strategy<Value = Reply> {
    prop_oneof![4 => id().prop_map(Reply::Accepted), 1 => Just(Reply::Rejected), 1 => Just(Reply::Unknown)]
}

/// A document or a dead letter: the post's number, the id, and whether it differs from what was sent.
type Found = (u64, PostId, bool);

fn found() -> impl Strategy<Value = Found> {
    (number(), id(), proptest::bool::weighted(0.1))
}

fn sent(n: u64, reply: Reply) -> SentPost {
    SentPost { n, reply, was_unknown: false, sent_ms: 1_000_000, ended_ms: 1_000_000 }
}

#[derive(Debug, Default)]
struct NaiveModel {
    answered: BTreeMap<u64, Reply>,
    stored: BTreeMap<u64, Vec<(PostId, bool)>>,
    dead_lettered: BTreeMap<u64, Vec<(PostId, bool)>>,
    foreign: u64,
}

impl NaiveModel {
    fn counts(&self) -> Counts {
        let reply = |n: &u64| self.answered.get(n).copied();
        let count = |matches: fn(Reply) -> bool| self.answered.values().filter(|reply| matches(**reply)).count() as u64;
        let is_stored = |n: &u64| self.stored.contains_key(n);
        let is_expected = |n: &u64| matches!(reply(n), Some(Reply::Accepted(_) | Reply::Unknown));
        let posts: BTreeSet<u64> =
            self.answered.keys().chain(self.stored.keys()).chain(self.dead_lettered.keys()).copied().collect();
        let of = |matches: &dyn Fn(&u64) -> bool| posts.iter().filter(|n| matches(n)).count() as u64;
        let is_missing = |n: &u64| {
            matches!(reply(n), Some(Reply::Accepted(_))) && !is_stored(n) && !self.dead_lettered.contains_key(n)
        };
        let is_changed = |n: &u64| {
            let all = [self.stored.get(n), self.dead_lettered.get(n)];
            is_expected(n) && all.into_iter().flatten().flatten().any(|(_, is_changed)| *is_changed)
        };
        // A post is where it is stored or, if it is not, where its first dead letter is.
        let is_elsewhere = |n: &u64, id: PostId| match (self.stored.get(n), self.dead_lettered.get(n)) {
            (Some(documents), _) => documents.iter().all(|(stored, _)| *stored != id),
            (None, Some(letters)) => letters[0].0 != id && letters.iter().all(|(found, _)| *found != id),
            (None, None) => false,
        };
        let is_unexpected = |n: &u64| match reply(n) {
            Some(Reply::Accepted(id)) => is_elsewhere(n, id),
            Some(Reply::Unknown) => false,
            Some(Reply::Rejected) | None => is_stored(n) || self.dead_lettered.contains_key(n),
        };
        Counts {
            accepted: count(|reply| matches!(reply, Reply::Accepted(_))),
            rejected: count(|reply| reply == Reply::Rejected),
            unknown: count(|reply| reply == Reply::Unknown),
            unknown_stored: of(&|n| reply(n) == Some(Reply::Unknown) && is_stored(n)),
            stored: self.stored.len() as u64,
            missing: of(&is_missing),
            duplicated: of(&|n| self.stored.get(n).is_some_and(|documents| documents.len() > 1)),
            changed: of(&is_changed),
            unexpected: self.foreign + of(&is_unexpected),
            dead_lettered: of(&|n| self.dead_lettered.contains_key(n) && !is_stored(n)),
            replayed: of(&|n| self.dead_lettered.contains_key(n) && is_stored(n)),
            states: None,
        }
    }
}

fn examine(
    ledger: Ledger,
    answered: &BTreeMap<u64, Reply>,
    documents: &[Found],
    letters: &[Found],
    blocks_per_round: usize,
) -> (Counts, Vec<Finding>) {
    let accepted: Vec<(u64, PostId)> = answered
        .iter()
        .filter_map(|(n, reply)| match reply {
            Reply::Accepted(id) => Some((*n, *id)),
            Reply::Rejected | Reply::Unknown => None,
        })
        .collect();
    let mut examination = Examination::begin(ledger, accepted.iter().map(|entry| Ok::<_, Infallible>(*entry))).unwrap();
    examination.blocks_per_round = blocks_per_round;
    while examination.next_round() {
        accepted.iter().for_each(|(n, id)| examination.recall(*n, *id));
        documents.iter().for_each(|(n, id, _)| examination.document(*n, *id, String::new));
        letters.iter().for_each(|(n, id, _)| examination.dead_letter(*n, *id, String::new));
    }
    let (counts, named) = examination.finish();
    (counts, named.into_list())
}

proptest! {
    #[test]
    fn the_ledger_agrees_with_a_model_that_keeps_every_id(
        answered in proptest::collection::btree_map(number(), reply(), 0..40),
        mut documents in proptest::collection::vec(found(), 0..60),
        letters in proptest::collection::vec(found(), 0..10),
        foreign in 0_u64..2,
        is_faithful in any::<bool>(),
        blocks_per_round in 1_usize..4,
    ) {
        if is_faithful {
            // Most documents as they should be, so that findings also occur alone.
            for (n, reply) in &answered {
                if let Reply::Accepted(id) = reply {
                    documents.retain(|(document, ..)| document != n);
                    documents.push((*n, *id, false));
                }
            }
        }
        let (mut ledger, mut model) = (Ledger::default(), NaiveModel::default());
        for (n, reply) in &answered {
            ledger.answered(sent(*n, *reply));
        }
        (0..foreign).for_each(|_| ledger.foreign());
        model.foreign = foreign;
        // Beyond the last word that holds a sent post there are no bits; documents are counted instead.
        let beyond = answered.keys().last().map_or(0, |last| (last / 64 + 1) * 64);
        for (n, id, is_changed) in &documents {
            ledger.stored(*n, *id, *is_changed);
            let found = (*id, *is_changed);
            if *n >= beyond { model.foreign += 1 } else { model.stored.entry(*n).or_default().push(found) }
        }
        for (n, id, is_changed) in &letters {
            ledger.dead_lettered(*n, *id, *is_changed);
            let found = (*id, *is_changed);
            if *n >= beyond { model.foreign += 1 } else { model.dead_lettered.entry(*n).or_default().push(found) }
        }
        model.answered = answered.clone();

        let (counts, findings) = examine(ledger, &answered, &documents, &letters, blocks_per_round);
        prop_assert_eq!(counts, model.counts());
        let is_at_fault = counts.missing + counts.duplicated + counts.unexpected > 0;
        // A document that belongs to no post has no number to be named by.
        prop_assert!(is_at_fault != findings.is_empty() || model.foreign > 0, "{:?}", findings);
    }
}

fn id_of(number: u128) -> PostId {
    uuid::Uuid::from_u128(number).into()
}

fn ledger(answered: &BTreeMap<u64, Reply>, documents: &[Found], letters: &[Found]) -> Ledger {
    let mut ledger = Ledger::default();
    answered.iter().for_each(|(n, reply)| ledger.answered(sent(*n, *reply)));
    documents.iter().for_each(|(n, id, is_changed)| ledger.stored(*n, *id, *is_changed));
    letters.iter().for_each(|(n, id, is_changed)| ledger.dead_lettered(*n, *id, *is_changed));
    ledger
}

#[test]
fn each_finding_names_the_ids() {
    let answered: BTreeMap<u64, Reply> = [
        (0, Reply::Accepted(id_of(10))),
        (1, Reply::Accepted(id_of(11))),
        (2, Reply::Rejected),
        (3, Reply::Accepted(id_of(13))),
        (5_000, Reply::Accepted(id_of(15))),
        (9_000, Reply::Accepted(id_of(17))),
    ]
    .into();
    let documents = [(1, 99), (2, 12), (5_000, 15), (5_000, 16), (9_000, 98)].map(|(n, id)| (n, id_of(id), false));
    let letters = [(3, id_of(13), false)];
    // Two blocks are in doubt: in one round, or in two.
    for blocks_per_round in [BLOCKS_PER_ROUND, 1] {
        let ledger = ledger(&answered, &documents, &letters);
        let (counts, findings) = examine(ledger, &answered, &documents, &letters, blocks_per_round);
        assert_eq!((counts.missing, counts.duplicated, counts.unexpected, counts.dead_lettered), (1, 1, 3, 1));
        let named: Vec<(FindingKind, Option<u64>)> = findings.iter().map(|finding| (finding.kind, finding.n)).collect();
        let expected = [
            (FindingKind::Missing, Some(0)),
            (FindingKind::Duplicated, Some(5_000)),
            (FindingKind::Duplicated, Some(5_000)),
            (FindingKind::NotAccepted, Some(2)),
            (FindingKind::OtherId, Some(1)),
            (FindingKind::OtherId, Some(9_000)),
        ];
        assert_eq!(named, expected);
        assert_eq!(findings[0].answered.as_deref(), Some("00000000-0000-0000-0000-00000000000a"));
        assert_eq!(findings[4].answered.as_deref(), Some("00000000-0000-0000-0000-00000000000b"));
        assert_eq!(findings[4].stored.as_deref(), Some("00000000-0000-0000-0000-000000000063"));
    }
}

#[test]
fn a_run_that_merely_misses_posts_needs_no_second_pass() {
    let answered: BTreeMap<u64, Reply> = (0..3).map(|n| (n, Reply::Accepted(id_of(n.into())))).collect();
    let mut ledger = ledger(&answered, &[(1, id_of(1), false)], &[]);
    ledger.ignore_ids();
    let ids = (0..3).map(|n| Ok::<_, Infallible>((n, id_of(n.into()))));
    let mut examination = Examination::begin(ledger, ids).unwrap();
    assert!(!examination.next_round());
    let (counts, named) = examination.finish();
    assert_eq!(counts.missing, 2);
    assert!(named.into_list().iter().all(|finding| finding.answered.is_none()), "ids count for nothing here");
}

#[test]
fn of_many_posts_under_other_ids_the_first_are_named() {
    let posts = 2 * CANDIDATES as u64;
    let answered: BTreeMap<u64, Reply> = (0..posts).map(|n| (n, Reply::Accepted(id_of(n.into())))).collect();
    let documents: Vec<Found> = (0..posts).rev().map(|n| (n, id_of((posts + n).into()), false)).collect();
    let ledger = ledger(&answered, &documents, &[]);
    let (counts, findings) = examine(ledger, &answered, &documents, &[], BLOCKS_PER_ROUND);
    assert_eq!(counts.unexpected, posts);
    let named: Vec<Option<u64>> = findings.iter().map(|finding| finding.n).collect();
    assert_eq!(named, (0..10).map(Some).collect::<Vec<_>>());
}
