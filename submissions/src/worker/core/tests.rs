use std::time::Duration;

use super::*;
use crate::lease::{Lease, Series, Terms};
use crate::store::{Job, Outcome, Settlement};

const SECOND: Duration = Duration::from_secs(1);

fn plan() -> Plan {
    Plan {
        terms: Terms { heartbeat: SECOND, work_timeout: 300 * SECOND, max_attempts: 3, retry_backoff: 60 * SECOND },
        concurrency: 4,
        most_at_once: 3,
        work_time: 5 * SECOND,
        failures_percent: 0,
        poll_interval: SECOND / 2,
        cache_entries: 0,
        waits_for_announcements: false,
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn jobs(numbers: std::ops::Range<u128>) -> Vec<Job> {
    let job = |number| Job {
        lease: Lease { id: id(number), fence: 1 },
        content: format!("content number {number}"),
        series: Series::default(),
        begun: 1,
        waited: Duration::ZERO,
        owner: None,
    };
    numbers.map(job).collect()
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError("away".to_owned()))
}

/// A worker that has joined under the id 1, with its first claim on its way.
struct Bench {
    core: Core,
    now: Instant,
}

impl Bench {
    fn new(plan: Plan) -> Self {
        let now = Instant::now();
        let mut bench = Self { core: Core::new(plan, 1, now, Mistakes::default()), now };
        assert_eq!(bench.actions(), ["join"]);
        bench.handle(Event::Joined { worker: id(1), outcome: Ok(()) });
        bench
    }

    fn handle(&mut self, event: Event) -> Vec<Finished> {
        self.core.handle(event, self.now)
    }

    /// What the worker claimed under this id.
    fn claimed(&mut self, worker: u128, numbers: std::ops::Range<u128>) {
        self.handle(Event::Claimed { worker: id(worker), outcome: Ok(jobs(numbers)) });
    }

    /// The beat on its way is answered.
    fn beaten(&mut self) {
        self.handle(Event::Beaten { worker: id(1), outcome: Ok(Beat::Known) });
    }

    /// After this time, all requests that are sent.
    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.actions()
    }

    fn actions(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(action) = self.core.next_action(self.now) {
            sent.push(match action {
                Action::Join => "join".to_owned(),
                Action::Claim { worker, limit } => format!("claim {limit} for {}", worker.as_u128()),
                Action::ClaimThese { worker, ids } => {
                    let ids: Vec<u128> = ids.iter().map(Uuid::as_u128).collect();
                    format!("claim {ids:?} for {}", worker.as_u128())
                }
                Action::Settle(settlements) => format!("settle {}", shown(&settlements)),
                Action::LookUp(ids) => format!("look up {}", ids.len()),
                Action::Beat { worker, running } => format!("beat of {} with {running}", worker.as_u128()),
                Action::Leave(worker) => format!("leave {}", worker.as_u128()),
            });
        }
        assert!(self.core.deadline(self.now).is_none_or(|deadline| deadline > self.now), "it does not spin");
        sent
    }
}

fn shown(settlements: &[Settlement]) -> String {
    let shown = settlements.iter().map(|settlement| {
        let what = match &settlement.outcome {
            Outcome::Passed { .. } => "passed",
            Outcome::Failed { .. } => "failed",
            Outcome::Again { .. } => "again",
            Outcome::GivenUp { .. } => "given up",
        };
        format!("{} {what}", settlement.lease.id.as_u128())
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn no_more_is_claimed_than_there_is_room_for() {
    let mut bench = Bench::new(plan());
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
    bench.claimed(1, 10..13);
    assert_eq!(bench.actions(), ["claim 1 for 1"], "the claim was full, so there may be more");
    bench.claimed(1, 13..14);
    assert_eq!(bench.actions(), [""; 0]);
    bench.handle(Event::Arrived);
    assert_eq!(bench.actions(), [""; 0], "there is no room");
    assert_eq!(bench.after(SECOND), ["beat of 1 with 4"]);
    let expected = ["settle 10 passed, 11 passed, 12 passed"];
    assert_eq!(bench.after(4 * SECOND), expected, "the next beat waits for the answer of the last one");
    bench.beaten();
    assert_eq!(bench.actions(), ["beat of 1 with 4"]);
    bench.beaten();
    assert_eq!(bench.core.held(), 4, "until the end is written");
    let finished = bench.handle(Event::Settled(Ok(vec![true, false, true])));
    assert_eq!(finished.iter().map(|one| one.is_late).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(bench.actions(), ["claim 3 for 1", "settle 13 passed"]);
}

#[test]
fn without_work_time_the_next_claim_goes_beside_the_settlements() {
    let mut bench = Bench::new(Plan { work_time: Duration::ZERO, concurrency: 6, ..plan() });
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
    bench.claimed(1, 10..13);
    assert_eq!(bench.actions(), ["claim 3 for 1", "settle 10 passed, 11 passed, 12 passed"]);
    bench.claimed(1, 13..16);
    assert_eq!(bench.actions(), [""; 0], "six are held");
    bench.handle(Event::Settled(Ok(vec![true; 3])));
    assert_eq!(bench.actions(), ["claim 3 for 1", "settle 13 passed, 14 passed, 15 passed"]);
}

#[test]
fn an_idle_worker_looks_when_something_arrives_and_now_and_then() {
    let mut bench = Bench::new(plan());
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
    bench.handle(Event::Arrived);
    assert_eq!(bench.actions(), [""; 0], "one claim at a time");
    bench.claimed(1, 0..0);
    assert_eq!(bench.actions(), ["claim 3 for 1"], "what has arrived meanwhile may have been missed");
    bench.claimed(1, 0..0);
    assert_eq!(bench.actions(), [""; 0]);
    assert_eq!(bench.core.deadline(bench.now), Some(bench.now + SECOND / 2));
    assert_eq!(bench.after(SECOND / 2), ["claim 3 for 1"]);
    bench.claimed(1, 0..0);
    bench.handle(Event::Arrived);
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
}

#[test]
fn a_beat_waits_for_nothing() {
    let mut bench = Bench::new(plan());
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
    assert_eq!(bench.after(SECOND), ["beat of 1 with 0"]);
    bench.handle(Event::Beaten { worker: id(1), outcome: away() });
    assert_eq!(bench.core.error(), Some("away"));
    assert_eq!(bench.after(SECOND / 4), ["beat of 1 with 0"], "soon again after an error");
    bench.beaten();
    assert_eq!(bench.core.error(), None);
}

#[test]
fn nothing_is_claimed_while_beats_are_not_answered() {
    let mut bench = Bench::new(plan());
    bench.actions();
    bench.claimed(1, 0..0);
    assert_eq!(bench.after(SECOND), ["beat of 1 with 0", "claim 3 for 1"]);
    bench.claimed(1, 0..0);
    bench.handle(Event::Arrived);
    assert_eq!(bench.after(3 * SECOND / 4), [""; 0], "it may count as gone");
    bench.handle(Event::Beaten { worker: id(1), outcome: away() });
    assert_eq!(bench.after(SECOND / 4), ["beat of 1 with 0"]);
    bench.beaten();
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
}

#[test]
fn a_worker_that_is_gone_drops_its_work_and_joins_again() {
    let mut bench = Bench::new(plan());
    bench.actions();
    bench.claimed(1, 10..12);
    assert_eq!(bench.after(SECOND), ["beat of 1 with 2", "claim 2 for 1"]);
    bench.handle(Event::Beaten { worker: id(1), outcome: Ok(Beat::Gone) });
    assert_eq!((bench.core.held(), bench.actions()), (0, vec![]), "the claim that is on its way comes first");
    bench.claimed(1, 12..13);
    assert_eq!((bench.core.held(), bench.actions()), (0, vec!["join".to_owned()]));
    bench.handle(Event::Joined { worker: id(2), outcome: Ok(()) });
    assert_eq!(bench.actions(), ["claim 3 for 2"]);
    let beats = bench.after(5 * SECOND);
    assert_eq!(beats, ["beat of 2 with 0"], "nothing is settled");
}

#[test]
fn after_a_claim_in_doubt_the_worker_has_another_id_and_keeps_its_work() {
    let mut bench = Bench::new(plan());
    bench.actions();
    bench.claimed(1, 10..12);
    bench.handle(Event::Arrived);
    assert_eq!(bench.actions(), ["claim 2 for 1"]);
    bench.handle(Event::Claimed { worker: id(1), outcome: away() });
    assert_eq!(bench.actions(), [""; 0], "an error is followed by a wait");
    assert_eq!(bench.after(SECOND / 4), ["join"]);
    bench.handle(Event::Joined { worker: id(2), outcome: Ok(()) });
    assert_eq!(bench.actions(), ["claim 2 for 2"]);
    assert_eq!(bench.after(3 * SECOND / 4), ["beat of 1 with 2"]);
    bench.handle(Event::Beaten { worker: id(1), outcome: Ok(Beat::Known) });
    assert_eq!(bench.after(4 * SECOND), ["beat of 1 with 2", "beat of 2 with 0", "settle 10 passed, 11 passed"]);
    bench.handle(Event::Settled(Ok(vec![true; 2])));
    bench.handle(Event::Beaten { worker: id(1), outcome: Ok(Beat::Known) });
    assert_eq!(bench.after(2 * SECOND), [""; 0], "the old id is silent, the new one waits for its answer");
}

#[test]
fn a_worker_that_stops_gives_back_and_leaves() {
    let mut bench = Bench::new(plan());
    bench.actions();
    bench.claimed(1, 10..13);
    assert_eq!(bench.actions(), ["claim 1 for 1"]);
    bench.handle(Event::Stop);
    assert_eq!(bench.actions(), ["settle 10 again, 11 again, 12 again"]);
    bench.handle(Event::Settled(away()));
    bench.claimed(1, 13..14);
    assert_eq!(bench.after(SECOND / 4), ["settle 10 again, 11 again, 12 again"]);
    bench.handle(Event::Settled(Ok(vec![true; 3])));
    assert_eq!(bench.actions(), ["settle 13 again"]);
    bench.handle(Event::Settled(Ok(vec![true])));
    assert_eq!(bench.actions(), ["leave 1"]);
    assert!(!bench.core.is_done());
    bench.handle(Event::Left { worker: id(1), outcome: Ok(()) });
    assert!(bench.core.is_done());
    assert_eq!(bench.core.deadline(bench.now), None);
}

#[test]
fn a_worker_that_stops_while_it_joins_leaves_when_it_has_joined() {
    let now = Instant::now();
    let mut bench = Bench { core: Core::new(plan(), 1, now, Mistakes::default()), now };
    assert_eq!(bench.actions(), ["join"]);
    bench.handle(Event::Stop);
    assert!(!bench.core.is_done());
    bench.handle(Event::Joined { worker: id(1), outcome: Ok(()) });
    assert_eq!(bench.actions(), ["leave 1"]);
    bench.handle(Event::Left { worker: id(1), outcome: away() });
    assert_eq!(bench.after(SECOND), ["beat of 1 with 0", "leave 1"]);
}

#[test]
fn equal_content_is_settled_at_once() {
    let mut bench = Bench::new(Plan { cache_entries: 10, ..plan() });
    bench.actions();
    let same = |number| Job { content: "the same 1 content".to_owned(), ..jobs(number..number + 1).remove(0) };
    bench.handle(Event::Claimed { worker: id(1), outcome: Ok(vec![same(10)]) });
    assert_eq!(bench.after(5 * SECOND), ["beat of 1 with 1", "settle 10 passed"]);
    bench.handle(Event::Settled(Ok(vec![true])));
    bench.beaten();
    assert_eq!(bench.actions(), ["claim 3 for 1"]);
    bench.handle(Event::Claimed { worker: id(1), outcome: Ok(vec![same(11)]) });
    assert_eq!(bench.actions(), ["settle 11 passed"]);
}

/// A worker that has joined and claims only what is announced.
fn announced() -> Bench {
    Bench::new(Plan { waits_for_announcements: true, ..plan() })
}

fn announce(bench: &mut Bench, number: u64, numbers: std::ops::Range<u128>) {
    bench.handle(Event::Announced { number, ids: numbers.map(id).collect() });
}

#[test]
fn only_what_is_announced_is_claimed_as_far_as_there_is_room() {
    let mut bench = announced();
    assert_eq!(bench.actions(), [""; 0]);
    bench.handle(Event::Arrived);
    assert_eq!(bench.actions(), [""; 0], "what the store notifies of is announced to somebody");
    announce(&mut bench, 1, 10..15);
    assert_eq!(bench.actions(), ["claim [10, 11, 12] for 1"]);
    // Another worker has one of them.
    bench.claimed(1, 10..12);
    assert_eq!(bench.actions(), ["claim [13, 14] for 1"]);
    assert_eq!(bench.core.take_over(), []);
    bench.claimed(1, 13..15);
    assert_eq!(bench.core.take_over(), [Over { number: 1, unclaimed: vec![] }]);
    announce(&mut bench, 2, 20..21);
    assert_eq!(bench.actions(), [""; 0], "there is no room");
    assert_eq!(bench.core.take_over(), []);
}

#[test]
fn what_a_claim_with_an_error_asked_for_is_claimed_again_under_another_id() {
    let mut bench = announced();
    announce(&mut bench, 1, 10..12);
    assert_eq!(bench.actions(), ["claim [10, 11] for 1"]);
    bench.handle(Event::Claimed { worker: id(1), outcome: away() });
    assert_eq!((bench.core.take_over(), bench.after(SECOND / 8)), (vec![], vec!["join".to_owned()]));
    bench.handle(Event::Joined { worker: id(2), outcome: Ok(()) });
    assert_eq!(bench.actions(), ["claim [10, 11] for 2"]);
    bench.claimed(2, 10..10);
    assert_eq!(bench.core.take_over(), [Over { number: 1, unclaimed: vec![] }]);
}

#[test]
fn a_worker_that_stops_says_what_it_has_not_asked_for() {
    let mut bench = announced();
    announce(&mut bench, 1, 10..15);
    assert_eq!(bench.actions(), ["claim [10, 11, 12] for 1"]);
    announce(&mut bench, 2, 20..21);
    bench.handle(Event::Stop);
    announce(&mut bench, 3, 30..31);
    let over = |number, numbers: std::ops::Range<u128>| Over { number, unclaimed: numbers.map(id).collect() };
    assert_eq!(bench.core.take_over(), [over(2, 20..21), over(3, 30..31)]);
    bench.claimed(1, 10..13);
    assert_eq!(bench.core.take_over(), [over(1, 13..15)]);
    assert_eq!(bench.actions(), ["settle 10 again, 11 again, 12 again"]);
}
