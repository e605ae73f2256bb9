//! Where records go, and how several of them are one body. Pure.

use bytes::Bytes;

use crate::ledger::plan::RunPlan;
use crate::ledger::post::bodies::PlannedPost;

/// The path of a plan's requests.
pub(crate) fn path(plan: &RunPlan) -> &'static str {
    if plan.bulk > 1 { plan.kind.bulk_route() } else { plan.kind.route() }
}

/// A JSON array of these.
pub(crate) fn bulk_body(records: &[PlannedPost]) -> Bytes {
    let mut body = Vec::with_capacity(2 + records.iter().map(|record| record.body.len() + 1).sum::<usize>());
    for record in records {
        body.push(if body.is_empty() { b'[' } else { b',' });
        body.extend_from_slice(&record.body);
    }
    body.push(b']');
    body.into()
}
