//! Judges the records of a bulk: those that are valid, and the result of each one as far as it is known before they are
//! published. That may take milliseconds, so it gives way to other requests of its thread. At most one bulk per thread
//! is judged at a time, because it is in memory twice meanwhile, as its body and as its records.

use contract::record::encode_value;
use contract::{Bulk, BulkError, BulkIds, Kind, Order, OrderBulk, PostId, SchemaBulk, SchemaKind, SchemaRecord};
use kafka::publish::Record;
use service::Turn;

use super::answer::Results;
use crate::rejection::Rejection;

/// The most records in a bulk.
pub(crate) const MAX_RECORDS: usize = 10_000;

/// How many bytes are judged between two looks at the clock, apart from a longer record: they take 60 µs at most, and a
/// record of 64 KB a millisecond at most, where it is all small values.
const BYTES_AT_A_TIME: usize = 4096;

/// The valid records of a bulk, in their order, and the results.
pub(super) type Judged = (Vec<Record>, Results);

/// The records of the valid posts, and the result of each post.
pub(super) async fn judge_posts(
    mut bulk: Bulk,
    ids: &BulkIds,
    record_of: impl Fn(PostId, Vec<u8>) -> Record,
) -> Result<Judged, Rejection> {
    let mut breaks = Breaks::new();
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Post));
    breaks.until(|| bulk.search()).await;
    while let Some(judged) = bulk.next_post().map_err(rejection)? {
        match judged {
            Ok(post) => {
                let id = ids.at(results.count());
                results.push_inserted(id);
                records.push(record_of(id, encode_value(&post)));
            }
            Err(errors) => results.push_invalid(&errors),
        }
        breaks.after(bulk.searched(), || bulk.search()).await;
    }
    Ok((records, results))
}

/// The records of the valid orders, in their order, and the result of each order.
pub(super) async fn judge_orders(
    mut bulk: OrderBulk,
    record_of: impl Fn(&Order) -> Record,
) -> Result<Judged, Rejection> {
    let mut breaks = Breaks::new();
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Order));
    breaks.until(|| bulk.search()).await;
    while let Some(judged) = bulk.next_order().map_err(rejection)? {
        match judged {
            Ok(order) => {
                results.push_order(&order);
                records.push(record_of(&order));
            }
            Err(errors) => results.push_invalid(&errors),
        }
        breaks.after(bulk.searched(), || bulk.search()).await;
    }
    Ok((records, results))
}

/// The valid records of a schema's kind that are inserted, and the result of each record.
pub(super) async fn judge_inserted(
    kind: &'static SchemaKind,
    mut bulk: SchemaBulk,
    ids: &BulkIds,
    record_of: impl Fn(PostId, Vec<u8>) -> Record,
) -> Result<Judged, Rejection> {
    let mut breaks = Breaks::new();
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Schema(kind)));
    breaks.until(|| bulk.search()).await;
    while let Some(judged) = bulk.next_record().map_err(rejection)? {
        match judged {
            Ok(record) => {
                let id = ids.at(results.count());
                results.push_inserted(id);
                records.push(record_of(id, record.value().to_vec()));
            }
            Err(errors) => results.push_invalid(&errors),
        }
        breaks.after(bulk.searched(), || bulk.search()).await;
    }
    Ok((records, results))
}

/// The valid records of a schema's kind that stores one document for each key, and the result of each record.
pub(super) async fn judge_keyed(
    kind: &'static SchemaKind,
    mut bulk: SchemaBulk,
    record_of: impl Fn(&str, &SchemaRecord<'_>) -> Record,
) -> Result<Judged, Rejection> {
    let mut breaks = Breaks::new();
    let (mut records, mut results) = (Vec::new(), Results::of(Kind::Schema(kind)));
    breaks.until(|| bulk.search()).await;
    while let Some(judged) = bulk.next_record().map_err(rejection)? {
        match judged.and_then(|record| Ok((record.required_key()?.to_owned(), record))) {
            Ok((key, record)) => {
                results.push_keyed(&key);
                records.push(record_of(&key, &record));
            }
            Err(errors) => results.push_invalid(&errors),
        }
        breaks.after(bulk.searched(), || bulk.search()).await;
    }
    Ok((records, results))
}

/// The breaks between the records of a bulk. Looking at the clock after each of them would cost more than it is worth.
struct Breaks {
    turn: Turn,
    /// Where in the body the last look at the clock was.
    looked: usize,
}

impl Breaks {
    fn new() -> Self {
        Self { turn: Turn::begin(), looked: 0 }
    }

    /// The body's records are judged up to here; `search` finds the next one.
    async fn after(&mut self, judged: usize, search: impl FnMut() -> bool) {
        if judged - self.looked >= BYTES_AT_A_TIME {
            self.looked = judged;
            self.turn.give_way().await;
        }
        self.until(search).await;
    }

    /// Searches until it is over.
    async fn until(&mut self, mut search: impl FnMut() -> bool) {
        while !search() {
            self.turn.give_way().await;
        }
    }
}

/// Why a body is not a bulk that is taken.
fn rejection(error: BulkError) -> Rejection {
    match error {
        BulkError::Broken(errors) => Rejection::NoBulk(errors),
        BulkError::TooMany => Rejection::TooMany(MAX_RECORDS),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use contract::{BulkFormat, BulkLimits};

    use super::*;
    use crate::record;

    /// How often another task runs while this is judged.
    async fn judged_meanwhile(body: String) -> (Result<Judged, Rejection>, usize) {
        let limits = BulkLimits { records: MAX_RECORDS, record_bytes: 65_536 };
        let (ids, others, is_done) = (BulkIds::fresh(), Cell::new(0), Cell::new(false));
        let judging = async {
            let bulk = Bulk::new(body.into_bytes(), BulkFormat::Array, limits);
            let judged = judge_posts(bulk, &ids, |id, value| record::inserted(id, false, value, 0, None)).await;
            is_done.set(true);
            judged
        };
        let other = async {
            while !is_done.get() {
                others.set(others.get() + 1);
                tokio::task::yield_now().await;
            }
        };
        let (judged, ()) = tokio::join!(judging, other);
        (judged, others.get())
    }

    #[tokio::test]
    async fn a_large_bulk_gives_way_to_other_tasks() {
        let post = format!(r#"{{"title":"A title","content":"{}"}}"#, "c".repeat(1_000));
        let (judged, others) = judged_meanwhile(format!("[{}]", vec![post; MAX_RECORDS].join(","))).await;
        assert!(judged.is_ok_and(|(records, _)| records.len() == MAX_RECORDS) && others > 1, "{others}");

        // So does the search for an end that is not there.
        let (judged, others) = judged_meanwhile(format!("[{}", "1".repeat(16_000_000))).await;
        assert!(judged.is_err() && others > 1, "{others}");
    }
}
