//! The way back from a record to the request that waits for it.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::bulk_wait::Slot;

/// A request that waits for the acknowledgement of one record.
pub(crate) enum WaitingRequest {
    /// It brought this post alone.
    Post {
        /// Gets the record's offset; dropped unsent when the record was not acknowledged.
        acknowledged: oneshot::Sender<i64>,
        /// Held until the acknowledgement, even if the client has gone away meanwhile: this bounds the queues.
        _admission: OwnedSemaphorePermit,
    },
    /// It brought this post among others.
    Bulk(Slot),
}

impl WaitingRequest {
    /// Kafka has acknowledged the record. A request that is gone needs no answer.
    pub(crate) fn acknowledge(self, offset: i64) {
        match self {
            WaitingRequest::Post { acknowledged, .. } => drop(acknowledged.send(offset)),
            WaitingRequest::Bulk(slot) => slot.acknowledge(),
        }
    }

    /// Whether nobody waits any more: the client has gone away, or was answered 503.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            WaitingRequest::Post { acknowledged, .. } => acknowledged.is_closed(),
            WaitingRequest::Bulk(slot) => slot.is_gone(),
        }
    }
}
