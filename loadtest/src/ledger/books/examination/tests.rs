//! The whole ledger, examination included, against a naive model that keeps every id.

use std::collections::BTreeMap;
use std::convert::Infallible;

use proptest::prelude::*;

use super::*;
use crate::ledger::books::Reply;

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

#[derive(Debug, Default)]
struct NaiveModel {
    answered: BTreeMap<u64, Reply>,
    stored: BTreeMap<u64, Vec<PostId>>,
    dead_lettered: BTreeMap<u64, ()>,
    beyond: u64,
}

impl NaiveModel {
    fn counts(&self) -> Counts {
        let reply = |n: &u64| self.answered.get(n).copied();
        let count = |matches: fn(Reply) -> bool| self.answered.values().filter(|reply| matches(**reply)).count() as u64;
        let stored = |matches: &dyn Fn(&u64, &Vec<PostId>) -> bool| {
            self.stored.iter().filter(|(n, ids)| matches(n, ids)).count() as u64
        };
        let is_missing = |n: &u64| {
            matches!(reply(n), Some(Reply::Accepted(_)))
                && !self.stored.contains_key(n)
                && !self.dead_lettered.contains_key(n)
        };
        Counts {
            accepted: count(|reply| matches!(reply, Reply::Accepted(_))),
            rejected: count(|reply| reply == Reply::Rejected),
            unknown: count(|reply| reply == Reply::Unknown),
            unknown_stored: stored(&|n, _| reply(n) == Some(Reply::Unknown)),
            stored: self.stored.len() as u64,
            missing: self.answered.keys().filter(|n| is_missing(n)).count() as u64,
            duplicated: stored(&|_, ids| ids.len() > 1),
            unexpected: self.beyond
                + stored(&|n, ids| match reply(n) {
                    Some(Reply::Accepted(id)) => !ids.contains(&id),
                    Some(Reply::Unknown) => false,
                    Some(Reply::Rejected) | None => true,
                }),
            dead_lettered: self.dead_lettered.len() as u64,
        }
    }
}

fn examine(
    ledger: Ledger,
    answered: &BTreeMap<u64, Reply>,
    documents: &[(u64, PostId)],
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
        documents.iter().for_each(|(n, id)| examination.document(*n, *id));
    }
    examination.finish()
}

proptest! {
    #[test]
    fn the_ledger_agrees_with_a_model_that_keeps_every_id(
        answered in proptest::collection::btree_map(number(), reply(), 0..40),
        mut documents in proptest::collection::vec((number(), id()), 0..60),
        dead_letters in proptest::collection::vec(number(), 0..10),
        is_faithful in any::<bool>(),
        blocks_per_round in 1_usize..4,
    ) {
        if is_faithful {
            // Most documents as they should be, so that findings also occur alone.
            for (n, reply) in &answered {
                if let Reply::Accepted(id) = reply {
                    documents.retain(|(document, _)| document != n);
                    documents.push((*n, *id));
                }
            }
        }
        let (mut ledger, mut model) = (Ledger::default(), NaiveModel::default());
        for (n, reply) in &answered {
            ledger.answered(*n, *reply);
        }
        // Beyond the last word that holds a sent post there are no bits; documents are counted instead.
        let beyond = answered.keys().last().map_or(0, |last| (last / 64 + 1) * 64);
        for (n, id) in &documents {
            ledger.stored(*n, *id);
            if *n >= beyond { model.beyond += 1 } else { model.stored.entry(*n).or_default().push(*id) }
        }
        for n in &dead_letters {
            ledger.dead_lettered(*n);
            if *n >= beyond { model.beyond += 1 } else { model.dead_lettered.insert(*n, ()); }
        }
        model.answered = answered.clone();

        let (counts, findings) = examine(ledger, &answered, &documents, blocks_per_round);
        prop_assert_eq!(counts, model.counts());
        let is_at_fault = counts.missing + counts.duplicated + counts.unexpected > 0;
        // A dead letter of a post that was never sent is counted, but no document shows its id.
        prop_assert!(is_at_fault != findings.is_empty() || model.beyond > 0, "{:?}", findings);
    }
}

#[test]
fn each_finding_names_the_ids() {
    let id = |number| PostId::from(uuid::Uuid::from_u128(number));
    let answered: BTreeMap<u64, Reply> = [
        (0, Reply::Accepted(id(10))),
        (1, Reply::Accepted(id(11))),
        (2, Reply::Rejected),
        (5_000, Reply::Accepted(id(15))),
    ]
    .into();
    let documents = [(1, id(99)), (2, id(12)), (5_000, id(15)), (5_000, id(16))];
    let mut ledger = Ledger::default();
    answered.iter().for_each(|(n, reply)| ledger.answered(*n, *reply));
    documents.iter().for_each(|(n, id)| ledger.stored(*n, *id));

    let (counts, findings) = examine(ledger, &answered, &documents, BLOCKS_PER_ROUND);
    assert_eq!((counts.missing, counts.duplicated, counts.unexpected), (1, 1, 2));
    let named: Vec<(FindingKind, u64)> = findings.iter().map(|finding| (finding.kind, finding.n)).collect();
    let expected = [
        (FindingKind::Missing, 0),
        (FindingKind::NotAccepted, 2),
        (FindingKind::Duplicated, 5_000),
        (FindingKind::Duplicated, 5_000),
        (FindingKind::OtherId, 1),
    ];
    assert_eq!(named, expected);
    assert_eq!(findings[4].answered.as_deref(), Some("00000000-0000-0000-0000-00000000000b"));
    assert_eq!(findings[4].stored.as_deref(), Some("00000000-0000-0000-0000-000000000063"));
}
