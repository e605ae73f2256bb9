//! Scenes of the core, one idea each; the simulation covers all other orders of events.

use std::time::{Duration, Instant};

use super::*;
use crate::group::budget::Budget;
use crate::group::fetching::Wish;

/// A record of the first assignment.
pub(in crate::group) fn received(partition: i32, offset: i64, bytes: usize) -> Received<()> {
    Received::new(partition, offset, Assignment(1), bytes, ())
}

const LIMITS: GroupLimits = GroupLimits {
    batch: BatchLimits { messages: 2, bytes: 1_000, interval: Duration::from_secs(1) },
    concurrent_flushes: 2,
    run_ahead: RunAhead { records: 4, bytes: 1_000 },
    revoke_timeout: Duration::from_secs(3),
    brake: BrakeLimits { max_share: 1.0, max_consecutive: 1 },
};

/// A core, its budget, and the time.
struct Scene {
    core: Core<()>,
    budget: Budget,
    now: Instant,
}

impl Scene {
    /// These partitions are assigned, under the first assignment.
    fn with(partitions: &[i32]) -> Self {
        let budget = Budget::new(10_000);
        let mut scene = Self { core: Core::new(LIMITS, budget.clone()), budget, now: Instant::now() };
        let actions = scene.assign(1, partitions);
        assert!(matches!(actions[..], [Action::Fetch(_)]), "an assign sends the wish, whatever it is");
        scene
    }

    fn assign(&mut self, assignment: u64, partitions: &[i32]) -> Vec<Action<()>> {
        let (assignment, partitions) = (Assignment(assignment), partitions.to_vec());
        let seen = partitions.iter().map(|partition| (*partition, assignment, None)).collect();
        let actions = self.on(Event::Delivered(Delivery::Assigned { assignment, partitions }));
        assert!(self.on(Event::SeenCommitted(seen)).is_empty());
        actions
    }

    /// The actions that follow the event.
    fn on(&mut self, event: Event<()>) -> Vec<Action<()>> {
        self.core.handle(event, self.now);
        self.actions()
    }

    fn actions(&mut self) -> Vec<Action<()>> {
        std::iter::from_fn(|| self.core.next_action(self.now)).collect()
    }

    fn after(&mut self, time: Duration) -> Vec<Action<()>> {
        self.now += time;
        self.actions()
    }

    fn receive(&mut self, records: Vec<Received<()>>) -> Vec<Action<()>> {
        records.iter().for_each(|record| self.budget.take(record.bytes));
        self.on(Event::Delivered(Delivery::Records(records)))
    }

    fn revoke(&mut self, partition: i32, are_lost: bool) -> Vec<Action<()>> {
        self.on(Event::Delivered(Delivery::Revoked { partitions: vec![partition], are_lost }))
    }

    /// All of the batch is stored, except what never can be.
    fn flushed(&mut self, batch: Flush<()>, never: &[usize]) -> Vec<Action<()>> {
        let not_stored = never.iter().map(|position| (*position, NotStored::Never)).collect();
        self.on(Event::Flushed { batch: batch.number, records: batch.records, not_stored, why_later: None })
    }

    /// One record is received and goes out.
    fn flush_one(&mut self, record: Received<()>) -> Flush<()> {
        assert!(self.receive(vec![record]).is_empty());
        batch(self.after(LIMITS.batch.interval))
    }
}

/// The one batch among these.
fn batch(actions: Vec<Action<()>>) -> Flush<()> {
    only(actions.into_iter().filter_map(|action| if let Action::Flush(batch) = action { Some(batch) } else { None }))
}

/// The one letter among these.
fn letter(actions: Vec<Action<()>>) -> Letter<()> {
    only(actions.into_iter().filter_map(|action| if let Action::SendLetter(sent) = action { Some(sent) } else { None }))
}

fn only<T: std::fmt::Debug>(mut found: impl Iterator<Item = T>) -> T {
    match (found.next(), found.next()) {
        (Some(one), None) => one,
        other => panic!("{other:?}"),
    }
}

fn is_commit(actions: &[Action<()>], offsets: &[(i32, i64)]) -> bool {
    matches!(actions, [Action::Commit(sent)] if sent == offsets)
}

fn wish(actions: &[Action<()>]) -> Option<&Wish> {
    actions.iter().find_map(|action| if let Action::Fetch(wish) = action { Some(wish) } else { None })
}

fn replay(offset: i64) -> Received<()> {
    Received { is_replay: true, ..received(0, offset, 10) }
}

#[test]
fn a_record_of_an_earlier_assignment_is_dropped() {
    let mut scene = Scene::with(&[0]);
    scene.assign(2, &[0]);
    assert!(scene.receive(vec![received(0, 5, 100)]).is_empty());
    assert_eq!((scene.core.stale_records(), scene.budget.held()), (1, 0));
    assert_eq!(scene.core.deadline(), None, "nothing waits for it");
}

#[test]
fn run_ahead_pauses_one_partition_and_only_until_half_is_committed() {
    let mut scene = Scene::with(&[0, 1]);
    let mut actions = scene.receive((0..5).map(|offset| received(0, offset, 10)).collect());
    assert_eq!(wish(&actions), Some(&Wish { is_nothing: false, ahead: [0].into() }));
    actions.retain(|action| matches!(action, Action::Flush(_)));
    for action in actions {
        if let Action::Flush(batch) = action {
            scene.flushed(batch, &[]);
        }
    }
    assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 4)]));
    let actions = scene.on(Event::Committed(Ok(())));
    assert_eq!(wish(&actions), Some(&Wish::default()));
}

#[test]
fn replayed_refusals_neither_count_for_the_brake_nor_stop_at_it() {
    let mut scene = Scene::with(&[0]);
    for offset in 0..3 {
        let batch = scene.flush_one(replay(offset));
        let sent = letter(scene.flushed(batch, &[0]));
        scene.on(Event::LetterSent(sent, Ok(())));
        scene.on(Event::Committed(Ok(())));
    }
    assert!(scene.core.braked().is_none());
    let two = batch(scene.receive(vec![received(0, 3, 10), received(0, 4, 10)]));
    let first = letter(scene.flushed(two, &[0, 1]));
    assert_eq!(first.record.ticket.offset, 3);
    assert_eq!(scene.core.braked().unwrap().0, Exceeded::Consecutive(1));
    assert!(scene.core.wish.is_nothing);
    let batch = scene.flush_one(replay(5));
    assert_eq!(letter(scene.flushed(batch, &[0])).record.ticket.offset, 5);
}

#[test]
fn a_release_judges_again_what_the_brake_held() {
    let mut scene = Scene::with(&[0, 1]);
    let two = batch(scene.receive(vec![received(0, 0, 10), received(0, 1, 10)]));
    let sent = letter(scene.flushed(two, &[0, 1]));
    scene.on(Event::LetterSent(sent, Ok(())));
    let batch = scene.flush_one(received(1, 0, 10));
    scene.flushed(batch, &[0]);
    assert_eq!(scene.budget.held(), 20, "two are held");
    let actions = scene.on(Event::ReleaseBrake);
    assert_eq!(letter(actions).record.ticket.offset, 1);
    assert!(scene.core.braked().is_some(), "the second one engages it again");
    letter(scene.on(Event::ReleaseBrake));
    assert!(scene.core.braked().is_none() && !scene.core.wish.is_nothing);
}

#[test]
fn a_revoke_waits_for_what_is_unfinished_commits_it_and_then_gives_up() {
    let mut scene = Scene::with(&[0, 1]);
    assert!(scene.receive(vec![received(0, 7, 10)]).is_empty());
    let batch = batch(scene.revoke(0, false));
    assert_eq!(batch.trigger, Trigger::Revoke);
    assert!(is_commit(&scene.flushed(batch, &[]), &[(0, 8)]), "at once");
    let actions = scene.on(Event::Committed(Ok(())));
    assert!(matches!(actions[..], [Action::GiveUp]));
    assert_eq!(scene.core.partitions().map(|state| state.partition).collect::<Vec<_>>(), [1]);
}

#[test]
fn what_the_brake_holds_does_not_hold_up_a_revoke() {
    let mut scene = Scene::with(&[0]);
    let two = batch(scene.receive(vec![received(0, 0, 10), received(0, 1, 10)]));
    let sent = letter(scene.flushed(two, &[0, 1]));
    scene.on(Event::LetterSent(sent, Ok(())));
    assert!(is_commit(&scene.revoke(0, false), &[(0, 1)]));
    assert!(scene.on(Event::Committed(Ok(()))).iter().any(|action| matches!(action, Action::GiveUp)));
    assert_eq!(scene.budget.held(), 0, "the partition's next holder reads it again");
}

#[test]
fn a_revoke_has_a_deadline_and_what_ends_later_counts_for_nothing() {
    let mut scene = Scene::with(&[0]);
    let batch = scene.flush_one(received(0, 0, 10));
    assert!(scene.revoke(0, false).is_empty());
    assert_eq!(scene.core.deadline(), Some(scene.now + LIMITS.revoke_timeout));
    assert!(matches!(scene.after(LIMITS.revoke_timeout)[..], [Action::GiveUp]));
    scene.assign(2, &[0]);
    assert!(scene.flushed(batch, &[]).is_empty());
    assert!(scene.after(COMMIT_INTERVAL).is_empty() && scene.budget.held() == 0);
}

#[test]
fn partitions_that_are_lost_are_given_up_at_once() {
    let mut scene = Scene::with(&[0]);
    let batch = scene.flush_one(received(0, 0, 10));
    assert!(scene.receive(vec![received(0, 1, 10)]).is_empty());
    let actions = scene.revoke(0, true);
    assert!(matches!(actions[..], [Action::GiveUp]), "{actions:?}");
    assert!(scene.flushed(batch, &[]).is_empty());
    assert_eq!((scene.budget.held(), scene.core.deadline()), (0, None));
}

#[test]
fn a_stop_finishes_what_was_received_and_takes_nothing_more() {
    let mut scene = Scene::with(&[0]);
    assert!(scene.receive(vec![received(0, 0, 10)]).is_empty());
    let batch = batch(scene.on(Event::Stop));
    assert_eq!(batch.trigger, Trigger::Stop);
    assert!(scene.receive(vec![received(0, 1, 10)]).is_empty());
    assert!(!scene.core.is_done());
    assert!(is_commit(&scene.flushed(batch, &[]), &[(0, 1)]));
    assert!(!scene.core.is_done());
    scene.on(Event::Committed(Ok(())));
    assert!(scene.core.is_done() && scene.budget.held() == 0);
}

#[test]
fn the_first_commit_waits_until_the_group_was_asked_what_it_had_committed() {
    for is_answered in [true, false] {
        let mut scene = Scene::with(&[0]);
        scene.on(Event::Delivered(Delivery::Assigned { assignment: Assignment(2), partitions: vec![0] }));
        let record = Received::new(0, 9, Assignment(2), 10, ());
        let batch = scene.flush_one(record);
        scene.flushed(batch, &[]);
        assert!(scene.after(COMMIT_INTERVAL).is_empty());
        if is_answered {
            scene.on(Event::SeenCommitted(vec![(0, Assignment(2), Some(5))]));
            assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 10)]));
            let actions = scene.on(Event::Watermarks { partition: 0, low: 9, high: 10 });
            assert!(matches!(actions[..], [Action::ReportSkipped { partition: 0, from: 5, to: 9 }]));
        } else {
            let due = scene.core.deadline().expect("it does not wait forever");
            assert!(due <= scene.now + FIRST_COMMIT_WAIT && is_commit(&scene.after(due - scene.now), &[(0, 10)]));
        }
    }
}

#[test]
fn a_commit_that_failed_is_sent_again_and_the_failure_shows() {
    let mut scene = Scene::with(&[0]);
    let batch = scene.flush_one(received(0, 0, 10));
    assert!(scene.flushed(batch, &[]).is_empty());
    assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 1)]));
    assert!(scene.on(Event::Committed(Err("no coordinator".to_owned()))).is_empty());
    assert_eq!(scene.core.commit_trouble().unwrap().reason, "no coordinator");
    assert_eq!(scene.core.partitions().next().unwrap().uncommitted, 1);
    assert!(is_commit(&scene.after(COMMIT_RETRY), &[(0, 1)]));
    scene.on(Event::Committed(Ok(())));
    assert!(scene.core.commit_trouble().is_none() && scene.core.partitions().next().unwrap().uncommitted == 0);
}

#[test]
fn the_trouble_of_a_commit_ends_with_the_partitions_it_was_for() {
    let mut scene = Scene::with(&[0]);
    let batch = scene.flush_one(received(0, 0, 10));
    scene.flushed(batch, &[]);
    assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 1)]));
    scene.on(Event::Committed(Err("fenced".to_owned())));
    scene.revoke(0, true);
    assert!(scene.after(COMMIT_RETRY).is_empty());
    assert!(scene.core.commit_trouble().is_none());
}

#[test]
fn where_the_position_is_set_back_an_offset_is_another_record() {
    let mut scene = Scene::with(&[0]);
    let before = batch(scene.receive(vec![received(0, 0, 10), received(0, 1, 10)]));
    let after = batch(scene.receive(vec![received(0, 0, 10), received(0, 1, 10)]));
    assert!(scene.flushed(before, &[]).is_empty());
    assert!(scene.after(COMMIT_INTERVAL).is_empty(), "those stored are the earlier ones");
    assert!(scene.flushed(after, &[]).is_empty());
    assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 2)]));
}

/// As librdkafka does when the log was cut below what it had read.
#[test]
fn a_position_that_is_set_back_into_the_middle_still_waits_for_what_stands_before() {
    let mut scene = Scene::with(&[0]);
    let before = batch(scene.receive(vec![received(0, 0, 10), received(0, 1, 10)]));
    let after = batch(scene.receive(vec![received(0, 1, 10), received(0, 2, 10)]));
    scene.flushed(after, &[]);
    assert!(scene.after(COMMIT_INTERVAL).is_empty(), "the first record is not finished");
    scene.flushed(before, &[]);
    assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 3)]));
}

#[test]
fn a_commit_from_before_the_position_was_set_back_counts_for_nothing_after_it() {
    let mut scene = Scene::with(&[0]);
    let before = batch(scene.receive(vec![received(0, 0, 10), received(0, 1, 10)]));
    scene.flushed(before, &[]);
    assert!(is_commit(&scene.after(COMMIT_INTERVAL), &[(0, 2)]));
    scene.receive(vec![received(0, 0, 10)]);
    scene.on(Event::Committed(Ok(())));
    scene.on(Event::SeenCommitted(vec![(0, Assignment(1), None)]));
    assert!(scene.after(COMMIT_INTERVAL).is_empty(), "Kafka has not lost a commit of the records that are there now");
}

#[test]
fn a_pause_fetches_nothing_until_a_resume_and_finishes_what_is_here() {
    let mut scene = Scene::with(&[0]);
    let nothing = Wish { is_nothing: true, ..Wish::default() };
    assert!(matches!(&scene.on(Event::Paused(true))[..], [Action::Fetch(wish)] if *wish == nothing));
    assert!(scene.on(Event::Paused(true)).is_empty(), "it is no news");
    let flush = scene.flush_one(received(0, 0, 1));
    scene.flushed(flush, &[]);
    let actions = scene.after(COMMIT_INTERVAL);
    assert!(matches!(&actions[..], [Action::Commit(offsets)] if *offsets == [(0, 1)]), "{actions:?}");
    let again = scene.on(Event::Delivered(Delivery::Assigned { assignment: Assignment(2), partitions: vec![1] }));
    assert!(matches!(&again[..], [Action::Fetch(wish)] if *wish == nothing), "it outlasts a rebalance");
    assert!(matches!(&scene.on(Event::Paused(false))[..], [Action::Fetch(wish)] if *wish == Wish::default()));
}

#[test]
fn a_resume_releases_no_brake() {
    let mut scene = Scene::with(&[0]);
    scene.on(Event::Paused(true));
    scene.receive(vec![received(0, 0, 1)]);
    let flush = batch(scene.receive(vec![received(0, 1, 1)]));
    scene.flushed(flush, &[0, 1]);
    assert!(scene.core.braked().is_some());
    assert!(scene.on(Event::Paused(false)).is_empty(), "the brake still wants nothing");
    assert!(scene.on(Event::ReleaseBrake).iter().any(|action| matches!(action, Action::Fetch(_))));
}
