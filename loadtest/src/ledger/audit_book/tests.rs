use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const RUN: &str = "00ab12cd";

fn book(bulk: u32) -> AuditBook {
    AuditBook::new(RUN.parse().unwrap(), bulk)
}

fn line(id: &str, [accepted, rejected, unknown]: [u64; 3]) -> String {
    let records = accepted.saturating_add(rejected + unknown);
    format!(
        r#"{{"time":"t","caller":null,"route":"/create-post","status":201,"records":{records},"accepted":{accepted},
           "rejected":{rejected},"unknown":{unknown},"request_id":"{id}"}}"#
    )
    .replace('\n', "")
}

fn id(n: u64, attempt: u32) -> String {
    AuditBook::request_id(RUN.parse().unwrap(), n, attempt)
}

fn single(n: u64, answer: RequestAnswer) -> SentRequest {
    let needs_line = answer == ACCEPTED || answer == REJECTED;
    SentRequest { n, attempt: 0, records: 1, answer, needs_line }
}

const ACCEPTED: RequestAnswer = RequestAnswer::Counted { accepted: 1, unknown: 0 };
const REJECTED: RequestAnswer = RequestAnswer::Counted { accepted: 0, unknown: 0 };
const UNAVAILABLE: RequestAnswer = RequestAnswer::Counted { accepted: 0, unknown: 1 };

/// The faults of a book of one single request with these lines.
fn faults_of(answer: RequestAnswer, lines: &[[u64; 3]]) -> Vec<(&'static str, u64)> {
    let mut book = book(1);
    book.sent(single(7, answer));
    lines.iter().for_each(|counts| book.line(line(&id(7, 0), *counts).as_bytes()));
    let audited = book.finish(0);
    let faults: Vec<_> = audited.counts.faults().into_iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(audited.findings.len() as u64, faults.iter().map(|(_, count)| count).sum::<u64>());
    faults
}

#[test]
fn each_request_has_one_line_that_says_what_its_client_was_answered() {
    const A: [u64; 3] = [1, 0, 0];
    const R: [u64; 3] = [0, 1, 0];
    const U: [u64; 3] = [0, 0, 1];
    let nothing = RequestAnswer::Nothing;
    let denied = RequestAnswer::Whole { is_accepted: false };
    for (answer, lines) in [
        (ACCEPTED, &[A][..]),
        (REJECTED, &[R]),
        // Nobody waits for such a line, and a handler need not have seen the request.
        (UNAVAILABLE, &[]),
        (UNAVAILABLE, &[U]),
        (UNAVAILABLE, &[R]),
        (nothing, &[]),
        (nothing, &[A]),
        (nothing, &[R]),
        (nothing, &[U]),
        (nothing, &[[0, 0, 0]]),
        (denied, &[]),
        (denied, &[[0, 0, 0]]),
    ] {
        assert_eq!(faults_of(answer, lines), [], "{answer:?} {lines:?}");
    }
    for (answer, lines, fault) in [
        (ACCEPTED, &[][..], "not_audited"),
        (REJECTED, &[], "not_audited"),
        (ACCEPTED, &[R], "audited_otherwise"),
        (ACCEPTED, &[U], "audited_otherwise"),
        (ACCEPTED, &[[0, 0, 0]], "audited_otherwise"),
        (ACCEPTED, &[[2, 0, 0]], "audited_otherwise"),
        (ACCEPTED, &[A, A], "audited_otherwise"),
        (REJECTED, &[A], "audited_only"),
        (REJECTED, &[U], "audited_otherwise"),
        (UNAVAILABLE, &[A], "audited_only"),
        (denied, &[A], "audited_only"),
        (nothing, &[[u64::MAX, 1, 0]], "audited_otherwise"),
        (nothing, &[U, A], "audited_otherwise"),
    ] {
        assert_eq!(faults_of(answer, lines), [(fault, 1)], "{answer:?} {lines:?}");
    }
}

#[test]
fn lines_of_requests_that_were_never_sent_are_found() {
    let mut book = book(10);
    book.sent(SentRequest { n: 10, attempt: 0, records: 10, answer: RequestAnswer::Nothing, needs_line: false });
    for id in [id(0, 0), id(20, 0), id(10, 1), id(11, 0), id(u64::MAX, 0), id(10, u32::MAX)] {
        book.line(line(&id, [1, 0, 0]).as_bytes());
    }
    let Audited { counts, findings } = book.finish(0);
    assert_eq!(counts, AuditCounts { lines: 6, audited_only: 6, ..AuditCounts::default() });
    assert_eq!(findings.len(), 6);
    assert!(findings[0].there.as_ref().is_some_and(|there| there.contains("00ab12cd-0-0")), "{findings:?}");
}

#[test]
fn lines_of_others_are_ignored_and_what_cannot_be_read_is_not() {
    let whole = line(&id(0, 0), [1, 0, 0]);
    let mut book = book(1);
    book.sent(single(0, ACCEPTED));
    for other in
        [r#"{"status":401,"denied":"key"}"#, r#"{"request_id":"r-1","accepted":1}"#, r#"{"request_id":"00ab12ce-0-0"}"#]
    {
        book.line(other.as_bytes());
    }
    book.line(whole.as_bytes());
    (1..whole.len()).for_each(|end| book.line(&whole.as_bytes()[..end]));
    for broken in ["x", "[]", "{}{}", r#"{"request_id":"00ab12cd-x-0"}"#, r#"{"request_id":"00ab12cd-0"}"#, "\u{0}{"] {
        book.line(broken.as_bytes());
    }
    let torn = whole.len() as u64 - 1;
    let expected =
        AuditCounts { lines: 1, other_lines: 3, half_written: torn - 2, unreadable: 8, ..AuditCounts::default() };
    assert_eq!(book.finish(torn - 2).counts, expected, "no more kills than half lines");
}

/// What one request's handler counted, whether its client got an answer, and whether the log has its line.
type Handled = ([u8; 3], bool, bool);

fn any_handled() -> impl Strategy<Value = Handled> {
    ((0_u8..3, 0_u8..3, 0_u8..3).prop_map(|(a, r, u)| [a, r, u]), any::<bool>(), any::<bool>())
}

proptest! {
    /// Against a plain model: requests that share nothing but the log, in any order, with faults put into it.
    #[test]
    fn faults_are_counted_one_by_one(
        requests in proptest::collection::btree_map((0_u64..300, 0_u32..3), any_handled(), 0..60),
        altered in proptest::collection::vec(any::<bool>(), 60),
        reversed in any::<bool>(),
    ) {
        const BULK: u32 = 6;
        let (mut book, mut lines, mut expected) = (book(BULK), Vec::new(), BTreeMap::new());
        for (index, ((request, attempt), ([a, r, u], is_answered, has_line))) in requests.iter().enumerate() {
            let (n, records) = (request * u64::from(BULK), u32::from(a + r + u));
            if records == 0 {
                continue;
            }
            let counted = RequestAnswer::Counted { accepted: (*a).into(), unknown: (*u).into() };
            let answer = if *is_answered { counted } else { RequestAnswer::Nothing };
            book.sent(SentRequest { n, attempt: *attempt, records, answer, needs_line: *is_answered });
            let mut counts = [*a, *r, *u].map(u64::from);
            let is_altered = altered[index] && *has_line;
            if is_altered {
                counts[0] += 1;
            }
            if *has_line {
                lines.push(line(&id(n, *attempt), counts));
            }
            let fault = match (is_answered, has_line) {
                (true, false) => Some("not_audited"),
                (true, true) if is_altered && *a == 0 => Some("audited_only"),
                (_, true) if is_altered => Some("audited_otherwise"),
                _ => None,
            };
            *expected.entry(fault).or_insert(0) += 1;
        }
        if reversed {
            lines.reverse();
        }
        lines.iter().for_each(|line| book.line(line.as_bytes()));
        let counts = book.finish(0).counts;
        prop_assert_eq!(counts.lines, lines.len() as u64);
        for (name, count) in counts.faults() {
            prop_assert_eq!(count, expected.get(&Some(name)).copied().unwrap_or(0), "{}", name);
        }
    }
}
