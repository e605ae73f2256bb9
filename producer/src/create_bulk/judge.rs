//! Judges the records of a bulk: those that are valid, and the result of each one as far as it is known before they are
//! published. Runs without interruption, although it may take milliseconds: so at most one bulk per thread is in memory
//! twice, as its body and as its records.

use contract::record::encode_value;
use contract::{Bulk, BulkError, BulkIds, Kind, Order, OrderBulk, PostId};
use kafka::publish::Record;

use super::answer::Results;
use crate::rejection::Rejection;

/// The most records in a bulk.
pub(super) const MAX_RECORDS: usize = 10_000;

/// The records of the valid posts, and the result of each post.
pub(super) fn judge_posts(
    mut bulk: Bulk,
    ids: &BulkIds,
    record_of: impl Fn(PostId, Vec<u8>) -> Record,
) -> Result<(Vec<Record>, Results), Rejection> {
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Post));
    while let Some(judged) = bulk.next_post().map_err(rejection)? {
        match judged {
            Ok(post) => {
                let id = ids.at(results.count());
                results.push_post(id);
                records.push(record_of(id, encode_value(&post)));
            }
            Err(errors) => results.push_invalid(&errors),
        }
    }
    Ok((records, results))
}

/// The records of the valid orders, in their order, and the result of each order.
pub(super) fn judge_orders(
    mut bulk: OrderBulk,
    record_of: impl Fn(&Order) -> Record,
) -> Result<(Vec<Record>, Results), Rejection> {
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Order));
    while let Some(judged) = bulk.next_order().map_err(rejection)? {
        match judged {
            Ok(order) => {
                results.push_order(&order);
                records.push(record_of(&order));
            }
            Err(errors) => results.push_invalid(&errors),
        }
    }
    Ok((records, results))
}

/// Why a body is not a bulk that is taken.
fn rejection(error: BulkError) -> Rejection {
    match error {
        BulkError::Broken(errors) => Rejection::NoBulk(errors),
        BulkError::TooMany => Rejection::TooMany(MAX_RECORDS),
    }
}
