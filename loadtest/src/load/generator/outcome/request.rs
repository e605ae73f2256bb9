//! What became of a request as a whole, for the comparison with the audit log.

use hyper::StatusCode;

use super::Outcome;
use crate::ledger::audit_book::{RequestAnswer, SentRequest};

/// The answers of a handler, which has seen the request: each has a line in the log.
const OF_HANDLERS: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];

/// The answers to requests that no handler has seen. Their lines have no counts, and some of them are left out.
const DENIALS: [StatusCode; 3] = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];

/// A request whose first record is `n`, with what became of its records and the status of its answer, if there was one.
/// `have_results` says whether each record has a result of its own. `None` if nothing was sent.
pub(crate) fn sent(
    (n, attempt): (u64, u32),
    outcomes: &[Outcome],
    status: Option<StatusCode>,
    have_results: bool,
) -> Option<SentRequest> {
    if outcomes.contains(&Outcome::NotConnected) {
        return None;
    }
    let count = |is: fn(&Outcome) -> bool| {
        u32::try_from(outcomes.iter().filter(|outcome| is(outcome)).count()).unwrap_or(u32::MAX)
    };
    let accepted = count(|outcome| matches!(outcome, Outcome::Accepted(_)));
    let answer = match status {
        None => RequestAnswer::Nothing,
        Some(status) if have_results && !DENIALS.contains(&status) => {
            RequestAnswer::Counted { accepted, unknown: count(|outcome| matches!(outcome, Outcome::Unknown(_))) }
        }
        Some(_) => RequestAnswer::Whole { is_accepted: accepted > 0 },
    };
    let needs_line = status.is_some_and(|status| status.is_success() || OF_HANDLERS.contains(&status));
    Some(SentRequest { n, attempt, records: count(|_| true), answer, needs_line })
}

#[cfg(test)]
mod tests {
    use contract::PostId;

    use super::*;
    use crate::load::generator::outcome::UnknownCause;

    #[test]
    fn the_answer_says_what_the_line_must_have() {
        let accepted = Outcome::Accepted(PostId::fresh());
        let (unknown, rejected) = (Outcome::Unknown(UnknownCause::Unavailable), Outcome::Rejected);
        let of = |outcomes: &[Outcome], status: u16, have_results: bool| {
            let status = StatusCode::from_u16(status).ok();
            sent((7, 1), outcomes, status, have_results).map(|request| {
                assert_eq!((request.n, request.attempt, request.records as usize), (7, 1, outcomes.len()));
                (request.answer, request.needs_line)
            })
        };
        let counted = |accepted, unknown| RequestAnswer::Counted { accepted, unknown };
        let whole = |is_accepted| RequestAnswer::Whole { is_accepted };
        for (outcomes, status, have_results, answer, needs_line) in [
            (&[accepted][..], 201, true, counted(1, 0), true),
            (&[rejected], 400, true, counted(0, 0), true),
            (&[rejected], 401, true, whole(false), false),
            (&[unknown], 503, true, counted(0, 1), false),
            (&[accepted, rejected, unknown], 207, true, counted(1, 1), true),
            (&[rejected, rejected], 413, false, whole(false), true),
            (&[accepted, accepted], 200, false, whole(true), true),
            (&[Outcome::Unknown(UnknownCause::CutOff)], 0, true, RequestAnswer::Nothing, false),
        ] {
            assert_eq!(of(outcomes, status, have_results), Some((answer, needs_line)), "{status}");
        }
        assert_eq!(of(&[Outcome::NotConnected], 0, true), None);
    }
}
