//! What may be seen of a submission after what was seen before.

use super::row::{Row, Status};

/// Why one row cannot follow another of the same submission, which was seen earlier.
///
/// `may_be_retried` says whether anybody asked for a retry.
pub(crate) fn illegal_step(before: &Row, after: &Row, may_be_retried: bool) -> Option<&'static str> {
    if (before.id, &before.content, before.created_at) != (after.id, &after.content, after.created_at) {
        return Some("it has become another submission");
    }
    if after.changed_at < before.changed_at {
        return Some("its last change came before an earlier one");
    }
    if after.series < before.series {
        return Some("it went back to an earlier series");
    }
    if after.series > before.series {
        return match before.status {
            Status::Passed => Some("it left PASSED"),
            _ if !may_be_retried => Some("it is in another series, and nobody asked for a retry"),
            _ => None,
        };
    }
    within_series(before, after)
}

fn within_series(before: &Row, after: &Row) -> Option<&'static str> {
    if before.status.is_final() {
        return if before == after { None } else { Some("it was final and changed") };
    }
    let counts = |row: &Row| [row.attempts, row.failures, row.losses, row.given_back];
    if counts(before).into_iter().zip(counts(after)).any(|(before, after)| after < before) {
        return Some("a count of its attempts went back");
    }
    let (began, ended) = (after.attempts - before.attempts, after.setbacks() - before.setbacks());
    match (before.status, after.status) {
        (Status::Pending, Status::Processing | Status::Passed | Status::Failed) if began == 0 => {
            Some("it was worked on without an attempt")
        }
        (Status::Processing, Status::Pending) if ended == 0 => Some("it is PENDING again without a cause"),
        (Status::Processing, Status::Processing) if began != ended => {
            Some("another attempt began before the earlier one had ended")
        }
        (Status::Pending, Status::Pending) if began != ended => Some("an attempt was begun and has not ended"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::submissions::row::tests::passed;

    fn pending() -> Row {
        let status = Status::Pending;
        Row { status, attempts: 0, started_at: None, processed_at: None, changed_at: 1_000, ..passed(7, "a") }
    }

    fn processing(attempts: u32, losses: u32) -> Row {
        Row { status: Status::Processing, attempts, losses, processed_at: None, changed_at: 1_005, ..passed(7, "a") }
    }

    fn again(row: &Row) -> Row {
        Row { status: Status::Pending, series: row.series + 1, attempts: 0, losses: 0, changed_at: 2_000, ..pending() }
    }

    #[test]
    fn what_a_series_does_is_legal() {
        let cancelled = Row { status: Status::Cancelled, attempts: 0, started_at: None, ..passed(7, "a") };
        let failed = Row { status: Status::Failed, ..passed(7, "a") };
        for (before, after, may_be_retried) in [
            (pending(), pending(), false),
            (pending(), processing(1, 0), false),
            (pending(), passed(7, "a"), false),
            (pending(), cancelled.clone(), false),
            (processing(1, 0), processing(2, 1), false),
            (processing(1, 0), Row { losses: 1, attempts: 1, changed_at: 1_006, ..pending() }, false),
            (processing(1, 0), failed.clone(), false),
            (passed(7, "a"), passed(7, "a"), true),
            (cancelled.clone(), again(&cancelled), true),
            (failed.clone(), again(&failed), true),
        ] {
            assert_eq!(illegal_step(&before, &after, may_be_retried), None, "{before:?} {after:?}");
        }
    }

    #[test]
    fn what_no_series_does_is_not() {
        let done = passed(7, "a");
        let failed = Row { status: Status::Failed, ..done.clone() };
        let later = |row: Row| Row { changed_at: 9_000, ..row };
        for (before, after, may_be_retried, why) in [
            (done.clone(), passed(8, "a"), false, "another submission"),
            (done.clone(), passed(7, "b"), false, "another submission"),
            (done.clone(), Row { changed_at: 1_000, ..done.clone() }, false, "came before"),
            (again(&failed), later(failed.clone()), true, "earlier series"),
            (done.clone(), again(&done), true, "left PASSED"),
            (failed.clone(), again(&failed), false, "nobody asked"),
            (done.clone(), later(failed.clone()), false, "was final"),
            (failed, later(processing(2, 0)), false, "was final"),
            (done.clone(), later(done.clone()), false, "was final"),
            (processing(2, 1), later(processing(1, 1)), false, "went back"),
            (processing(2, 1), later(processing(2, 0)), false, "went back"),
            (pending(), later(processing(0, 0)), false, "without an attempt"),
            (processing(1, 0), later(Row { attempts: 1, ..pending() }), false, "without a cause"),
            (processing(1, 0), later(processing(2, 0)), false, "before the earlier"),
            (pending(), later(Row { attempts: 1, ..pending() }), false, "has not ended"),
        ] {
            let found = illegal_step(&before, &after, may_be_retried);
            assert!(found.is_some_and(|found| found.contains(why)), "{found:?}, not {why}: {before:?} {after:?}");
        }
    }

    /// What a worker or a client does next.
    #[derive(Debug, Clone, Copy)]
    enum Event {
        Claim,
        Lose,
        GiveBack,
        Pass,
        Fail,
        Cancel,
        Retry,
    }

    fn happen(row: &mut Row, event: Event, now: i64) {
        use Status::{Cancelled, Failed, Passed, Pending, Processing};
        let status = match (event, row.status) {
            (Event::Claim, Pending) => {
                row.attempts += 1;
                row.started_at = Some(now);
                Processing
            }
            (Event::Lose, Processing) => {
                row.losses += 1;
                Pending
            }
            (Event::GiveBack, Processing) => {
                row.given_back += 1;
                Pending
            }
            (Event::Pass, Processing) => Passed,
            (Event::Fail, Processing) => Failed,
            (Event::Cancel, Pending | Processing) => Cancelled,
            (Event::Retry, Failed | Cancelled) => {
                (row.attempts, row.losses, row.given_back, row.series) = (0, 0, 0, row.series + 1);
                Pending
            }
            _ => return,
        };
        row.status = status;
        row.changed_at = now;
        row.processed_at = status.is_final().then_some(now);
    }

    proptest! {
        #[test]
        fn however_seldom_one_looks_a_faithful_service_does_nothing_illegal(
            events in proptest::collection::vec((0_usize..7, any::<bool>()), 0..60)
        ) {
            use Event::{Cancel, Claim, Fail, GiveBack, Lose, Pass, Retry};
            let all = [Claim, Lose, GiveBack, Pass, Fail, Cancel, Retry];
            let mut row = pending();
            let mut seen = row.clone();
            for (now, (event, is_looked_at)) in (2_000..).zip(events) {
                happen(&mut row, all[event], now);
                if is_looked_at {
                    prop_assert_eq!(illegal_step(&seen, &row, true), None, "{:?} {:?}", seen, row);
                    seen = row.clone();
                }
            }
        }
    }
}
