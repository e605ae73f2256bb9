use super::*;
use crate::lease::{Lease, Series};
use crate::store::{Counted, Outcome};

const SECOND: Duration = Duration::from_secs(1);

fn plan() -> SweepPlan {
    let terms = Terms { heartbeat: SECOND, work_timeout: 300 * SECOND, max_attempts: 3, retry_backoff: 60 * SECOND };
    SweepPlan { terms, retention: 3600 * SECOND, announces_after: None, most_at_once: 2 }
}

fn lost(number: u128, is_worker_gone: bool) -> LostLease {
    LostLease { lease: Lease { id: Uuid::from_u128(number), fence: 1 }, series: Series::default(), is_worker_gone }
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError("away".to_owned()))
}

struct Bench {
    core: SweepCore,
    now: Instant,
}

impl Bench {
    /// A sweeper that may judge.
    fn new() -> Self {
        let now = Instant::now();
        let mut bench = Self { core: SweepCore::new(plan(), 1, now, Mistakes::default()), now };
        assert_eq!(bench.actions(), ["look", "count", "prune"]);
        bench.core.handle(SweepEvent::Counted(Ok((Stats::default(), 1))), now);
        bench.core.handle(SweepEvent::Pruned(Ok(0)), now);
        bench.gets_in_contact();
        bench
    }

    /// The answer to the look on its way, and to those that follow until silence is judged.
    fn gets_in_contact(&mut self) {
        for _ in 0..6 {
            self.core.handle(SweepEvent::Found(Ok(vec![])), self.now);
            assert!(self.after(SECOND / 4).contains(&"look".to_owned()));
        }
        self.core.handle(SweepEvent::Found(Ok(vec![])), self.now);
        assert!(self.after(SECOND / 4).contains(&"judge".to_owned()));
        self.core.handle(SweepEvent::Counted(Ok((Stats::default(), 1))), self.now);
    }

    fn after(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        self.actions()
    }

    fn actions(&mut self) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(action) = self.core.next_action(self.now) {
            sent.push(match action {
                SweepAction::Look { silence, .. } if silence == FOREVER => "look".to_owned(),
                SweepAction::Look { .. } => "judge".to_owned(),
                SweepAction::Settle(settlements) => format!("settle {}", settlements.len()),
                SweepAction::LookUp(ids) => format!("look up {}", ids.len()),
                SweepAction::Announce { overdue, limit } => format!("announce {limit} after {overdue:?}"),
                SweepAction::Prune { .. } => "prune".to_owned(),
                SweepAction::Count => "count".to_owned(),
            });
        }
        assert!(self.core.deadline().is_none_or(|deadline| deadline > self.now), "it does not spin");
        sent
    }
}

#[test]
fn silence_is_judged_only_after_the_store_has_answered_for_that_long() {
    let mut bench = Bench::new();
    bench.core.handle(SweepEvent::Found(away()), bench.now);
    assert_eq!(bench.core.error(), Some("away"));
    assert!(bench.after(SECOND / 2).contains(&"look".to_owned()));
    bench.gets_in_contact();
    bench.core.handle(SweepEvent::Found(Ok(vec![])), bench.now);
    assert!(bench.after(SECOND).contains(&"look".to_owned()), "nobody looked meanwhile");
}

#[test]
fn lost_leases_are_settled_before_the_next_look() {
    let mut bench = Bench::new();
    bench.core.handle(SweepEvent::Found(Ok(vec![lost(1, true), lost(2, false)])), bench.now);
    assert_eq!(bench.actions(), ["settle 2"]);
    bench.core.handle(SweepEvent::Settled(Ok(vec![true, false])), bench.now);
    assert_eq!(bench.actions(), ["judge"], "at once, because there may be more than fit into one answer");
    bench.core.handle(SweepEvent::Found(Ok(vec![lost(3, true)])), bench.now);
    assert_eq!(bench.actions(), ["settle 1"]);
    bench.core.handle(SweepEvent::Settled(away()), bench.now);
    assert_eq!(bench.after(SECOND / 4), ["settle 1"]);
    bench.core.handle(SweepEvent::Settled(Ok(vec![false])), bench.now);
    assert_eq!(bench.actions(), ["look up 1"], "it may have been done");
}

#[test]
fn what_is_lost_is_counted_for_its_cause() {
    let mut bench = Bench::new();
    bench.core.handle(SweepEvent::Found(Ok(vec![lost(1, true), lost(2, false)])), bench.now);
    let action = bench.core.next_action(bench.now);
    let Some(SweepAction::Settle(settlements)) = action else { panic!("{action:?} instead of a settlement") };
    let (again, timed_out) = (&settlements[0].outcome, &settlements[1].outcome);
    assert!(matches!(again, Outcome::Again { counted: Counted::Loss, after: Duration::ZERO, .. }), "{again:?}");
    let expected = 60 * SECOND;
    assert!(
        matches!(timed_out, Outcome::Again { counted: Counted::Failure, after, .. } if *after == expected),
        "{timed_out:?}"
    );
}

#[test]
fn pruning_continues_at_once_only_while_there_is_much() {
    let mut bench = Bench::new();
    bench.core.handle(SweepEvent::Found(Ok(vec![])), bench.now);
    assert!(bench.after(60 * SECOND).contains(&"prune".to_owned()));
    bench.core.handle(SweepEvent::Pruned(Ok(2)), bench.now);
    assert!(bench.after(SECOND / 4).contains(&"prune".to_owned()));
    bench.core.handle(SweepEvent::Pruned(Ok(1)), bench.now);
    assert!(!bench.after(59 * SECOND).contains(&"prune".to_owned()));
}

#[test]
fn what_nobody_claims_is_announced_in_steps_that_leave_the_store_time() {
    let now = Instant::now();
    let plan = SweepPlan { announces_after: Some(2 * SECOND), ..plan() };
    let mut bench = Bench { core: SweepCore::new(plan, 1, now, Mistakes::default()), now };
    let announce = "announce 2 after 2s".to_owned();
    assert!(bench.actions().contains(&announce));
    bench.now += SECOND / 10;
    bench.core.handle(SweepEvent::Announced(Ok(2)), bench.now);
    assert!(bench.after(SECOND / 10).contains(&announce), "there may be more");
    bench.now += SECOND / 10;
    bench.core.handle(SweepEvent::Announced(Ok(1)), bench.now);
    assert!(!bench.after(SECOND * 19 / 10).contains(&announce), "the look took a tenth of a second");
    assert!(bench.after(SECOND / 10).contains(&announce));
    bench.core.handle(SweepEvent::Announced(away()), bench.now);
    assert_eq!(bench.core.error(), Some("away"));
    assert!(bench.after(SECOND).contains(&announce));
}
