//! Judges the records of a bulk: those that are valid, and the result of each one as far as it is known before they are
//! published. Runs without interruption, although it may take milliseconds: so at most one bulk per thread is in memory
//! twice, as its body and as its records.

use contract::record::encode_value;
use contract::{Bulk, BulkError, BulkIds, Kind, Order, OrderBulk, PostId, SchemaBulk, SchemaKind, SchemaRecord};
use kafka::publish::Record;

use super::answer::Results;
use crate::rejection::Rejection;

/// The most records in a bulk.
pub(crate) const MAX_RECORDS: usize = 10_000;

/// The valid records of a bulk, in their order, and the results.
pub(super) type Judged = (Vec<Record>, Results);

/// The records of the valid posts, and the result of each post.
pub(super) fn judge_posts(
    mut bulk: Bulk,
    ids: &BulkIds,
    record_of: impl Fn(PostId, Vec<u8>) -> Record,
) -> Result<Judged, Rejection> {
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Post));
    while let Some(judged) = bulk.next_post().map_err(rejection)? {
        match judged {
            Ok(post) => {
                let id = ids.at(results.count());
                results.push_inserted(id);
                records.push(record_of(id, encode_value(&post)));
            }
            Err(errors) => results.push_invalid(&errors),
        }
    }
    Ok((records, results))
}

/// The records of the valid orders, in their order, and the result of each order.
pub(super) fn judge_orders(mut bulk: OrderBulk, record_of: impl Fn(&Order) -> Record) -> Result<Judged, Rejection> {
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

/// The valid records of a schema's kind that are inserted, and the result of each record.
pub(super) fn judge_inserted(
    kind: &'static SchemaKind,
    mut bulk: SchemaBulk,
    ids: &BulkIds,
    record_of: impl Fn(PostId, Vec<u8>) -> Record,
) -> Result<Judged, Rejection> {
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Schema(kind)));
    while let Some(judged) = bulk.next_record().map_err(rejection)? {
        match judged {
            Ok(record) => {
                let id = ids.at(results.count());
                results.push_inserted(id);
                records.push(record_of(id, record.value().to_vec()));
            }
            Err(errors) => results.push_invalid(&errors),
        }
    }
    Ok((records, results))
}

/// The valid records of a schema's kind that stores one document for each key, and the result of each record.
pub(super) fn judge_keyed(
    kind: &'static SchemaKind,
    mut bulk: SchemaBulk,
    record_of: impl Fn(&str, &SchemaRecord<'_>) -> Record,
) -> Result<Judged, Rejection> {
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Schema(kind)));
    while let Some(judged) = bulk.next_record().map_err(rejection)? {
        match judged.and_then(|record| Ok((record.required_key()?.to_owned(), record))) {
            Ok((key, record)) => {
                results.push_keyed(&key);
                records.push(record_of(&key, &record));
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
