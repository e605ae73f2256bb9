use std::collections::BTreeMap;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::ledger::submissions::changes::{Change, Reply, Wish};
use crate::ledger::submissions::content::Contents;
use crate::ledger::submissions::row::tests::passed;

const CONTENTS: Contents = Contents { seed: 3, invalid_share: 0.0 };
const TERMS: Terms = Terms { since: 500, max_failures: 3, max_losses: 20, may_give_up: false };

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 300_000_000, 3).unwrap()
}

/// The id under which submission n was accepted.
fn id(n: u64) -> u128 {
    u128::from(n) + 1_000
}

/// Submission n as a faithful service leaves it.
fn row(n: u64) -> Row {
    let planned = CONTENTS.planned(n);
    let (status, reason) = match planned.class {
        Class::Passing | Class::Blank => (Status::Passed, None),
        Class::Short => (Status::Failed, Some("content has 4 of at least 10 characters")),
        Class::WithoutDigit => (Status::Failed, Some("content has no digit")),
        Class::ShortWithoutDigit => (Status::Failed, Some("content has 4 of at least 10 characters and has no digit")),
    };
    Row { status, reason: reason.map(str::to_owned), ..passed(id(n), &planned.content) }
}

/// The first number of this class whose content no other has.
fn of(class: Class) -> u64 {
    let is_it = |n: &u64| {
        let planned = CONTENTS.planned(*n);
        planned.class == class && CONTENTS.number(&planned.content).is_some()
    };
    (0..).find(is_it).unwrap()
}

fn accepted(numbers: impl IntoIterator<Item = u64>) -> Books {
    let mut books = Books::new(CONTENTS);
    numbers.into_iter().for_each(|n| books.answered(n, Answer::Accepted(Uuid::from_u128(id(n)))));
    books
}

fn audit(books: &Books, rows: &[Row]) -> Audited {
    let mut audit = Audit::new(books, TERMS, histogram());
    rows.iter().for_each(|row| audit.row(row));
    audit.finish()
}

/// The counts that are not zero.
fn found(audited: &Audited) -> BTreeMap<&'static str, u64> {
    let counts = FindingKind::ALL.map(|kind| (kind.name(), audited.findings.count(kind)));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

/// What is found of one accepted submission that has become this.
fn planted(n: u64, row: Row) -> BTreeMap<&'static str, u64> {
    found(&audit(&accepted([n]), &[row]))
}

#[test]
fn what_a_faithful_service_leaves_is_in_order() {
    let rows: Vec<Row> = (0..300).map(row).collect();
    let audited = audit(&accepted(0..300), &rows);
    assert_eq!(found(&audited), BTreeMap::new());
    assert_eq!((audited.found.rows, audited.accept_to_final_us.len()), (300, 300));
    assert_eq!(audited.accept_to_final_us.max() / 1_000, 105);
    assert_eq!(audited.found.passed + audited.found.failed, 300);
}

#[test]
fn attempts_that_ended_without_a_verdict_are_counted_by_cause() {
    let again = Row { attempts: 5, failures: 1, losses: 2, given_back: 1, cached: true, ..row(0) };
    let audited = audit(&accepted([0]), &[again]);
    assert_eq!(found(&audited), BTreeMap::new());
    let Found { begun_again, failures, losses, given_back, cached, .. } = audited.found;
    assert_eq!((begun_again, failures, losses, given_back, cached), (1, 1, 2, 1, 1));
}

#[test]
fn a_lost_one_is_found() {
    assert_eq!(found(&audit(&accepted([0, 1]), &[row(0)])), [("missing", 1)].into());
}

#[test]
fn a_second_row_is_found_under_any_id() {
    let n = of(Class::Passing);
    let copy = Row { id: Uuid::from_u128(1), ..row(n) };
    assert_eq!(found(&audit(&accepted([n]), &[row(n), copy])), [("duplicated", 1)].into());
    assert_eq!(found(&audit(&accepted([n]), &[row(n), row(n)])), [("duplicated", 1)].into());
}

#[test]
fn another_content_is_found() {
    assert_eq!(planted(0, Row { content: "another 1".to_owned(), ..row(0) }), [("changed", 1)].into());
}

#[test]
fn what_nobody_sent_and_what_was_rejected_is_found() {
    let (stranger, n) = (passed(1, "a stranger, 1"), of(Class::Passing));
    assert_eq!(found(&audit(&accepted([]), std::slice::from_ref(&stranger))), [("unexpected", 1)].into());
    assert_eq!(found(&audit(&accepted([]), &[row(n)])), [("unexpected", 1)].into());
    for answer in [Answer::Rejected, Answer::NotSent] {
        let mut books = accepted([]);
        books.answered(n, answer);
        assert_eq!(found(&audit(&books, &[row(n)])), [("unexpected", 1)].into());
    }
    let older = audit(&accepted([]), &[Row { created_at: 499, ..stranger }]);
    assert_eq!((found(&older), older.found.older), (BTreeMap::new(), 1));
}

#[test]
fn an_unknown_one_may_be_there_once_or_not() {
    let common = (0..).find(|n| CONTENTS.number(&CONTENTS.planned(*n).content).is_none()).unwrap();
    for n in [of(Class::Short), common] {
        let mut books = accepted([]);
        books.answered(n, Answer::Unknown);
        let copy = |id| Row { id: Uuid::from_u128(id), ..row(n) };
        assert_eq!(found(&audit(&books, &[])), BTreeMap::new());
        let there = audit(&books, &[copy(1)]);
        assert_eq!((found(&there), there.found.unknown_there), (BTreeMap::new(), 1));
        assert_eq!(found(&audit(&books, &[copy(1), copy(2)])).values().sum::<u64>(), 1, "{n} twice");
        let wrong = Row { status: Status::Cancelled, reason: None, ..copy(1) };
        assert_eq!(found(&audit(&books, &[wrong])), [("wrong_end", 1)].into());
    }
}

#[test]
fn one_that_is_not_final_is_found() {
    for status in [Status::Pending, Status::Processing] {
        assert_eq!(planted(0, Row { status, processed_at: None, ..row(0) }), [("unfinished", 1)].into());
    }
}

#[test]
fn another_verdict_or_another_reason_is_found() {
    let (good, bad) = (of(Class::Passing), of(Class::WithoutDigit));
    let failed = Row { status: Status::Failed, reason: Some("content has no digit".to_owned()), ..row(good) };
    assert_eq!(planted(good, failed), [("wrong_end", 1)].into());
    assert_eq!(planted(bad, Row { status: Status::Passed, ..row(bad) }), [("wrong_end", 1)].into());
    for reason in [None, Some("content has 4 of at least 10 characters"), Some("its worker was gone")] {
        let row = Row { reason: reason.map(str::to_owned), ..row(bad) };
        assert_eq!(planted(bad, row), [("wrong_end", 1)].into(), "{reason:?}");
    }
}

#[test]
fn a_cancel_and_a_retry_end_as_they_were_answered() {
    let n = of(Class::Passing);
    let cancelled = Row { status: Status::Cancelled, attempts: 0, started_at: None, ..row(n) };
    let retried = Row { series: 2, ..row(n) };
    let cancel = |reply| Change { wish: Wish::Cancel, reply };
    let retry = |reply| Change { wish: Wish::Retry, reply };
    let both = [cancel(Reply::Made), retry(Reply::Made)];
    for (changes, row, expected) in [
        (&[cancel(Reply::Made)][..], &cancelled, None),
        (&[cancel(Reply::Made)], &row(n), Some("wrong_end")),
        (&[cancel(Reply::Refused)], &cancelled, Some("wrong_end")),
        (&[], &cancelled, Some("wrong_end")),
        (&[cancel(Reply::Unknown)], &cancelled, None),
        (&[cancel(Reply::Unknown)], &row(n), None),
        (&both, &retried, None),
        (&both, &Row { series: 2, ..cancelled.clone() }, Some("wrong_end")),
        (&both, &row(n), Some("miscounted")),
        (&[], &retried, Some("miscounted")),
    ] {
        let mut books = accepted([n]);
        changes.iter().for_each(|change| books.changed(n, *change));
        let expected: BTreeMap<_, _> = expected.map(|kind| (kind, 1)).into_iter().collect();
        assert_eq!(found(&audit(&books, std::slice::from_ref(row))), expected, "{changes:?} {row:?}");
    }
}

#[test]
fn another_try_of_what_had_passed_is_found() {
    let retry = Change { wish: Wish::Retry, reply: Reply::Made };
    let cancel = Change { wish: Wish::Cancel, reply: Reply::Unknown };
    let (good, bad) = (of(Class::Passing), of(Class::WithoutDigit));
    for (n, changes, expected) in
        [(good, &[retry][..], Some("illegal_step")), (bad, &[retry], None), (good, &[cancel, retry], None)]
    {
        let mut books = accepted([n]);
        changes.iter().for_each(|change| books.changed(n, *change));
        let retried = Row { series: 2, ..row(n) };
        let expected: BTreeMap<_, _> = expected.map(|kind| (kind, 1)).into_iter().collect();
        assert_eq!(found(&audit(&books, &[retried])), expected, "{changes:?} of {n}");
    }
}

#[test]
fn attempts_that_do_not_add_up_are_found() {
    for (attempts, losses) in [(0, 0), (2, 0), (1, 1), (3, 1), (1, 2)] {
        assert_eq!(planted(0, Row { attempts, losses, ..row(0) }), [("miscounted", 1)].into(), "{attempts} {losses}");
    }
    let n = of(Class::Passing);
    let mut books = accepted([n]);
    books.changed(n, Change { wish: Wish::Cancel, reply: Reply::Made });
    let cancelled = Row { status: Status::Cancelled, attempts: 2, ..row(n) };
    assert_eq!(found(&audit(&books, &[cancelled])), [("miscounted", 1)].into());
}

#[test]
fn attempts_that_are_used_up_are_found_unless_they_are_made_to_fail() {
    let given_up = |failures, losses| Row {
        status: Status::Failed,
        attempts: failures + losses,
        failures,
        losses,
        reason: Some("its worker was gone".to_owned()),
        ..row(0)
    };
    for row in [given_up(3, 0), given_up(1, 20)] {
        assert_eq!(planted(0, row.clone()), [("given_up", 1)].into());
        let books = accepted([0]);
        let mut audit = Audit::new(&books, Terms { may_give_up: true, ..TERMS }, histogram());
        audit.row(&row);
        assert_eq!(found(&audit.finish()), BTreeMap::new());
    }
}

#[test]
fn times_in_disorder_are_found() {
    for row in [
        Row { processed_at: None, ..row(0) },
        Row { started_at: None, ..row(0) },
        Row { created_at: 1_010, ..row(0) },
        Row { processed_at: Some(1_004), changed_at: 1_004, ..row(0) },
        Row { changed_at: 1_200, ..row(0) },
    ] {
        assert_eq!(planted(0, row.clone()), [("disordered", 1)].into(), "{row:?}");
    }
}

proptest! {
    #[test]
    fn exactly_what_is_taken_away_or_added_is_found(
        taken in proptest::collection::btree_set(0_u64..200, 0..20),
        copied in proptest::collection::btree_set(0_u64..200, 0..20),
        unknown in proptest::collection::btree_set(200_u64..260, 0..40),
    ) {
        let mut books = accepted(0..200);
        unknown.iter().for_each(|n| books.answered(*n, Answer::Unknown));
        let rows = (0..200).filter(|n| !taken.contains(n)).map(row);
        let copies = copied.iter().map(|n| Row { id: Uuid::from_u128(u128::from(*n)), ..row(*n) });
        let there = unknown.iter().filter(|n| **n % 2 == 0).map(|n| row(*n));
        let audited = audit(&books, &rows.chain(there).chain(copies).collect::<Vec<_>>());
        prop_assert_eq!(audited.findings.count(FindingKind::Missing), taken.len() as u64);
        // A copy of a content that several have passes for an unknown one of these, which then is one too many.
        let extra = audited.findings.count(FindingKind::Duplicated) + audited.findings.count(FindingKind::Unexpected);
        let hidden = audited.found.unknown_there - unknown.iter().filter(|n| **n % 2 == 0).count() as u64;
        prop_assert_eq!(extra + hidden, copied.len() as u64);
    }
}
