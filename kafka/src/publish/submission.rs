//! A record in a lane's queue, with the way back to the request that waits for it.

use std::time::Instant;

use tokio::sync::oneshot;

use super::admission::Admitted;
use super::bulk_wait::Slot;
use super::record::Record;

/// A record in a lane's queue.
pub(super) struct Submission {
    pub(super) record: Record,
    /// Upper bound of the record's encoded size.
    pub(super) size_bytes: usize,
    /// When the linger time starts.
    pub(super) queued_at: Instant,
    pub(super) request: WaitingRequest,
}

/// A request that waits for the acknowledgement of one record.
pub(super) enum WaitingRequest {
    /// It brought only this record.
    Single {
        /// Gets the record's offset; dropped unsent when the record was not acknowledged.
        acknowledged: oneshot::Sender<i64>,
        /// Held until the acknowledgement, even if the client has gone away meanwhile: this bounds the queues.
        _admission: Admitted,
    },
    /// It brought this record among others.
    Bulk(Slot),
}

impl WaitingRequest {
    /// Kafka has acknowledged the record. A request that is gone needs no answer.
    pub(super) fn acknowledge(self, offset: i64) {
        match self {
            WaitingRequest::Single { acknowledged, .. } => drop(acknowledged.send(offset)),
            WaitingRequest::Bulk(slot) => slot.acknowledge(),
        }
    }

    /// Whether nobody waits anymore: the client has gone away, or already has its answer.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            WaitingRequest::Single { acknowledged, .. } => acknowledged.is_closed(),
            WaitingRequest::Bulk(slot) => slot.is_gone(),
        }
    }
}
