//! What the audit log gets of a request: how many records, and what became of them.

use contract::TraceContext;
use service::audit::Outcome;
use service::auth::Caller;

use crate::rejection::{Rejection, RejectionReason};

/// These records are handed on now: from here on, nobody knows what becomes of them until they are acknowledged.
pub(crate) fn hands_on(caller: &Caller, records: usize, trace: Option<TraceContext>) {
    caller.note(|| Outcome { unknown: records, ..of_trace(trace) });
}

/// The request's only record was accepted, or rejected.
pub(crate) fn single(caller: &Caller, outcome: Result<(), &Rejection>, trace: Option<TraceContext>) {
    caller.note(|| match outcome.map_err(Rejection::reason) {
        Ok(()) => Outcome { accepted: 1, ..of_trace(trace) },
        Err(RejectionReason::Unacknowledged) => Outcome { unknown: 1, ..of_trace(trace) },
        Err(_) => Outcome { rejected: 1, ..of_trace(trace) },
    });
}

/// Of a bulk this many records were accepted, and were not; `unknown` of the latter may be stored.
pub(crate) fn bulk(caller: &Caller, accepted: usize, not_accepted: usize, unknown: usize, trace: Option<TraceContext>) {
    caller.note(|| Outcome { accepted, unknown, rejected: not_accepted - unknown, ..of_trace(trace) });
}

fn of_trace(trace: Option<TraceContext>) -> Outcome {
    Outcome { trace: trace.map(|trace| trace.trace_id), ..Outcome::default() }
}
