//! A record in the queue, with the way back to the request that waits for it.

use std::time::Instant;

use tokio::sync::oneshot;

use super::admission::Admitted;
use super::bulk_wait::Slot;
use super::error::PublishError;
use super::record::Record;

/// A record in the queue.
pub(super) struct Submission {
    pub(super) record: Record,
    /// Upper bound of the record's encoded size.
    pub(super) size_bytes: usize,
    /// When the linger time starts.
    pub(super) queued_at: Instant,
    pub(super) request: WaitingRequest,
}

/// Where a record is: its partition and its offset, or why it is nowhere.
pub(super) type Stored = Result<(i32, i64), PublishError>;

/// A request that waits for the acknowledgement of one record.
pub(super) enum WaitingRequest {
    /// It brought only this record.
    Single {
        /// Gets the record's place; dropped unsent when the record was not acknowledged.
        stored: oneshot::Sender<Stored>,
        /// Held until the acknowledgement, even if the client has gone away meanwhile: this bounds the queue.
        _admission: Admitted,
    },
    /// It brought this record among others.
    Bulk(Slot),
}

impl WaitingRequest {
    /// Kafka has acknowledged the record. A request that is gone needs no answer.
    pub(super) fn acknowledge(self, partition: i32, offset: i64) {
        match self {
            WaitingRequest::Single { stored, .. } => drop(stored.send(Ok((partition, offset)))),
            WaitingRequest::Bulk(slot) => slot.acknowledge(),
        }
    }

    /// Kafka does not have the record, and why.
    pub(super) fn refuse(self, why: PublishError) {
        match self {
            WaitingRequest::Single { stored, .. } => drop(stored.send(Err(why))),
            WaitingRequest::Bulk(slot) => slot.refuse(why),
        }
    }

    /// Whether nobody waits anymore: the client has gone away, or already has its answer.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            WaitingRequest::Single { stored, .. } => stored.is_closed(),
            WaitingRequest::Bulk(slot) => slot.is_gone(),
        }
    }
}
