use std::time::Duration;

use proptest::prelude::*;

use super::*;

const TERMS: Terms = Terms {
    heartbeat: Duration::from_secs(1),
    work_timeout: Duration::from_secs(300),
    max_attempts: 3,
    retry_backoff: Duration::from_secs(60),
};

fn lease(number: u128) -> Lease {
    Lease { id: Uuid::from_u128(number), fence: 1 }
}

fn attempt(worker: u128) -> Attempt {
    Attempt { worker: Uuid::from_u128(worker), number: 1, claimed_at: Instant::now() }
}

fn passed(number: u128, worker: u128) -> Ended {
    let outcome = Outcome::Passed { is_cached: false };
    Ended::with_verdict(lease(number), outcome, Series::default(), attempt(worker))
}

fn row(number: u128, status: Status) -> Submission {
    Submission {
        id: Uuid::from_u128(number),
        content: String::new(),
        status,
        series: 1,
        begun: 1,
        failures: 0,
        losses: 0,
        given_back: 0,
        reason: None,
        is_cached: false,
        created_at: 0,
        started_at: None,
        processed_at: None,
        changed_at: 0,
        run_at: 0,
        owner: None,
    }
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError("away".to_owned()))
}

fn settling(most: usize) -> (Settling, Instant) {
    let now = Instant::now();
    (Settling::new(most, 1, now, Mistakes::default()), now)
}

fn numbers(finished: &[Finished]) -> Vec<(u128, bool)> {
    finished.iter().map(|one| (one.ended.settlement.lease.id.as_u128(), one.is_late)).collect()
}

#[test]
fn what_ends_while_a_batch_is_written_goes_with_the_next() {
    let (mut settling, now) = settling(10);
    settling.push(passed(1, 1));
    assert_eq!(settling.start_settling().len(), 1);
    settling.push(passed(2, 1));
    settling.push(passed(3, 1));
    assert_eq!(settling.settle_at(), None, "one batch at a time");
    assert_eq!(numbers(&settling.settled(Ok(vec![true]), now)), [(1, false)]);
    assert_eq!(settling.start_settling().len(), 2);
    assert_eq!(numbers(&settling.settled(Ok(vec![false, true]), now)), [(2, true), (3, false)]);
    assert!(settling.is_empty());
}

#[test]
fn what_is_refused_after_an_error_is_looked_up() {
    let (mut settling, now) = settling(10);
    (1..=3).for_each(|number| settling.push(passed(number, 1)));
    settling.start_settling();
    assert!(settling.settled(away(), now).is_empty());
    assert!(settling.settle_at() > Some(now), "an error is followed by a wait");
    assert_eq!(settling.start_settling().len(), 3);
    assert_eq!(numbers(&settling.settled(Ok(vec![false, false, true]), now)), [(3, false)]);
    assert_eq!(settling.start_looking_up().len(), 2);
    assert!(settling.looked_up(away(), now).is_empty() && !settling.is_empty());
    settling.start_looking_up();
    let rows = vec![Some(row(1, Status::Passed)), Some(row(2, Status::Cancelled))];
    assert_eq!(numbers(&settling.looked_up(Ok(rows), now)), [(1, false), (2, true)]);
    assert!(settling.is_empty());
}

#[test]
fn what_a_worker_that_is_gone_had_done_is_not_sent() {
    let (mut settling, now) = settling(1);
    settling.push(passed(1, 1));
    settling.start_settling();
    settling.settled(away(), now);
    settling.push(passed(2, 1));
    settling.push(passed(3, 2));
    settling.keep_only(|worker| worker == Uuid::from_u128(2));
    assert_eq!(settling.start_looking_up(), [Uuid::from_u128(1)], "it was sent before");
    assert_eq!(settling.start_settling()[0].lease, lease(3));
    assert_eq!(settling.settle_at(), None);
}

#[test]
fn a_row_shows_whether_a_settlement_was_done() {
    let with = |setback: Setback, before| Ended::with_setback(lease(1), &setback, before, &TERMS, Some(attempt(1)));
    let before = Series { failures: 1, losses: 2 };
    let failed = with(Setback::Failed("no".to_owned()), before);
    let lost = with(Setback::WorkerGone, before);
    let given_back = with(Setback::GivenBack, before);
    let pending = Submission { failures: 1, losses: 2, ..row(1, Status::Pending) };
    for ended in [&failed, &lost, &given_back] {
        assert!(!ended.is_seen_in(&pending), "{ended:?}");
    }
    let of_sweeper = Ended::with_setback(lease(1), &Setback::TimedOut, before, &TERMS, None);
    let timed_out = Submission { failures: 2, reason: Some("another".to_owned()), ..pending.clone() };
    assert!(!failed.is_seen_in(&timed_out) && of_sweeper.is_seen_in(&timed_out));
    assert!(failed.is_seen_in(&Submission { begun: 2, ..timed_out }), "the reason is that of a later attempt");
    assert!(failed.is_seen_in(&Submission { failures: 2, reason: Some("no".to_owned()), ..pending.clone() }));
    let reason = Some("its worker was gone".to_owned());
    assert!(lost.is_seen_in(&Submission { losses: 3, reason, ..pending.clone() }));
    let reason = Some("its worker stopped".to_owned());
    assert!(given_back.is_seen_in(&Submission { given_back: 1, reason, ..pending }));
    assert!(!passed(1, 1).is_seen_in(&Submission { begun: 2, ..row(1, Status::Passed) }), "another attempt did it");
    let reason = "content has no digit".to_owned();
    let outcome = Outcome::Failed { reason: reason.clone(), is_cached: false };
    let failed = Ended::with_verdict(lease(1), outcome, before, attempt(1));
    assert!(failed.is_seen_in(&Submission { reason: Some(reason), ..row(1, Status::Failed) }));
    assert!(!failed.is_seen_in(&row(1, Status::Failed)));
}

#[test]
fn a_setback_that_ends_the_series_is_given_up() {
    let ended = |failures| {
        let before = Series { failures, losses: 0 };
        Ended::with_setback(lease(1), &Setback::TimedOut, before, &TERMS, None)
    };
    let (counted, reason) = (Counted::Failure, "was not done within 300s".to_owned());
    let after = Duration::from_secs(120);
    assert_eq!(ended(1).settlement.outcome, Outcome::Again { counted, reason: reason.clone(), after });
    assert_eq!(ended(2).settlement.outcome, Outcome::GivenUp { counted, reason });
    assert_eq!(ended(2).cause, Some(RetryCause::Timeout));
}

proptest! {
    /// Each attempt is finished once, whatever the store answers, and in batches of the size allowed.
    #[test]
    fn nothing_is_forgotten_or_finished_twice(
        most in 1_usize..5,
        steps in proptest::collection::vec((0_u8..4, 0_u8..8), 1..200),
    ) {
        let (mut settling, mut now) = settling(most);
        let (mut pushed, mut finished, mut is_in_force) = (0, Vec::new(), vec![]);
        for (step, chance) in steps.into_iter().chain(std::iter::repeat_n((9, 7), 400)) {
            now += Duration::from_secs(3);
            match step {
                0 | 1 => {
                    settling.push(passed(pushed, 1));
                    is_in_force.push(true);
                    pushed += 1;
                }
                _ if settling.settle_at().is_some_and(|at| at <= now) => {
                    let batch = settling.start_settling();
                    prop_assert!(batch.len() <= most);
                    let done = |settlement: &Settlement| {
                        std::mem::replace(&mut is_in_force[settlement.lease.id.as_u128() as usize], false)
                    };
                    // The answer of a batch that was done may be lost.
                    let answers = match chance {
                        0 => away(),
                        1 | 2 => {
                            batch.iter().map(done).for_each(drop);
                            away()
                        }
                        _ => Ok(batch.iter().map(done).collect()),
                    };
                    finished.extend(settling.settled(answers, now));
                }
                _ if settling.look_up_at().is_some_and(|at| at <= now) => {
                    let ids = settling.start_looking_up();
                    let rows = ids.iter().map(|id| Some(row(id.as_u128(), Status::Passed))).collect();
                    finished.extend(settling.looked_up(if chance < 2 { away() } else { Ok(rows) }, now));
                }
                _ => {}
            }
        }
        let mut numbers = numbers(&finished);
        numbers.sort_unstable();
        prop_assert_eq!(numbers, (0..pushed).map(|number| (number, false)).collect::<Vec<_>>());
        prop_assert!(settling.is_empty());
    }
}
