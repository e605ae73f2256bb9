//! Simulated pipelines: an honest one balances whatever happens to its records, and every lie is seen and named.

use bson::{RawDocumentBuf, doc};
use proptest::prelude::*;

use super::*;
use crate::ledger::named::FindingKind::{
    Changed, DeadLettered, Duplicated, Missing, NotAccepted, NotOfTheRun, OlderSeen, OtherId, OutOfOrder, Stale,
};
use crate::ledger::order::answered_id;
use world::{Fate, World};

mod world;

#[derive(Debug, Clone, Copy)]
struct Sent {
    vu: u32,
    fate: Fate,
}

fn any_fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        12 => Just(Fate::Accepted),
        1 => Just(Fate::Never),
        1 => Just(Fate::AtOnce),
        2 => (1_usize..20).prop_map(Fate::Late),
        1 => Just(Fate::Twice),
    ]
}

proptest! {
    #[test]
    fn an_honest_pipeline_balances_whatever_becomes_unknown(
        sent in proptest::collection::vec((0_u32..4, any_fate()), 1..80), seed: u64, hostile: bool, is_bulk: bool,
    ) {
        let mut world = World::new(seed, hostile, if is_bulk { 4 } else { 1 });
        for (n, (vu, fate)) in (0..).zip(&sent) {
            // The records of a bulk are of one user.
            let vu = if is_bulk { sent[n as usize / 4 * 4].0 } else { *vu };
            world.send(Sent { vu, fate: *fate });
        }
        world.settle();
        let counts = world.clone().judged().counts;
        let accepted = sent.iter().filter(|(_, fate)| *fate == Fate::Accepted).count() as u64;
        let states = counts.states.unwrap();
        prop_assert_eq!(faults(&counts), [0; 9], "{:?}", counts);
        prop_assert_eq!((counts.accepted, counts.unknown), (accepted, sent.len() as u64 - accepted));
        prop_assert_eq!((counts.stored, states.keys), (world.documents.len() as u64, world.documents.len() as u64));
        prop_assert_eq!(states.in_topic, accepted + counts.unknown_stored);
        prop_assert_eq!(states.superseded, states.in_topic - states.keys);
        let late = sent.iter().any(|(_, fate)| matches!(fate, Fate::Late(_)));
        prop_assert!(late || states.overtaken == 0);
    }
}

fn faults(counts: &Counts) -> [u64; 9] {
    let states = counts.states.unwrap();
    [
        counts.missing,
        counts.duplicated,
        counts.changed,
        counts.unexpected,
        counts.dead_lettered,
        counts.replayed,
        states.stale,
        states.out_of_order,
        states.older_seen.unwrap(),
    ]
}

/// Two hundred accepted orders of four users, ten keys each.
fn honest() -> World {
    let mut world = World::new(7, true, 1);
    (0..200).for_each(|n| world.send(Sent { vu: n % 4, fate: Fate::Accepted }));
    world.settle();
    world
}

/// A record that later ones of its key follow, and one that is the last of its key.
fn superseded(world: &World) -> usize {
    (0..world.records.len()).find(|index| !world.is_last(*index)).unwrap()
}

fn last(world: &World) -> usize {
    (100..world.records.len()).find(|index| world.is_last(*index)).unwrap()
}

type Lie = (&'static str, fn(&mut World), FindingKind, fn(&Counts) -> u64);

fn of_states(counts: &Counts) -> StateCounts {
    counts.states.unwrap()
}

const LIES: [Lie; 24] = [
    (
        "an accepted record is not in the topic",
        |world| drop(world.records.remove(superseded(world))),
        Missing,
        |c| c.missing,
    ),
    ("a key has no document", |world| drop(world.documents.pop_first()), Missing, |c| c.missing),
    ("a tombstone stands for a document", erase, Changed, |c| c.changed),
    ("a record is there twice", |world| world.append_again(superseded_tail(world)), Duplicated, |c| c.duplicated),
    ("an earlier state is stored", World::set_back, Stale, |c| of_states(c).stale),
    ("two records of a key have changed places", World::swap, OutOfOrder, |c| of_states(c).out_of_order),
    ("a key is in two partitions", |world| _ = world.scatter(), OutOfOrder, |c| of_states(c).out_of_order),
    ("a key of an order without an answer is in two partitions", World::scatter_unknown, OutOfOrder, |c| {
        of_states(c).out_of_order
    }),
    ("a record says something else", |world| world.alter(superseded(world), "19.99", "19.98"), Changed, |c| c.changed),
    ("a record has another field", |world| world.add(superseded(world)), Changed, |c| c.changed),
    ("a record has the key of another", |world| world.other_key(superseded(world)), Changed, |c| c.changed),
    ("a record has no key", |world| world.superseded().key = None, Changed, |c| c.changed),
    ("a record has a time of its own", |world| world.superseded().place.timestamp_ms += 60_000, Changed, |c| c.changed),
    ("a document says something else", |world| world.edit("status", "SHIPPED"), Changed, |c| c.changed),
    ("a document has another field", |world| world.edit("note", "x"), Changed, |c| c.changed),
    ("a document has another type", |world| world.edit("quantity", 3), Changed, |c| c.changed),
    (
        "a document has another place",
        |world| world.edit("kafka", doc! { "partition": 0, "offset": 0_i64 }),
        Changed,
        |c| c.changed,
    ),
    ("a key that nobody sent has a document", World::invent, NotAccepted, |c| c.unexpected),
    (
        "somebody else's document is there",
        |world| drop(world.documents.insert("x".to_owned(), doc! { "_id": "x" })),
        NotOfTheRun,
        |c| c.unexpected,
    ),
    ("a rejected order is in the topic", |world| world.reject(superseded(world)), NotAccepted, |c| c.unexpected),
    ("an answer names another total", |world| world.answers[5] = answered_id("x", "0.01"), OtherId, |c| c.unexpected),
    ("a valid record is a dead letter", |world| world.dead_letter(last(world)), DeadLettered, |c| c.dead_lettered),
    ("a dead letter says something else", |world| world.alter_letter(" "), Changed, |c| c.changed),
    ("an older state was seen", |world| world.older.count = 1, OlderSeen, |c| of_states(c).older_seen.unwrap()),
];

/// Nobody erases in a run.
fn erase(world: &mut World) {
    let erased = world.documents.values_mut().next().unwrap();
    let mut kafka = erased.get_document("kafka").unwrap().clone();
    kafka.insert("erasedAt", bson::DateTime::from_millis(1));
    *erased = doc! { "_id": erased.get_str("_id").unwrap(), "kafka": kafka };
}

/// The newest record of a key: a copy of it is in order, but one too many.
fn superseded_tail(world: &World) -> usize {
    last(world)
}

#[test]
fn an_honest_pipeline_has_no_findings() {
    let reconciled = honest().judged();
    assert_eq!((faults(&reconciled.counts), reconciled.findings.len()), ([0; 9], 0), "{:?}", reconciled.findings);
    assert_eq!((reconciled.counts.accepted, reconciled.records), (200, Some(200)));
}

#[test]
fn every_lie_is_seen_and_named() {
    for (name, lie, kind, count) in LIES {
        let mut world = honest();
        lie(&mut world);
        let reconciled = world.judged();
        assert_eq!(count(&reconciled.counts), 1, "{name}: {:?}", reconciled.counts);
        // What was seen while the load lasted is named by the sampler.
        let is_named = reconciled.findings.iter().any(|finding| finding.kind == kind);
        assert!(is_named || kind == OlderSeen, "{name}: {:#?}", reconciled.findings);
    }
}

#[test]
fn a_dead_letter_that_was_replayed_keeps_its_place() {
    let mut world = honest();
    let dead = superseded(&world);
    world.dead_letter(dead);
    assert_eq!(world.clone().judged().counts.dead_lettered, 1);
    world.replay(dead);
    let counts = world.judged().counts;
    assert_eq!((counts.dead_lettered, counts.replayed), (0, 1));
    assert_eq!((counts.missing, counts.changed, of_states(&counts).stale), (0, 0, 0), "{counts:?}");
}

#[test]
fn copies_of_a_bulk_that_end_too_early_are_out_of_order() {
    // One key, one bulk of four, which a broker has taken twice after another request became unknown.
    let mut world = World::with_keys(3, 1, 4, 1);
    (0..4).for_each(|_| world.send(Sent { vu: 0, fate: Fate::Accepted }));
    (0..4).for_each(|_| world.send(Sent { vu: 1, fate: Fate::Never }));
    let whole = |world: &mut World, count| (0..count).for_each(|index| world.append_again(index));
    let mut honest = world.clone();
    whole(&mut honest, 4);
    honest.settle();
    assert_eq!(faults(&honest.judged().counts), [0; 9]);
    whole(&mut world, 3);
    world.settle();
    let reconciled = world.judged();
    assert_eq!(of_states(&reconciled.counts).out_of_order, 1, "{:?}", reconciled.counts);
}

#[test]
fn what_is_sent_repeatedly_keeps_its_order_unless_an_answer_was_unknown() {
    for (repeat, bulk) in [(2, 1), (1, 4)] {
        let mut world = World::repeated(repeat, bulk);
        (0..200).for_each(|n| world.send(Sent { vu: n / 4 % 4, fate: Fate::Accepted }));
        world.settle();
        assert_eq!(faults(&world.clone().judged().counts), [0; 9]);
        world.swap();
        let reconciled = world.clone().judged();
        let late = reconciled.findings.iter().find(|finding| finding.kind == OutOfOrder).unwrap();
        assert_eq!(of_states(&reconciled.counts).out_of_order, 1, "{:?}", reconciled.counts);
        world.doubt(late.n.unwrap());
        let counts = world.judged().counts;
        assert_eq!((faults(&counts), of_states(&counts).overtaken), ([0; 9], 1));
    }
}

#[test]
fn a_bulk_that_was_sent_again_may_be_there_in_part_where_an_answer_was_unknown() {
    let mut world = World::with_keys(3, 1, 4, 1);
    (0..4).for_each(|_| world.send(Sent { vu: 0, fate: Fate::Accepted }));
    (0..4).for_each(|_| world.send(Sent { vu: 1, fate: Fate::Never }));
    (0..3).for_each(|index| world.append_again(index));
    world.settle();
    world.doubt(3);
    let counts = world.judged().counts;
    assert_eq!((faults(&counts), of_states(&counts).overtaken), ([0; 9], 1));
}

#[test]
fn a_copy_is_excused_only_near_an_unknown_answer() {
    for (pace_ms, expected) in [(1, (0, 1)), (1_000, (1, 0))] {
        let mut world = World::new(7, true, 1);
        world.pace_ms = pace_ms;
        world.send(Sent { vu: 0, fate: Fate::Never });
        (1..200).for_each(|n| world.send(Sent { vu: n % 4, fate: Fate::Accepted }));
        world.settle();
        world.append_again(last(&world));
        let counts = world.judged().counts;
        assert_eq!((counts.duplicated, of_states(&counts).appended_again), expected, "{counts:?}");
    }
}

#[test]
fn a_record_that_breaks_a_rule_must_not_be_there_whatever_its_client_knows() {
    let mut world = honest();
    world.lose_answer(superseded(&world));
    assert_eq!(faults(&world.clone().judged().counts), [0; 9]);
    world.break_rules();
    let reconciled = world.judged();
    assert_eq!((reconciled.counts.unknown_stored, reconciled.counts.unexpected), (1, 1), "{:?}", reconciled.counts);
    let finding = reconciled.findings.iter().find(|finding| finding.kind == NotAccepted).unwrap();
    assert_eq!(finding.differs.as_deref(), Some("it breaks a rule on purpose"));
}

#[test]
fn a_number_beyond_all_sent_is_foreign() {
    let mut world = honest();
    let far = world.orders.state(u64::MAX - 1, 2).unwrap();
    world.append(u64::MAX - 1, 2, &far);
    assert_eq!(world.judged().counts.unexpected, 1);
}

fn raw(document: &bson::Document) -> RawDocumentBuf {
    RawDocumentBuf::try_from(document).unwrap()
}
